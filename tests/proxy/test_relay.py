"""Passed through means: the same bytes, both ways, as soon as they are there."""

import asyncio
import gzip
import zlib

import brotli  # type: ignore[import-untyped]
import pytest

from tests.proxy.raw import Call, ask, chunked, connection, provider, request, run
from tests.proxy.stage import stage


@pytest.mark.parametrize(
    "method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "QUERY", "REPORT"]
)
def test_method_target_and_body_arrive_as_sent(method: str) -> None:
    target = "/v1/files/a%2Fb;c=1?x=%zz&x=[1]&y=a|b&q='\"&session=s&empty=&plus=a+b"
    body = bytes(range(256))

    async def story() -> None:
        async with provider() as upstream, stage(upstream) as proxy:
            answer = await ask(proxy.url, method, target, body=body)
            assert answer.status == 200
            (seen,) = upstream.requests
            assert seen.start == f"{method} {target} HTTP/1.1"
            assert seen.body == body
            assert seen.framing == "length"

    run(story())


def test_request_headers_go_up_as_they_are() -> None:
    sent = [
        "Host: localhost",
        "user-AGENT: me/1.0 (x; y)",
        "X-Dup: 1",
        "accept: */*",
        "X-Dup: 2",
        "Content-Type: multipart/form-data; boundary=xyz",
        "X-Umlaut: grün",
        "Accept-Encoding: zstd, br;q=0.5, made-up",
        "Authorization: Bearer sk-client",
        "x-empty:",
        "Cookie: a=1; b=2",
    ]
    dropped = ["Connection: keep-alive, X-Hop", "X-Hop: 1", "TE: trailers", "X-Stitcher-Session: s"]

    async def story() -> None:
        async with provider() as upstream, stage(upstream) as proxy:
            await ask(proxy.url, "POST", "/v1/files", *sent, *dropped, body=b"--xyz--")
            (seen,) = upstream.requests
            expected = [tuple(line.split(": ")) for line in sent[1:] if line != "x-empty:"]
            found = [pair for pair in seen.headers if pair[0] not in ("Host", "Content-Length")]
            assert [pair for pair in found if pair != ("x-empty", "")] == expected
            assert ("x-empty", "") in found
            assert seen.all("host") == [upstream.url.removeprefix("http://")]

    run(story())


def test_no_header_is_added_to_an_empty_request() -> None:
    async def story() -> None:
        async with provider() as upstream, stage(upstream) as proxy:
            await ask(proxy.url, "GET", "/v1/models")
            assert [name for name, _ in upstream.requests[0].headers] == ["Host"]
            assert upstream.requests[0].framing == "none"

    run(story())


def test_answer_comes_back_as_it_is() -> None:
    headers = [
        "dATE: Thu, 01 Jan 1970 00:00:00 GMT",
        "Set-Cookie: a=1; Path=/",
        "set-cookie: b=2",
        "x-request-id: req_1",
        "Content-type: application/x-odd; charset=klingon",
        "retry-after: 3",
    ]

    async def script(call: Call) -> None:
        await call.answer(b"\x00\xffbody", *headers, "Connection: keep-alive", status="529 Too Hot")

    async def story() -> None:
        async with provider(script) as upstream, stage(upstream) as proxy:
            answer = await ask(proxy.url, "GET", "/v1/models")
            assert answer.start == "HTTP/1.1 529 Too Hot"
            assert answer.headers == [
                *[tuple(line.split(": ")) for line in headers],
                ("Content-Length", "6"),
            ]
            assert answer.body == b"\x00\xffbody"

    run(story())


def test_redirects_are_the_clients_business() -> None:
    async def script(call: Call) -> None:
        await call.answer(b"", "Location: https://elsewhere.test/", status="307 Temporary Redirect")

    async def story() -> None:
        async with provider(script) as upstream, stage(upstream) as proxy:
            answer = await ask(proxy.url, "GET", "/v1/models")
            assert (answer.status, answer.get("location")) == (307, "https://elsewhere.test/")

    run(story())


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b"hello")),
        ("deflate", zlib.compress(b"hello")),
        ("br", brotli.compress(b"hello")),
        ("unheard-of", b"\x01\x02"),
        ("gzip", b"not gzip at all"),
    ],
)
def test_encoded_bodies_stay_encoded_both_ways(encoding: str, body: bytes) -> None:
    async def script(call: Call) -> None:
        await call.answer(body, f"Content-Encoding: {encoding}")

    async def story() -> None:
        async with provider(script) as upstream, stage(upstream) as proxy:
            answer = await ask(
                proxy.url, "POST", "/v1/embeddings", f"Content-Encoding: {encoding}", body=body
            )
            assert (answer.body, answer.get("content-encoding")) == (body, encoding)
            assert upstream.requests[0].body == body
            assert upstream.requests[0].get("content-encoding") == encoding

    run(story())


def test_chunked_upload_goes_up_piece_by_piece() -> None:
    first_seen = asyncio.Event()

    async def story() -> None:
        seen: list[bytes] = []

        async def upstream_side(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            seen.append(await reader.readexactly(len(chunked(b"one")) - len(chunked())))
            first_seen.set()
            seen.append(await reader.readuntil(b"0\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(upstream_side, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server, stage(url) as proxy, connection(proxy.url) as client:
            await client.send(request("POST", "/v1/files", "Transfer-Encoding: chunked"))
            await client.send(b"3\r\none\r\n")
            await first_seen.wait()  # before the client has sent the rest
            await client.send(chunked(b"two"))
            assert (await client.message()).body == b"ok"
            assert seen == [b"3\r\none\r\n", chunked(b"two")]

    run(story())


def test_each_piece_of_an_answer_arrives_before_the_next_is_sent() -> None:
    async def story() -> None:
        arrived = asyncio.Queue[int]()

        async def script(call: Call) -> None:
            await call.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for number in range(5):
                assert await arrived.get() == number  # 0: the headers
                await call.send(chunked(b"data: %d\n\n" % number)[:-5])
            assert await arrived.get() == 5
            await call.send(chunked())

        async with (
            provider(script) as upstream,
            stage(upstream) as proxy,
            connection(proxy.url) as client,
        ):
            await client.send(request("GET", "/v1/stream"))
            assert (await client.head()).get("transfer-encoding") == "chunked"
            for number in range(5):
                arrived.put_nowait(number)
                assert await client.chunk() == b"data: %d\n\n" % number
            arrived.put_nowait(5)
            assert await client.chunk() == b""

    run(story())


def test_headers_of_a_body_that_is_not_there_yet_arrive_at_once() -> None:
    async def story() -> None:
        seen = asyncio.Event()

        async def script(call: Call) -> None:
            await call.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
            await seen.wait()
            await call.send(b"ok")

        async with (
            provider(script) as upstream,
            stage(upstream) as proxy,
            connection(proxy.url) as client,
        ):
            await client.send(request("GET", "/v1/x"))
            assert (await client.head()).get("content-length") == "2"
            seen.set()
            assert await client.reader.readexactly(2) == b"ok"

    run(story())


def test_upload_larger_than_the_body_limit_is_passed_through() -> None:
    body = b"x" * 300_000

    async def story() -> None:
        async with provider() as upstream, stage(upstream, max_body=1024) as proxy:
            assert (await ask(proxy.url, "POST", "/v1/files", body=body)).status == 200
            assert upstream.requests[0].body == body

    run(story())


@pytest.mark.parametrize("path", ["/api/hello", "/v1/api/hello"])
def test_head_has_headers_and_no_body(path: str) -> None:
    async def script(call: Call) -> None:
        await call.send(b"HTTP/1.1 200 OK\r\nContent-Length: 123\r\nX-A: b\r\n\r\n")

    async def story() -> None:
        async with provider(script) as upstream, stage(upstream) as proxy:
            answer = await ask(proxy.url, "HEAD", path)
            assert (answer.get("content-length"), answer.get("x-a")) == ("123", "b")
            assert upstream.requests[0].start == "HEAD /api/hello HTTP/1.1"

    run(story())


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_statuses_without_a_body_leave_the_connection_usable(status: str) -> None:
    async def script(call: Call) -> None:
        await call.send(f"HTTP/1.1 {status}\r\nETag: x\r\n\r\n".encode())

    async def story() -> None:
        async with (
            provider(script) as upstream,
            stage(upstream) as proxy,
            connection(proxy.url) as client,
        ):
            for _ in range(2):
                await client.send(request("GET", "/v1/models"))
                head = await client.message(bodiless=True)
                assert head.start == f"HTTP/1.1 {status}"
                assert head.headers == [("ETag", "x")]
            assert upstream.connections == 1

    run(story())


def test_answer_that_ends_with_the_connection_is_whole() -> None:
    async def script(call: Call) -> None:
        await call.send(b"HTTP/1.0 200 OK\r\n\r\nall of it")
        call.close()

    async def story() -> None:
        async with provider(script) as upstream, stage(upstream) as proxy:
            assert (await ask(proxy.url, "GET", "/v1/x")).body == b"all of it"

    run(story())


@pytest.mark.parametrize("framing", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_answer_cut_short_reaches_the_client_cut_short(framing: str) -> None:
    async def script(call: Call) -> None:
        await call.send(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n5\r\nhello\r\n".encode())
        call.close()

    async def story() -> None:
        async with (
            provider(script) as upstream,
            stage(upstream) as proxy,
            connection(proxy.url) as client,
        ):
            await client.send(request("GET", "/v1/x"))
            await client.head()
            rest = await client.rest()
            assert b"hello" in rest
            assert not rest.endswith(b"0\r\n\r\n")

    run(story())


def test_client_that_hangs_up_cancels_the_request_upstream() -> None:
    async def story() -> None:
        reached, cancelled = asyncio.Event(), asyncio.Event()

        async def script(call: Call) -> None:
            reached.set()
            await call.hung_up()
            cancelled.set()

        async with provider(script) as upstream, stage(upstream) as proxy:
            async with connection(proxy.url) as client:
                await client.send(request("GET", "/v1/slow"))
                await reached.wait()
                client.hang_up()
            await cancelled.wait()

    run(story())


def test_connections_are_kept_alive_both_ways() -> None:
    async def story() -> None:
        async with (
            provider() as upstream,
            stage(upstream) as proxy,
            connection(proxy.url) as client,
        ):
            for _ in range(5):
                await client.send(request("POST", "/v1/embeddings", body=b"{}"))
                assert (await client.message()).body == b"{}"
            assert (len(upstream.requests), upstream.connections) == (5, 1)

    run(story())


def test_expect_is_answered_here() -> None:
    async def story() -> None:
        async with (
            provider() as upstream,
            stage(upstream) as proxy,
            connection(proxy.url) as client,
        ):
            await client.send(
                request("POST", "/v1/files", "Expect: 100-continue", "Content-Length: 2")
            )
            assert (await client.head()).status == 100
            await client.send(b"ok")
            assert (await client.message()).status == 200
            assert upstream.requests[0].body == b"ok"
            assert upstream.requests[0].get("expect") is None

    run(story())
