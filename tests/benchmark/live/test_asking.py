"""One request after the other: what answers say, and what becomes of everything that goes wrong."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from aiohttp import web

from stitcher.benchmark.live.answer import Answer
from stitcher.benchmark.live.asking import Line, RequestFailed
from stitcher.benchmark.live.providers import PROVIDERS
from stitcher.providers.usage import CacheUsage
from stitcher.simulator.serve import Fault, SimulatorThread

KEY = "sk-very-secret"
CHAT = {"model": "gpt-4.1", "messages": [{"role": "user", "content": "Hello."}]}
MESSAGES = {"model": "claude-sim", "max_tokens": 16, "messages": CHAT["messages"]}


@pytest.fixture
def sim() -> Iterator[SimulatorThread]:
    with SimulatorThread() as simulator:
        yield simulator


def asked(name: str, base_url: str, body: Mapping[str, Any] = CHAT, key: str = KEY) -> Answer:
    async def one() -> Answer:
        async with Line(PROVIDERS[name], base_url, key) as line:
            return await line.ask(dict(body))

    return asyncio.run(one())


def answered(document: object, *, status: int = 200, **headers: str) -> Answer:
    """What comes of an answer like this one."""

    async def one() -> Answer:
        async def handle(request: web.Request) -> web.Response:
            return web.json_response(document, status=status, headers=headers)

        app = web.Application()
        app.router.add_post("/chat/completions", handle)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            async with Line(PROVIDERS["gemini"], url, KEY) as line:
                return await line.ask({})
        finally:
            await runner.cleanup()

    return asyncio.run(one())


def test_an_answer_is_its_usage(sim: SimulatorThread) -> None:
    found = asked("openai", f"{sim.url}/v1")
    (received,) = sim.requests
    usage = received.usage
    assert usage is not None
    assert found.usage == CacheUsage(0, 0, usage["prompt_tokens"])
    assert found.answered == usage["completion_tokens"]
    assert found.told


@pytest.mark.parametrize(("name", "header"), [("anthropic", "x-api-key"), ("openai", "auth")])
def test_the_key_is_in_one_header_and_nowhere_else(
    sim: SimulatorThread, name: str, header: str
) -> None:
    body, base = (MESSAGES, sim.url) if name == "anthropic" else (CHAT, f"{sim.url}/v1")
    asked(name, base, body)
    (received,) = sim.requests
    holding = [key.lower() for key, value in received.headers if KEY in value]
    assert len(holding) == 1
    assert holding[0].startswith(header)
    assert KEY not in received.path
    assert KEY.encode() not in received.body


def test_a_refusal_is_said_in_the_providers_words_without_the_key(sim: SimulatorThread) -> None:
    sim.script(Fault(status=401, message=f"Incorrect API key provided: {KEY}."))
    with pytest.raises(RequestFailed) as failed:
        asked("openai", f"{sim.url}/v1")
    assert str(failed.value) == "the provider answered 401: Incorrect API key provided: ***."


def test_what_it_refuses_of_a_request_is_said_too(sim: SimulatorThread) -> None:
    with pytest.raises(RequestFailed, match="answered 400: messages: "):
        asked("anthropic", sim.url, {**MESSAGES, "messages": []})


def test_an_error_of_no_known_form_is_said_as_it_came() -> None:
    with pytest.raises(RequestFailed, match=r"answered 502: \[\"Bad gateway\"\]$"):
        answered(["Bad gateway"], status=502)


def test_a_redirect_is_not_followed() -> None:
    with pytest.raises(RequestFailed, match="answered 307"):
        answered({}, status=307, Location="http://127.0.0.1:1/")


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"choices": []}, "has no `usage`"),
        ([], "has no `usage`"),
        ({"usage": {"completion_tokens": 3}}, "no count of input tokens"),
    ],
)
def test_an_answer_that_counts_nothing_is_a_failure(document: object, says: str) -> None:
    with pytest.raises(RequestFailed, match=says):
        answered(document)


def test_a_provider_that_leaves_out_what_is_nothing_has_read_nothing() -> None:
    found = answered({"usage": {"prompt_tokens": 70, "completion_tokens": 3}})
    assert found.usage == CacheUsage(0, 0, 70)
    assert not found.told


def test_nobody_there(sim: SimulatorThread) -> None:
    sim.script(Fault(refuse=True))
    with pytest.raises(RequestFailed, match=r"/v1/chat/completions: "):
        asked("openai", f"{sim.url}/v1")
    with pytest.raises(RequestFailed, match="nothing-of-a-url"):
        asked("openai", "nothing-of-a-url")


def test_what_is_no_json_is_a_failure(sim: SimulatorThread) -> None:
    sim.script(Fault(garbage=True))
    with pytest.raises(RequestFailed, match="has no `usage`"):
        asked("openai", f"{sim.url}/v1")
