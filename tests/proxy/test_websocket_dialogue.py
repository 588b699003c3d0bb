"""Dialogues over WebSocket with the real memory behind them.

A client sends what is new and the id of the answer before it; whatever the provider speaks, and
whatever happens to its connection, it is asked something it can answer.
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from stitcher.exchange import Exchange
from stitcher.proxy.app import create_app
from stitcher.proxy.server import listening
from stitcher.proxy.upstream import HttpUpstream
from stitcher.settings import Settings
from stitcher.simulator.serve import Received, SimulatorThread
from stitcher.store.memory import MemoryStore
from tests.proxy.raw import run
from tests.proxy.sockets import ClientSocket, ServerSocket, completed, dialled, socket_provider

PROMPT = {"type": "message", "role": "developer", "content": "Be brief."}


def asking(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


@asynccontextmanager
async def proxied(provider: str) -> AsyncGenerator[str]:
    """A proxy that remembers; the address of its Responses API."""
    settings = Settings(port=0, upstream=provider)
    upstream = HttpUpstream(settings)
    exchange = Exchange(settings=settings, store=MemoryStore(), upstream=upstream)
    try:
        async with listening(create_app(settings, exchange, upstream), settings) as url:
            yield f"{url}/v1/responses"
    finally:
        await exchange.close()
        await upstream.close()


async def turn(client: ClientSocket, *items: dict[str, Any], **more: Any) -> dict[str, Any]:
    """One request; the response it ended with."""
    frame = {"type": "response.create", "model": "gpt-5-codex", "input": items, "store": False}
    await client.send_json({**frame, **more})
    while True:
        event = await client.receive_json()
        assert event["type"] not in ("error", "response.failed"), event
        if event["type"] == "response.completed":
            response = event["response"]
            assert isinstance(response, dict)
            return response


def texts(items: list[dict[str, Any]]) -> list[str]:
    """What the messages say, in order."""
    said = [each["content"] for each in items]
    return [each if isinstance(each, str) else each[0]["text"] for each in said]


def bodies(received: list[Received], method: str) -> list[dict[str, Any]]:
    return [json.loads(each.decoded) for each in received if each.method == method]


async def dialogue(url: str) -> list[str]:
    """Warmed up, then two turns, each with what is new alone; the answers' words."""
    async with dialled(url, "Authorization: Bearer sk-test", "Thread-Id: t1") as client:
        warmed = await turn(client, PROMPT, generate=False)
        first = await turn(client, asking("hi"), previous_response_id=warmed["id"])
        second = await turn(client, asking("and now?"), previous_response_id=first["id"])
    return texts([*first["output"], *second["output"]])


@pytest.mark.parametrize("status", [404, 426, 503])
def test_a_provider_without_websocket_is_sent_the_whole_conversation(status: int) -> None:
    async def story(simulator: SimulatorThread) -> None:
        async with proxied(simulator.url) as url:
            one, _ = await dialogue(url)
        first, second = bodies(simulator.requests, "POST")
        assert texts(first["input"]) == ["Be brief.", "hi"]
        assert texts(second["input"]) == ["Be brief.", "hi", one, "and now?"]
        assert not {"previous_response_id", "type", "generate"} & {*first, *second}
        assert (first["stream"], first["store"]) == (True, False)

    with SimulatorThread(stateless_responses=True, websockets=status) as simulator:
        run(story(simulator))


def test_a_provider_with_websocket_is_sent_what_is_new() -> None:
    async def story(simulator: SimulatorThread) -> None:
        async with proxied(simulator.url) as url:
            await dialogue(url)
        warmed, first, second = bodies(simulator.requests, "WS")
        assert warmed["generate"] is False
        assert texts(first["input"]) == ["hi"]
        assert texts(second["input"]) == ["and now?"]
        assert first["previous_response_id"].startswith("resp_")

    with SimulatorThread(stateless_responses=True) as simulator:
        run(story(simulator))


def test_a_provider_whose_connection_was_lost_is_sent_the_whole_conversation() -> None:
    seen: list[tuple[int, dict[str, Any]]] = []

    async def story() -> None:
        closed = asyncio.Event()

        async def script(socket: ServerSocket, number: int) -> None:
            async for message in socket:
                asked = json.loads(message.data)
                if asked["type"] != "response.create":
                    await socket.close(code=1001)
                    closed.set()
                    return
                seen.append((number, asked))
                text = {"type": "output_text", "text": f"answer {len(seen)}", "annotations": []}
                item = {"type": "message", "role": "assistant", "content": [text]}
                name = f"resp_{len(seen)}"
                item |= {"id": f"msg_{len(seen)}", "status": "completed"}
                done = {"type": "response.output_item.done", "output_index": 0, "item": item}
                await socket.send_json(done)
                await socket.send_json(completed(name, output=[item], model="m"))

        async with (
            socket_provider(script) as provider,
            proxied(provider.url) as url,
            dialled(url, "Thread-Id: t1") as client,
        ):
            first = await turn(client, PROMPT, asking("hi"))
            second = await turn(client, asking("more"), previous_response_id=first["id"])
            await client.send_json({"type": "response.processed", "response_id": second["id"]})
            await closed.wait()
            await turn(client, asking("still there?"), previous_response_id=second["id"])

    run(story())
    (_, _), (_, kept), (number, whole) = seen
    assert (texts(kept["input"]), kept["previous_response_id"]) == (["more"], "resp_1")
    said = ["Be brief.", "hi", "answer 1", "more", "answer 2", "still there?"]
    assert (number, texts(whole["input"])) == (1, said)
    assert "previous_response_id" not in whole
