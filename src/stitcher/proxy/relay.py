"""Passes a request on and its answer back, byte for byte, piece by piece, keeping nothing.

Refuses to know what is passed: errors of the provider go back as they are.
"""

from aiohttp import web

from stitcher.errors import UpstreamError
from stitcher.ports import Headers
from stitcher.proxy import headers as header_rules
from stitcher.proxy.reply import ClientReply
from stitcher.proxy.routes import Route
from stitcher.proxy.upload import Upload
from stitcher.proxy.upstream import Answer, HttpUpstream, Outgoing


def outgoing(
    http: web.Request, route: Route, query: str, headers: Headers
) -> tuple[Outgoing, Upload]:
    """The request as it goes up with its body still to be read."""
    upload = Upload(http)
    here = upload.arrived() if upload.present else None
    call = Outgoing(
        provider=route.provider,
        method=http.method,
        path=route.path,
        query=query,
        headers=header_rules.upward(headers),
        body=here if here is not None or not upload.present else upload.pieces(),
        length=upload.length,
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
        await give_back(reply, answer, added)


async def give_back(reply: ClientReply, answer: Answer, added: Headers = ()) -> None:
    """Hands an answer to `reply`. Raises UpstreamError when it broke off."""
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
    """`stream` for a body that is still being read. Raises ClientError when that is what broke."""
    try:
        await stream(reply, upstream, call, added)
    except UpstreamError:
        if upload.fault is not None:
            raise upload.fault from None
        raise
