"""The OpenAI Agents SDK with a session of ours, next to the SDK's own where nothing is cut.

Seen to fail: with an item taken from the current turn only; with items added one by one (a turn
ends in the middle of an answer); with a limit that counts and no more, or that parts a thought from
what it led to; with a change that stays although it could not be saved; with our tags in what is
sent; with `initial_context` refused where something was saved; with a cut that keeps all that fits
(the prefix moves with nearly every turn).
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import AsyncOpenAI

from stitcher import PromptManager, summarise
from stitcher.core.pairing import alone
from stitcher.errors import HookError
from stitcher.messages.reading import read
from stitcher.simulator.serve import SimulatorThread
from tests.end_to_end import dialogue
from tests.end_to_end.presence import client_package
from tests.integrations.growth import moves, prompts

if TYPE_CHECKING:
    from agents import Session

    from stitcher.integrations.openai_agents import StitcherSession

    def _is_a_session(session: StitcherSession) -> Session:
        return session


pytestmark = pytest.mark.clients

WORDS = "word " * 20
MODES = pytest.mark.parametrize("mode", ["none", "agent_cycle"])
STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


@pytest.fixture
def simulator() -> Iterator[SimulatorThread]:
    with SimulatorThread() as running:
        yield running


def session_of(name: str = "ada", **options: Any) -> Any:
    client_package("agents")
    return client_package("stitcher.integrations.openai_agents").StitcherSession(name, **options)


@contextlib.asynccontextmanager
async def agent_at(simulator: SimulatorThread) -> AsyncIterator[Any]:
    agents = client_package("agents")
    agents.set_tracing_disabled(True)  # traces go to OpenAI itself

    def get_weather(city: str) -> str:
        """The weather in a city."""
        return dialogue.weather_in(city)

    async with AsyncOpenAI(base_url=f"{simulator.url}/v1", api_key="sk-test") as client:
        yield agents.Agent(
            name="Guide",
            instructions="Be brief.",
            tools=[agents.function_tool(get_weather)],
            model=agents.OpenAIResponsesModel("gpt-5.5", client),
        )


async def run(agent: Any, said: str, session: Any, *, stream: bool = False) -> str:
    runner = client_package("agents").Runner
    if not stream:
        return str((await runner.run(agent, said, session=session)).final_output)
    result = runner.run_streamed(agent, said, session=session)
    async for _ in result.stream_events():
        pass
    return str(result.final_output)


def question(turn: int) -> str:
    """What is said in a turn: in every fourth a tool is called for, after some thought."""
    tool = f'[[think]] [[tool get_weather {{"city": "Paris {turn}"}}]]' if turn % 4 == 3 else ""
    return f"Question {turn}. {WORDS}{tool}"


@MODES
@STREAMED
def test_a_long_conversation_is_cut_rarely(
    simulator: SimulatorThread, mode: str, stream: bool
) -> None:
    session = session_of(max_tokens=600, transition_mode=mode)

    async def talk() -> None:
        async with agent_at(simulator) as agent:
            for turn in range(24):
                await run(agent, question(turn), session, stream=stream)

    asyncio.run(talk())
    sent = prompts(simulator.requests)
    assert len(sent) == 30
    assert 3 <= moves(sent) <= 6


def test_what_was_saved_goes_on_in_another_session(simulator: SimulatorThread) -> None:
    saved: list[str] = []
    first = session_of(on_change=saved.append, initial_context="It is noon.")

    async def talk() -> tuple[str, Any]:
        async with agent_at(simulator) as agent:
            await run(agent, dialogue.HELLO, first)
            await run(agent, f"{dialogue.QUESTION} [[think]]", first)
            second = session_of(saved=saved[-1], initial_context="It is noon.")
            assert await second.get_items() == await first.get_items()
            return await run(agent, dialogue.RECALL, second), await second.get_items()

    said, items = asyncio.run(talk())
    assert said == dialogue.RECALLED
    assert moves(prompts(simulator.requests)) == 0
    kinds = [item.get("type", "message") for item in items]
    assert kinds.count("reasoning") == kinds.count("function_call") == 1
    assert items[0] == {"role": "system", "content": "It is noon."}


def test_a_save_may_be_async_and_one_that_fails_has_changed_nothing() -> None:
    saved: list[str] = []

    async def save(state: str) -> None:
        if len(saved) == 2:
            raise OSError("disk full")
        saved.append(state)

    async def talk() -> None:
        session = session_of(on_change=save)
        await session.add_items([user("a")])
        await session.add_items([user("b")])
        for change in (session.add_items([user("c")]), session.pop_item(), session.clear_session()):
            with pytest.raises(OSError, match="disk full"):
                await change
            assert await session.get_items() == [user("a"), user("b")]
        assert session.manager.to_json() == saved[-1]
        await session.add_items([])

    asyncio.run(talk())


def test_hooks_may_be_async() -> None:
    async def summary(messages: list[dict[str, Any]]) -> str:
        return f"{len(messages)} items"

    async def broken(messages: list[dict[str, Any]]) -> str:
        raise OSError

    async def talk() -> None:
        hook = summarise(summary, keep_tokens=50)
        session = session_of(max_tokens=100, compaction_hook=hook)
        await session.add_items([user(f"{n} {WORDS}") for n in range(4)])
        told = "Summary of the conversation so far:\n3 items"
        assert (await session.get_items())[0] == {"role": "system", "content": told}
        session = session_of(max_tokens=100, compaction_hook=summarise(broken))
        with pytest.raises(HookError, match="OSError"):
            await session.add_items([user(f"{n} {WORDS}") for n in range(4)])
        assert await session.get_items() == []

    asyncio.run(talk())


# The SDK's own session as the measure: what ours does where nothing is cut.


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def reply(text: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "role": "assistant", "status": "completed", "content": content}


def thought(name: str) -> dict[str, Any]:
    return {"type": "reasoning", "id": f"rs_{name}", "summary": []}


def call(name: str) -> dict[str, Any]:
    return {"type": "function_call", "call_id": name, "name": "look", "arguments": "{}"}


def output(name: str) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": name, "output": WORDS}


def turn_of(n: int, rounds: list[int]) -> list[list[dict[str, Any]]]:
    """A turn in the batches that the SDK adds: what is said, then what comes of each request."""
    batches = [[user(f"{n} {WORDS}")]]
    for k, parallel in enumerate(rounds):
        names = [f"{n}_{k}_{one}" for one in range(parallel)]
        batches.append([thought(f"{n}_{k}"), *map(call, names), *map(output, names)])
    return [*batches, [thought(f"{n}"), reply(f"{n} {WORDS}")]]


ROUNDS = st.lists(st.lists(st.integers(1, 3), max_size=3), min_size=1, max_size=6)
STEP = st.one_of(
    st.tuples(st.just("add"), st.lists(st.sampled_from([user("a"), reply("b")]), max_size=3)),
    st.tuples(st.just("turn"), st.lists(st.integers(1, 2), max_size=2)),
    st.tuples(st.just("pop"), st.integers(1, 4)),
    st.tuples(st.just("clear"), st.none()),
)


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(STEP, max_size=10), mode=st.sampled_from(["none", "agent_cycle", "manual"]))
def test_without_a_budget_it_is_a_session_like_the_sdks(
    steps: list[tuple[str, Any]], mode: str
) -> None:
    agents = client_package("agents")

    async def both(own: Any, theirs: Any) -> None:
        for n, (step, what) in enumerate(steps):
            for session in (own, theirs):
                if step == "add":
                    await session.add_items(what)
                elif step == "turn":
                    for batch in turn_of(n, what):
                        await session.add_items(batch)
                elif step == "clear":
                    await session.clear_session()
            if step == "pop":
                for _ in range(what):
                    assert await own.pop_item() == await theirs.pop_item()
            assert await own.get_items() == await theirs.get_items()

    theirs = agents.SQLiteSession("ada")
    own = session_of(transition_mode=mode)
    assert isinstance(own, agents.Session)
    try:
        asyncio.run(both(own, theirs))
    finally:
        theirs.close()


def is_paired(items: list[dict[str, Any]]) -> bool:
    """True where each call has its result and each result its call."""
    return alone([read(item) for item in items]) == []


def is_thought_through(items: list[dict[str, Any]]) -> bool:
    """True where all that the model said, here always after some thought, comes with the thought.

    The API refuses an item "without its required 'reasoning' item", and the other way round.
    """
    kinds = [item.get("type") for item in items]
    before, after = [None, *kinds], [*kinds, None]
    thinks = all(
        after[n + 1] in ("function_call", "message")
        for n, kind in enumerate(kinds)
        if kind == "reasoning"
    )
    return thinks and all(
        before[n] == "reasoning" or before[n] == kind == "function_call"
        for n, kind in enumerate(kinds)
        if kind in ("function_call", "message")
    )


@settings(max_examples=60, deadline=None)
@given(turns=ROUNDS, limit=st.integers(0, 30), by_setting=st.booleans())
def test_a_limit_parts_nothing(turns: list[list[int]], limit: int, by_setting: bool) -> None:
    agents = client_package("agents")

    async def talk() -> None:
        session = session_of()
        for n, rounds in enumerate(turns):
            for batch in turn_of(n, rounds):
                await session.add_items(batch)
        items = await session.get_items()
        if by_setting:
            session.session_settings = agents.SessionSettings(limit=limit)
            newest = await session.get_items()
        else:
            newest = await session.get_items(limit=limit)
        assert len(newest) <= limit
        assert newest == items[len(items) - len(newest) :]
        assert is_paired(newest)
        assert is_thought_through(newest)
        if limit >= len(items):
            assert newest == items

    asyncio.run(talk())


def assert_under_a_budget(
    turns: list[list[int]], mode: str, budget: int, legal: Callable[[list[Any]], bool]
) -> None:
    """All that a session gives from batch to batch is legal, and ends with what was added."""

    async def talk() -> None:
        session = session_of(max_tokens=budget, transition_mode=mode)
        for n, rounds in enumerate(turns):
            for batch in turn_of(n, rounds):
                await session.add_items(batch)
                items = await session.get_items()
                assert items[-1] == batch[-1]
                assert legal(items)

    asyncio.run(talk())


BUDGET = st.integers(50, 600)
MODE = st.sampled_from(["none", "agent_cycle"])


@settings(max_examples=60, deadline=None)
@given(turns=ROUNDS, mode=MODE, budget=BUDGET)
def test_a_budget_parts_no_call_from_its_result(
    turns: list[list[int]], mode: str, budget: int
) -> None:
    assert_under_a_budget(turns, mode, budget, is_paired)


@settings(max_examples=60, deadline=None)
@given(turns=ROUNDS, mode=MODE, budget=BUDGET)
def test_a_budget_parts_no_thought_from_what_it_led_to(
    turns: list[list[int]], mode: str, budget: int
) -> None:
    assert_under_a_budget(turns, mode, budget, is_thought_through)


def test_a_turn_does_not_end_before_the_calls_of_its_answer() -> None:
    """An answer may say something and call a tool: its items come in one batch."""

    async def talk() -> None:
        session = session_of(transition_mode="agent_cycle")
        await session.add_items([user("a")])
        await session.add_items([reply("I look."), call("1"), output("1")])
        assert session.manager.long_lived_history == []
        await session.add_items([reply("b")])
        assert len(session.manager.long_lived_history) == 5

    asyncio.run(talk())


def test_the_newest_item_is_taken_from_history_too() -> None:
    async def talk() -> None:
        session = session_of(transition_mode="agent_cycle", initial_context="It is noon.")
        noon = {"role": "system", "content": "It is noon."}
        await session.add_items([user("a"), reply("b"), user("c")])
        assert session.manager.short_term_history == [user("c")]
        assert [await session.pop_item() for _ in range(2)] == [user("c"), reply("b")]
        await session.add_items([reply("d"), user("e")])
        assert await session.get_items() == [noon, user("a"), reply("d"), user("e")]
        await session.clear_session()
        assert [await session.pop_item() for _ in range(2)] == [noon, None]

    asyncio.run(talk())


def test_what_is_no_item_is_refused_and_nothing_is_kept() -> None:
    async def talk() -> None:
        session = session_of()
        with pytest.raises(ValueError, match="without a 'role'"):
            await session.add_items([user("a"), {"text": "b"}])
        assert await session.get_items() == []

    asyncio.run(talk())
    with pytest.raises(ValueError, match="version"):
        session_of(saved=json.dumps({"version": 2}))


def test_the_manager_is_the_one_it_was() -> None:
    async def talk() -> None:
        session = session_of(max_tokens=500)
        manager = session.manager
        assert isinstance(manager, PromptManager)
        assert manager.adapter.name == "openai_responses"
        await session.add_items([user("a")])
        await session.pop_item()
        await session.clear_session()
        assert session.manager is manager
        assert manager.max_tokens == 500

    asyncio.run(talk())
