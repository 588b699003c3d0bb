"""Calls of a dialect: what the exchange is given, and what happens when it cannot do its part."""

import asyncio
import gzip
import json
import logging
from typing import Any

import pytest
from backports import zstd

from stitcher.errors import StoreError, UpstreamError
from stitcher.ports import ClientGone, Incoming, Reply
from stitcher.proxy.upstream import HttpUpstream
from tests.proxy.raw import Call, Message, ask, chunked, connection, provider, request, run
from tests.proxy.stage import forward, stage

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
BODY = b'{"model": "m", "messages": []}'


def given(
    target: str, *headers: str, body: bytes = BODY, **settings: Any
) -> tuple[Message, Incoming, Message]:
    """The answer, what the exchange got, and what the provider got, of one POST."""

    async def story() -> tuple[Message, Incoming, Message]:
        async with provider() as upstream, stage(upstream, **settings) as proxy:
            answer = await ask(proxy.url, "POST", target, *headers, body=body)
            return answer, proxy.exchange.incoming[0], upstream.requests[0]

    return run(story())


# What the exchange is given


@pytest.mark.parametrize(
    ("target", "dialect", "path", "query"),
    [
        (CHAT, "openai_chat", CHAT, ""),
        ("/chat/completions", "openai_chat", CHAT, ""),
        ("/v1/v1/messages?beta=true", "anthropic", MESSAGES, "beta=true"),
        ("/messages?session=a&beta=true", "anthropic", MESSAGES, "beta=true"),
    ],
)
def test_path_and_query(target: str, dialect: str, path: str, query: str) -> None:
    answer, incoming, seen = given(target)
    assert (incoming.dialect, incoming.path, incoming.query) == (dialect, path, query)
    assert seen.target == (f"{path}?{query}" if query else path)
    assert (incoming.body, incoming.tenant, incoming.mode) == (BODY, "local", "stitch")
    assert incoming.decoded is incoming.body
    assert answer.get("x-stitcher-status") == "passthrough"


@pytest.mark.parametrize(
    "name", ["../../escaped", "naïve ✓ 🧵", "x" * 10_000, "🧵" * 10_000, "a%2Fb", "a, b"]
)
def test_session_name_from_the_header(name: str) -> None:
    assert given(CHAT, f"X-Stitcher-Session: {name}")[1].session == name


@pytest.mark.parametrize(
    ("target", "headers", "name"),
    [
        (f"{CHAT}?session=q", [], "q"),
        (f"{CHAT}?session=q", ["X-Stitcher-Session: h"], "h"),
        (f"{CHAT}?session=q", ["X-Stitcher-Session:"], "q"),
        (f"{CHAT}?session=", [], None),
        (f"{CHAT}?session=%01%0A", [], "\1\n"),
        (f"{CHAT}?session=" + "%F0%9F%A7%B5" * 10_000, [], "🧵" * 10_000),
        (CHAT, ["X-Stitcher-Session:  "], None),
    ],
)
def test_session_name(target: str, headers: list[str], name: str | None) -> None:
    assert given(target, *headers)[1].session == name


@pytest.mark.parametrize("name", ["%00", "%00responses-00", "a%00b"])
def test_a_session_name_that_may_be_our_own_is_refused(name: str) -> None:
    async def story() -> list[Message]:
        async with provider() as upstream, stage(upstream) as proxy:
            targets = [f"{CHAT}?session={name}", f"{MESSAGES}/count_tokens?session={name}"]
            answers = [await ask(proxy.url, "POST", target, body=BODY) for target in targets]
            own = f"/stitcher/sessions/{name}"
            answers.append(await ask(proxy.url, "DELETE", own))
            assert not proxy.exchange.incoming
            assert not upstream.requests
            return answers

    for answer in run(story()):
        assert answer.status == 400
        assert b"found a name with a NUL in it, expected one without" in answer.body


def test_session_name_in_latin_1() -> None:
    async def story() -> None:
        async with (
            provider() as upstream,
            stage(upstream) as proxy,
            connection(proxy.url) as client,
        ):
            raw = request("POST", CHAT, "X-Stitcher-Session: NAME", body=BODY)
            await client.send(raw.replace(b"NAME", b"caf\xe9"))
            await client.message()
            assert proxy.exchange.incoming[0].session == "café"

    run(story())


def test_mode_of_the_request_wins() -> None:
    assert given(CHAT, "X-Stitcher-Mode: Observe")[1].mode == "observe"
    assert given(CHAT, "X-Stitcher-Mode: stitch", mode="off")[1].mode == "stitch"
    assert given(CHAT, mode="observe")[1].mode == "observe"


def test_chunked_body_is_read_whole() -> None:
    body = chunked(BODY[:9], BODY[9:])
    assert given(CHAT, "Transfer-Encoding: chunked", body=body)[1].body == BODY


@pytest.mark.parametrize("size", [10, 200_000])  # unpacked here, and in a thread
@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("zstd", zstd.compress)])
def test_encoded_body_is_decoded_for_reading_and_sent_as_it_came(
    size: int, encoding: str, pack: Any
) -> None:
    plain = json.dumps([hash((number, "x")) for number in range(size)]).encode()
    packed = pack(plain)
    _, incoming, seen = given(CHAT, f"Content-Encoding: {encoding}", body=packed)
    assert (incoming.decoded, incoming.body, seen.body) == (plain, packed, packed)


def test_lent_key_and_token_stay_out_of_each_others_way() -> None:
    _, incoming, seen = given(
        MESSAGES, "Authorization: Bearer T0", proxy_token="T0", api_key_anthropic="sk-ant"
    )
    assert seen.all("x-api-key") == ["sk-ant"]
    assert seen.all("authorization") == []
    assert all("T0" not in value for _, value in incoming.headers)


def test_tenants_of_two_keys_are_two(tmp_path: Any) -> None:
    def tenant(*headers: str) -> str:
        return given(CHAT, *headers, tenancy="key", data_dir=tmp_path)[1].tenant

    first = tenant("Authorization: Bearer sk-a", "X-Stitcher-Session: s")
    assert tenant("x-api-key: sk-a") == first
    assert tenant("Authorization: Bearer sk-b", "X-Stitcher-Session: s") != first


# Past the exchange


@pytest.mark.parametrize("path", [CHAT, "/messages"])
def test_mode_off_is_a_plain_relay(path: str) -> None:
    async def story() -> None:
        async with provider() as upstream, stage(upstream) as proxy:
            headers = ["X-Stitcher-Mode: off", "Accept-Encoding: exotic"]
            answer = await ask(proxy.url, "POST", f"{path}?session=s&a=b", *headers, body=b"\xff{")
            own = [pair for pair in answer.headers if pair[0].lower().startswith("x-stitcher")]
            assert own == [("X-Stitcher-Status", "off")]
            assert proxy.exchange.incoming == []
            (seen,) = upstream.requests
            assert (seen.body, seen.get("accept-encoding")) == (b"\xff{", "exotic")
            assert seen.target.endswith("?a=b")

    run(story())


@pytest.mark.parametrize("encoding", ["exotic", "gzip", "br", "gzip, zstd"])
def test_body_that_cannot_be_decoded_goes_on_unchanged(encoding: str) -> None:
    async def story() -> None:
        async with provider() as upstream, stage(upstream) as proxy:
            answer = await ask(
                proxy.url, "POST", CHAT, f"Content-Encoding: {encoding}", body=b"\x01opaque"
            )
            assert answer.status == 200
            assert (answer.get("x-stitcher-status") or "").startswith("bypass; content-encoding")
            assert proxy.exchange.incoming == []
            assert upstream.requests[0].body == b"\x01opaque"
            assert upstream.requests[0].get("content-encoding") == encoding

    run(story())


def test_fault_of_ours_passes_the_request_on(caplog: pytest.LogCaptureFixture) -> None:
    async def converse(upstream: HttpUpstream, incoming: Incoming, reply: Reply) -> None:
        raise LookupError("sk-secret in an exception")

    async def story() -> None:
        async with provider() as upstream, stage(upstream, converse) as proxy:
            answer = await ask(proxy.url, "POST", f"{CHAT}?a=b", "X-A: b", body=BODY)
            assert (answer.status, answer.body) == (200, b"{}")
            assert answer.get("x-stitcher-status") == "bypass; internal error"
            (seen,) = upstream.requests
            assert (seen.target, seen.body, seen.get("x-a")) == (f"{CHAT}?a=b", BODY, "b")

    with caplog.at_level(logging.DEBUG):
        run(story())
    assert "unexpected LookupError at " in caplog.text
    assert "test_dialect_calls.py" in caplog.text
    assert "sk-secret" not in caplog.text


def test_an_exchange_that_says_nothing_is_a_fault_of_ours() -> None:
    async def converse(upstream: HttpUpstream, incoming: Incoming, reply: Reply) -> None:
        return

    async def story() -> None:
        async with provider() as upstream, stage(upstream, converse) as proxy:
            answer = await ask(proxy.url, "POST", CHAT, body=BODY)
            assert answer.get("x-stitcher-status") == "bypass; internal error"

    run(story())


# Errors


def shapes(path: str, error: dict[str, Any]) -> str:
    """The message, out of the dialect's own shape."""
    if "messages" in path:
        assert error["type"] == "error"
        assert error["request_id"].startswith("stitcher_")
    else:
        assert set(error["error"]) == {"message", "type", "param", "code"}
    message = error["error"]["message"]
    assert message.startswith("stitcher: ")
    return str(message)


def refused(path: str, *headers: str, body: bytes = BODY, **settings: Any) -> tuple[int, str]:
    async def story() -> tuple[int, str]:
        async with provider() as upstream, stage(upstream, **settings) as proxy:
            answer = await ask(proxy.url, "POST", path, *headers, body=body)
            assert upstream.requests == []
            assert answer.get("content-type") == "application/json"
            return answer.status, shapes(path, json.loads(answer.body))

    return run(story())


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_refusals_in_both_shapes(path: str, tmp_path: Any) -> None:
    status, message = refused(path, "X-Stitcher-Mode: sideways")
    assert (status, message) == (
        400,
        "stitcher: X-Stitcher-Mode: found 'sideways', expected stitch, observe or off",
    )
    status, message = refused(path, body=b"x" * 1025, max_body=1024)
    assert (status, "found 1,025 bytes, expected at most 1,024" in message) == (413, True)
    status, message = refused(
        path, "Transfer-Encoding: chunked", body=chunked(b"x" * 1025), max_body=1024
    )
    assert (status, "expected at most 1,024 bytes" in message) == (413, True)
    bomb = gzip.compress(bytes(1_000_000))
    status, message = refused(path, "Content-Encoding: gzip", body=bomb, max_body=2048)
    assert (status, "expected at most 2,048 bytes" in message) == (413, True)
    status, message = refused(path, proxy_token="T0")
    assert (status, "proxy token" in message) == (401, True)
    status, message = refused(path, tenancy="key", data_dir=tmp_path)
    assert (status, "API key" in message) == (401, True)
    status, message = refused(path, "Origin: https://evil.test")
    assert (status, "web page" in message) == (403, True)
    status, message = refused(path, "Host: evil.test")
    assert (status, "localhost" in message) == (403, True)


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize(("error", "status"), [(UpstreamError, 502), (StoreError, 500)])
def test_what_the_exchange_raises_is_answered(
    path: str, error: type[Exception], status: int
) -> None:
    async def converse(upstream: HttpUpstream, incoming: Incoming, reply: Reply) -> None:
        raise error("found x, expected y")

    async def story() -> None:
        async with provider() as upstream, stage(upstream, converse) as proxy:
            answer = await ask(proxy.url, "POST", path, body=BODY)
            assert answer.status == status
            assert shapes(path, json.loads(answer.body)) == "stitcher: found x, expected y"
            assert upstream.requests == []

    run(story())


@pytest.mark.parametrize("mode", ["off", "stitch"])
def test_provider_that_is_not_there(mode: str) -> None:
    async def story() -> None:
        async with stage("http://127.0.0.1:9", mode=mode) as proxy:
            answer = await ask(proxy.url, "POST", MESSAGES, body=BODY)
            assert answer.status == 502
            assert "no connection" in shapes(MESSAGES, json.loads(answer.body))

    run(story())


def test_providers_own_error_goes_back_unchanged() -> None:
    error = b'{"error":{"message":"Too many","type":"requests","param":null,"code":"rate"}}'

    async def script(call: Call) -> None:
        headers = ["Content-Type: application/json", "retry-after: 2", "x-request-id: r"]
        await call.answer(error, *headers, status="429 Too Many Requests")

    async def story() -> None:
        async with provider(script) as upstream, stage(upstream) as proxy:
            answer = await ask(proxy.url, "POST", CHAT, body=BODY)
            assert (answer.status, answer.body) == (429, error)
            assert (answer.get("retry-after"), answer.get("x-request-id")) == ("2", "r")

    run(story())


def test_answer_cut_short_is_not_made_to_look_whole() -> None:
    async def script(call: Call) -> None:
        await call.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        call.close()

    async def story() -> None:
        async with (
            provider(script) as upstream,
            stage(upstream) as proxy,
            connection(proxy.url) as client,
        ):
            await client.send(request("POST", CHAT, body=BODY))
            await client.head()
            assert await client.chunk() == b"abc"
            assert await client.rest() == b""

    run(story())


# Streams and clients that leave


def test_each_chunk_is_written_before_the_next_arrives() -> None:
    async def story() -> None:
        arrived = asyncio.Queue[int]()

        async def script(call: Call) -> None:
            await call.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for number in range(4):
                assert await arrived.get() == number
                await call.send(chunked(b"data: %d\n\n" % number)[:-5])
            await call.send(chunked())

        async with (
            provider(script) as upstream,
            stage(upstream) as proxy,
            connection(proxy.url) as client,
        ):
            await client.send(request("POST", CHAT, body=BODY))
            assert (await client.head()).get("x-stitcher-status") == "passthrough"
            for number in range(4):
                arrived.put_nowait(number)
                assert await client.chunk() == b"data: %d\n\n" % number
            assert await client.chunk() == b""

    run(story())


@pytest.mark.parametrize("begun", [False, True])
def test_client_that_hangs_up_cancels_the_exchange(begun: bool) -> None:
    async def story() -> None:
        reached, cancelled, gone = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def script(call: Call) -> None:
            if begun:
                await call.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            reached.set()
            await call.hung_up()
            gone.set()

        async def converse(upstream: HttpUpstream, incoming: Incoming, reply: Reply) -> None:
            try:
                await forward(upstream, incoming, reply)
            except asyncio.CancelledError:
                cancelled.set()
                raise

        async with provider(script) as upstream, stage(upstream, converse) as proxy:
            async with connection(proxy.url) as client:
                await client.send(request("POST", CHAT, body=BODY))
                await reached.wait()
                if begun:
                    await client.head()
                client.hang_up()
            await cancelled.wait()
            await gone.wait()

    run(story())


def test_writing_to_a_client_that_left_says_so(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        left, noticed = asyncio.Event(), asyncio.Event()

        async def converse(upstream: HttpUpstream, incoming: Incoming, reply: Reply) -> None:
            await reply.start(200, [("Content-Type", "text/plain")])
            try:
                await left.wait()
                while True:
                    await reply.write(b"x" * 1000)
                    await asyncio.sleep(0)
            except (ClientGone, asyncio.CancelledError):
                noticed.set()
                raise

        async with provider() as upstream, stage(upstream, converse) as proxy:
            async with connection(proxy.url) as client:
                await client.send(request("POST", CHAT, body=BODY))
                await client.head()
                client.hang_up()
            left.set()
            await noticed.wait()

    run(story())
    assert caplog.text == ""
