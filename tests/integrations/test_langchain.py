"""LangChain's own chains and models with a history of ours, and with our trimmer.

Seen to fail: with a trimmer that keeps all that fits instead of about half (its prefix moves with
nearly every turn), with one that begins a message later (a tool result stands first), with thoughts
left in that were bound to the prompt before a cut (Claude refuses them) or all of them left out;
with the original given back whatever a hook made of a message; without the original beside it; with
what ChatAnthropic leaves in streamed blocks, with calls as they were before they were parsed, with
reasoning in a message of Chat Completions (all refused); with a call left out that LangChain could
not parse; with a `clear` that takes another manager; with hooks that nobody awaits.
"""

import asyncio
import itertools
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from anthropic import Anthropic
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import OpenAI

from stitcher import (
    AnthropicAdapter,
    OpenAIAdapter,
    PromptManager,
    drop_tool_messages_transition_hook,
    summarise,
    trim_tool_outputs,
)
from stitcher.errors import HookError
from stitcher.simulator.serve import SimulatorThread
from tests.end_to_end import dialogue
from tests.end_to_end.presence import client_package
from tests.integrations.growth import moves, prompts

pytestmark = [
    pytest.mark.clients,
    pytest.mark.filterwarnings("ignore:RunnableWithMessageHistory is deprecated"),
]

OPENAI = "gpt-5.5"
CLAUDE = "claude-sonnet-5-5"
WORDS = "word " * 20


@pytest.fixture
def simulator() -> Iterator[SimulatorThread]:
    with SimulatorThread() as running:
        yield running


@pytest.fixture(autouse=True)
def _deprecations_as_we_have_them() -> None:
    """Imported for the first time, LangChain has its own deprecations shown whatever is asked."""
    with warnings.catch_warnings():
        client_package("langchain_core.messages")


def core() -> Any:
    return client_package("langchain_core.messages")


def ours() -> Any:
    client_package("langchain_core")
    return client_package("stitcher.integrations.langchain")


def chat_openai(simulator: SimulatorThread, **options: Any) -> Any:
    package = client_package("langchain_openai")
    url = f"{simulator.url}/v1"
    model = package.ChatOpenAI(model=OPENAI, base_url=url, api_key="sk-test", **options)
    return model.bind_tools([dialogue.OPENAI_TOOL])


def chat_anthropic(simulator: SimulatorThread, **options: Any) -> Any:
    package = client_package("langchain_anthropic")
    url = simulator.url
    model = package.ChatAnthropic(model=CLAUDE, base_url=url, api_key="sk-test", **options)
    return model.bind_tools([dialogue.OPENAI_TOOL])


chat_responses = partial(chat_openai, use_responses_api=True)
chat_thinking = partial(chat_anthropic, thinking={"type": "adaptive"})

MODELS = pytest.mark.parametrize(
    "make_model",
    [chat_openai, chat_responses, chat_anthropic, chat_thinking],
    ids=["openai", "responses", "anthropic", "thinking"],
)
ADAPTERS: Any = {
    chat_openai: OpenAIAdapter(OPENAI),
    chat_responses: OpenAIAdapter(OPENAI),
    chat_anthropic: AnthropicAdapter(CLAUDE),
    chat_thinking: AnthropicAdapter(CLAUDE),  # which binds thinking to its prompt
}
STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


def question(turn: int) -> str:
    """What is said in a turn: in every fourth a tool is called for."""
    tool = f'[[think]] [[tool get_weather {{"city": "Paris {turn}"}}]]' if turn % 4 == 3 else ""
    return f"Question {turn}. {WORDS}{tool}"


def results(answer: Any) -> list[Any]:
    """The results of an answer's calls."""
    return [
        core().ToolMessage(
            dialogue.weather_in(call["args"]["city"]), tool_call_id=call["id"], name=call["name"]
        )
        for call in answer.tool_calls
    ]


def answered(runnable: Any, given: Any, config: Any = None, *, stream: bool = False) -> Any:
    if not stream:
        return runnable.invoke(given, config)
    return list(itertools.accumulate(runnable.stream(given, config)))[-1]


# The history.


@MODELS
@STREAMED
def test_a_long_conversation_is_cut_rarely(
    simulator: SimulatorThread, make_model: Callable[..., Any], stream: bool
) -> None:
    prompt = client_package("langchain_core.prompts").ChatPromptTemplate.from_messages(
        [("system", "Be brief."), ("placeholder", "{history}"), ("placeholder", "{said}")]
    )
    history = ours().StitcherChatMessageHistory(max_tokens=600, adapter=ADAPTERS[make_model])
    talk = client_package("langchain_core.runnables.history").RunnableWithMessageHistory(
        prompt | make_model(simulator),
        lambda session_id: history,
        input_messages_key="said",
        history_messages_key="history",
    )
    config = {"configurable": {"session_id": "ada"}}
    for turn in range(24):
        said = [core().HumanMessage(question(turn))]
        while said:
            said = results(answered(talk, {"said": said}, config, stream=stream))
    sent = prompts(simulator.requests)
    assert len(sent) == 30
    assert 3 <= moves(sent) <= 6


def test_an_async_chain_awaits_async_hooks() -> None:
    async def summary(messages: list[dict[str, Any]]) -> str:
        return f"{len(messages)} messages"

    messages = core()
    model = client_package("langchain_core.language_models").FakeListChatModel(responses=["Good."])
    hook = summarise(summary, keep_tokens=50)
    history = ours().StitcherChatMessageHistory(max_tokens=100, compaction_hook=hook)
    talk = client_package("langchain_core.runnables.history").RunnableWithMessageHistory(
        model, lambda session_id: history
    )
    config = {"configurable": {"session_id": "ada"}}

    async def turns() -> None:
        for turn in range(3):
            await talk.ainvoke([messages.HumanMessage(question(turn))], config)

    asyncio.run(turns())
    kept = asyncio.run(history.aget_messages())
    assert kept[0] == messages.SystemMessage("Summary of the conversation so far:\n4 messages")
    assert kept[1] == messages.HumanMessage(question(2))
    with pytest.raises(HookError, match="is async"):
        history.add_messages([messages.HumanMessage(question(turn)) for turn in range(3)])
    assert asyncio.run(history.aget_messages()) == kept


@MODELS
@STREAMED
def test_the_manager_makes_requests_of_it(
    simulator: SimulatorThread, make_model: Callable[..., Any], stream: bool
) -> None:
    """Also in the middle of a tool loop, where Claude insists on what it thought."""
    adapter = ADAPTERS[make_model]
    history = ours().StitcherChatMessageHistory(adapter=adapter)
    history.add_messages([core().HumanMessage(question(3))])
    answer = answered(make_model(simulator), history.messages, stream=stream)
    history.add_messages([answer, *results(answer)])
    request = history.manager.build_request(max_tokens=2_000, tools=[dialogue.OPENAI_TOOL])
    if isinstance(adapter, AnthropicAdapter):
        thinking: Any = (
            {"type": "adaptive"} if make_model is chat_thinking else {"type": "disabled"}
        )
        with Anthropic(base_url=simulator.url, api_key="sk-test") as claude:
            claude.messages.create(**request, thinking=thinking)
    else:
        with OpenAI(base_url=f"{simulator.url}/v1", api_key="sk-test") as openai:
            openai.chat.completions.create(**request)
            openai.chat.completions.create(
                model=OPENAI,
                messages=history.manager.build_messages(),
                tools=[dialogue.OPENAI_TOOL],
            )
    assert prompts(simulator.requests)
    if make_model is chat_thinking:
        thought, call = request["messages"][1]["content"]
        assert thought["type"] == "thinking"
        assert call["input"] == {"city": "Paris 3"}


def odd_messages() -> list[Any]:
    """Messages with whatever LangChain has beyond what a provider takes."""
    messages = core()
    call = {"name": "look", "args": {"at": ["a", 1]}, "id": "call_1", "type": "tool_call"}
    usage = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    broken = {"name": "look", "args": '{"at"', "id": "call_2", "error": "cut", "type": None}
    broken["type"] = "invalid_tool_call"
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "s", "index": 0}
    use = {"type": "tool_use", "id": "call_1", "name": "look", "input": {}, "index": 1}
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    text = {"type": "text", "text": "Look.", "cache_control": {"type": "ephemeral"}}
    found = {"type": "tool_result", "tool_use_id": "call_1", "content": "There."}
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"}
    item = {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"}
    return [
        messages.SystemMessage("Rules.", id="system-1", additional_kwargs={"own": [1, None]}),
        messages.HumanMessage("Hi.", name="ada", response_metadata={"own": {"a": 1.5}}),
        messages.HumanMessage([image, text, "and this"]),
        messages.AIMessage([thought, use], tool_calls=[call], usage_metadata=usage, id="run-1"),
        messages.ToolMessage("There.", tool_call_id="call_1", status="error", artifact={"k": [1]}),
        messages.AIMessage([reasoning, item], tool_calls=[call], name="guide"),
        messages.HumanMessage([found, {"type": "text", "text": "Go on."}]),
        messages.AIMessage("", invalid_tool_calls=[broken], additional_kwargs={"refusal": None}),
        messages.ToolMessage("No.", tool_call_id="call_2"),
        messages.AIMessageChunk("Bye.", chunk_position="last"),
        messages.ChatMessage("Why?", role="critic"),
        messages.AIMessage([{"type": "redacted_thinking", "data": "x"}, text]),
    ]


@pytest.mark.parametrize("n", range(12))
def test_a_message_comes_back_as_it_was(n: int) -> None:
    module = ours()
    message = odd_messages()[n]
    before = core().message_to_dict(message)
    history = module.StitcherChatMessageHistory()
    history.add_messages([message])
    assert core().message_to_dict(message) == before, "nothing is changed in the caller's hands"
    kept = PromptManager.from_json(history.manager.to_json())
    (back,) = module.StitcherChatMessageHistory(kept).messages
    assert type(back) is type(message)
    assert back == message
    assert core().message_to_dict(back) == before
    assert all(key[0] != "_" for sent in kept.build_messages() for key in sent)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
EXTRAS = st.fixed_dictionaries(
    {"additional_kwargs": st.dictionaries(st.text(max_size=5), JSON, max_size=2)},
    optional={"id": st.text(min_size=1, max_size=5), "name": st.text(max_size=5)},
)


@settings(max_examples=60, deadline=None)
@given(said=st.lists(st.tuples(st.sampled_from("shat"), st.text(max_size=9), EXTRAS), max_size=6))
def test_a_conversation_comes_back_as_it_was(said: list[tuple[str, str, dict[str, Any]]]) -> None:
    messages, module = core(), ours()
    makers = {
        "s": messages.SystemMessage,
        "h": messages.HumanMessage,
        "a": messages.AIMessage,
        "t": partial(messages.ToolMessage, tool_call_id="call_1"),
    }
    given = [makers[kind](text, **extras) for kind, text, extras in said]
    history = module.StitcherChatMessageHistory()
    history.add_messages(given)
    kept = PromptManager.from_json(history.manager.to_json())
    assert module.StitcherChatMessageHistory(kept).messages == given


def test_what_a_hook_leaves_of_a_message_is_what_comes_back() -> None:
    messages, module = core(), ours()
    call = {"name": "look", "args": {}, "id": "call_1"}
    turn = [
        messages.HumanMessage("Look.", id="1"),
        messages.AIMessage("I look.", tool_calls=[call], id="2"),
        messages.ToolMessage("one\ntwo\nthree", tool_call_id="call_1", id="3"),
        messages.AIMessage("Three.", id="4"),
    ]
    cycle = {"transition_mode": "agent_cycle"}
    history = module.StitcherChatMessageHistory(transition_hook=trim_tool_outputs(1), **cycle)
    history.add_messages(turn)
    shorter = messages.ToolMessage("[2 lines left out]\nthree", tool_call_id="call_1")
    assert history.messages == [*turn[:2], shorter, turn[3]]

    drop = drop_tool_messages_transition_hook
    history = module.StitcherChatMessageHistory(transition_hook=drop, **cycle)
    history.add_messages(turn)
    assert history.messages == [turn[0], messages.AIMessage("I look."), turn[3]]


def test_messages_of_any_api_come_back_as_langchains() -> None:
    messages, module = core(), ours()
    manager = PromptManager()
    manager.append_many(
        [
            {"role": "user", "content": "Look."},
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "a", "name": "look", "input": {}}],
            },
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "a", "content": "x"}],
            },
            {"type": "function_call", "call_id": "b", "name": "look", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "b", "output": "y"},
        ]
    ).append_context("It is noon.")
    assert module.StitcherChatMessageHistory(manager).messages == [
        messages.HumanMessage("Look."),
        messages.AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": "a"}]),
        messages.ToolMessage("x", tool_call_id="a"),
        messages.AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": "b"}]),
        messages.ToolMessage("y", tool_call_id="b"),
        messages.SystemMessage("It is noon."),
    ]


def test_a_call_that_langchain_could_not_read_is_still_one() -> None:
    """Its result would answer nothing, which providers refuse."""
    messages = core()
    broken = {"name": "look", "args": '{"at"', "id": "call_1", "error": "cut"}
    history = ours().StitcherChatMessageHistory()
    history.add_messages(
        [
            messages.HumanMessage("Look."),
            messages.AIMessage("", invalid_tool_calls=[broken]),
            messages.ToolMessage("No.", tool_call_id="call_1"),
        ]
    )
    _, said, _ = history.manager.build_request(model=OPENAI)["messages"]
    assert said["tool_calls"] == [
        {"type": "function", "id": "call_1", "function": {"name": "look", "arguments": '{"at"'}}
    ]


def test_what_cannot_be_kept_leaves_the_history_as_it_was() -> None:
    messages = core()
    history = ours().StitcherChatMessageHistory()
    human = messages.HumanMessage("Hi.")
    with pytest.raises(TypeError, match="artifact: found a value of type object"):
        history.add_messages(
            [human, messages.ToolMessage("x", tool_call_id="a", artifact=object())]
        )
    with pytest.raises(ValueError, match="RemoveMessage"):
        history.add_messages([human, messages.RemoveMessage("1")])
    assert history.messages == []


def test_a_history_begins_anew_in_the_same_manager() -> None:
    messages, module = core(), ours()
    manager = PromptManager("Be brief.", initial_context="It is noon.", max_tokens=500)
    history = module.StitcherChatMessageHistory(manager)
    history.add_user_message("Hi.")
    history.add_ai_message("Hello.")
    assert len(history.messages) == 3
    history.clear()
    assert history.messages == [messages.SystemMessage("It is noon.")]
    assert history.manager is manager
    assert manager.max_tokens == 500
    asyncio.run(history.aadd_messages([messages.HumanMessage("Again.")]))
    asyncio.run(history.aclear())
    assert [one["role"] for one in manager.build_messages()] == ["system", "system"]


def test_a_manager_comes_with_its_own_settings() -> None:
    with pytest.raises(ValueError, match="a manager and the settings max_tokens"):
        ours().StitcherChatMessageHistory(PromptManager(), max_tokens=9)


# The trimmer.


@MODELS
def test_a_trimmed_chain_is_cut_rarely(
    simulator: SimulatorThread, make_model: Callable[..., Any]
) -> None:
    prompt = client_package("langchain_core.prompts").ChatPromptTemplate.from_messages(
        [("system", "Be brief."), ("placeholder", "{history}")]
    )
    trimmer = ours().stable_trimmer(600, adapter=ADAPTERS[make_model])
    chain = prompt | trimmer | make_model(simulator)
    history: list[Any] = []
    for turn in range(24):
        said = [core().HumanMessage(question(turn))]
        while said:
            history += said
            history.append(answered(chain, {"history": history}, stream=turn % 2 == 1))
            said = results(history[-1])
    sent = prompts(simulator.requests)
    assert len(sent) == 30
    assert 3 <= moves(sent) <= 6


# A turn: how long the question is, how many tools each answer calls, how long the last answer is.
TURN = st.tuples(st.integers(0, 60), st.lists(st.integers(1, 3), max_size=3), st.integers(0, 60))
TURNS = st.lists(TURN, max_size=12)


def conversation(turns: list[tuple[int, list[int], int]], *, blocks: bool) -> list[Any]:
    """A conversation of such turns, in Chat Completions' way of calling or in Anthropic's."""
    messages, names = core(), itertools.count()
    said: list[Any] = [messages.SystemMessage("Be brief.")]
    for words, loop, last in turns:
        said.append(messages.HumanMessage("word " * words))
        for tools in loop:
            calls = [
                {"name": "look", "args": {}, "id": f"call_{next(names)}"} for _ in range(tools)
            ]
            uses = [{**call, "type": "tool_use", "input": {}} for call in calls] if blocks else ""
            said.append(messages.AIMessage(uses, tool_calls=calls))
            said += [messages.ToolMessage("word " * 9, tool_call_id=one["id"]) for one in calls]
        said.append(messages.AIMessage("word " * last))
    return said


@settings(max_examples=60, deadline=None)
@given(turns=TURNS, blocks=st.booleans(), budget=st.integers(20, 400), keep=st.floats(0, 1))
def test_a_trimmed_conversation_is_legal_and_moves_only_when_a_turn_begins(
    turns: list[tuple[int, list[int], int]], blocks: bool, budget: int, keep: float
) -> None:
    trimmer = ours().stable_trimmer(budget, keep=keep)
    said = conversation(turns, blocks=blocks)
    before: list[Any] = []
    for end in range(1, len(said) + 1):
        after = trimmer.invoke(said[:end])
        own = {id(message) for message in said}
        assert all(id(message) in own for message in after), "the very objects"
        assert after[0] is said[0]
        assert after[1:] == said[:end][len(said[:end]) - len(after) + 1 :], "the newest messages"
        assert len(after) == 1 or after[1].type == "human"
        calls = [call["id"] for one in after if one.type == "ai" for call in one.tool_calls]
        assert {one.tool_call_id for one in after if one.type == "tool"} <= set(calls)
        if after[: len(before)] != before:
            assert said[end - 1].type == "human"
        before = after


def test_the_prefix_moves_less_often_than_with_langchains_own_trimmer() -> None:
    adapter = OpenAIAdapter()
    to_openai = core().convert_to_openai_messages
    theirs = core().trim_messages(
        max_tokens=1_000,
        strategy="last",
        token_counter=lambda messages: adapter.count_tokens(to_openai(messages)),
        include_system=True,
        start_on="human",
    )
    said = conversation(
        [(30, [1] if turn % 4 == 3 else [], 30) for turn in range(100)], blocks=False
    )
    asked = [n + 1 for n, message in enumerate(said) if message.type in ("human", "tool")]

    def moved(trimmer: Any) -> int:
        return moves([trimmer.invoke(said[:end]) for end in asked])

    own, langchains = moved(ours().stable_trimmer(1_000)), moved(theirs)
    assert len(asked) == 125
    assert 4 * own < langchains
    page = (Path(__file__).parents[2] / "docs" / "integrations.md").read_text(encoding="utf-8")
    assert f"beginning moved {own} times instead of {langchains}." in page


def test_what_was_thought_before_a_cut_is_left_out_where_it_would_be_refused() -> None:
    """And only that: what was thought since then stays, so that the prefix does."""
    bound, free = (
        ours().stable_trimmer(800, adapter=AnthropicAdapter(model)) for model in (CLAUDE, None)
    )
    messages = core()
    said: list[Any] = []
    sent: list[list[Any]] = []
    for turn in range(20):
        said.append(messages.HumanMessage(question(turn)))
        sent.append(bound.invoke(said))
        thought = {"type": "thinking", "thinking": f"Hm {turn}.", "signature": "s"}
        said.append(messages.AIMessage([thought, {"type": "text", "text": WORDS}]))
        sent.append(bound.invoke(said))
        assert sent[-1][-1] == said[-1], "the newest thought"
    assert 3 <= moves(sent) <= 10
    thoughts = [str(prompt).count("'thinking': 'Hm") for prompt in sent]
    assert 0 in thoughts[10:], "right after a cut nothing is left"
    assert max(thoughts[10:]) >= 2
    kept = free.invoke(said)
    assert all(any(one is message for message in said) for one in kept)
    assert str(kept).count("'thinking': 'Hm") == len(kept) // 2


def test_a_budget_that_cannot_be_used_is_found_at_once() -> None:
    for budget, keep in ((0, 0.5), (-1, 0.5), (100, 2)):
        with pytest.raises(ValueError, match="found"):
            ours().stable_trimmer(budget, keep=keep)
