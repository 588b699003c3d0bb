from aiohttp import web

from stitcher.ports import Headers
from stitcher.proxy.reply import ClientReply, keep_exact
from stitcher.proxy.server import listening
from stitcher.settings import Settings
from tests.proxy.raw import Message, ask, run


def sent(headers: Headers, *chunks: bytes, length: int | None = None, status: int = 200) -> Message:
    """What a client gets of a reply made of these."""

    async def handler(request: web.Request) -> web.StreamResponse:
        reply = ClientReply(request)
        assert not reply.started
        await reply.start(status, headers, length=length)
        assert reply.started
        for chunk in chunks:
            await reply.write(chunk)
        await reply.finish()
        assert reply.response is not None
        return reply.response

    async def story() -> Message:
        app = web.Application()
        app.router.add_get("/", handler)
        app.on_response_prepare.append(keep_exact)
        async with listening(app, Settings(port=0)) as url:
            return await ask(url, "GET", "/")

    return run(story())


def test_known_length_makes_a_plain_body() -> None:
    message = sent([("X-A", "b")], b"hel", b"lo", length=5)
    assert (message.framing, message.body) == ("length", b"hello")
    assert message.headers == [("X-A", "b"), ("Content-Length", "5")]


def test_unknown_length_makes_chunks_and_an_empty_one_does_not_end_them() -> None:
    message = sent([("X-A", "b")], b"hel", b"", b"lo")
    assert (message.framing, message.body) == ("chunked", b"hello")
    assert message.headers == [("X-A", "b"), ("Transfer-Encoding", "chunked")]


def test_framing_of_another_body_is_not_believed() -> None:
    wrong = [("Content-Length", "99"), ("Transfer-Encoding", "gzip"), ("Connection", "close")]
    message = sent([*wrong, ("X-A", "b")], b"hello")
    assert (message.headers[0], message.body) == (("X-A", "b"), b"hello")


def test_no_value_can_end_its_header() -> None:
    message = sent([("X-Stitcher-Session", "a\r\nSet-Cookie: x\0\x7f\udcff ✓")], length=0)
    assert message.headers[0] == (
        "X-Stitcher-Session",
        "a%0D%0ASet-Cookie: x%00%7F%ED%B3%BF ✓",
    )
    assert message.get("set-cookie") is None


def test_unusual_status_has_no_made_up_reason() -> None:
    assert sent([], length=0, status=529).start.rstrip() == "HTTP/1.1 529"
