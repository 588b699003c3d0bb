"""The way back to the client: `ports.Reply` over an aiohttp response.

Sends what it is given when it is given it, and adds no header of its own. Refuses to know what it
carries.
"""

import asyncio
import re
from typing import Final
from urllib.parse import quote

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDict

from stitcher.ports import ClientGone, Headers
from stitcher.proxy import headers as header_rules

# aiohttp fills these in where they are missing. An answer that is handed on says of itself what
# its sender said, no more.
_FILLED_IN: Final = ("Date", "Server", "Content-Type")
_GIVEN: Final = web.ResponseKey("given", frozenset)
_UNSENDABLE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")


class _Response(web.StreamResponse):
    """Leaves it to the reply when the headers go out: alone, or in one packet with a body."""

    _send_headers_immediately = False


def response_of(
    status: int, reason: str | None, headers: Headers, length: int | None
) -> web.StreamResponse:
    """A response with exactly these headers; without a length its body is chunked."""
    sent = [(name, _sendable(value)) for name, value in headers]
    response = _Response(status=status, reason=reason, headers=CIMultiDict(sent))
    response[_GIVEN] = frozenset(name.lower() for name, _ in sent)
    if length is not None:
        response.content_length = length
    return response


def give_exactly(response: web.StreamResponse, headers: Headers) -> None:
    """Gives these headers to a response that is made elsewhere, and lets none be filled in."""
    sent = [(name, _sendable(value)) for name, value in headers]
    response.headers.extend(sent)
    response[_GIVEN] = frozenset(name.lower() for name, _ in sent)


async def keep_exact(request: web.BaseRequest, response: web.StreamResponse) -> None:
    """Takes away what aiohttp filled in (a handler of `on_response_prepare`)."""
    given = response.get(_GIVEN)
    if given is None:
        return
    for name in _FILLED_IN:
        if name.lower() not in given:
            response.headers.popall(name, None)


def _sendable(value: str) -> str:
    """A header value that cannot end its line: what would is percent-encoded."""
    if value.isprintable():
        return value
    return _UNSENDABLE.sub(lambda found: quote(found[0], errors="surrogatepass"), value)


class ClientReply:
    """Answers one request."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._response: web.StreamResponse | None = None

    @property
    def response(self) -> web.StreamResponse | None:
        """What was started."""
        return self._response

    @property
    def started(self) -> bool:
        """See `ports.Reply`."""
        return self._response is not None

    def upgraded(self, response: web.StreamResponse) -> None:
        """Says that the answer was the beginning of another protocol."""
        self._response = response

    async def start(
        self,
        status: int,
        headers: Headers,
        *,
        length: int | None = None,
        reason: str | None = None,
    ) -> None:
        """See `ports.Reply`. `reason` is the provider's own phrase."""
        sent = header_rules.without(headers, "content-length", "transfer-encoding", "connection")
        self._response = response_of(status, reason, sent, length)
        try:
            writer = await self._response.prepare(self._request)
            if writer is None:
                return
            if length is None:
                writer.send_headers()
            else:  # a body of known length often is here already, and goes along
                asyncio.get_running_loop().call_soon(_send_headers, writer)
        except ConnectionError:
            raise ClientGone from None

    async def write(self, chunk: bytes) -> None:
        """See `ports.Reply`."""
        if not chunk:
            return  # an empty chunk would end a chunked body
        try:
            await self._begun().write(chunk)
        except ConnectionError:
            raise ClientGone from None

    async def finish(self) -> None:
        """See `ports.Reply`."""
        try:
            await self._begun().write_eof()
        except ConnectionError:
            raise ClientGone from None

    def _begun(self) -> web.StreamResponse:
        if self._response is None:
            raise RuntimeError("the reply was written to before it was started")
        return self._response


def _send_headers(writer: AbstractStreamWriter) -> None:
    try:
        writer.send_headers()
    except ConnectionError:
        pass  # the next write meets it, or the handler is cancelled
