"""The Responses API over WebSocket to a provider that speaks it, too; and every other WebSocket."""

import asyncio
import json
from typing import Any

import pytest
from aiohttp import WSMsgType

from stitcher.ports import Channel, Incoming, Reply
from stitcher.proxy import websocket_dialer
from stitcher.proxy.upstream import HttpUpstream
from tests.proxy.raw import Call, ask, provider, run
from tests.proxy.sockets import (
    CREATE,
    ServerSocket,
    SocketProvider,
    completed,
    dialled,
    socket_provider,
    streamed,
    told,
    told_until,
)
from tests.proxy.stage import Stage, stage
from tests.proxy.test_websocket import UPGRADE, responses, through

JSON = "Content-Type: application/json"


def channel(proxy: Stage) -> Channel:
    found = proxy.exchange.incoming[-1].channel
    assert found is not None
    return found


async def echo(socket: ServerSocket, number: int) -> None:
    """Answers each frame with a response whose id is the model asked for."""
    async for message in socket:
        asked = json.loads(message.data)
        if asked["type"] == "response.create":
            await socket.send_json({"type": "response.created"})
            await socket.send_json(completed(asked["model"]))


# A turn


def test_frames_pass_byte_for_byte() -> None:
    sent = b'{ "type" :"response.create","model":"m", "input":[ {"n":1.0} ]}'.decode()
    frames = (
        '{"type":"response.created", "x": 1.0}',
        '{"type":"codex.rate_limits","plan_type":"pro"}',
        '{"type":"response.output_text.delta","delta":"naïve ✓ 🧵 \\u0000"}',
        '{"type":"response.completed","response":{"id":"resp_1"}}',
    )
    seen: list[str] = []

    async def script(socket: ServerSocket, number: int) -> None:
        async for message in socket:
            seen.append(message.data)
            for frame in frames:
                await socket.send_str(frame)

    async def story() -> None:
        async with (
            socket_provider(script) as upstream,
            stage(upstream.url, through) as proxy,
            dialled(responses(proxy)) as client,
        ):
            for _ in range(2):
                await client.send_str(sent)
                assert tuple([await client.receive_str() for _ in frames]) == frames
            assert seen == [sent, sent]
            assert len(upstream.handshakes) == 1

    run(story())


def test_the_handshake_is_the_client_s_up_and_the_provider_s_down() -> None:
    headers = [
        ("X-Codex-Turn-State", "t=1"),
        ("X-Request-Id", "r1"),
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
    ]

    async def story() -> None:
        async with (
            socket_provider(echo, headers, ["v1"]) as upstream,
            stage(upstream.url, through) as proxy,
            dialled(
                f"{responses(proxy)}?session=s&beta=1",
                "Authorization: Bearer sk-1",
                "OpenAI-Beta: responses_websockets=2026-02-06",
                "X-Stitcher-Session: ours",
                protocols=["v2", "v1"],
                compress=15,
            ) as client,
        ):
            (asked,) = upstream.handshakes
            assert asked.raw_path == "/v1/responses?beta=1"
            assert asked.headers["Authorization"] == "Bearer sk-1"
            assert asked.headers["OpenAI-Beta"] == "responses_websockets=2026-02-06"
            assert asked.headers["Host"] == upstream.url.removeprefix("http://")
            assert "X-Stitcher-Session" not in asked.headers
            assert asked.headers["Sec-WebSocket-Protocol"] == "v2,v1"
            assert asked.headers["Sec-WebSocket-Extensions"].startswith("permessage-deflate")
            told_back = client._response.headers
            assert (told_back["X-Codex-Turn-State"], told_back["X-Request-Id"]) == ("t=1", "r1")
            assert told_back.getall("Set-Cookie") == ["a=1", "b=2"]
            assert (client.protocol, bool(client.compress)) == ("v1", True)

    run(story())


def test_a_connection_holds_its_latest_response() -> None:
    async def script(socket: ServerSocket, number: int) -> None:
        async for message in socket:
            asked = json.loads(message.data)
            if asked["model"] == "fails":
                await socket.send_json({"type": "response.failed"})
            else:
                await socket.send_json(completed(asked["model"]))

    async def story() -> None:
        async with (
            socket_provider(script) as upstream,
            stage(upstream.url, through) as proxy,
            dialled(responses(proxy)) as client,
        ):
            held: list[list[bool]] = []
            for model in ("r1", "r2", "fails"):
                await client.send_json({**CREATE, "model": model, "generate": False})
                await told(client)
                held.append([channel(proxy).holds(each) for each in ("r1", "r2", "")])
            expected = [[True, False, False], [False, True, False], [False, False, False]]
            assert held == expected

    run(story())


def test_what_is_said_between_two_answers_is_passed_on() -> None:
    async def script(socket: ServerSocket, number: int) -> None:
        await socket.send_json({"type": "codex.rate_limits"})
        async for message in socket:
            asked = json.loads(message.data)["type"]
            if asked == "response.create":
                await socket.send_json(completed("r1"))
            await socket.send_json({"type": "noticed", "what": asked})

    async def story() -> None:
        async with (
            socket_provider(script) as upstream,
            stage(upstream.url, through) as proxy,
            dialled(responses(proxy)) as client,
        ):
            assert await told(client) == {"type": "codex.rate_limits"}
            await client.send_json(CREATE)
            assert (await told(client))["type"] == "response.completed"
            assert await told(client) == {"type": "noticed", "what": "response.create"}
            await client.send_json({"type": "response.processed", "response_id": "r1"})
            assert await told(client) == {"type": "noticed", "what": "response.processed"}

    run(story())


def test_cancelling_is_left_to_the_provider() -> None:
    async def script(socket: ServerSocket, number: int) -> None:
        async for message in socket:
            if json.loads(message.data)["type"] == "response.create":
                await socket.send_json({"type": "response.created"})
            else:
                await socket.send_json({"type": "response.incomplete", "response": {"id": "r1"}})

    async def story() -> None:
        async with (
            socket_provider(script) as upstream,
            stage(upstream.url, through) as proxy,
            dialled(responses(proxy)) as client,
        ):
            for _ in range(2):
                await client.send_json(CREATE)
                await told(client)
                await client.send_json({"type": "response.cancel"})
                assert (await told(client))["type"] == "response.incomplete"
            assert len(upstream.handshakes) == 1

    run(story())


# What goes wrong


def test_an_error_before_anything_else_is_an_answer_that_can_be_tried_again() -> None:
    error = {"code": "previous_response_not_found", "message": "no such response"}
    answers: list[tuple[int, Any]] = []

    async def twice(upstream: HttpUpstream, incoming: Incoming, reply: Reply) -> None:
        assert incoming.channel is not None
        async with incoming.channel.send(incoming, incoming.body) as answer:
            body = b"".join([chunk async for chunk in answer.chunks()])
            answers.append((answer.status, json.loads(body)))
        again = incoming.body.replace(b'"lost"', b'"r2"')
        async with incoming.channel.send(incoming, again) as answer:
            await reply.start(answer.status, answer.headers)
            async for chunk in answer.chunks():
                await reply.write(chunk)
            await reply.finish()

    async def script(socket: ServerSocket, number: int) -> None:
        async for message in socket:
            asked = json.loads(message.data)["model"]
            refusal = {"type": "error", "status": 400, "error": error}
            await socket.send_json(refusal if asked == "lost" else completed(asked))

    async def story() -> None:
        async with (
            socket_provider(script) as upstream,
            stage(upstream.url, twice) as proxy,
            dialled(responses(proxy)) as client,
        ):
            await client.send_json({**CREATE, "model": "lost"})
            assert (await told(client))["response"]["id"] == "r2"
            assert answers == [(400, {"error": error})]
            assert len(upstream.handshakes) == 1

    run(story())


def test_an_error_goes_back_as_it_came() -> None:
    refusal = {
        "type": "error",
        "status": 429,
        "error": {"type": "usage_limit_reached", "message": "later", "resets_in_seconds": 7},
        "headers": {"retry-after": "7"},
    }

    async def script(socket: ServerSocket, number: int) -> None:
        async for _ in socket:
            await socket.send_json(refusal)

    async def story() -> None:
        async with (
            socket_provider(script) as upstream,
            stage(upstream.url, through) as proxy,
            dialled(responses(proxy)) as client,
        ):
            for _ in range(2):
                await client.send_json(CREATE)
                assert await told(client) == refusal

    run(story())


@pytest.mark.parametrize("begun", [True, False])
def test_a_connection_lost_in_an_answer_is_an_error_and_the_next_one_is_answered(
    begun: bool,
) -> None:
    async def script(socket: ServerSocket, number: int) -> None:
        if number > 0:
            await echo(socket, number)
            return
        await socket.receive()
        if begun:
            await socket.send_json({"type": "response.created"})
        assert socket._req is not None
        assert socket._req.transport is not None
        socket._req.transport.close()

    async def story() -> None:
        async with (
            socket_provider(script) as upstream,
            stage(upstream.url, through) as proxy,
            dialled(responses(proxy)) as client,
        ):
            await client.send_json(CREATE)
            if begun:
                assert (await told(client))["type"] == "response.created"
            frame = await told(client)
            assert (frame["type"], frame["status"]) == ("error", 502)
            assert "closed the connection" in frame["error"]["message"]
            await client.send_json(CREATE)
            await told_until(client, "response.completed")
            assert len(upstream.handshakes) == 2

    run(story())


def test_a_connection_lost_between_answers_is_made_again_and_holds_nothing() -> None:
    async def story() -> None:
        gone = asyncio.Event()

        async def script(socket: ServerSocket, number: int) -> None:
            if number > 0:
                await echo(socket, number)
                return
            await socket.receive()
            await socket.send_json(completed("r1"))
            await socket.receive()
            await socket.close(code=1001)
            gone.set()

        async with (
            socket_provider(script) as upstream,
            stage(upstream.url, through) as proxy,
            dialled(responses(proxy), "X-Name: client") as client,
        ):
            await client.send_json(CREATE)
            await told(client)
            assert channel(proxy).holds("r1")
            await client.send_json({"type": "response.processed"})
            await gone.wait()
            await client.send_json(CREATE)
            await told_until(client, "response.completed")
            assert not channel(proxy).holds("r1")
            assert [each.headers["X-Name"] for each in upstream.handshakes] == ["client"] * 2

    run(story())


def test_where_it_cannot_be_made_again_requests_go_over_http() -> None:
    async def story() -> None:
        gone = asyncio.Event()
        answer = streamed(completed("over http"))

        async def script(call: Call) -> None:
            if call.request.start.startswith("POST"):
                await call.answer(answer, "Content-Type: text/event-stream")
            elif call.number == 0 and not gone.is_set():
                await call.send(accepting(call))
                await call.reader.readexactly(2)  # the beginning of the client's frame
                gone.set()
                call.close()
            else:
                await call.answer(b"{}", status="503 Later")

        async with (
            provider(script) as upstream,
            stage(upstream, through) as proxy,
            dialled(responses(proxy)) as client,
        ):
            await client.send_json({"type": "response.processed"})
            await gone.wait()
            await client.send_json(CREATE)
            assert (await told(client))["response"]["id"] == "over http"

    run(story())


def test_a_response_in_place_of_a_stream_reaches_the_client_all_the_same() -> None:
    """Some providers know neither WebSocket nor streams."""
    item = {"type": "message", "role": "assistant", "content": []}
    document = {"id": "resp_1", "object": "response", "status": "completed", "output": [item]}

    async def script(call: Call) -> None:
        if call.request.start.startswith("POST"):
            await call.answer(json.dumps(document, indent=1).encode(), JSON)
        else:
            await call.answer(b"{}", status="404 Not Found")

    async def story() -> None:
        async with (
            provider(script) as upstream,
            stage(upstream, through) as proxy,
            dialled(responses(proxy)) as client,
        ):
            await client.send_json(CREATE)
            created, done, completed = [await told(client) for _ in range(3)]
            assert created["type"] == "response.created"
            assert (done["type"], done["item"]) == ("response.output_item.done", item)
            assert (completed["type"], completed["response"]) == ("response.completed", document)

    run(story())


@pytest.mark.parametrize("body", [b'{"choices":[]}', b"{"])
def test_other_json_in_place_of_a_stream_is_an_error(body: bytes) -> None:
    async def script(call: Call) -> None:
        if call.request.start.startswith("POST"):
            await call.answer(body, JSON)
        else:
            await call.answer(b"{}", status="404 Not Found")

    async def story() -> None:
        async with (
            provider(script) as upstream,
            stage(upstream, through) as proxy,
            dialled(responses(proxy)) as client,
        ):
            await client.send_json(CREATE)
            error = await told(client)
            assert (error["type"], error["status"]) == ("error", 502)
            assert "no stream" in error["error"]["message"]

    run(story())


def accepting(call: Call) -> bytes:
    """The bytes that accept an upgrade (RFC 6455 4.2.2)."""
    import base64
    import hashlib

    key = (call.request.get("sec-websocket-key") or "") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
    lines = ("Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Accept: {accept}")
    return "\r\n".join(["HTTP/1.1 101 Switching Protocols", *lines, "", ""]).encode()


@pytest.mark.parametrize("how", ["silent", "garbage", "half a frame"])
def test_a_provider_that_stops_making_sense_is_an_error(how: str) -> None:
    async def script(call: Call) -> None:
        if call.number or not call.request.start.startswith("GET"):
            return
        await call.send(accepting(call))
        await call.reader.readexactly(2)
        await call.send(
            {"silent": b"", "garbage": b"\xf3\xf3\xf3", "half a frame": b"\x81\x7d{"}[how]
        )
        await call.hung_up()

    async def story() -> None:
        async with (
            provider(script) as upstream,
            stage(upstream, through, first_byte_timeout=0.2) as proxy,
            dialled(responses(proxy)) as client,
        ):
            await client.send_json(CREATE)
            frame = await told(client)
            assert frame["type"] == "error"
            assert frame["status"] == (502 if how == "garbage" else 504)

    run(story())


def test_a_provider_that_does_not_answer_pings_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket_dialer, "HEARTBEAT", 0.05)

    async def script(call: Call) -> None:
        await call.send(accepting(call))
        await call.hung_up()

    async def story() -> None:
        async with (
            provider(script) as upstream,
            stage(upstream, through) as proxy,
            dialled(responses(proxy)) as client,
        ):
            await client.send_json(CREATE)
            assert "closed the connection" in (await told(client))["error"]["message"]

    run(story())


@pytest.mark.parametrize("how", ["close", "cut"])
def test_a_client_that_leaves_takes_the_provider_s_connection_along(how: str) -> None:
    async def story() -> None:
        ended = asyncio.Event()

        async def script(socket: ServerSocket, number: int) -> None:
            await socket.receive()
            await socket.send_json({"type": "response.created"})
            await socket.receive()
            ended.set()

        async with (
            socket_provider(script) as upstream,
            stage(upstream.url, through) as proxy,
            dialled(responses(proxy)) as client,
        ):
            await client.send_json(CREATE)
            await told(client)
            await client.close() if how == "close" else client._response.close()
            await ended.wait()

    run(story())


# Relayed as they are


async def mirror(socket: ServerSocket, number: int) -> None:
    async for message in socket:
        if message.data == "bye":
            await socket.close(code=4001, message=b"that is all")
        elif message.type is WSMsgType.TEXT:
            await socket.send_str(message.data)
        else:
            await socket.send_bytes(message.data)


@pytest.mark.parametrize(
    ("target", "headers"),
    [("/v1/realtime?model=m", ()), ("/v1/responses", ("X-Stitcher-Mode: off",))],
)
def test_messages_are_relayed_as_they_come(target: str, headers: tuple[str, ...]) -> None:
    async def story() -> None:
        async with (
            socket_provider(mirror, [("X-Request-Id", "r1")]) as upstream,
            stage(upstream.url) as proxy,
            dialled(proxy.url + target, *headers) as client,
        ):
            assert client._response.headers["X-Request-Id"] == "r1"
            await client.send_str("not JSON ✓")
            assert await client.receive_str() == "not JSON ✓"
            await client.send_bytes(b"\x00\xff")
            assert await client.receive_bytes() == b"\x00\xff"
            await client.send_str("bye")
            message = await client.receive()
            assert (message.type, message.data) == (WSMsgType.CLOSE, 4001)
            assert message.extra == "that is all"
            assert [each.raw_path for each in upstream.handshakes] == [target]
            assert proxy.exchange.incoming == []

    run(story())


def test_a_relay_ends_with_its_client_and_with_the_proxy() -> None:
    codes: list[int | None] = []

    async def script(socket: ServerSocket, number: int) -> None:
        await mirror(socket, number)
        codes.append(socket.close_code)

    async def story(upstream: SocketProvider) -> None:
        async with stage(upstream.url) as proxy, dialled(f"{proxy.url}/v1/realtime") as client:
            await client.close(code=4002)
        running = stage(upstream.url)
        proxy = await running.__aenter__()
        async with dialled(f"{proxy.url}/v1/realtime") as client:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(running.__aexit__(None, None, None))
                await client.receive()
            assert client.close_code == 1001

    async def whole() -> None:
        async with socket_provider(script) as upstream:
            await story(upstream)
        assert codes == [4002, 1001]

    run(whole())


def test_a_refusal_is_given_back_where_frames_would_only_be_relayed() -> None:
    async def script(call: Call) -> None:
        await call.answer(b"<h1>no</h1>", "Content-Type: text/html", status="404 Not Here")

    async def story() -> None:
        async with provider(script) as upstream, stage(upstream) as proxy:
            for target, mode in (
                ("/v1/realtime", ()),
                ("/v1/responses", ("X-Stitcher-Mode: off",)),
            ):
                answer = await ask(proxy.url, "GET", target, *UPGRADE, *mode)
                assert (answer.start, answer.body) == ("HTTP/1.1 404 Not Here", b"<h1>no</h1>")
                assert answer.get("content-type") == "text/html"

    run(story())
