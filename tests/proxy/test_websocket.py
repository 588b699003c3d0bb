"""The Responses API over WebSocket, from the client's side; the provider speaks HTTP only."""

import asyncio
import json
import logging

import pytest
from aiohttp import WSMsgType

from stitcher.errors import UpstreamError
from stitcher.ports import Incoming, Reply
from stitcher.proxy import websocket, websocket_dialer
from stitcher.proxy.upstream import HttpUpstream
from tests.proxy.raw import Call, ask, connection, provider, request, run
from tests.proxy.sockets import (
    CREATE,
    completed,
    dialled,
    over_http,
    streamed,
    told,
    told_until,
)
from tests.proxy.stage import Stage, stage

KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", KEY)
STREAM = "Content-Type: text/event-stream"


async def through(upstream: HttpUpstream, incoming: Incoming, reply: Reply) -> None:
    """An exchange without memory, over the connection's own way up."""
    assert incoming.channel is not None
    async with incoming.channel.send(incoming, incoming.body) as answer:
        await reply.start(answer.status, answer.headers)
        async for chunk in answer.chunks():
            await reply.write(chunk)
        await reply.finish()


def responses(proxy: Stage) -> str:
    return f"{proxy.url}/v1/responses"


# A turn


def test_a_frame_is_a_call_and_the_events_of_its_answer_are_frames() -> None:
    async def story() -> None:
        async with (
            provider(over_http) as upstream,
            stage(upstream, through) as proxy,
            dialled(
                f"{proxy.url}/v1/v1/responses?session=q&beta=1",
                "Authorization: Bearer sk-1",
                "OpenAI-Beta: responses_websockets=2026-02-06",
                "Thread-Id: t1",
                "X-Stitcher-Mode: observe",
            ) as client,
        ):
            await client.send_json({**CREATE, "model": "m"})
            assert await told(client) == {"type": "response.created"}
            assert (await told(client))["response"]["id"] == "resp_1"

            incoming = proxy.exchange.incoming[0]
            assert (incoming.dialect, incoming.path) == ("openai_responses", "/v1/responses")
            assert (incoming.query, incoming.session, incoming.mode) == ("beta=1", "q", "observe")
            assert json.loads(incoming.body) == CREATE
            assert incoming.decoded is incoming.body
            names = {name.lower() for name, _ in incoming.headers}
            assert {"authorization", "thread-id", "openai-beta"} <= names
            assert not names & {"upgrade", "connection", "sec-websocket-key"}

            upgrade, posted = upstream.requests
            assert upgrade.start == "GET /v1/responses?beta=1 HTTP/1.1"
            assert upgrade.get("openai-beta") == "responses_websockets=2026-02-06"
            assert upgrade.get("x-stitcher-mode") is None
            assert posted.start == "POST /v1/responses?beta=1 HTTP/1.1"
            wanted = {"model": "m", "input": [], "store": False, "stream": True}
            assert json.loads(posted.body) == wanted
            assert posted.get("authorization") == "Bearer sk-1"
            assert posted.get("content-type") == "application/json"
            assert posted.get("accept") == "text/event-stream"
            assert posted.get("openai-beta") is None

    run(story())


def test_prewarming_asks_the_provider_nothing() -> None:
    async def story() -> None:
        async with (
            provider(over_http) as upstream,
            stage(upstream, through) as proxy,
            dialled(responses(proxy)) as client,
        ):
            await client.send_json({**CREATE, "generate": False})
            assert (await told(client))["type"] == "response.created"
            warmed = (await told(client))["response"]
            assert (warmed["status"], warmed["output"]) == ("completed", [])
            await client.send_json({**CREATE, "previous_response_id": warmed["id"]})
            await told_until(client, "response.completed")
            _, posted = upstream.requests
            assert json.loads(posted.body)["previous_response_id"] == warmed["id"]
            channel = proxy.exchange.incoming[1].channel
            assert channel is not None
            assert not channel.holds(warmed["id"])

    run(story())


def test_answers_come_in_the_order_of_their_requests() -> None:
    async def echo(call: Call) -> None:
        if call.request.start.startswith("GET"):
            await call.answer(b"{}", status="426 Upgrade Required")
            return
        model = json.loads(call.request.body)["model"]
        await call.answer(streamed(completed(model)), STREAM)

    async def story() -> None:
        async with (
            provider(echo) as upstream,
            stage(upstream, through) as proxy,
            dialled(responses(proxy)) as client,
        ):
            for number in range(10):
                await client.send_json({**CREATE, "model": f"m{number}", "stream_id": f"s{number}"})
            found = [await told(client) for _ in range(10)]
            assert [each["response"]["id"] for each in found] == [f"m{n}" for n in range(10)]
            assert [each["stream_id"] for each in found] == [f"s{n}" for n in range(10)]

    run(story())


def test_too_many_waiting_are_refused_and_the_rest_is_answered() -> None:
    async def story() -> None:
        reached, go_on = asyncio.Event(), asyncio.Event()

        async def slow(call: Call) -> None:
            if call.request.start.startswith("POST"):
                reached.set()
                await go_on.wait()
            await over_http(call)

        async with (
            provider(slow) as upstream,
            stage(upstream, through) as proxy,
            dialled(responses(proxy)) as client,
        ):
            await client.send_json(CREATE)
            await reached.wait()  # the first one is being answered, and not in line
            for _ in range(websocket.MOST_WAITING + 1):
                await client.send_json(CREATE)
            refused = await told(client)
            assert (refused["type"], refused["status"]) == ("error", 429)
            go_on.set()
            for _ in range(websocket.MOST_WAITING + 1):
                await told_until(client, "response.completed")

    run(story())


# What goes wrong


def test_an_error_of_the_provider_is_a_frame_with_status_and_headers() -> None:
    body = b'{"error": {"message": "slow down", "code": "rate_limit_exceeded"}}'

    async def limited(call: Call) -> None:
        if call.request.start.startswith("GET"):
            await call.answer(b"{}", status="404 Not Found")
            return
        await call.answer(body, "Retry-After: 2", status="429 Too Many Requests")

    async def story() -> None:
        async with (
            provider(limited) as upstream,
            stage(upstream, through) as proxy,
            dialled(responses(proxy)) as client,
        ):
            await client.send_json(CREATE)
            frame = await told(client)
            assert (frame["type"], frame["status"]) == ("error", 429)
            assert frame["error"] == json.loads(body)["error"]
            assert frame["headers"]["retry-after"] == "2"

    run(story())


@pytest.mark.parametrize("cut", [True, False])
def test_a_stream_that_ends_early_ends_in_an_error(cut: bool) -> None:
    begun = streamed({"type": "response.created"})

    async def breaking(call: Call) -> None:
        if call.request.start.startswith("GET"):
            await call.answer(b"{}", status="404 Not Found")
            return
        length = len(begun) + cut
        head = f"HTTP/1.1 200 OK\r\n{STREAM}\r\nContent-Length: {length}\r\n\r\n"
        await call.send(head.encode() + begun)
        if cut:
            call.close()

    async def story() -> None:
        async with (
            provider(breaking) as upstream,
            stage(upstream, through) as proxy,
            dialled(responses(proxy)) as client,
        ):
            for _ in range(2):  # the connection survives it
                await client.send_json(CREATE)
                assert (await told(client))["type"] == "response.created"
                frame = await told(client)
                assert (frame["type"], frame["status"]) == ("error", 502)
                assert frame["error"]["message"].startswith("stitcher: ")

    run(story())


@pytest.mark.parametrize(
    ("frame", "found"),
    [
        ("hello", "found text that is not JSON"),
        ('{"type": "response.cre', "found text that is not JSON"),
        ("[]", "found JSON that is no object"),
        ('{"model": "m"}', "found no type"),
        (b"\x00\x01", "found a binary one"),
        ('{"type":"response.create","a":1,"a":2}', "repeat a key"),
    ],
)
def test_what_is_no_request_is_named_and_the_connection_stays(
    frame: str | bytes, found: str
) -> None:
    async def story() -> None:
        async with (
            provider(over_http) as upstream,
            stage(upstream, through) as proxy,
            dialled(responses(proxy)) as client,
        ):
            await (client.send_bytes(frame) if isinstance(frame, bytes) else client.send_str(frame))
            refused = await told(client)
            assert (refused["type"], refused["status"]) == ("error", 400)
            assert refused["error"]["message"].startswith("stitcher: frame: ")
            assert found in refused["error"]["message"]
            await client.send_json(CREATE)
            await told_until(client, "response.completed")

    run(story())


def test_a_frame_that_is_too_large_closes_the_connection() -> None:
    async def story() -> None:
        async with (
            provider(over_http) as upstream,
            stage(upstream, through, max_body=4096) as proxy,
            dialled(responses(proxy)) as client,
        ):
            await client.send_str("x" * 5000)
            await client.receive()
            assert client.close_code == 1009

    run(story())


def test_bytes_that_are_no_frame_close_the_connection() -> None:
    async def story() -> None:
        async with (
            provider(over_http) as upstream,
            stage(upstream, through) as proxy,
            connection(proxy.url) as client,
        ):
            await client.send(request("GET", "/v1/responses", *UPGRADE))
            assert (await client.head()).status == 101
            await client.send(b"\xf3\xf3\xf3\xf3 what is this")
            assert (await client.rest())[:4] == b"\x88\x02" + (1002).to_bytes(2)

    run(story())


def test_a_fault_of_ours_is_not_the_client_s(caplog: pytest.LogCaptureFixture) -> None:
    async def faulty(upstream: HttpUpstream, incoming: Incoming, reply: Reply) -> None:
        raise KeyError("secret words")

    async def story() -> None:
        async with (
            provider(over_http) as upstream,
            stage(upstream, faulty) as proxy,
            dialled(responses(proxy)) as client,
        ):
            await client.send_json(CREATE)
            await told_until(client, "response.completed")

    run(story())
    assert "unexpected KeyError" in caplog.text
    assert "secret words" not in caplog.text


def test_no_answer_is_an_error_frame() -> None:
    async def story() -> None:
        async with (
            stage("http://127.0.0.1:9", through) as proxy,
            dialled(responses(proxy)) as client,
        ):
            await client.send_json(CREATE)
            frame = await told(client)
            assert (frame["status"], frame["error"]["code"]) == (502, "upstream_error")

    run(story())


def test_a_late_fault_is_an_error_frame() -> None:
    async def late(upstream: HttpUpstream, incoming: Incoming, reply: Reply) -> None:
        await reply.start(200, [("Content-Type", "text/event-stream")])
        await reply.write(streamed({"type": "response.created"}))
        raise UpstreamError("127.0.0.1: silent for 1 s while answering")

    async def story() -> None:
        async with (
            provider(over_http) as upstream,
            stage(upstream, late) as proxy,
            dialled(responses(proxy)) as client,
        ):
            await client.send_json(CREATE)
            await told(client)
            assert "silent for 1 s" in (await told(client))["error"]["message"]

    run(story())


# Leaving


async def never_ending(call: Call) -> None:
    if call.request.start.startswith("GET"):
        await call.answer(b"{}", status="404 Not Found")
        return
    await call.send(f"HTTP/1.1 200 OK\r\n{STREAM}\r\n\r\n".encode())
    await call.send(streamed({"type": "response.created"}))
    await call.hung_up()


@pytest.mark.parametrize("how", ["close", "cut", "cancel"])
def test_a_client_that_leaves_ends_what_it_asked_for(how: str) -> None:
    async def story() -> None:
        ended = asyncio.Event()

        async def script(call: Call) -> None:
            await never_ending(call)
            if call.request.start.startswith("POST"):
                ended.set()
                call.close()

        async with (
            provider(script) as upstream,
            stage(upstream, through) as proxy,
            dialled(responses(proxy)) as client,
        ):
            await client.send_json(CREATE)
            await told(client)
            if how == "close":
                await client.close()
            elif how == "cut":
                client._response.close()  # without a word
            else:
                await client.send_json({"type": "response.cancel"})
                frame = await told(client)
                assert (frame["status"], frame["error"]["code"]) == (499, "cancelled")
            await ended.wait()

    run(story())


def test_a_client_that_does_not_answer_pings_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "HEARTBEAT", 0.05)

    async def story() -> None:
        async with (
            provider(over_http) as upstream,
            stage(upstream, through) as proxy,
            connection(proxy.url) as client,
        ):
            await client.send(request("GET", "/v1/responses", *UPGRADE))
            assert (await client.head()).status == 101
            await client.send(b"\x81\xfe\x40\x00half a fra")  # of 16,384 bytes
            assert (await client.rest())[:2] == b"\x89\x00"  # a ping, then the end

    run(story())


def test_a_quiet_client_stays_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "HEARTBEAT", 0.05)

    async def story() -> None:
        async with (
            provider(over_http) as upstream,
            stage(upstream, through) as proxy,
            dialled(responses(proxy), autoping=False) as client,
        ):
            for _ in range(5):
                message = await client.receive()
                assert message.type is WSMsgType.PING
                await client.pong(message.data)
            await client.send_json(CREATE)
            assert (await told(client))["type"] == "response.created"

    run(story())


def test_a_client_that_is_silent_for_too_long_is_told_to_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(websocket, "SILENT_FOR", 0.05)

    async def story() -> None:
        async with (
            provider(over_http) as upstream,
            stage(upstream, through) as proxy,
            dialled(responses(proxy)) as client,
        ):
            await client.receive()
            assert client.close_code == 1001

    run(story())


def test_stopping_lets_the_running_answer_finish() -> None:
    async def story() -> None:
        reached, go_on = asyncio.Event(), asyncio.Event()

        async def slow(call: Call) -> None:
            if call.request.start.startswith("POST"):
                reached.set()
                await go_on.wait()
            await over_http(call)

        async with provider(slow) as upstream:
            running = stage(upstream, through)
            proxy = await running.__aenter__()
            async with dialled(responses(proxy)) as idle, dialled(responses(proxy)) as client:
                await client.send_json(CREATE)
                await client.send_json(CREATE)  # waits, and is not begun any more
                await reached.wait()
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(running.__aexit__(None, None, None))
                    await idle.receive()
                    assert idle.close_code == 1001
                    go_on.set()
                    await told_until(client, "response.completed")
                    await client.receive()
                    assert client.close_code == 1001
            assert len(proxy.exchange.incoming) == 1

    run(story())


# Whether there is a WebSocket at all


@pytest.mark.parametrize("target", ["/responses", "/v1/responses", "/v1/v1/responses", "/v1/x"])
def test_without_websocket_an_upgrade_is_answered_426(target: str) -> None:
    async def story() -> None:
        async with provider() as upstream, stage(upstream, websocket=False) as proxy:
            answer = await ask(proxy.url, "GET", target, *UPGRADE)
            assert (answer.status, answer.get("upgrade")) == (426, "HTTP/1.1")
            assert "expected a plain HTTP" in json.loads(answer.body)["error"]["message"]
            assert upstream.requests == []

    run(story())


@pytest.mark.parametrize(
    ("status", "asked"), [("404 Not Found", 1), ("405 No", 1), ("200 OK", 1), ("503 Later", 2)]
)
def test_a_provider_without_websocket_is_not_asked_each_time(status: str, asked: int) -> None:
    async def script(call: Call) -> None:
        await call.answer(b"{}", status=status)

    async def story() -> None:
        async with provider(script) as upstream, stage(upstream, through) as proxy:
            for _ in range(2):
                async with dialled(responses(proxy)):
                    pass
            assert len(upstream.requests) == asked

    run(story())


def test_a_provider_that_lets_an_upgrade_hang_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(websocket_dialer, "HANDSHAKE_WITHIN", 0.05)

    async def hanging(call: Call) -> None:
        if call.request.start.startswith("GET"):
            await call.hung_up()
            call.close()
            return
        await over_http(call)

    async def story() -> None:
        async with (
            provider(hanging) as upstream,
            stage(upstream, through) as proxy,
            dialled(responses(proxy)) as client,
        ):
            await client.send_json(CREATE)
            await told_until(client, "response.completed")

    run(story())


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden", "429 Slow Down"])
def test_a_client_the_provider_refuses_hears_it_from_the_provider(status: str) -> None:
    body = b'{"error": {"message": "not you"}}'

    async def script(call: Call) -> None:
        await call.answer(body, "Retry-After: 3", "X-Request-Id: r1", status=status)

    async def story() -> None:
        async with provider(script) as upstream, stage(upstream, through) as proxy:
            for _ in range(2):  # never remembered
                answer = await ask(proxy.url, "GET", "/v1/responses", *UPGRADE)
                assert answer.start == f"HTTP/1.1 {status}"
                assert (answer.body, answer.get("retry-after")) == (body, "3")
                assert answer.get("x-request-id") == "r1"
            assert len(upstream.requests) == 2

    run(story())


@pytest.mark.parametrize(
    "headers",
    [
        ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
        ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 12", KEY),
        (*UPGRADE[:3], "Sec-WebSocket-Key: short"),
        (*UPGRADE[:3], "Sec-WebSocket-Key: ключ"),
    ],
)
def test_half_a_handshake_is_refused(headers: tuple[str, ...]) -> None:
    async def story() -> None:
        async with provider() as upstream, stage(upstream) as proxy:
            answer = await ask(proxy.url, "GET", "/v1/responses", *headers)
            assert answer.status == 400
            assert "RFC 6455" in json.loads(answer.body)["error"]["message"]
            assert upstream.requests == []

    run(story())


def test_the_gate_is_the_same(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async with provider(over_http) as upstream:
            async with stage(upstream, through) as proxy:
                page = (*UPGRADE, "Origin: https://evil.test")
                assert (await ask(proxy.url, "GET", "/v1/responses", *page)).status == 403
                wrong = (*UPGRADE, "X-Stitcher-Mode: loud")
                assert (await ask(proxy.url, "GET", "/v1/responses", *wrong)).status == 400
            async with stage(upstream, through, proxy_token="T0", api_key="sk-ours") as proxy:
                assert (await ask(proxy.url, "GET", "/v1/responses", *UPGRADE)).status == 401
                assert upstream.requests == []
                async with dialled(
                    responses(proxy), "X-Stitcher-Token: T0", protocols=["key.sk-theirs"]
                ) as client:
                    await client.send_json(CREATE)
                    await told_until(client, "response.completed")
            for seen in upstream.requests:
                assert seen.get("authorization") == "Bearer sk-ours"
                assert seen.get("x-stitcher-token") is None

    with caplog.at_level(logging.DEBUG):
        run(story())
    assert "sk-" not in caplog.text
