"""Passes a request on and its answer back, byte for byte, piece by piece, keeping nothing.

Refuses to know what is passed: errors of the provider go back as they are.
"""

from collections.abc import AsyncGenerator

from aiohttp import web

from stitcher.errors import ClientError, UpstreamError
from stitcher.ports import Headers
from stitcher.proxy import headers as header_rules
from stitcher.proxy.reply import ClientReply
from stitcher.proxy.routes import Route
from stitcher.proxy.upstream import HttpUpstream, Outgoing


class Upload:
    """The client's body on its way up. Remembers when it was the client's end that broke."""

    def __init__(self, request: web.Request) -> None:
        self._content = request.content
        self.broken = False

    async def pieces(self) -> AsyncGenerator[bytes]:
        """The body as it arrives."""
        try:
            async for chunk in self._content.iter_any():
                yield chunk
        except web.RequestPayloadError:
            self.broken = True
            raise


def broken_body() -> ClientError:
    """What a body that does not keep to its framing is answered with."""
    return ClientError("the request body broke off or was not framed as it said")


def outgoing(
    request: web.Request, route: Route, query: str, headers: Headers
) -> tuple[Outgoing, Upload]:
    """The request as it goes up with its body still to be read."""
    upload = Upload(request)
    call = Outgoing(
        provider=route.provider,
        method=request.method,
        path=route.path,
        query=query,
        headers=header_rules.upward(headers),
        body=upload.pieces() if request.body_exists else None,
        length=request.content_length,
    )
    return call, upload


async def stream(
    reply: ClientReply, upstream: HttpUpstream, call: Outgoing, added: Headers
) -> None:
    """Sends `call` and hands its answer to `reply`, with `added` after the provider's headers.

    Raises UpstreamError: before the reply has started when there is no answer, after it when the
    answer broke off.
    """
    async with upstream.relay(call) as answer:
        headers = header_rules.downward(answer.raw_headers)
        length = header_rules.find(headers, "content-length")
        await reply.start(
            answer.status,
            [*headers, *added],
            length=int(length) if length and length.isdecimal() else None,
            reason=answer.reason,
        )
        async for chunk in answer.raw():
            await reply.write(chunk)
        await reply.finish()


async def stream_upload(
    reply: ClientReply,
    upstream: HttpUpstream,
    call: Outgoing,
    upload: Upload,
    added: Headers = (),
) -> None:
    """`stream` for a body that is still being read; a broken one is the client's fault."""
    try:
        await stream(reply, upstream, call, added)
    except UpstreamError:
        if upload.broken:
            raise broken_body() from None
        raise
