"""The Responses API over a WebSocket: a frame in, an answer's events out as frames, one by one.

Knows nothing of how an answer is made (its dialect does) or of who may connect.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from aiohttp import WSMsgType, web

from stitcher.simulator.answer import Composed, Ids, to_json
from stitcher.simulator.connection_responses import ConnectionResponses
from stitcher.simulator.delivery import GARBAGE, Delivery, drop, faulty_events, spoilt_text
from stitcher.simulator.dialect import Exchange
from stitcher.simulator.faults import NO_FAULT, Fault
from stitcher.simulator.openai_refusals import expect, refuse, refuse_missing, refuse_value
from stitcher.simulator.openai_responses import OpenAIResponses
from stitcher.simulator.recorder import Entry, Recorder
from stitcher.simulator.refusal import Refusal, RefusedError
from stitcher.simulator.reply import Reply, plan_reply
from stitcher.simulator.request_body import UnreadableBodyError, read_json

_LARGEST_FRAME = 1 << 30
_CREATE = "response.create"
# Codex says with it that it is done with a response; nothing is answered
# (codex-rs/codex-api/src/endpoint/responses_websocket.rs, `send_response_processed`).
_PROCESSED = "response.processed"
_ENVELOPE = ("type", "generate", "stream_id")
# Created and in_progress come before it.
_ERROR_NUMBER = 2


class Provider(Protocol):
    """What a connection needs of the provider it leads to."""

    recorder: Recorder
    chunk_delay: float
    ids: Ids

    @property
    def clock(self) -> Callable[[], float]:
        """The time its cache goes by."""

    def next_fault(self) -> Fault:
        """What the script asks of the next answer."""

    def stall(self) -> "asyncio.Future[None]":
        """Done once stalled requests are let go on."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who connected: the credential, and the handshake that stands for every frame's head."""

    scope: str
    path: str
    headers: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A `response.create` without its envelope."""

    body: dict[str, Any]
    generate: bool
    lane: str | None

    @property
    def checked_body(self) -> dict[str, Any]:
        """The body as the rules of `POST /v1/responses` are for it."""
        # A warm-up may have nothing to say yet: Codex 0.169.0 sends `"input": []` with models
        # whose tools stand in an item.
        said = self.body if self.generate or self.body.get("input") else {**self.body, "input": ""}
        # "`stream` is implicit over WebSocket" (openai SDK 3.54.0, ResponseCreate).
        return {**said, "stream": True}


class ResponsesSocket:
    """One connection. `dialect` is the provider's; its memory is extended for the connection."""

    def __init__(self, provider: Provider, dialect: OpenAIResponses, caller: Caller) -> None:
        self._provider = provider
        self._caller = caller
        self._own = ConnectionResponses(dialect.state)
        self._dialect = OpenAIResponses(self._own, dialect.cache, dialect.assumptions)
        self._socket = web.WebSocketResponse(max_msg_size=_LARGEST_FRAME, decode_text=False)
        self._request: web.Request

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answers frames in their order until either side goes."""
        self._request = request
        self._socket.headers.update(self._dialect.headers(self._provider.ids.next("req_sim_")))
        await self._socket.prepare(request)
        frames: asyncio.Queue[bytes] = asyncio.Queue()
        async with asyncio.TaskGroup() as tasks:
            answering = tasks.create_task(self._answer_all(frames))
            # Read while answering too: a client that goes away ends its answer.
            async for message in self._socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    frames.put_nowait(message.data)
            answering.cancel()
        return self._socket

    async def _answer_all(self, frames: "asyncio.Queue[bytes]") -> None:
        try:
            while True:
                await self._receive(await frames.get())
        except ConnectionResetError:
            return  # the client is gone, and with it whoever would read an answer

    async def _receive(self, frame: bytes) -> None:
        provider, caller = self._provider, self._caller
        entry = provider.recorder.add("WS", caller.path, caller.headers, frame, provider.clock())
        asked: _Asked | None = None
        try:
            value = read_json(frame)
            if isinstance(value, dict) and value.get("type") == _PROCESSED:
                provider.recorder.update(entry, status=200)
                return
            asked = _opened(value)
            await self._converse(asked, entry)
        except RefusedError as error:
            await self._refuse(error.refusal, entry, asked)
        except UnreadableBodyError as error:
            refusal = Refusal(error.status, "invalid_request_error", str(error))
            await self._refuse(refusal, entry, asked)
        finally:
            if entry.received.status is None:
                provider.recorder.update(entry, status=0)

    async def _converse(self, asked: _Asked, entry: Entry) -> None:
        """The story of one request; a warm-up, which says nothing, takes no fault either."""
        fault = self._provider.next_fault() if asked.generate else NO_FAULT
        if await self._spoilt(fault, asked, entry):
            return
        refusal = self._dialect.check(asked.checked_body)
        if refusal is not None:
            raise RefusedError(refusal)
        body = self._dialect.recall(asked.body, self._caller.scope)
        if isinstance(body, Refusal):
            raise RefusedError(body)
        reply = Reply(None)
        if asked.generate:
            reply = plan_reply(self._dialect.hear(body))
            if fault == NO_FAULT:
                fault = reply.fault
                if await self._spoilt(fault, asked, entry):
                    return
            reply = replace(reply, fault=fault, text=spoilt_text(reply.text, fault))
        await self._answer(asked, body, reply, entry)

    async def _spoilt(self, fault: Fault, asked: _Asked, entry: Entry) -> bool:
        """Does the faults that come before any answer; True when no answer is due any more."""
        if fault.refuse:
            drop(self._request)
            return True
        if fault.stall:
            await self._provider.stall()
        if fault.status is not None:
            refusal = self._dialect.error_of_status(fault.status, fault.message)
            await self._refuse(refusal, entry, asked, fault.headers)
            return True
        return False

    async def _answer(
        self, asked: _Asked, body: dict[str, Any], reply: Reply, entry: Entry
    ) -> None:
        provider, dialect = self._provider, self._dialect
        billed = dialect.begin(body, self._caller.scope, entry.received.at)
        request_id = provider.ids.next("req_sim_")
        exchange = Exchange(
            body, reply, int(time.time()), provider.ids, request_id, asked.body, self._caller.scope
        )
        composed = dialect.compose(exchange, billed)
        provider.recorder.update(entry, status=200, usage=composed.usage)
        billed.settle(provider.clock(), composed.document)
        await self._send_events(composed, asked, reply.fault)

    async def _send_events(self, composed: Composed, asked: _Asked, fault: Fault) -> None:
        if fault.garbage:
            await self._send(GARBAGE)
            drop(self._request)
            return
        how = Delivery(
            headers={},
            fault=fault,
            released=self._provider.stall,
            chunk_delay=self._provider.chunk_delay,
        )
        refusal = self._dialect.error_of_status(500, None)
        error = to_json({**self._error(refusal, asked, {}), "sequence_number": _ERROR_NUMBER})
        async for piece in faulty_events(_told(composed, asked.lane), error, how):
            if piece is None:
                drop(self._request)
                return
            await self._send(piece)

    async def _refuse(
        self,
        refusal: Refusal,
        entry: Entry,
        asked: _Asked | None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._provider.recorder.update(entry, status=refusal.status)
        if asked is not None:
            # "If a turn fails (4xx or 5xx), the service evicts the referenced previous_response_id
            # from the connection-local cache" (WebSocket mode guide, 2026-09).
            self._own.forget(asked.body.get("previous_response_id"))
        await self._send(to_json(self._error(refusal, asked, headers or {})))

    def _error(
        self, refusal: Refusal, asked: _Asked | None, headers: Mapping[str, str]
    ) -> dict[str, Any]:
        """An error frame. Codex 0.169.0 does not notice one without a status."""
        frame = {"type": "error", "status": refusal.status, **self._dialect.error_body(refusal, "")}
        if headers:
            frame["headers"] = dict(headers)
        return frame if asked is None or asked.lane is None else {**frame, "stream_id": asked.lane}

    async def _send(self, text: bytes) -> None:
        await self._socket.send_frame(text, WSMsgType.TEXT)


def _opened(value: Any) -> _Asked:
    """The request inside a frame. Raises RefusedError."""
    if not isinstance(value, dict):
        refuse("Invalid event: expected an object.", None, "invalid_type")
    kind = value.get("type")
    if kind is None:
        refuse_missing("type")
    if kind != _CREATE:
        refuse_value(kind, (_CREATE,), "type")
    generate, lane = value.get("generate"), value.get("stream_id")
    if generate is not None:
        expect(generate, bool, "generate")
    if lane is not None:
        expect(lane, str, "stream_id")
    if value.get("background"):
        # "`background` is not supported over WebSocket" (openai SDK 3.54.0, ResponseCreate).
        refuse("'background' is not supported over WebSocket.", "background", "unsupported_value")
    body = {name: value[name] for name in value if name not in _ENVELOPE}
    return _Asked(body, generate is not False, lane)


def _told(composed: Composed, lane: str | None) -> Iterator[bytes]:
    """The events' data; the provider remembers the answer just before it says that it is done."""
    frames = [_data(event, lane) for event in composed.events()]
    yield from frames[:-1]
    composed.keep()
    yield frames[-1]


def _data(event: bytes, lane: str | None) -> bytes:
    data = event.partition(b"data: ")[2].removesuffix(b"\n\n")
    return data if lane is None else to_json({**json.loads(data), "stream_id": lane})
