"""Sends requests to the providers and reads their answers.

One connection pool for both. Nothing is followed, kept or added: no redirects, no cookies, no
default headers. Refuses to know conversations, clients and what a body means.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from stitcher.errors import UpstreamError, UpstreamTimeout
from stitcher.ports import Headers, Incoming
from stitcher.proxy import headers as header_rules
from stitcher.proxy.access import is_local
from stitcher.proxy.encodings import Decoder, EncodingError
from stitcher.proxy.routes import Provider, text_headers
from stitcher.settings import Settings

# Shorter than the idle limits of the usual front doors (nginx 75 s, AWS load balancers 60 s), so
# that it is this side that lets go of an idle connection.
_KEEPALIVE: Final = 55.0
# An idle connection that was closed in the moment it was used says so within a round trip. What
# breaks later may have been worked on, and is the provider's failure to report.
_STALE_WITHIN: Final = 1.0
_SLICE: Final = 1 << 18
LINE_LIMIT: Final = 1 << 16
SENT_BY_DEFAULT: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request as it goes up. A stream for a body can be sent once only."""

    provider: Provider
    method: str
    path: str
    query: str
    headers: Headers
    body: bytes | AsyncIterator[bytes] | None = None
    length: int | None = None  # of a streamed body, where the client said it
    repeatable: bool = False  # sending it twice does no more than sending it once


class Answer:
    """A provider's answer while it arrives: `raw` as sent, `chunks` with its encoding undone."""

    def __init__(self, response: aiohttp.ClientResponse, failed: "Failures") -> None:
        self._response = response
        self._failed = failed
        self.status = response.status
        self.reason = response.reason or ""
        self.raw_headers: Headers = text_headers(response.raw_headers)
        encodings = header_rules.listed(header_rules.find_all(self.raw_headers, "content-encoding"))
        self._decoder = _decoder(encodings)

    @property
    def headers(self) -> Headers:
        """The headers that hold for `chunks`."""
        headers = header_rules.downward(self.raw_headers)
        if self._decoder is None:
            return headers
        return header_rules.without(headers, "content-encoding", "content-length")

    async def raw(self) -> AsyncGenerator[bytes]:
        """The body as sent, each piece as soon as it is here."""
        try:
            async for chunk in self._response.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, OSError) as error:
            if arrived := _unread(self._response.content):
                yield arrived
            raise self._failed(error, "while answering") from None

    async def chunks(self) -> AsyncGenerator[bytes]:
        """The body, readable. An encoding nobody knows is left on, and named in `headers`."""
        async for chunk in self.raw():
            if self._decoder is None:
                yield chunk
                continue
            try:
                for piece in self._decoder.feed(chunk):
                    yield piece
            except EncodingError as error:
                raise UpstreamError(f"the provider's answer cannot be read: {error}") from None


def _decoder(encodings: list[str]) -> Decoder | None:
    try:
        return Decoder(encodings) if encodings else None
    except EncodingError:
        return None


def _unread(content: aiohttp.StreamReader) -> bytes:
    """What had arrived before a connection broke: aiohttp gives the error and keeps the bytes."""
    held = b"".join(getattr(content, "_buffer", ()))
    return held[getattr(content, "_buffer_offset", 0) :]


Failures = Callable[[BaseException, str], UpstreamError]


class HttpUpstream:
    """The providers, reached over HTTP. Make and close it inside the running loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._bases: dict[Provider, str] = {
            "openai": settings.upstream,
            "anthropic": settings.upstream_anthropic,
        }
        self._proxies = {base: _proxy_for(base) for base in self._bases.values()}
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Lets go of all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def base(self, provider: Provider) -> str:
        """The address of a provider, without a slash at its end."""
        return self._bases[provider]

    def proxy(self, base: str) -> str | None:
        """The outgoing proxy on the way to an address, where there is one."""
        return self._proxies[base]

    def connector(self) -> aiohttp.BaseConnector:
        """The connections all requests share."""
        connector = self._pool().connector
        assert connector is not None
        return connector

    @asynccontextmanager
    async def send(self, incoming: Incoming, body: bytes) -> AsyncGenerator[Answer]:
        """POSTs a dialect call; see `ports.Upstream`."""
        headers: Headers = header_rules.readable(header_rules.upward(incoming.headers))
        if body is not incoming.body:
            headers = header_rules.for_another_body(headers)
        provider: Provider = "anthropic" if incoming.dialect == "anthropic" else "openai"
        # A generation leaves nothing behind at the provider that a second one would spoil.
        call = Outgoing(
            provider, "POST", incoming.path, incoming.query, headers, body, repeatable=True
        )
        async with self.relay(call) as answer:
            yield answer

    @asynccontextmanager
    async def relay(self, call: Outgoing) -> AsyncGenerator[Answer]:
        """Sends a request as it is. Leaving early closes the connection.

        Raises UpstreamError, or UpstreamTimeout, when there is no answer.
        """
        base = self._bases[call.provider]

        def failed(error: BaseException, when: str) -> UpstreamError:
            return self.failure(base, error, when)

        try:
            response = await self._answered(base, call)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise failed(error, "before answering") from None
        try:
            self._limit_pauses(response)
            yield Answer(response, failed)
        finally:
            response.close()  # a body read to its end has given its connection back already

    async def _answered(self, base: str, call: Outgoing) -> aiohttp.ClientResponse:
        attempt = SimpleNamespace(reused=False)
        started = asyncio.get_running_loop().time()
        try:
            return await self._attempt(base, call, attempt)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            quick = asyncio.get_running_loop().time() - started < _STALE_WITHIN
            if not (attempt.reused and quick and _may_repeat(call)):
                raise
        return await self._attempt(base, call, attempt)

    async def _attempt(
        self, base: str, call: Outgoing, attempt: SimpleNamespace
    ) -> aiohttp.ClientResponse:
        headers = one_case_each(call.headers)
        length = len(call.body) if isinstance(call.body, bytes) else call.length
        if length is not None and (length or call.method not in ("GET", "HEAD")):
            headers.append(("Content-Length", str(length)))
        return await self._pool().request(
            call.method,
            target(base, call),
            headers=headers,
            data=_sliced(call.body),
            skip_auto_headers=SENT_BY_DEFAULT,
            allow_redirects=False,
            proxy=self._proxies[base],
            trace_request_ctx=attempt,
        )

    def _pool(self) -> aiohttp.ClientSession:
        if self._session is None:
            trace = aiohttp.TraceConfig()
            trace.on_connection_reuseconn.append(_note_reuse)
            settings = self._settings
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEPALIVE),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(
                    total=None,
                    connect=settings.connect_timeout,
                    sock_read=settings.first_byte_timeout,
                ),
                trace_configs=[trace],
                max_line_size=LINE_LIMIT,
                max_field_size=LINE_LIMIT,
            )
        return self._session

    def _limit_pauses(self, response: aiohttp.ClientResponse) -> None:
        """From the headers on, the pause between two pieces counts, not the wait for the first."""
        connection = response.connection
        if connection is not None and connection.protocol is not None:
            connection.protocol.read_timeout = self._settings.idle_timeout
            connection.protocol.start_timeout()

    def failure(self, base: str, error: BaseException, when: str) -> UpstreamError:
        """What to raise for a failure of the connection, in our words."""
        host = urlsplit(base).netloc
        settings = self._settings
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            waited = f"no connection within {settings.connect_timeout:g} s"
            return UpstreamTimeout(f"{host}: {waited}. Is the address right and the network up?")
        if isinstance(error, TimeoutError):
            limit = settings.first_byte_timeout
            if when != "before answering":
                limit = settings.idle_timeout
            return UpstreamTimeout(f"{host}: silent for {limit:g} s {when}")
        return UpstreamError(f"{host}: {_said(error, when)}")


def _said(error: BaseException, when: str) -> str:
    """What went wrong, in our words: an exception's own text may repeat what was sent."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "the name was not found. Is the upstream address right and the network up?"
    if isinstance(error, aiohttp.ClientSSLError):
        return "no secure connection: its certificate or protocol was not accepted"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"no connection ({error.strerror or 'refused'}). Is it running and reachable?"
    if isinstance(error, aiohttp.ClientResponseError):
        return "found something that is not HTTP, expected an HTTP answer"
    if isinstance(error, aiohttp.InvalidURL):
        return "this path and query do not make an address"
    if isinstance(error, aiohttp.ClientPayloadError | OSError | aiohttp.ServerDisconnectedError):
        return f"closed the connection {when}"
    return f"the request could not be sent ({type(error).__name__})"


def _may_repeat(call: Outgoing) -> bool:
    if not (call.body is None or isinstance(call.body, bytes)):
        return False
    keyed = header_rules.find(call.headers, "idempotency-key") is not None
    return call.repeatable or keyed or call.method in _IDEMPOTENT


def target(base: str, call: Outgoing) -> URL:
    """The address a request goes to."""
    query = f"?{call.query}" if call.query else ""
    return URL(f"{base}{call.path}{query}", encoded=True)


def one_case_each(headers: Headers) -> list[tuple[str, str]]:
    """aiohttp keeps duplicates of a header only where their names have the same letter case."""
    first: dict[str, str] = {}
    return [(first.setdefault(name.lower(), name), value) for name, value in headers]


def _sliced(body: bytes | AsyncIterator[bytes] | None) -> bytes | AsyncIterator[bytes] | None:
    """A large body goes out in slices, so that others get their turn in between."""
    if isinstance(body, bytes) and len(body) > _SLICE:
        return _slices(body)
    return body


async def _slices(body: bytes) -> AsyncGenerator[bytes]:
    for start in range(0, len(body), _SLICE):
        yield body[start : start + _SLICE]


async def _note_reuse(
    session: aiohttp.ClientSession,
    context: SimpleNamespace,
    params: aiohttp.TraceConnectionReuseconnParams,
) -> None:
    context.trace_request_ctx.reused = True


def _proxy_for(base: str) -> str | None:
    """The outgoing proxy the environment names (HTTPS_PROXY, NO_PROXY), never for this machine."""
    parts = urlsplit(base)
    host = parts.hostname or ""
    if is_local(host) or proxy_bypass(host):
        return None
    return getproxies().get(parts.scheme)
