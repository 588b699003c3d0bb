"""Requests for OpenAI's two APIs: legal, and marked where an implicit breakpoint does not reach."""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from stitcher import OpenAIAdapter, OpenAIResponsesAdapter, PromptManager
from stitcher.messages.openai_breakpoints import KEY, breakpoints
from stitcher.prompt.layout import Layout
from stitcher.simulator import rules_openai_chat, rules_openai_responses
from stitcher.simulator.cache import AutomaticCache, Reading
from stitcher.simulator.openai_prompt import read_prompt
from tests.prompt.speech import (
    FORMS,
    TOOLS,
    FormName,
    Message,
    Turn,
    answer,
    calls,
    spoken,
    turn_of,
    user,
)

NEW, OLD = "gpt-6", "gpt-5.5"
LONG = "Be brief. " * 900
EXPLICIT = {"mode": "explicit"}


def system(text: str) -> Message:
    return {"role": "system", "content": text}


def chat(messages: Sequence[Message], model: str = NEW, **asked: Any) -> Message:
    body: Message = json.loads(json.dumps(OpenAIAdapter(model).build_request(messages, **asked)))
    assert rules_openai_chat.check(body) is None
    return body


def responses(messages: Sequence[Message], model: str = NEW, **asked: Any) -> Message:
    body: Message = json.loads(
        json.dumps(OpenAIResponsesAdapter(model).build_request(messages, **asked))
    )
    assert rules_openai_responses.check(body) is None
    return body


def marks(messages: Sequence[Message]) -> list[int]:
    return [n for n, one in enumerate(messages) if breakpoints(one)]


TALK = [system(LONG), user("1"), answer("2"), user("3")]
NOON = [*TALK[:3], system("It is noon."), TALK[3]]
MOVES = Layout(history_end=2, dynamic=3)


class TestChat:
    def test_messages_go_out_as_they_are(self) -> None:
        said = [system("Be brief."), *spoken([Turn("Where?", (2,))])]
        body = chat(said, tools=TOOLS["openai_chat"], max_tokens=99, temperature=0)
        assert body["messages"] == said
        assert body["tools"] == TOOLS["openai_chat"]
        assert (body["max_completion_tokens"], body["temperature"]) == (99, 0)

    @pytest.mark.parametrize("form", FORMS)
    def test_what_was_said_to_another_api_is_said_in_this_ones_words(self, form: FormName) -> None:
        body = chat(spoken([Turn("Where?", (2,), "There.")], form), tools=TOOLS["anthropic"])
        roles = [one["role"] for one in body["messages"]]
        assert roles == ["user", "assistant", "tool", "tool", "assistant"]
        assert "There." in str(body["messages"][-1]["content"])
        assert body["tools"] == TOOLS["openai_chat"]

    def test_a_prompt_that_the_api_would_refuse_is_not_made(self) -> None:
        adapter = OpenAIAdapter(NEW)
        with pytest.raises(ValueError, match="found no message beside the system prompt"):
            adapter.build_request([system("Be brief.")])
        with pytest.raises(ValueError, match="found no message beside the system prompt"):
            adapter.build_request([system("a"), system("b")], layout=Layout(dynamic=1))
        with pytest.raises(ValueError, match="found the tool call 'a' without its result"):
            adapter.build_request([user("1"), *calls(["a"])])
        with pytest.raises(ValueError, match="found no model, expected one: OpenAIAdapter"):
            OpenAIAdapter().build_request([user("1")])


class TestBreakpoints:
    def test_the_system_prompt_is_marked_that_other_conversations_share(self) -> None:
        body = chat(TALK)
        assert marks(body["messages"]) == [0]
        assert body["messages"][0]["content"] == [
            {"prompt_cache_breakpoint": EXPLICIT, "type": "text", "text": LONG}
        ]

    def test_and_what_stays_in_front_of_context_that_moves(self) -> None:
        assert marks(chat(NOON, layout=MOVES)["messages"]) == [0, 2]

    def test_also_where_it_stayed_in_the_turn_before(self) -> None:
        """An answer is no implicit boundary: it is looked up only where it is marked again."""
        longer = [*TALK[:3], user("a"), answer("b"), system("It is noon."), user("c")]
        body = chat(longer, layout=Layout(history_end=4, dynamic=5))
        assert marks(body["messages"]) == [0, 2, 4]

    def test_older_models_have_none(self) -> None:
        assert marks(chat(NOON, OLD, layout=MOVES)["messages"]) == []

    def test_nor_is_what_is_too_short_to_be_cached(self) -> None:
        assert marks(chat([system("Be brief."), user("1")])["messages"]) == []

    def test_three_with_the_callers_own(self) -> None:
        own = [
            {"role": "user", "content": [{"type": "text", "text": c, KEY: EXPLICIT}]} for c in "ab"
        ]
        body = chat([system(LONG), *own, answer("2"), user("3")])
        assert marks(body["messages"]) == [0, 1, 2]
        three = [*own, own[0]]
        assert marks(chat([system(LONG), *three])["messages"]) == [1, 2, 3]

    def test_where_the_caller_wants_no_implicit_one_the_end_is_marked_too(self) -> None:
        body = chat(TALK, layout=Layout(history_end=2), prompt_cache_options=EXPLICIT)
        assert marks(body["messages"]) == [0, 1, 2, 3]

    def test_what_hardly_lasts_is_not_marked_where_the_caller_marks_alone(self) -> None:
        for passing in (False, True):
            layout = Layout(history_end=2, held=4, passing=passing)
            body = chat([*TALK, user("noon")], layout=layout, prompt_cache_options=EXPLICIT)
            assert (4 in marks(body["messages"])) is not passing
            assert 3 in marks(body["messages"])

    def test_a_call_carries_none(self) -> None:
        loop = spoken([Turn("1", (1,), "")])
        body = chat([system(LONG), *loop], layout=Layout(history_end=2, dynamic=None))
        assert marks(body["messages"]) == [0]
        moved = chat([system(LONG), *loop, system("noon")], layout=Layout(3, 4))
        assert marks(moved["messages"]) == [0, 3]


class TestKey:
    def test_an_older_models_conversation_has_a_key_of_its_own(self) -> None:
        """OpenAI, "Prompt caching": before GPT-5.6 the key helps to find the machine."""
        one = chat(TALK, OLD)["prompt_cache_key"]
        assert one == chat([*TALK, answer("4"), user("5")], OLD)["prompt_cache_key"]
        assert one == chat(NOON, OLD, layout=MOVES)["prompt_cache_key"]
        assert one != chat([system(LONG), user("other")], OLD)["prompt_cache_key"]
        assert len(one) <= 64

    def test_also_in_its_first_turn_with_context(self) -> None:
        first = [system(LONG), system("noon"), user("1")]
        key = chat(first, OLD, layout=Layout(dynamic=1))["prompt_cache_key"]
        assert key == chat(TALK, OLD)["prompt_cache_key"]

    def test_a_newer_ones_has_none_that_would_part_what_can_be_shared(self) -> None:
        assert "prompt_cache_key" not in chat(TALK)
        assert "prompt_cache_key" not in chat(TALK, "llama-3.1-8b")

    def test_the_callers_own_goes_into_every_request(self) -> None:
        adapter = OpenAIAdapter(NEW, prompt_cache_key="ada")
        assert adapter.build_request(TALK)["prompt_cache_key"] == "ada"
        assert adapter.build_request(TALK, prompt_cache_key="bob")["prompt_cache_key"] == "bob"


class TestResponses:
    def test_the_static_prompt_is_the_first_item(self) -> None:
        body = responses([system("Be brief."), user("hi")], OLD, max_tokens=99)
        assert body["input"] == [system("Be brief."), user("hi")]
        assert body["max_output_tokens"] == 99

    @pytest.mark.parametrize("form", FORMS)
    def test_what_was_said_to_another_api_is_said_in_items(self, form: FormName) -> None:
        body = responses(spoken([Turn("Where?", (2,), "There.")], form), tools=TOOLS["anthropic"])
        kinds = [one.get("type", "message") for one in body["input"]]
        called, found = ["function_call"] * 2, ["function_call_output"] * 2
        assert kinds == ["message", *called, *found, "message"]
        assert body["tools"] == TOOLS["openai_responses"]

    def test_breakpoints_stand_on_what_is_put_in(self) -> None:
        """Texts of the assistant carry none: the nearest before is marked."""
        body = responses(NOON, layout=MOVES)
        assert marks(body["input"]) == [0, 1]
        assert body["input"][0]["content"][0]["type"] == "input_text"

    def test_also_on_a_result(self) -> None:
        said = [system(LONG), *spoken([Turn("1", (1,), "")], "openai_responses")]
        body = responses(said, prompt_cache_options=EXPLICIT)
        assert marks(body["input"])[-1] == 3

    def test_reasoning_goes_back_with_its_item(self) -> None:
        thought = {"type": "reasoning", "id": "rs_1", "summary": [], "content": []}
        said = [user("1"), thought, answer("2", "openai_responses"), user("3")]
        assert responses(said)["input"] == said


class Cache:
    """The provider's cache in virtual time."""

    def __init__(self) -> None:
        self._cache = AutomaticCache()
        self._now = 0.0

    def ask(self, body: Message) -> Reading:
        prompt = read_prompt(json.loads(json.dumps(body)))
        reading = self._cache.begin(
            "me", prompt.links, prompt.minimum, self._now, rounding=prompt.rounding
        )
        self._cache.settle(reading, self._now + 1)
        self._now += 10
        return reading


def conversation(model: str, *, dynamic: bool) -> list[tuple[Reading, int]]:
    """Each request's reading, with the tokens up to the end of its long-lived history."""
    manager = PromptManager(
        static_system_prompt=LONG, transition_mode="agent_cycle", adapter=OpenAIAdapter(model)
    )
    cache, asked = Cache(), []
    for n in range(6):
        for message in turn_of(Turn(f"Where {n}?", (1,), "There.", size=150), n):
            if message["role"] == "assistant":
                body = manager.build_request(f"It is {n} o'clock." if dynamic else None)
                stays = len(manager.long_lived_history)
                links = read_prompt(json.loads(json.dumps(body))).links
                asked.append((cache.ask(body), links[stays].tokens))
            manager.append(message)
    return asked


@pytest.mark.parametrize(("model", "rounding"), [(NEW, 1), (OLD, 2048)])
def test_each_request_reads_all_of_the_one_before(model: str, rounding: int) -> None:
    asked = conversation(model, dynamic=False)
    for (before, _), (now, _) in pairwise(asked):
        assert now.read == before.total - before.total % rounding


@pytest.mark.parametrize(("model", "rounding"), [(NEW, 1), (OLD, 2048)])
def test_context_that_moves_costs_the_turn_before_it_and_no_more(model: str, rounding: int) -> None:
    asked = conversation(model, dynamic=True)
    for (before, stayed), (now, _) in pairwise(asked):
        assert now.read >= stayed - stayed % rounding
        assert before.total > stayed
