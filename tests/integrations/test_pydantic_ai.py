"""Pydantic AI's agents with a history processor of ours.

Seen to fail: with a cut that keeps all that fits (the prefix moves with nearly every turn); with
the system prompt left behind, counted twice, or taken along where it was meant for one request;
with no cut where an output tool's return and the next prompt are one request, with one that keeps
the return there, and with one where a tool shows something beside its return; with thoughts left in
that were bound to the prompt before a cut (Claude refuses them), or all of them left out.
"""

import asyncio
import copy
import gc
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stitcher import AnthropicAdapter, OpenAIAdapter, ProviderAdapter
from stitcher.simulator.serve import SimulatorThread
from tests.end_to_end import dialogue
from tests.end_to_end.presence import client_package
from tests.integrations.growth import moves, prompts

pytestmark = [
    pytest.mark.clients,
    # Its HTTP client lets go of a connection that the server ended without closing the socket.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

CLAUDE = "claude-sonnet-5-5"
WORDS = "word " * 20


@pytest.fixture(autouse=True)
def _sockets_closed_before_the_next_test() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture
def simulator() -> Iterator[SimulatorThread]:
    with SimulatorThread() as running:
        yield running


def parts() -> Any:
    return client_package("pydantic_ai.messages")


def stable_history(*arguments: Any, **options: Any) -> Any:
    client_package("pydantic_ai")
    return client_package("stitcher.integrations.pydantic_ai").stable_history(*arguments, **options)


def openai_chat(simulator: SimulatorThread) -> tuple[Any, ProviderAdapter]:
    return _openai(simulator, "OpenAIChatModel"), OpenAIAdapter()


def openai_responses(simulator: SimulatorThread) -> tuple[Any, ProviderAdapter]:
    return _openai(simulator, "OpenAIResponsesModel"), OpenAIAdapter()


def _openai(simulator: SimulatorThread, name: str) -> Any:
    providers = client_package("pydantic_ai.providers.openai")
    provider = providers.OpenAIProvider(base_url=f"{simulator.url}/v1", api_key="sk-test")
    return getattr(client_package("pydantic_ai.models.openai"), name)("gpt-5.5", provider=provider)


def anthropic(simulator: SimulatorThread, **options: Any) -> tuple[Any, ProviderAdapter]:
    models = client_package("pydantic_ai.models.anthropic")
    providers = client_package("pydantic_ai.providers.anthropic")
    provider = providers.AnthropicProvider(base_url=simulator.url, api_key="sk-test")
    made = models.AnthropicModel(CLAUDE, provider=provider, settings=options or None)
    return made, AnthropicAdapter(CLAUDE)


def thinking(simulator: SimulatorThread) -> tuple[Any, ProviderAdapter]:
    return anthropic(simulator, anthropic_thinking={"type": "adaptive"}, max_tokens=4_096)


MODELS = pytest.mark.parametrize("make_model", [openai_chat, openai_responses, anthropic, thinking])
KEPT_BY = pytest.mark.parametrize("kept_by", ["the agent", "the caller"])


def agent_with(model: Any, processor: Any, **options: Any) -> Any:
    process_history = client_package("pydantic_ai.capabilities").ProcessHistory
    capabilities = [process_history(processor)]
    agent = client_package("pydantic_ai").Agent(model, capabilities=capabilities, **options)

    def get_weather(city: str) -> str:
        """The weather in a city."""
        return dialogue.weather_in(city)

    agent.tool_plain(get_weather)
    return agent


def question(turn: int) -> str:
    """What is said in a turn: in every fourth a tool is called for."""
    tool = f'[[think]] [[tool get_weather {{"city": "Paris {turn}"}}]]' if turn % 4 == 3 else ""
    return f"Question {turn}. {WORDS}{tool}"


@MODELS
@KEPT_BY
def test_a_long_conversation_is_cut_rarely(
    simulator: SimulatorThread,
    make_model: Callable[[SimulatorThread], tuple[Any, ProviderAdapter]],
    kept_by: str,
) -> None:
    """Whether the caller goes on from what the agent cut, or has kept all that was ever said."""
    model, adapter = make_model(simulator)
    prompt = {"system_prompt": "Be brief.", "instructions": "Be kind."}
    agent = agent_with(model, stable_history(600, adapter=adapter), **prompt)

    async def talk() -> None:
        whole: list[Any] = []
        async with agent:
            for turn in range(24):
                result = await agent.run(question(turn), message_history=whole)
                if kept_by == "the agent":
                    whole = result.all_messages()
                else:
                    whole += result.new_messages()

    asyncio.run(talk())
    sent = prompts(simulator.requests)
    assert len(sent) == 30
    assert 3 <= moves(sent) <= 6
    said = [
        (one.decoded.count(b"Be brief."), one.decoded.count(b"Be kind."))
        for one in simulator.requests
    ]
    assert set(said) == {(1, 1)}


@KEPT_BY
def test_an_agent_whose_output_is_a_tool_is_cut_as_well(
    simulator: SimulatorThread, kept_by: str
) -> None:
    """The return of the output tool and the next prompt become one request between runs."""
    model, adapter = openai_chat(simulator)

    def weather(city: str) -> str:
        """Says what the weather is."""
        return city

    output = client_package("pydantic_ai").ToolOutput(weather, name="final")
    agent = agent_with(model, stable_history(600, adapter=adapter), output_type=output)

    async def talk() -> None:
        whole: list[Any] = []
        async with agent:
            for turn in range(24):
                said = f'{question(turn)} [[tool final {{"city": "Paris {turn}"}}]]'
                result = await agent.run(said, message_history=whole)
                assert result.output == f"Paris {turn}"
                new = result.new_messages()
                whole = result.all_messages() if kept_by == "the agent" else [*whole, *new]

    asyncio.run(talk())
    sent = prompts(simulator.requests)
    assert 3 <= moves(sent) <= 8
    assert max(map(len, sent)) < 30


# Conversations of turns: how long the prompt is, how many tools each response calls and whether
# they show the model something beside, how long the answer is, whether it is an output tool's.
ROUND = st.tuples(st.integers(1, 3), st.booleans())
TURN = st.tuples(st.integers(0, 60), st.lists(ROUND, max_size=3), st.integers(0, 60), st.booleans())
TURNS = st.lists(TURN, min_size=1, max_size=8)


SYSTEM = "Be brief. " * 12


def requests_of(turns: list[Any]) -> Iterator[list[Any]]:
    """What a conversation adds from model request to model request."""
    kinds, names = parts(), itertools.count()
    answer: list[Any] = []
    for n, (words, loop, last, by_tool) in enumerate(turns):
        system = [kinds.SystemPromptPart(SYSTEM)] if n == 0 else []
        prompt = kinds.UserPromptPart(f"{n} " + "word " * words)
        request = kinds.ModelRequest([*system, prompt], run_id=str(n), instructions="Be kind.")
        yield [*answer, request]
        for tools, shows in loop:
            calls = [
                kinds.ToolCallPart("look", {}, tool_call_id=f"call_{next(names)}")
                for _ in range(tools)
            ]
            thought = kinds.ThinkingPart("Hm. " * 5, signature="x", provider_name="anthropic")
            returns = [
                kinds.ToolReturnPart("look", "word " * 9, tool_call_id=one.tool_call_id)
                for one in calls
            ]
            beside = [kinds.UserPromptPart("word " * 5)] if shows else []
            yield [
                kinds.ModelResponse([thought, *calls], run_id=str(n)),
                kinds.ModelRequest([*returns, *beside], run_id=str(n), instructions="Be kind."),
            ]
        answer = [kinds.ModelResponse([kinds.TextPart("word " * last)], run_id=str(n))]
        if by_tool:
            name = f"call_{next(names)}"
            answer = [
                kinds.ModelResponse([kinds.ToolCallPart("final", {}, tool_call_id=name)]),
                kinds.ModelRequest([kinds.ToolReturnPart("final", "Done.", tool_call_id=name)]),
            ]


def flat(messages: list[Any]) -> list[Any]:
    """The parts of a conversation: what is one message now may be two later."""
    return [part for message in messages for part in message.parts]


def assert_legal(messages: list[Any]) -> None:
    """System prompt, then what a person says; and returns after their calls, each call's one."""
    first, second, *rest = flat(messages)
    assert first.content == SYSTEM
    assert second.part_kind == "user-prompt"
    assert all(part.part_kind != "system-prompt" for part in rest)
    open_calls: set[str] = set()
    for message in messages:
        returned = [p.tool_call_id for p in message.parts if p.part_kind == "tool-return"]
        assert set(returned) == open_calls
        assert len(returned) == len(open_calls)
        open_calls = {p.tool_call_id for p in message.parts if p.part_kind == "tool-call"}
    assert not open_calls


@settings(max_examples=40, deadline=None)
@given(turns=TURNS, budget=st.integers(80, 600), keep=st.floats(0, 1))
def test_a_cut_history_is_legal_and_moves_only_when_a_turn_begins(
    turns: list[Any], budget: int, keep: float
) -> None:
    """The same for who goes on from what was cut and for who has kept all that was said."""
    repaired = parts().repair_messages
    process = stable_history(budget, keep=keep)
    whole: list[Any] = []
    kept: list[Any] = []
    before: list[Any] = []
    for new in requests_of(turns):
        begins = new[-1].parts[0].part_kind in ("system-prompt", "user-prompt")
        whole, kept = ([*history, *new[:-1]] for history in (whole, kept))
        if begins:  # as the agent does when a run begins
            whole, kept = repaired(whole), repaired(kept)
        whole, kept = [*whole, new[-1]], [*kept, new[-1]]
        given_to_it = copy.deepcopy(whole)
        sent = process(whole)
        assert whole == given_to_it, "nothing given is changed"
        assert process(whole) == sent
        kept = process(kept)
        assert flat(kept) == flat(sent) == flat(process(sent))
        assert_legal(repaired(sent))
        assert sent[-1].instructions == "Be kind."
        if flat(sent)[: len(before)] != before:
            assert begins
        before = flat(sent)


def test_what_was_thought_before_a_cut_is_left_out_where_it_would_be_refused() -> None:
    """And only that: what was thought since then stays, so that the prefix does."""
    turns = [(20, [(1, False)], 20, False)] * 12
    bound, free = stable_history(500, adapter=AnthropicAdapter(CLAUDE)), stable_history(500)
    whole: list[Any] = []
    thoughts: list[int] = []
    sent: list[list[Any]] = []
    for new in requests_of(turns):
        whole += new
        sent.append(flat(bound(whole)))
        thoughts.append(sum(part.part_kind == "thinking" for part in sent[-1]))
        if new[-1].parts[0].part_kind == "tool-return":
            assert new[0].parts[0] in sent[-1], "the thought that led to the call"
        assert_legal(bound(whole))
    assert 2 <= moves(sent) <= 6
    assert max(thoughts) >= 3
    assert 0 in thoughts[6:], "right after a cut nothing is left"
    kinds = [part.part_kind for part in flat(free(whole))]
    assert kinds.count("thinking") == kinds.count("tool-call")


def test_a_system_prompt_in_several_messages_stays_as_it_is() -> None:
    kinds = parts()
    opening = [
        kinds.ModelRequest([kinds.SystemPromptPart("a"), kinds.SystemPromptPart("b")]),
        kinds.ModelRequest([kinds.SystemPromptPart("c"), kinds.UserPromptPart(WORDS)]),
    ]
    said = kinds.ModelResponse([kinds.TextPart(WORDS)])
    late = kinds.SystemPromptPart("now")
    asked = kinds.ModelRequest([late, kinds.UserPromptPart(WORDS)])
    process = stable_history(120, keep=0.1)
    assert process([*opening, said, asked]) == [*opening, said, asked]
    (first,) = process([*opening, said, asked, said, asked])
    assert [part.content for part in first.parts] == ["a", "b", "c", "now", WORDS]
    assert first.parts[-1] is asked.parts[-1]
    passing = kinds.SystemPromptPart("once", scope="request")
    opening[0] = kinds.ModelRequest([passing])
    (first,) = process([*opening, said, asked, said, asked])
    assert [part.content for part in first.parts] == ["c", "now", WORDS]


def test_all_that_a_model_is_shown_counts() -> None:
    kinds = parts()
    picture = kinds.BinaryContent(b"\x89PNG\r\n\x1a\n" + bytes(400), media_type="image/png")
    call = kinds.ToolCallPart("look", {"at": WORDS}, tool_call_id="a")
    shown: list[Any] = [
        kinds.ModelRequest([kinds.UserPromptPart([WORDS, kinds.TextContent(WORDS)])]),
        kinds.ModelRequest([kinds.UserPromptPart([kinds.ImageUrl("https://example.com/a.png")])]),
        kinds.ModelRequest([kinds.UserPromptPart([picture])]),
        kinds.ModelRequest(
            [kinds.UserPromptPart([kinds.BinaryContent(bytes(900), media_type="application/pdf")])]
        ),
        kinds.ModelRequest([kinds.ToolReturnPart("look", {"found": WORDS}, tool_call_id="a")]),
        kinds.ModelRequest([kinds.ToolReturnPart("look", [WORDS, picture], tool_call_id="a")]),
        kinds.ModelResponse([call]),
        kinds.ModelResponse([kinds.ThinkingPart(WORDS)]),
        kinds.ModelResponse([kinds.TextPart(WORDS)]),
        kinds.ModelResponse([kinds.FilePart(picture)]),
    ]
    opening = kinds.ModelRequest([kinds.UserPromptPart("a")])
    asked = kinds.ModelRequest([kinds.UserPromptPart("b")])
    for message in shown:
        whole = [opening, message, asked]
        fits = stable_history(5_000)
        tight = stable_history(20, keep=0.0)
        assert fits(whole) is whole, message
        assert tight(whole) == [asked], message


def test_a_budget_that_cannot_be_used_is_found() -> None:
    for budget, keep in ((0, 0.5), (-1, 0.5), (100, 2)):
        with pytest.raises(ValueError, match="found"):
            stable_history(budget, keep=keep)
    kinds = parts()
    with pytest.raises(ValueError, match="system prompt and instructions take"):
        stable_history(20)([kinds.ModelRequest([kinds.SystemPromptPart(WORDS)])])
