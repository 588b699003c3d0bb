"""Takes what is asked of the Responses API's state to our log, and up where the log cannot tell.

Answers in OpenAI's shapes, errors too. Refuses to know how responses and conversations are kept.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final
from urllib.parse import parse_qsl

import msgspec

from stitcher.errors import ClientError, UpstreamError
from stitcher.ports import Headers
from stitcher.proxy import relay, routes
from stitcher.proxy.access import Admission
from stitcher.proxy.dialect_calls import Request, asked_mode, decoded
from stitcher.proxy.encodings import EncodingError
from stitcher.proxy.upload import Upload
from stitcher.proxy.upstream import HttpUpstream
from stitcher.responses_api import bodies
from stitcher.responses_api.api import ResponsesApi
from stitcher.responses_api.pages import page_query
from stitcher.responses_api.refusal import Refusal
from stitcher.settings import Settings
from stitcher.tenants import Tenants

# Nothing is kept there: there is no such response, or no such endpoint.
_NOT_KEPT: Final = frozenset((404, 405, 501))
_FROM_THE_LOG: Final = ("X-Stitcher-Status", "local")


class StateCalls:
    """Answers what is asked of responses and conversations by their ids."""

    def __init__(
        self,
        settings: Settings,
        state: ResponsesApi | None,
        upstream: HttpUpstream,
        tenants: Tenants,
    ) -> None:
        self._settings = settings
        self._state = state if settings.responses_state == "local" else None
        self._upstream = upstream
        self._tenants = tenants

    async def answer(self, request: Request, admission: Admission) -> None:
        """Answers one request. Raises StitcherError before the reply has started."""
        mode = asked_mode(request.headers, self._settings.mode)
        if self._state is None or mode != "stitch":
            await self._relay(request, admission)
            return
        tenant = self._tenants.of(admission.credential)
        kind, *names = request.route.named
        try:
            if await self._is_elsewhere(self._state, tenant, kind, names):
                await self._relay(request, admission)
            elif kind == "responses":
                await self._response(self._state, request, admission, tenant)
            else:
                document = await self._conversation(self._state, request, tenant)
                await _send(request, 200, document)
        except Refusal as refusal:
            await _send(request, refusal.status, msgspec.json.encode(refusal.document))

    async def _is_elsewhere(
        self, state: ResponsesApi, tenant: str, kind: str, names: Sequence[str]
    ) -> bool:
        """True for what may have been made before, at the provider. See `Locator`."""
        if not names or self._settings.tenancy == "key":
            return False
        return not await state.knows(tenant, kind, names[0])

    async def _response(
        self, state: ResponsesApi, request: Request, admission: Admission, tenant: str
    ) -> None:
        responses, query = state.responses, _parameters(request)
        name = request.route.named[1]
        if request.http.method == "DELETE":
            await responses.expect(tenant, name)
            if await self._forgotten_upstream(request, admission):
                await _send(request, 200, await responses.forget(tenant, name))
            return
        if len(request.route.named) > 2:
            items = await responses.input_items(tenant, name, page_query(query))
            await _send(request, 200, items)
            return
        found = await responses.get(tenant, name)
        if found is None:
            await self._relay(request, admission)
        elif query.get("stream", "false") != "false":
            raise Refusal(
                "stream: found a response that is finished, expected one created with"
                " background: true and stream: true. Ask for it without stream",
                param="stream",
            )
        else:
            await _send(request, 200, found)

    async def _conversation(self, state: ResponsesApi, request: Request, tenant: str) -> bytes:
        conversations = state.conversations
        method, (_, *named) = request.http.method, request.route.named
        match (method, *named):
            case ("POST",):
                given = await self._fields(request)
                items, metadata = given.get("items"), given.get("metadata")
                return await conversations.create(
                    tenant, bodies.items(items), bodies.metadata(metadata)
                )
            case ("GET", name):
                return await conversations.get(tenant, name)
            case ("POST", name):
                metadata = _required(await self._fields(request), "metadata", "an object of texts")
                return await conversations.update(tenant, name, bodies.metadata(metadata))
            case ("DELETE", name):
                return await conversations.delete(tenant, name)
        return await self._items(state, request, tenant, named[0])

    async def _items(self, state: ResponsesApi, request: Request, tenant: str, name: str) -> bytes:
        conversations, item_ids = state.conversations, request.route.named[3:]
        match (request.http.method, *item_ids):
            case ("POST",):
                items = _required(await self._fields(request), "items", "an array of objects")
                return await conversations.add_items(tenant, name, bodies.items(items))
            case ("GET",):
                query = page_query(_parameters(request))
                return await conversations.list_items(tenant, name, query)
            case ("DELETE", item_id):
                return await conversations.delete_item(tenant, name, item_id)
        return await conversations.get_item(tenant, name, item_ids[0])

    async def _forgotten_upstream(self, request: Request, admission: Admission) -> bool:
        """Whether the provider keeps no copy any more; if it says otherwise, that is the answer."""
        call, _ = relay.outgoing(request.http, request.route, _query(request), admission.headers)
        async with self._upstream.relay(call) as answer:
            if answer.status >= 300 and answer.status not in _NOT_KEPT:
                await relay.give_back(request.reply, answer)
                return False
            with suppress(UpstreamError):  # its status has said it
                async for _ in answer.raw():
                    pass
        return True

    async def _relay(self, request: Request, admission: Admission) -> None:
        call, upload = relay.outgoing(
            request.http, request.route, _query(request), admission.headers
        )
        await relay.stream_upload(request.reply, self._upstream, call, upload)

    async def _fields(self, request: Request) -> Mapping[str, bytes]:
        body = await Upload(request.http).whole(self._settings.max_body)
        try:
            plain = await decoded(body, request.headers, self._settings.max_body)
        except EncodingError as error:
            raise ClientError(f"request body: {error}") from None
        return bodies.fields(plain)


def _parameters(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.query, keep_blank_values=True))


def _query(request: Request) -> str:
    return routes.take_session(request.query)[1]


def _required(fields: Mapping[str, bytes], name: str, expected: str) -> bytes:
    if name not in fields:
        raise Refusal(f"{name}: found none, expected {expected}", param=name)
    return fields[name]


async def _send(request: Request, status: int, document: bytes) -> None:
    headers: Headers = [("Content-Type", "application/json"), _FROM_THE_LOG]
    await request.reply.start(status, headers, length=len(document))
    await request.reply.write(document)
    await request.reply.finish()
