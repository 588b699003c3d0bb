"""What goes wrong on the way, seen from the client's end of the socket."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import anthropic
import openai
import pytest

from stitcher.simulator.faults import Fault
from stitcher.simulator.reply import UNICODE_SAMPLE
from stitcher.simulator.serve import SimulatorThread

HEADERS = {"authorization": "Bearer key", "anthropic-version": "2023-06-01"}
PATHS = {
    "chat": "/v1/chat/completions",
    "messages": "/v1/messages",
    "responses": "/v1/responses",
}
DIALECTS = pytest.mark.parametrize("dialect", list(PATHS))
EITHER = pytest.mark.parametrize("stream", [False, True])


def body_of(words: str, *, stream: bool, dialect: str) -> dict[str, Any]:
    if dialect == "responses":
        return {"model": "sim-m", "input": words, "stream": stream}
    shared = {"messages": [{"role": "user", "content": words}], "stream": stream}
    if dialect == "chat":
        return {"model": "sim-m", **shared}
    return {"model": "claude-sim", "max_tokens": 9, **shared}


def exchange(
    sim: SimulatorThread,
    words: str,
    then: Callable[[aiohttp.ClientResponse], Awaitable[Any]],
    *,
    stream: bool,
    dialect: str,
) -> Any:
    async def run() -> Any:
        async with (
            aiohttp.ClientSession(headers=HEADERS) as session,
            session.post(
                sim.url + PATHS[dialect],
                json=body_of(words, stream=stream, dialect=dialect),
                timeout=aiohttp.ClientTimeout(total=5),
            ) as response,
        ):
            return await then(response)

    return asyncio.run(run())


async def whole(response: aiohttp.ClientResponse) -> tuple[int, bytes]:
    return response.status, await response.read()


async def until_cut(response: aiohttp.ClientResponse) -> tuple[int, bytes]:
    """What arrived before the connection was dropped."""
    received = b""
    try:
        while piece := await response.content.readany():
            received += piece
    except aiohttp.ClientError:
        return response.status, received
    raise AssertionError("the answer ended as if nothing had happened")


@DIALECTS
@EITHER
@pytest.mark.parametrize("status", [429, 500, 529])
def test_a_status_can_be_asked_for(
    sim: SimulatorThread, status: int, stream: bool, dialect: str
) -> None:
    got, raw = exchange(sim, f"[[status {status}]]", whole, stream=stream, dialect=dialect)
    assert got == status == sim.requests[0].status
    assert json.loads(raw)["error"]["message"]


def test_scripted_steps_are_taken_in_turn_with_their_headers(
    sim: SimulatorThread, chat: openai.OpenAI
) -> None:
    sim.script(Fault(status=529, message="busy"), Fault(status=429, headers={"retry-after": "0"}))
    patient = chat.with_options(max_retries=2)
    patient.chat.completions.create(model="sim-m", messages=[{"role": "user", "content": "x"}])
    assert [request.status for request in sim.requests] == [529, 429, 200]
    assert len({request.body for request in sim.requests}) == 1


@DIALECTS
@EITHER
def test_a_refused_connection(sim: SimulatorThread, stream: bool, dialect: str) -> None:
    sim.script(Fault(refuse=True))
    with pytest.raises(aiohttp.ServerDisconnectedError):
        exchange(sim, "x", whole, stream=stream, dialect=dialect)
    assert sim.requests[0].status == 0


@DIALECTS
def test_a_cut_stream_has_exactly_the_events_before_the_cut(
    sim: SimulatorThread, dialect: str
) -> None:
    status, raw = exchange(sim, "[[cut 3]] [[long 9]]", until_cut, stream=True, dialect=dialect)
    assert status == 200
    assert raw.count(b"data: ") == 3
    assert raw.endswith(b"\n\n")


@DIALECTS
def test_a_cut_plain_answer_ends_half_way(sim: SimulatorThread, dialect: str) -> None:
    status, raw = exchange(sim, "[[cut 3]]", until_cut, stream=False, dialect=dialect)
    assert status == 200
    assert 20 < len(raw) < 1000


@DIALECTS
@EITHER
def test_a_stalled_request_waits_for_its_release(
    sim: SimulatorThread, stream: bool, dialect: str
) -> None:
    async def run() -> bytes:
        async with aiohttp.ClientSession(headers=HEADERS) as session:
            value = body_of("[[stall]] [[say hi]]", stream=stream, dialect=dialect)
            asking = asyncio.ensure_future(session.post(sim.url + PATHS[dialect], json=value))
            await asyncio.to_thread(sim.wait_for, 1)
            done, _ = await asyncio.wait({asking}, timeout=0.1)
            assert not done
            assert sim.requests[0].status is None
            sim.release()
            async with await asking as response:
                return await response.read()

    assert b"hi" in asyncio.run(run())


@DIALECTS
def test_a_client_may_leave_a_stalled_request(sim: SimulatorThread, dialect: str) -> None:
    async def run() -> None:
        async with aiohttp.ClientSession(headers=HEADERS) as session:
            value = body_of("[[stall]]", stream=True, dialect=dialect)
            asking = asyncio.ensure_future(session.post(sim.url + PATHS[dialect], json=value))
            await asyncio.to_thread(sim.wait_for, 1)
            asking.cancel()
        for _ in range(200):
            if sim.requests[0].status is not None:
                return
            await asyncio.sleep(0.01)

    asyncio.run(run())
    assert sim.requests[0].status == 0


@DIALECTS
@EITHER
def test_an_answer_that_stalls_on_its_way_goes_on_when_released(
    sim: SimulatorThread, stream: bool, dialect: str
) -> None:
    async def release_half_way(response: aiohttp.ClientResponse) -> bytes:
        first = await response.content.readany()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(response.content.readexactly(1 << 20), 0.1)
        sim.release()
        return first + await response.read()

    words = "[[stall-after 2]] [[say alpha beta]]"
    raw = exchange(sim, words, release_half_way, stream=stream, dialect=dialect)
    assert raw.rstrip().endswith((b"}", b"[DONE]"))


@DIALECTS
@EITHER
def test_garbage_is_a_200_nobody_can_parse(
    sim: SimulatorThread, stream: bool, dialect: str
) -> None:
    status, raw = exchange(sim, "[[garbage]]", whole, stream=stream, dialect=dialect)
    assert status == 200
    assert b"data:" not in raw
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(raw)


@DIALECTS
@EITHER
def test_a_broken_byte_stands_inside_the_text(
    sim: SimulatorThread, stream: bool, dialect: str
) -> None:
    words = "[[bad-utf8]] [[say alphabet]]"
    status, raw = exchange(sim, words, whole, stream=stream, dialect=dialect)
    assert status == 200
    # A response tells its text again in each event that ends a part of it.
    told = 5 if dialect == "responses" and stream else 1
    assert raw.count(b"\xff") == raw.count(b"alph\xffabet") == told


@DIALECTS
def test_multi_byte_characters_are_split_across_writes(sim: SimulatorThread, dialect: str) -> None:
    async def pieces(response: aiohttp.ClientResponse) -> list[bytes]:
        found = []
        while piece := await response.content.readany():
            found.append(piece)
        return found

    found = exchange(sim, "[[unicode]]", pieces, stream=True, dialect=dialect)
    assert any(piece[-1] >= 0xC0 for piece in found)
    data = [
        line[6:] for line in b"".join(found).decode().splitlines() if line.startswith("data: {")
    ]
    events = [json.loads(line) for line in data]
    if dialect == "chat":
        deltas = [event["choices"][0]["delta"].get("content") for event in events]
    elif dialect == "messages":
        deltas = [event.get("delta", {}).get("text") for event in events]
    else:
        deltas = [event.get("delta") for event in events]
    assert "".join(delta or "" for delta in deltas) == UNICODE_SAMPLE


def test_an_error_in_mid_stream_is_seen_by_the_sdks(
    sim: SimulatorThread, chat: openai.OpenAI, claude: anthropic.Anthropic
) -> None:
    words = "[[error-event]]"
    with pytest.raises(openai.APIError, match="server had an error"):
        list(
            chat.chat.completions.create(
                model="sim-m", messages=[{"role": "user", "content": words}], stream=True
            )
        )
    with pytest.raises(anthropic.APIStatusError, match="overloaded_error"):
        list(
            claude.messages.create(
                model="claude-sim",
                max_tokens=9,
                messages=[{"role": "user", "content": words}],
                stream=True,
            )
        )
    assert [request.status for request in sim.requests] == [200, 200]
    status, _ = exchange(sim, words, whole, stream=False, dialect="messages")
    assert status == 500
