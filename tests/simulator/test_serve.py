import asyncio
import socket
import threading
from typing import Any

import aiohttp
import anthropic
import openai
import pytest

from stitcher.simulator.serve import Assumptions, Fault, SimulatorThread, run, start_simulator

HEADERS = {"authorization": "Bearer key"}
BODY = {"model": "sim-m", "messages": [{"role": "user", "content": "x"}]}


async def status_of(url: str) -> int:
    async with (
        aiohttp.ClientSession(headers=HEADERS) as session,
        session.post(f"{url}/v1/chat/completions", json=BODY) as response,
    ):
        await response.read()
        return response.status


def test_a_thread_serves_between_enter_and_exit() -> None:
    with SimulatorThread() as sim:
        assert sim.url.startswith("http://127.0.0.1:")
        assert asyncio.run(status_of(sim.url)) == 200
        sim.wait_for(1)
        sim.clear()
        assert sim.requests == []
    assert "simulator" not in [thread.name for thread in threading.enumerate()]
    with pytest.raises(aiohttp.ClientConnectionError):
        asyncio.run(status_of(sim.url))


def test_leaving_does_not_wait_for_stalled_requests() -> None:
    async def ask_and_leave() -> None:
        with SimulatorThread() as sim:
            sim.script(Fault(stall=True))
            asking = asyncio.ensure_future(status_of(sim.url))
            await asyncio.to_thread(sim.wait_for, 1)
        with pytest.raises(aiohttp.ClientError):
            await asking

    asyncio.run(asyncio.wait_for(ask_and_leave(), 5))


def test_a_taken_port_is_said_where_the_thread_was_started() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="address already in use"):
            SimulatorThread(port=taken.getsockname()[1]).__enter__()


def test_the_clock_decides_what_is_still_cached() -> None:
    now = [0.0]
    text: Any = {"type": "text", "text": "x" * 400, "cache_control": {"type": "ephemeral"}}
    with (
        SimulatorThread(clock=lambda: now[0]) as sim,
        anthropic.Anthropic(base_url=sim.url, api_key="key") as client,
    ):

        def read(at: float) -> int | None:
            now[0] = at
            answer = client.messages.create(
                model="claude-sim", max_tokens=9, messages=[{"role": "user", "content": [text]}]
            )
            return answer.usage.cache_read_input_tokens

        assert [read(0), read(299), read(598), read(900)] == [0, 103, 103, 0]
        assert [request.at for request in sim.requests] == [0, 299, 598, 900]


def test_a_delay_stands_between_the_events() -> None:
    async def seconds(url: str) -> float:
        begun = asyncio.get_running_loop().time()
        async with (
            aiohttp.ClientSession(headers=HEADERS) as session,
            session.post(f"{url}/v1/chat/completions", json={**BODY, "stream": True}) as response,
        ):
            await response.read()
        return asyncio.get_running_loop().time() - begun

    with SimulatorThread(chunk_delay=0.02) as sim:
        # "Reply 1 to: x" has four words: with opening, end and [DONE] seven events, six delays.
        assert asyncio.run(seconds(sim.url)) >= 0.12


def test_it_runs_on_a_loop_of_one_s_own() -> None:
    async def start_and_stop() -> None:
        simulator, runner, url = await start_simulator()
        try:
            assert await status_of(url) == 200
            assert len(simulator.recorder.requests) == 1
        finally:
            await runner.cleanup()

    asyncio.run(start_and_stop())


def test_running_tells_the_url_and_ends_when_cancelled() -> None:
    async def run_and_cancel() -> None:
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        running = asyncio.ensure_future(run("127.0.0.1", 0, ready.set_result))
        assert await status_of(await ready) == 200
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(run_and_cancel())


def test_assumptions_reach_every_dialect() -> None:
    marked: Any = {"type": "text", "text": "x" * 400, "cache_control": {"type": "ephemeral"}}
    assumed = Assumptions(minimums=(("claude-sim", 1000),), tier_partitions=False)
    with (
        SimulatorThread(assumptions=assumed) as sim,
        anthropic.Anthropic(base_url=sim.url, api_key="key") as claude,
        openai.OpenAI(base_url=f"{sim.url}/v1", api_key="key") as client,
    ):
        answer = claude.messages.create(
            model="claude-sim", max_tokens=9, messages=[{"role": "user", "content": [marked]}]
        )
        assert answer.usage.cache_creation_input_tokens == 0
        said = "x" * 400
        client.chat.completions.create(
            model="sim-m", messages=[{"role": "user", "content": said}], service_tier="flex"
        )
        chat = client.chat.completions.create(
            model="sim-m", messages=[{"role": "user", "content": said}]
        )
        client.responses.create(model="sim-m", input=said, service_tier="flex")
        response = client.responses.create(model="sim-m", input=said)
    assert chat.usage is not None
    assert chat.usage.prompt_tokens_details is not None
    assert chat.usage.prompt_tokens_details.cached_tokens == 106
    assert response.usage is not None
    assert response.usage.input_tokens_details.cached_tokens == 106
