"""Opens WebSockets to the providers, and knows for a while who has none.

The handshake carries the client's own headers, and its answer is kept whole, refused or not.
Refuses to know what goes over a socket.
"""

import asyncio
import time
from http import HTTPStatus
from typing import Any, Final, Literal, cast

import aiohttp
from aiohttp import WSCloseCode

from stitcher.errors import UpstreamError
from stitcher.ports import Headers
from stitcher.proxy import headers as header_rules
from stitcher.proxy.routes import text_headers
from stitcher.proxy.upstream import (
    LINE_LIMIT,
    SENT_BY_DEFAULT,
    HttpUpstream,
    Outgoing,
    one_case_each,
    target,
)
from stitcher.settings import Settings

# Well below the shortest idle limits on the way (AWS load balancers 60 s).
HEARTBEAT: Final = 25.0
# Codex gives up on the connection after 15 s (0.169.0): by then it has ours, whatever is above.
HANDSHAKE_WITHIN: Final = 10.0
CLOSE_WITHIN: Final = 1.0
REMEMBERED_FOR: Final = 300.0
_REFUSAL_LIMIT: Final = 1 << 20
_HANDSHAKE: Final = (
    "sec-websocket-accept",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "sec-websocket-version",
)
# About the caller, not the endpoint: the same over HTTP, so the client had better hear it.
_FOR_THE_CLIENT: Final = frozenset({401, 403, 429})
_PASSING: Final = frozenset({408, 409, 425})


class Refused(Exception):
    """The provider answered an upgrade with something else: its answer."""

    def __init__(self, status: int, reason: str, headers: Headers, body: bytes) -> None:
        super().__init__(f"the upgrade was answered with {status}")
        self.status = status
        self.reason = reason
        self.headers = headers
        self.body = body


class Socket(aiohttp.ClientWebSocketResponse[Literal[False]]):
    """A provider's WebSocket that remembers how it was accepted."""

    def __init__(
        self,
        reader: Any,
        writer: Any,
        protocol: str | None,
        response: Any,
        *rest: Any,
        **named: Any,
    ) -> None:
        super().__init__(reader, writer, protocol, response, *rest, **named)
        raw = header_rules.downward(text_headers(response.raw_headers))
        self.accepted_with: Headers = header_rules.without(raw, *_HANDSHAKE, "content-length")
        self._way: aiohttp.ClientResponse = response

    async def close(self, *, code: int = WSCloseCode.OK, message: bytes = b"") -> bool:
        """Ends it. The library keeps its connection where it was the provider who went."""
        try:
            return await super().close(code=code, message=message)
        finally:
            self._way.close()


async def _read_refusal(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keeps the body of a refusal, which `ws_connect` throws away."""
    response = await handler(request)
    if response.status == HTTPStatus.SWITCHING_PROTOCOLS:
        return response
    body = await response.content.read(_REFUSAL_LIMIT)
    headers = header_rules.downward(text_headers(response.raw_headers))
    response.close()
    raise Refused(response.status, response.reason or "", headers, body)


def without_handshake(headers: Headers) -> list[tuple[str, str]]:
    """A client's headers but for those that were about its own WebSocket."""
    return header_rules.without(headers, "connection", "upgrade", *_HANDSHAKE)


class Dialer:
    """Opens WebSockets to the providers; knows for a while who has none."""

    def __init__(self, settings: Settings, upstream: HttpUpstream) -> None:
        self._settings = settings
        self._upstream = upstream
        self._without: dict[str, float] = {}  # base address -> until when
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Lets go of what dialling needed; open sockets stay open."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def dial(self, call: Outgoing) -> Socket:
        """Opens a WebSocket; the call's headers are the client's own, its upgrade's included.

        Raises Refused, or UpstreamError when there is no answer.
        """
        base = self._upstream.base(call.provider)
        protocols = header_rules.find_all(call.headers, "sec-websocket-protocol")
        extensions = header_rules.listed(
            header_rules.find_all(call.headers, "sec-websocket-extensions")
        )
        deflates = any(member.startswith("permessage-deflate") for member in extensions)
        try:
            socket = await self._sessions().ws_connect(
                target(base, call),
                headers=one_case_each(without_handshake(header_rules.upward(call.headers))),
                protocols=[each.strip() for value in protocols for each in value.split(",")],
                compress=15 if deflates else 0,
                proxy=self._upstream.proxy(base),
                heartbeat=HEARTBEAT,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_WITHIN),
                max_msg_size=0,
                decode_text=False,
            )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise self._upstream.failure(base, error, "before answering") from None
        assert isinstance(socket, Socket)
        return socket

    async def dial_responses(self, call: Outgoing) -> Socket | None:
        """`dial`, or None where the provider has no WebSocket (now).

        Raises Refused where the client itself was refused.
        """
        base = self._upstream.base(call.provider)
        now = time.monotonic
        if self._without.get(base, 0.0) > now():
            return None
        try:
            async with asyncio.timeout(HANDSHAKE_WITHIN):
                return await self.dial(call)
        except Refused as refusal:
            if refusal.status in _FOR_THE_CLIENT:
                raise
            lasting = refusal.status < HTTPStatus.INTERNAL_SERVER_ERROR
            if lasting and refusal.status not in _PASSING:
                self._without[base] = now() + REMEMBERED_FOR
        except TimeoutError:  # whoever lets an upgrade hang would let the next one hang, too
            self._without[base] = now() + REMEMBERED_FOR
        except UpstreamError:
            pass  # the request itself will say so
        return None

    def failure(self, call: Outgoing, error: BaseException, when: str) -> UpstreamError:
        """What to raise for a failure of a socket."""
        return self._upstream.failure(self._upstream.base(call.provider), error, when)

    def _sessions(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=self._upstream.connector(),
                connector_owner=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(
                    total=None,
                    connect=self._settings.connect_timeout,
                    sock_read=self._settings.first_byte_timeout,
                ),
                max_line_size=LINE_LIMIT,
                max_field_size=LINE_LIMIT,
                skip_auto_headers=SENT_BY_DEFAULT,
                middlewares=(_read_refusal,),
                ws_response_class=cast(Any, Socket),  # aiohttp types it for str frames alone
            )
        return self._session
