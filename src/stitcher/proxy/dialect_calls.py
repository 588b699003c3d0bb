"""Takes the call of a dialect to the exchange, and past it where the exchange cannot have it.

Whatever goes wrong on our side before anything was answered, the client's own request goes on as
if we were not there, and a header says so. Refuses to know what a conversation is.
"""

import asyncio
import logging
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol, get_args

from aiohttp import web

from stitcher.errors import ClientError, StitcherError
from stitcher.ports import ClientGone, Headers, Incoming, Mode, Reply
from stitcher.proxy import headers as header_rules
from stitcher.proxy import relay, routes
from stitcher.proxy.access import Admission
from stitcher.proxy.encodings import EncodingError, decode
from stitcher.proxy.reply import ClientReply
from stitcher.proxy.routes import Route
from stitcher.proxy.upload import Upload
from stitcher.proxy.upstream import HttpUpstream, Outgoing
from stitcher.settings import Settings
from stitcher.store.protocol import SessionKey
from stitcher.tenants import Tenants

log: Final = logging.getLogger("stitcher.proxy")

MODES: Final[tuple[Mode, ...]] = get_args(Mode)
# Unpacking less than this takes less time than handing it to a thread and back.
_UNPACK_HERE: Final = 1 << 16


class Conversations(Protocol):
    """What the shell asks of the exchange."""

    async def converse(self, incoming: Incoming, reply: Reply) -> None:
        """Answers a dialect call."""
        ...

    async def stats(self, tenant: str) -> Mapping[str, object]:
        """Counts for one tenant."""
        ...

    async def purge(self, key: SessionKey) -> bool:
        """Removes a session for good; False when there was none."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """A request taken apart as far as routing needs it."""

    http: web.Request
    headers: Headers
    query: str
    route: Route
    reply: ClientReply


class DialectCalls:
    """Answers the calls that conversations are made of."""

    def __init__(
        self,
        settings: Settings,
        exchange: Conversations,
        upstream: HttpUpstream,
        tenants: Tenants,
    ) -> None:
        self._settings = settings
        self._exchange = exchange
        self._upstream = upstream
        self._tenants = tenants

    async def answer(self, request: Request, admission: Admission) -> None:
        """Answers one call. Raises StitcherError before the reply has started."""
        mode = asked_mode(request.headers, self._settings.mode)
        session, query = routes.take_session(request.query)
        if mode == "off":
            call, upload = relay.outgoing(request.http, request.route, query, admission.headers)
            await relay.stream_upload(request.reply, self._upstream, call, upload, _status("off"))
            return
        tenant = self._tenants.of(admission.credential)
        body = await Upload(request.http).whole(self._settings.max_body)
        incoming = Incoming(
            dialect=request.route.dialect or "openai_chat",
            path=request.route.path,
            query=query,
            headers=admission.headers,
            body=body,
            decoded=body,
            tenant=tenant,
            mode=mode,
            session=session_header(request.headers) or session,
        )
        try:
            plain = await decoded(body, request.headers, self._settings.max_body)
        except EncodingError as error:
            await self._bypass(request, incoming, str(error))
            return
        await self._converse(request, replace(incoming, decoded=plain))

    async def _converse(self, request: Request, incoming: Incoming) -> None:
        try:
            await self._exchange.converse(incoming, request.reply)
        except (StitcherError, ClientGone):
            raise
        except Exception as error:
            # The edge: a fault of ours must not become the client's.
            if request.reply.started:
                raise
            report(error)
        if not request.reply.started:
            await self._bypass(request, incoming, "internal error")

    async def _bypass(self, request: Request, incoming: Incoming, reason: str) -> None:
        """Passes the client's own request on, its body read already."""
        call = Outgoing(
            provider=request.route.provider,
            method=request.http.method,
            path=incoming.path,
            query=incoming.query,
            headers=header_rules.upward(incoming.headers),
            body=incoming.body,
            repeatable=True,
        )
        await relay.stream(request.reply, self._upstream, call, _status(f"bypass; {reason}"))


async def decoded(body: bytes, headers: Headers, limit: int) -> bytes:
    """A body of at most `limit` bytes, its content encoding undone. Raises EncodingError."""
    encodings = header_rules.listed(header_rules.find_all(headers, "content-encoding"))
    if not encodings:
        return body
    if len(body) < _UNPACK_HERE:
        return decode(body, encodings, limit)
    return await asyncio.to_thread(decode, body, encodings, limit)


def asked_mode(headers: Headers, default: Mode) -> Mode:
    """The mode a request asks for. Raises ClientError when there is no such mode."""
    asked = header_rules.find(headers, "x-stitcher-mode")
    if asked is None:
        return default
    word = asked.strip().lower()
    mode = next((mode for mode in MODES if mode == word), None)
    if mode is None:
        choices = f"{', '.join(MODES[:-1])} or {MODES[-1]}"
        raise ClientError(f"X-Stitcher-Mode: found {asked[:40]!r}, expected {choices}")
    return mode


def session_header(headers: Headers) -> str | None:
    """The name a request gives its session in a header. Raises ClientError for one it may not."""
    name = (header_rules.find(headers, "x-stitcher-session") or "").strip()
    return routes.permitted(name) or None


def _status(value: str) -> Headers:
    return [("X-Stitcher-Status", value)]


def report(error: BaseException) -> None:
    """Logs the type of an exception and where it came from: its words may hold what was sent."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "an unknown place"
    log.error("unexpected %s at %s", type(error).__name__, place)
