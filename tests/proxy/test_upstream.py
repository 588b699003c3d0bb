"""What the providers' end does to us: refusing, stalling, lying, hanging up."""

import asyncio
import gzip
import socket
import zlib
from typing import Any

import aiohttp
import brotli  # type: ignore[import-untyped]
import pytest
from backports import zstd

from stitcher.errors import UpstreamError, UpstreamTimeout
from stitcher.ports import Headers, Incoming
from stitcher.proxy.upstream import HttpUpstream, Outgoing
from stitcher.settings import Settings
from tests.proxy.raw import Call, Provider, Script, chunked, provider, run


def call(body: bytes = b"{}", headers: Headers = (), **changed: Any) -> Incoming:
    values: dict[str, Any] = {
        "dialect": "openai_chat",
        "path": "/v1/chat/completions",
        "query": "",
        "headers": headers,
        "body": body,
        "decoded": body,
        "tenant": "local",
        "mode": "stitch",
        "session": None,
    }
    return Incoming(**{**values, **changed})


class Sender:
    """An upstream of which each answer is read whole."""

    def __init__(self, base: str, **settings: Any) -> None:
        self.upstream = HttpUpstream(Settings(upstream=base, upstream_anthropic=base, **settings))

    async def __aenter__(self) -> "Sender":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.upstream.close()

    async def send(self, incoming: Incoming, body: bytes | None = None) -> tuple[Headers, bytes]:
        sent = incoming.body if body is None else body
        async with self.upstream.send(incoming, sent) as answer:
            return answer.headers, b"".join([chunk async for chunk in answer.chunks()])


def failure(script: Script, incoming: Incoming | None = None, **settings: Any) -> UpstreamError:
    async def story() -> UpstreamError:
        async with provider(script) as upstream, Sender(upstream.url, **settings) as sender:
            with pytest.raises(UpstreamError) as caught:
                await sender.send(incoming or call())
            return caught.value

    return run(story())


# What goes up


def test_the_clients_own_body_goes_up_as_it_came() -> None:
    body = zstd.compress(b"{}")
    headers = [("Content-Encoding", "zstd"), ("Content-Type", "application/json")]

    async def story() -> None:
        async with provider() as upstream, Sender(upstream.url) as sender:
            await sender.send(call(body, headers, decoded=b"{}", query="beta=true"))
            (seen,) = upstream.requests
            assert seen.start == "POST /v1/chat/completions?beta=true HTTP/1.1"
            assert (seen.body, seen.get("content-encoding")) == (body, "zstd")

    run(story())


def test_another_body_goes_up_unencoded() -> None:
    headers = [("Content-Encoding", "zstd"), ("Content-Type", "application/json")]

    async def story() -> None:
        async with provider() as upstream, Sender(upstream.url) as sender:
            await sender.send(call(zstd.compress(b"{}"), headers), b'{"other": 1}')
            (seen,) = upstream.requests
            assert seen.body == b'{"other": 1}'
            assert [name for name, _ in seen.headers] == ["Host", "Content-Type", "Content-Length"]

    run(story())


def test_large_body_arrives_whole() -> None:
    body = bytes(range(256)) * 10_000

    async def story() -> None:
        async with provider() as upstream, Sender(upstream.url) as sender:
            await sender.send(call(body))
            assert upstream.requests[0].body == body
            assert upstream.requests[0].framing == "length"

    run(story())


def test_each_dialect_has_its_own_upstream() -> None:
    async def story() -> None:
        async with provider() as openai, provider() as anthropic:
            settings = Settings(upstream=openai.url, upstream_anthropic=anthropic.url + "/v1/")
            upstream = HttpUpstream(settings)
            async with upstream.send(call(dialect="anthropic", path="/v1/messages"), b"{}"):
                pass
            await upstream.close()
            assert (len(openai.requests), len(anthropic.requests)) == (0, 1)
            assert anthropic.requests[0].target == "/v1/messages"

    run(story())


# What comes back


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(b"hello")),
        ("deflate", zlib.compress(b"hello")),
        ("br", brotli.compress(b"hello")),
        ("zstd", zstd.compress(b"hello")),
        ("gzip, br", brotli.compress(gzip.compress(b"hello"))),
    ],
)
def test_encoded_answer_is_read(encoding: str, packed: bytes) -> None:
    async def script(call: Call) -> None:
        await call.answer(packed, f"Content-Encoding: {encoding}", "X-A: b")

    async def story() -> None:
        async with provider(script) as upstream, Sender(upstream.url) as sender:
            asked = [("Accept-Encoding", "gzip, exotic")]
            assert await sender.send(call(headers=asked)) == ([("X-A", "b")], b"hello")
            assert upstream.requests[0].get("accept-encoding") == "gzip"

    run(story())


def test_unknown_encoding_is_left_on_and_named() -> None:
    async def script(call: Call) -> None:
        await call.answer(b"\x01\x02", "Content-Encoding: exotic")

    async def story() -> None:
        async with provider(script) as upstream, Sender(upstream.url) as sender:
            headers, body = await sender.send(call())
            assert (headers[0], body) == (("Content-Encoding", "exotic"), b"\x01\x02")

    run(story())


def test_encoded_stream_is_readable_as_it_arrives() -> None:
    packer = zlib.compressobj(wbits=31)
    first = packer.compress(b"data: 1\n\n") + packer.flush(zlib.Z_SYNC_FLUSH)
    last = packer.compress(b"data: 2\n\n") + packer.flush()

    async def story() -> None:
        read = asyncio.Event()

        async def script(call: Call) -> None:
            head = (
                b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            await call.send(head + chunked(first)[:-5])
            await read.wait()
            await call.send(chunked(last))

        async with (
            provider(script) as upstream,
            Sender(upstream.url) as sender,
            sender.upstream.send(call(), b"{}") as answer,
        ):
            chunks = answer.chunks()
            assert await anext(chunks) == b"data: 1\n\n"
            read.set()
            assert b"".join([chunk async for chunk in chunks]) == b"data: 2\n\n"

    run(story())


def test_answer_that_is_not_in_its_encoding() -> None:
    async def script(call: Call) -> None:
        await call.answer(b"not gzip", "Content-Encoding: gzip")

    assert "cannot be read: content-encoding gzip" in str(failure(script))


# What goes wrong


def test_refused_connection() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

    async def story() -> str:
        async with Sender(f"http://127.0.0.1:{port}") as sender:
            with pytest.raises(UpstreamError) as caught:
                await sender.send(call())
            return str(caught.value)

    message = run(story())
    assert message.startswith(f"127.0.0.1:{port}: no connection")
    assert message.endswith("Is it running and reachable?")


def test_unknown_name() -> None:
    async def story() -> str:
        async with Sender("http://nowhere.invalid") as sender:
            with pytest.raises(UpstreamError) as caught:
                await sender.send(call())
            return str(caught.value)

    assert "the name was not found" in run(story())


def test_plain_text_where_tls_is_expected() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 not TLS\r\n")
        await reader.read()
        writer.close()

    async def story() -> str:
        server = await asyncio.start_server(greet, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, Sender(f"https://127.0.0.1:{port}") as sender:
            with pytest.raises(UpstreamError) as caught:
                await sender.send(call())
        return str(caught.value)

    assert "no secure connection" in run(story())


def test_silence_before_the_answer_times_out() -> None:
    async def script(call: Call) -> None:
        await call.hung_up()

    error = failure(script, first_byte_timeout=0.05)
    assert isinstance(error, UpstreamTimeout)
    assert "silent for 0.05 s before answering" in str(error)


def test_silence_within_the_answer_times_out() -> None:
    async def script(call: Call) -> None:
        await call.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
        await call.hung_up()

    error = failure(script, idle_timeout=0.05)
    assert isinstance(error, UpstreamTimeout)
    assert "silent for 0.05 s while answering" in str(error)


def test_headers_alone_do_not_extend_the_wait_for_the_body() -> None:
    async def script(call: Call) -> None:
        await call.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        await call.hung_up()

    assert isinstance(failure(script, idle_timeout=0.05, first_byte_timeout=600), UpstreamTimeout)


@pytest.mark.parametrize("garbage", [b"\x00\x01\x02 nonsense\r\n\r\n", b"SSH-2.0-OpenSSH\r\n\r\n"])
def test_garbage_instead_of_an_answer(garbage: bytes) -> None:
    async def script(call: Call) -> None:
        await call.send(garbage)
        call.close()

    assert "not HTTP" in str(failure(script))


def test_closed_without_an_answer() -> None:
    async def script(call: Call) -> None:
        call.close()

    assert "closed the connection before answering" in str(failure(script))


def test_closed_within_the_answer() -> None:
    async def script(call: Call) -> None:
        await call.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
        call.close()

    assert "closed the connection while answering" in str(failure(script))


def test_what_had_arrived_before_a_break_is_given() -> None:
    """A client that reads slowly gets as much of a broken answer as without us."""

    async def story() -> None:
        async def script(call: Call) -> None:
            await call.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
            await call.send(b"def")
            call.writer.transport.abort()

        got = b""
        async with (
            provider(script) as upstream,
            Sender(upstream.url) as sender,
            sender.upstream.send(call(), b"{}") as answer,
        ):
            with pytest.raises(aiohttp.ClientError):
                await answer._response.content.wait_eof()  # broken before anything was read
            try:
                async for chunk in answer.chunks():
                    got += chunk
            except UpstreamError:
                got += b"!"
        assert got == b"abcdef!"

    run(story())


def test_no_message_repeats_what_was_sent() -> None:
    async def script(call: Call) -> None:
        await call.send(b"HTTP/1.1 sk-secret\r\nX: sk-secret\r\n\r\n")
        call.close()

    secret = call(b"sk-secret", [("Authorization", "Bearer sk-secret")], query="k=sk-secret")
    assert "sk-secret" not in str(failure(script, secret))


# Connections


async def _closes_used_connections(call: Call) -> None:
    """Answers the first request of a connection; the next finds it closed without a byte."""
    if call.number == 0:
        await call.answer()
    else:
        call.close()


def _outcome(method: str, **changed: Any) -> tuple[int, list[str]]:
    """Connections made and results of two requests, the second on a connection that just died."""

    async def one(upstream: HttpUpstream) -> str:
        request = Outgoing("openai", method, "/v1/x", "", **{"headers": (), **changed})
        try:
            async with upstream.relay(request) as answer:
                return (b"".join([chunk async for chunk in answer.raw()])).decode()
        except UpstreamError:
            return "failed"

    async def story() -> tuple[int, list[str]]:
        async with provider(_closes_used_connections) as made:
            upstream = HttpUpstream(Settings(upstream=made.url))
            results = [await one(upstream), await one(upstream)]
            await upstream.close()
            return made.connections, results

    return run(story())


@pytest.mark.parametrize(
    "changed",
    [
        {"method": "GET"},
        {"method": "PUT", "body": b"x"},
        {"method": "POST", "body": b"x", "repeatable": True},
        {"method": "POST", "body": b"x", "headers": [("Idempotency-Key", "k")]},
    ],
)
def test_stale_connection_is_replaced_where_repeating_is_safe(changed: dict[str, Any]) -> None:
    assert _outcome(**changed) == (2, ["{}", "{}"])


def test_stale_connection_is_reported_where_it_is_not() -> None:
    assert _outcome("POST", body=b"x") == (1, ["{}", "failed"])


def test_fresh_connection_that_dies_is_not_tried_again() -> None:
    tries: list[int] = []

    async def script(call: Call) -> None:
        tries.append(call.number)
        call.close()

    failure(script)
    assert tries == [0]


def test_leaving_early_closes_the_connection() -> None:
    async def story() -> None:
        gone = asyncio.Event()

        async def script(call: Call) -> None:
            await call.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            await call.hung_up()
            gone.set()

        async with provider(script) as upstream, Sender(upstream.url) as sender:
            async with sender.upstream.send(call(), b"{}") as answer:
                assert answer.status == 200
            await gone.wait()

    run(story())


def test_cancelling_closes_the_connection() -> None:
    async def story() -> None:
        reached, gone = asyncio.Event(), asyncio.Event()

        async def script(call: Call) -> None:
            reached.set()
            await call.hung_up()
            gone.set()

        async with provider(script) as upstream, Sender(upstream.url) as sender:
            async with asyncio.TaskGroup() as group:
                sending = group.create_task(sender.send(call()))
                await reached.wait()
                sending.cancel()
            await gone.wait()

    run(story())


def test_many_requests_at_once_each_get_their_answer() -> None:
    async def script(call: Call) -> None:
        await call.answer(call.request.body)

    async def story(upstream: Provider, sender: Sender) -> None:
        bodies = [b"%d" % number for number in range(100)]
        answers = await asyncio.gather(*(sender.send(call(body)) for body in bodies))
        assert [body for _, body in answers] == bodies

    async def whole() -> None:
        async with provider(script) as upstream, Sender(upstream.url) as sender:
            await story(upstream, sender)

    run(whole())


@pytest.mark.parametrize(
    ("base", "used"),
    [
        ("http://127.0.0.1:1", None),
        ("http://api.test", "http://proxy.test:3128"),
        ("https://api.test", None),
        ("http://inside.test", None),
    ],
)
def test_outgoing_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, base: str, used: str | None
) -> None:
    for name in ("HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://proxy.test:3128")
    monkeypatch.setenv("no_proxy", "inside.test")
    upstream = HttpUpstream(Settings(upstream=base))
    assert upstream._proxies[base] == used
