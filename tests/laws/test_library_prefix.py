"""Prefix, for the library: without a compaction each prompt begins like the one before.

Seen to fail: with dynamic context in front of the history; with a transition that puts a turn in
front of what is history; with the tag of keyed context left on; with copies lent that are of a
history before its compaction.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stitcher import (
    AnthropicAdapter,
    OpenAIAdapter,
    OpenAIResponsesAdapter,
    PromptManager,
    concat_context_consolidation_hook,
    summarise,
)
from stitcher.core.pairing import alone
from stitcher.messages.reading import read
from stitcher.prompt.adapters.provider_adapter import ProviderAdapter
from stitcher.prompt.compaction_hooks import truncation_compaction_hook
from stitcher.simulator import (
    anthropic_prompt,
    openai_prompt,
    rules_anthropic,
    rules_openai_chat,
    rules_openai_responses,
)
from tests.prompt.speech import FORM, TOOLS, TURN, FormName, Message, Turn, turn_of

ACT: st.SearchStrategy[tuple[str, Any]] = st.one_of(
    st.tuples(st.just("say"), TURN),
    st.tuples(
        st.just("context"), st.sampled_from([("blue", "sky"), ("red", "sky"), ("Ada", "me")])
    ),
    st.tuples(st.just("transition"), st.none()),
)
MODE = st.sampled_from(["none", "manual", "agent_cycle"])
CONTEXT = st.sampled_from([None, "It is noon.", "It is one."])


class Compactions:
    """A hook, counting: by leaving out, or by a summary that says which one it is."""

    def __init__(self, *, by_summary: bool = False) -> None:
        self.count = 0
        self._hook: Any = truncation_compaction_hook
        if by_summary:
            self._hook = summarise(lambda messages: f"Summary {self.count}.")

    def hook(
        self, messages: list[Message], target: int, adapter: ProviderAdapter
    ) -> Sequence[Message]:
        self.count += 1
        made: Sequence[Message] = self._hook(messages, target, adapter)
        return made

    def consolidate(self, key: str, messages: list[Message]) -> str:
        """Called by itself where there is nothing but context to compact."""
        self.count += 1
        return concat_context_consolidation_hook(key, messages)


def serialised(messages: Sequence[Message]) -> str:
    """A list that goes on begins with these bytes."""
    return json.dumps(list(messages))[:-1]


@settings(deadline=None)
@given(
    MODE,
    FORM,
    st.lists(st.tuples(ACT, CONTEXT), max_size=10),
    st.integers(40, 1_500),
    st.booleans(),
)
def test_the_prefix_extends_and_moves_once_for_a_compaction(
    mode: str,
    form: FormName,
    acts: list[tuple[tuple[str, Any], str | None]],
    budget: int,
    by_summary: bool,
) -> None:
    compactions = Compactions(by_summary=by_summary)
    manager = PromptManager(
        static_system_prompt="Be brief.",
        transition_mode=mode,
        max_tokens=budget,
        compaction_hook=compactions.hook,
        context_consolidation_hook=compactions.consolidate,
        initial_context="The world is flat.",
    )
    before, counted = serialised(manager.cache_prefix()), 0
    for n, (act, dynamic) in enumerate(acts):
        for _ in steps(manager, act, n, form):
            messages, told = manager.build_messages(dynamic, False, with_metadata=True)
            prefix = messages[: told["prefix_message_count"]]
            assert tuple(prefix) == manager.cache_prefix()
            assert "context_key" not in serialised(messages)
            assert serialised(prefix).startswith(before) or compactions.count > counted
            before, counted = serialised(prefix), compactions.count


def steps(
    manager: PromptManager, act: tuple[str, Any], n: int, form: FormName
) -> Iterator[PromptManager]:
    """The manager after each message of an act, or after the act."""
    match act:
        case ("say", turn):
            yield from map(manager.append, turn_of(turn, n, form))
        case ("context", (text, key)):
            yield manager.append_context(text, key)
        case _:
            yield manager.transition()


def requests(
    manager: PromptManager, turns: Sequence[Turn], form: FormName, contexts: Sequence[str | None]
) -> list[Message]:
    """Every request an application would make: after a question, and after each round of results.

    Context changes where a turn begins.
    """
    made: list[Message] = []
    for n, turn in enumerate(turns):
        said = turn_of(turn, n, form)
        for m, message in enumerate(said):
            asked = m > 0 and read(message).role == "assistant" != read(said[m - 1]).role
            if asked:
                made.append(_request(manager, contexts[n % len(contexts)]))
            manager.append(message)
    return made


def _request(manager: PromptManager, context: str | None) -> Message:
    asked = manager.build_request(context, tools=TOOLS["openai_chat"])
    body: Message = json.loads(json.dumps(asked))
    return body


ADAPTERS: dict[str, Any] = {
    "claude-sonnet-5-5": AnthropicAdapter,  # takes system messages midway, binds thinking
    "claude-haiku-4-5": AnthropicAdapter,
    "gpt-6": OpenAIAdapter,  # breakpoints
    "gpt-4o": OpenAIAdapter,
}
CHECKS = {"claude": rules_anthropic.check, "gpt": rules_openai_chat.check}
PROMPTS: dict[str, Any] = {"claude": anthropic_prompt.read_prompt, "gpt": openai_prompt.read_prompt}


def closed(turns: Sequence[Turn]) -> list[Turn]:
    """Turns that are answered: an application asks again only then."""
    return [Turn(turn.question, turn.rounds, turn.answer or "Yes.", turn.size) for turn in turns]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(ADAPTERS)),
    MODE,
    FORM,
    st.lists(TURN, min_size=1, max_size=6).map(closed),
    st.lists(CONTEXT, min_size=1, max_size=4),
    st.sampled_from(["fixed", "priced"]),
    st.none() | st.integers(100, 900),
)
def test_every_request_is_one_that_the_provider_takes(
    model: str,
    mode: str,
    form: FormName,
    turns: list[Turn],
    contexts: list[str | None],
    placement: Any,
    budget: int | None,
) -> None:
    manager = PromptManager(
        static_system_prompt="Be brief. " * 700,
        transition_mode=mode,
        adapter=ADAPTERS[model](model),
        max_tokens=budget,
        dynamic_placement=placement,
        initial_context="The world is flat.",
    )
    family = model.partition("-")[0]
    for body in requests(manager, turns, form, contexts):
        assert CHECKS[family](body) is None
        assert json.dumps(body).count('"cache_control"') <= 4
        assert json.dumps(body).count('"prompt_cache_breakpoint"') <= 3


@settings(max_examples=40, deadline=None)
@given(MODE, FORM, st.lists(TURN, min_size=1, max_size=5).map(closed), CONTEXT)
def test_every_request_is_one_that_the_responses_api_takes(
    mode: str, form: FormName, turns: list[Turn], context: str | None
) -> None:
    manager = PromptManager(
        static_system_prompt="Be brief. " * 700,
        transition_mode=mode,
        adapter=OpenAIResponsesAdapter("gpt-6"),
    )
    for body in requests(manager, turns, form, [context]):
        assert rules_openai_responses.check(body) is None


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(ADAPTERS)),
    MODE,
    FORM,
    st.lists(TURN, min_size=2, max_size=6).map(closed),
    st.sampled_from(["fixed", "priced"]),
)
def test_what_a_provider_is_shown_extends_from_request_to_request(
    model: str, mode: str, form: FormName, turns: list[Turn], placement: Any
) -> None:
    """As its cache sees it: breakpoints move, the prompt does not.

    A hash of the whole prompt before stands somewhere in the chain of hashes of the next.
    """
    manager = PromptManager(
        static_system_prompt="Be brief.",
        transition_mode=mode,
        adapter=ADAPTERS[model](model),
        dynamic_placement=placement,
    )
    read_prompt = PROMPTS[model.partition("-")[0]]
    before: bytes | None = None
    contexts = [None] if placement == "fixed" else ["It is noon."]
    for body in requests(manager, turns, form, contexts):
        links = [link.hash for link in read_prompt(body).links]
        assert before is None or before in links
        before = links[-1]


@given(MODE, FORM, st.lists(TURN, max_size=6), st.lists(CONTEXT, min_size=1, max_size=3))
def test_nothing_that_is_built_parts_a_call_from_its_result(
    mode: str, form: FormName, turns: list[Turn], contexts: list[str | None]
) -> None:
    manager = PromptManager(transition_mode=mode, dynamic_placement="priced")
    for n, turn in enumerate(turns):
        for message in turn_of(turn, n, form):
            manager.append(message)
            context = contexts[n % len(contexts)]
            built = [read(one) for one in manager.build_messages(context)]
            assert all(one.kind == "call" for one in alone(built))
