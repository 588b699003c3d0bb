"""The simulated provider's routes: who answers what, and the story of one request.

Knows neither a dialect's words (they come through `Dialect`) nor how the server is run.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Any

from aiohttp import web

from stitcher.simulator import catalogue, rules_anthropic
from stitcher.simulator.access import access_refusal, betas, credential, speaks_anthropic
from stitcher.simulator.answer import Ids, to_json
from stitcher.simulator.anthropic import AnthropicMessages, count_tokens
from stitcher.simulator.assumptions import CAREFUL, Assumptions
from stitcher.simulator.chat_caches import Log
from stitcher.simulator.controls import Controls
from stitcher.simulator.delivery import Delivery, drop, send_document, send_events, spoilt_text
from stitcher.simulator.dialect import Billed, Dialect, Exchange
from stitcher.simulator.faults import NO_FAULT, Fault
from stitcher.simulator.openai_chat import OpenAIChat
from stitcher.simulator.openai_responses import OpenAIResponses
from stitcher.simulator.recorder import Entry, Recorder
from stitcher.simulator.refusal import Refusal
from stitcher.simulator.reply import Reply, plan_reply
from stitcher.simulator.request_body import (
    UnreadableBodyError,
    decode_body,
    read_json,
    read_multipart,
)
from stitcher.simulator.response_state import ResponseState
from stitcher.simulator.stored_objects import StoredObjects
from stitcher.simulator.virtual_clock import VirtualClock
from stitcher.simulator.websocket import Caller, ResponsesSocket

_LARGEST_BODY = 1 << 30

Handler = Callable[[web.Request, Entry], Awaitable[web.StreamResponse]]


class Simulator:
    """One provider: its caches, its counters, what it received and what it is told to do wrong."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        chunk_delay: float = 0.0,
        *,
        responses: ResponseState | None = None,
        websockets: bool | int = True,
        assumptions: Assumptions = CAREFUL,
        engine_log: Log = lambda lines: None,
    ) -> None:
        """`websockets` is False for a provider that has none (426), or the status it says.

        `assumptions` are about its caches; `engine_log` takes what llama.cpp's server would log.
        """
        self.recorder = Recorder()
        self.clock = VirtualClock(clock)
        self.chunk_delay = chunk_delay
        self.ids = Ids()
        self._script: deque[Fault] = deque()
        self._stalled: set[asyncio.Future[None]] = set()
        self._chat: Dialect = OpenAIChat(assumptions, engine_log)
        self._messages: Dialect = AnthropicMessages(assumptions)
        self.responses = OpenAIResponses(responses, assumptions=assumptions)
        self._stored = StoredObjects(self.responses.state, self.ids)
        self._websocket_refusal = _websocket_refusal(websockets)
        self._routes: dict[tuple[str, str], Handler] = {
            ("POST", "/v1/chat/completions"): self._chat_completions,
            ("POST", "/v1/responses"): self._create_response,
            ("GET", "/v1/responses"): self._connect,
            ("POST", "/v1/responses/input_tokens"): self._count_response_tokens,
            ("POST", "/v1/responses/compact"): self._compact_response,
            ("POST", "/v1/messages"): self._anthropic_messages,
            ("POST", "/v1/messages/count_tokens"): self._count_tokens,
            ("GET", "/v1/models"): self._models,
            ("POST", "/v1/embeddings"): self._embeddings,
            ("POST", "/v1/files"): self._files,
            ("HEAD", "/api/hello"): self._hello,
        }

    def application(self) -> web.Application:
        app = web.Application(client_max_size=_LARGEST_BODY)
        Controls(self.recorder, self.clock, self.script, self.release).add_routes(app)
        app.router.add_route("*", "/{path:.*}", self._received)
        return app

    def script(self, steps: Iterable[Fault]) -> None:
        """Queues faults for the next requests to the dialect endpoints."""
        self._script.extend(steps)

    def next_fault(self) -> Fault:
        """What the script asks of the next answer."""
        return self._script.popleft() if self._script else NO_FAULT

    def release(self) -> None:
        """Lets every stalled request go on; call it on the server's event loop."""
        for waiting in self._stalled:
            if not waiting.done():
                waiting.set_result(None)

    def stall(self) -> "asyncio.Future[None]":
        """Done once stalled requests are let go on."""
        waiting = asyncio.get_running_loop().create_future()
        self._stalled.add(waiting)
        waiting.add_done_callback(self._stalled.discard)
        return waiting

    async def _received(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = [
            (name.decode("latin-1"), value.decode("utf-8", "surrogateescape"))
            for name, value in request.raw_headers
        ]
        entry = self.recorder.add(request.method, request.raw_path, headers, body, self.clock())
        handler = self._routes.get((request.method, request.path), self._elsewhere)
        try:
            decoded = decode_body(body, request.headers.get("content-encoding"))
            self.recorder.update(entry, decoded=decoded)
            return await handler(request, entry)
        except UnreadableBodyError as error:
            dialect = self._dialect_of(request)
            refusal = Refusal(error.status, "invalid_request_error", str(error))
            return self._refuse(dialect, refusal, entry)
        finally:
            if entry.received.status is None:
                self.recorder.update(entry, status=0)

    # The dialects

    async def _chat_completions(self, request: web.Request, entry: Entry) -> web.StreamResponse:
        return await self._converse(self._chat, request, entry)

    async def _create_response(self, request: web.Request, entry: Entry) -> web.StreamResponse:
        return await self._converse(self.responses, request, entry)

    async def _anthropic_messages(self, request: web.Request, entry: Entry) -> web.StreamResponse:
        return await self._converse(self._messages, request, entry)

    async def _converse(
        self, dialect: Dialect, request: web.Request, entry: Entry
    ) -> web.StreamResponse:
        fault = self.next_fault()
        spoilt = await self._spoil(dialect, request, entry, fault)
        if spoilt is not None:
            return spoilt
        refusal = self._access_refusal(request, entry)
        if refusal is not None:
            return self._refuse(dialect, refusal, entry)
        asked, scope = read_json(entry.received.decoded), credential(request.headers)
        body = dialect.check(asked) or dialect.recall(asked, scope)
        if isinstance(body, Refusal):
            return self._refuse(dialect, body, entry)
        if dialect is self._messages:
            body = {**body, "anthropic_beta": betas(request.headers)}
        billed = dialect.begin(body, scope, entry.received.at)
        reply = plan_reply(dialect.hear(body))
        if fault == NO_FAULT:
            fault = reply.fault
            spoilt = await self._spoil(dialect, request, entry, fault)
            if spoilt is not None:
                return spoilt
        reply = replace(reply, fault=fault, text=spoilt_text(reply.text, fault))
        exchange = self._exchange(body, reply, asked, scope)
        return await self._answer(dialect, request, entry, (exchange, billed))

    def _exchange(
        self, body: dict[str, Any], reply: Reply, asked: dict[str, Any], scope: str
    ) -> Exchange:
        request_id = self.ids.next("req_sim_")
        return Exchange(body, reply, int(time.time()), self.ids, request_id, asked, scope)

    async def _spoil(
        self, dialect: Dialect, request: web.Request, entry: Entry, fault: Fault
    ) -> web.StreamResponse | None:
        """Does the faults that come before any answer; None when an answer is still due."""
        if fault.refuse:
            self.recorder.update(entry, status=0)
            return drop(request)
        if fault.stall:
            await self.stall()
        if fault.status is not None:
            refusal = dialect.error_of_status(fault.status, fault.message)
            return self._refuse(dialect, refusal, entry, fault)
        return None

    async def _answer(
        self,
        dialect: Dialect,
        request: web.Request,
        entry: Entry,
        due: tuple[Exchange, Billed],
    ) -> web.StreamResponse:
        exchange, billed = due
        reply, request_id = exchange.reply, exchange.request_id
        streamed = bool(exchange.asked.get("stream"))
        error = dialect.error_of_status(529 if streamed else 500, None)
        if reply.fault.error_event and not streamed:
            return self._refuse(dialect, error, entry)
        composed = dialect.compose(exchange, billed)
        how = Delivery(
            headers=dialect.headers(request_id),
            fault=reply.fault,
            released=self.stall,
            gzip=reply.gzip and "gzip" in request.headers.get("accept-encoding", "").lower(),
            split_utf8=reply.split_utf8,
            chunk_delay=self.chunk_delay,
        )
        self.recorder.update(entry, status=200, usage=composed.usage)
        billed.settle(self.clock(), composed.document)
        if not reply.fault.error_event:
            composed.keep()
        if streamed:
            event = dialect.error_event(error, request_id)
            return await send_events(request, composed.events(), event, how)
        return await send_document(request, to_json(composed.document), how)

    def _refuse(
        self, dialect: Dialect, refusal: Refusal, entry: Entry, fault: Fault = NO_FAULT
    ) -> web.Response:
        request_id = self.ids.next("req_sim_")
        self.recorder.update(entry, status=refusal.status)
        return web.Response(
            status=refusal.status,
            body=to_json(dialect.error_body(refusal, request_id)),
            content_type="application/json",
            headers={**dialect.headers(request_id), **fault.headers},
        )

    def _access_refusal(self, request: web.Request, entry: Entry) -> Refusal | None:
        return access_refusal(request.path, request.headers, len(entry.received.decoded))

    def _dialect_of(self, request: web.Request) -> Dialect:
        return self._messages if speaks_anthropic(request.path, request.headers) else self._chat

    # The other endpoints

    def _document(
        self, request: web.Request, entry: Entry, document: dict[str, Any] | Refusal
    ) -> web.Response:
        dialect = self._dialect_of(request)
        if isinstance(document, Refusal):
            return self._refuse(dialect, document, entry)
        self.recorder.update(entry, status=200)
        return web.Response(
            body=to_json(document),
            content_type="application/json",
            headers=dialect.headers(self.ids.next("req_sim_")),
        )

    async def _connect(self, request: web.Request, entry: Entry) -> web.StreamResponse:
        """A WebSocket for responses; without an upgrade there is no such endpoint."""
        if request.headers.get("upgrade", "").lower() != "websocket":
            return await self._elsewhere(request, entry)
        refusal = self._websocket_refusal or self._access_refusal(request, entry)
        if refusal is not None:
            return self._refuse(self.responses, refusal, entry)
        self.recorder.update(entry, status=101)
        received = entry.received
        caller = Caller(credential(request.headers), received.path, received.headers)
        return await ResponsesSocket(self, self.responses, caller).serve(request)

    def _stored_object(self, request: web.Request, entry: Entry) -> dict[str, Any] | Refusal | None:
        """A response, a conversation or items of theirs; None where there is no such endpoint."""
        if not request.path.startswith(("/v1/responses/", "/v1/conversations")):
            return None
        refusal = self._access_refusal(request, entry)
        if refusal is not None:
            return refusal
        decoded, scope = entry.received.decoded, credential(request.headers)
        body = read_json(decoded) if decoded else {}
        return self._stored.answer(request.method, request.path, request.query, body, scope)

    async def _count_response_tokens(
        self, request: web.Request, entry: Entry
    ) -> web.StreamResponse:
        body = self._recalled(request, entry)
        counted = body if isinstance(body, Refusal) else self.responses.count(body)
        return self._document(request, entry, counted)

    async def _compact_response(self, request: web.Request, entry: Entry) -> web.StreamResponse:
        body = self._recalled(request, entry)
        if isinstance(body, Refusal):
            return self._refuse(self.responses, body, entry)
        scope = credential(request.headers)
        billed = self.responses.begin(body, scope, entry.received.at)
        reply = plan_reply(self.responses.hear(body))
        compacted = self.responses.compact(self._exchange(body, reply, body, scope), billed)
        billed.settle(self.clock(), compacted)
        self.recorder.update(entry, usage=compacted["usage"])
        return self._document(request, entry, compacted)

    def _recalled(self, request: web.Request, entry: Entry) -> dict[str, Any] | Refusal:
        """The body of a Responses endpoint with its history, or why there is none."""
        refusal = self._access_refusal(request, entry)
        if refusal is not None:
            return refusal
        body = read_json(entry.received.decoded)
        return self.responses.check(body) or self.responses.recall(
            body, credential(request.headers)
        )

    async def _count_tokens(self, request: web.Request, entry: Entry) -> web.StreamResponse:
        refusal = self._access_refusal(request, entry)
        if refusal is None:
            body = read_json(entry.received.decoded)
            refusal = rules_anthropic.check_count(body)
        return self._document(request, entry, refusal or count_tokens(body))

    async def _models(self, request: web.Request, entry: Entry) -> web.StreamResponse:
        refusal = self._access_refusal(request, entry)
        _, _, name = request.path.removeprefix("/v1/models").partition("/")
        if speaks_anthropic(request.path, request.headers):
            found = catalogue.anthropic_model(name) if name else catalogue.anthropic_models()
        else:
            found = catalogue.openai_model(name) if name else catalogue.openai_models()
        return self._document(request, entry, refusal or found)

    async def _embeddings(self, request: web.Request, entry: Entry) -> web.StreamResponse:
        refusal = self._access_refusal(request, entry)
        if refusal is None:
            body = read_json(entry.received.decoded)
        return self._document(request, entry, refusal or catalogue.embeddings(body))

    async def _files(self, request: web.Request, entry: Entry) -> web.StreamResponse:
        refusal = self._access_refusal(request, entry)
        parts = read_multipart(entry.received.decoded, request.headers.get("content-type", ""))
        stored = refusal or catalogue.stored_file(
            self.ids.next("file-sim-"), parts, int(time.time())
        )
        return self._document(request, entry, stored)

    async def _hello(self, request: web.Request, entry: Entry) -> web.StreamResponse:
        self.recorder.update(entry, status=200)
        return web.Response()

    async def _elsewhere(self, request: web.Request, entry: Entry) -> web.StreamResponse:
        if request.method == "GET" and request.path.startswith("/v1/models/"):
            return await self._models(request, entry)
        stored = self._stored_object(request, entry)
        if stored is not None:
            return self._document(request, entry, stored)
        if speaks_anthropic(request.path, request.headers):
            refusal = Refusal(404, "not_found_error", "Not Found")
        else:
            wording = f"Invalid URL ({request.method} {request.path})"
            refusal = Refusal(404, "invalid_request_error", wording)
        return self._refuse(self._dialect_of(request), refusal, entry)


def _websocket_refusal(websockets: bool | int) -> Refusal | None:
    if websockets is True:
        return None
    status = 426 if websockets is False else websockets
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return Refusal(status, kind, "WebSocket is not supported here.")
