"""Where dynamic context goes when its place is a question of price."""

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher import (
    AnthropicAdapter,
    OpenAIAdapter,
    PromptConfig,
    PromptManager,
    functional,
    loads,
    new_state,
)
from stitcher.prompt.adapters.provider_adapter import ProviderAdapter
from stitcher.prompt.placement import with_dynamic
from stitcher.simulator import rules_anthropic
from stitcher.simulator.anthropic_prompt import read_prompt
from stitcher.simulator.cache import BreakpointCache, Reading
from tests.prompt.speech import TURN, Message, Turn, answer, calls, results, turn_of, user


class Tens(ProviderAdapter):
    """Every message is ten tokens."""

    def message_tokens(self, message: Message) -> int:
        return 10


def manager(**settings: Any) -> PromptManager:
    return PromptManager(dynamic_placement="priced", transition_mode="agent_cycle", **settings)


def shown(built: list[Message]) -> list[str]:
    return [str(message["content"]) for message in built]


def turn(talk: PromptManager, n: int, dynamic: str | None) -> list[str]:
    """A whole turn; what was built for its question."""
    built = shown(talk.append(user(f"q{n}")).build_messages(dynamic))
    talk.append(answer(f"a{n}"))
    return built


def test_it_is_said_behind_the_question_and_held_there_until_it_changes() -> None:
    talk = manager()
    assert turn(talk, 0, "noon") == ["q0", "noon"]
    assert turn(talk, 1, "noon") == ["q0", "noon", "a0", "q1"]
    assert turn(talk, 2, "noon") == ["q0", "noon", "a0", "q1", "a1", "q2"]


def test_what_is_left_behind_stays_while_that_is_cheaper() -> None:
    """Two messages to write again, against two requests in which ten tokens are read: it stays."""
    talk = manager(adapter=Tens())
    turn(talk, 0, "noon")
    turn(talk, 1, "noon")
    assert turn(talk, 2, "one") == ["q0", "noon", "a0", "q1", "a1", "q2", "one"]


def test_what_nothing_cached_stands_behind_is_taken_out() -> None:
    """No request has held the answer to it yet: it is written in any case."""
    talk = manager(adapter=Tens())
    turn(talk, 0, "noon")
    assert turn(talk, 1, "one") == ["q0", "a0", "q1", "one"]


def test_what_is_large_is_taken_out() -> None:
    talk = manager(adapter=OpenAIAdapter("gpt-4o"))
    large = "much context " * 500
    turn(talk, 0, large)
    turn(talk, 1, large)
    assert turn(talk, 2, "one") == ["q0", "a0", "q1", "a1", "q2", "one"]


@pytest.mark.parametrize("dynamic", [None, ""])
def test_what_no_longer_holds_is_taken_out_whatever_it_costs(dynamic: str | None) -> None:
    talk = manager()
    turn(talk, 0, "noon")
    assert turn(talk, 1, dynamic) == ["q0", "a0", "q1"]
    assert "dynamic" not in talk.state


def test_inside_a_tool_loop_context_that_lasts_stays_where_it_was() -> None:
    talk = manager()
    talk.append(user("q"))
    first = talk.build_messages("noon")
    talk.append_many(calls(["a"])).append_many(results(["a"]))
    second = talk.build_messages("noon")
    assert second[: len(first)] == first
    talk.append_many(calls(["b"])).append_many(results(["b"]))
    assert talk.build_messages(None)[: len(second)] == second, "until the turn is over"


def looped(talk: PromptManager, contexts: list[str]) -> list[list[str]]:
    """What was built in each round of a tool loop, another context in each."""
    talk.append(user("q"))
    built = [shown(talk.build_messages(contexts[0]))]
    for n, context in enumerate(contexts[1:]):
        talk.append_many(calls([f"c{n}"])).append_many(results([f"c{n}"], text="found " * 500))
        built.append(shown(talk.build_messages(context)))
    return built


def test_inside_a_tool_loop_nothing_that_may_be_cached_moves() -> None:
    """The first context may last, and is written; none that follows is, as each lasts one round."""
    for built in (looped(manager(), list("abcd")), looped(manager(adapter=Tens()), list("abcd"))):
        for before, after in pairwise(built):
            written = before if before == built[0] else before[:-1]
            assert after[: len(written)] == written
        assert [[one for one in said if one in "abcd"] for said in built] == (
            [["a"], ["a", "b"], ["a", "c"], ["a", "d"]]
        )


def test_after_a_tool_loop_context_goes_by_its_price() -> None:
    talk = manager(adapter=OpenAIAdapter("gpt-4o"))
    looped(talk, ["a " * 3_000, "b", "c"])
    talk.append(answer("done")).append(user("next"))
    assert not any(one.startswith("a ") for one in shown(talk.build_messages("d")))


def test_what_is_too_short_to_be_cached_keeps_no_old_context() -> None:
    """Nothing of it is read at a lower price: what goes need not be sent again."""
    # 1,024 tokens, 1,024 in steps of 2,048, and no minimum
    for model, stays in (("gpt-6", False), ("gpt-5.5", False), ("llama", True)):
        talk = manager(adapter=OpenAIAdapter(model))
        turn(talk, 0, "noon")
        turn(talk, 1, "noon")
        assert ("noon" in turn(talk, 2, "one")) is stays


def marked(request: Message) -> list[bool]:
    """Which messages of a request to Claude carry a breakpoint."""
    return ["cache_control" in json.dumps(message) for message in request["messages"]]


def test_context_that_changes_every_turn_is_not_written() -> None:
    """The first is: nothing says yet how long it will last."""
    talk = manager(static_system_prompt="word " * 3_000, adapter=AnthropicAdapter("claude-opus-5"))
    found = []
    for n in range(3):
        talk.append(user(f"q{n}"))
        request = talk.build_request(f"context {n}", model="claude-opus-5")
        found.append(marked(request)[-1])
        assert request["messages"][-1]["role"] in ("user", "system")
        talk.append(answer(f"a{n}"))
    assert found == [True, False, False]
    assert [one.get("passing") for one in talk.state["dynamic"]] == [True]


def test_context_that_has_lasted_is_written_when_it_changes() -> None:
    talk = manager(static_system_prompt="word " * 3_000, adapter=AnthropicAdapter("claude-opus-5"))
    for n, context in enumerate(("noon", "noon", "one")):
        talk.append(user(f"q{n}"))
        request = talk.build_request(context)
        talk.append(answer(f"a{n}"))
    assert marked(request)[-1]
    assert "passing" not in talk.state["dynamic"][-1]


def test_passing_context_that_lasts_after_all_is_written_with_what_follows() -> None:
    talk = manager(static_system_prompt="word " * 3_000, adapter=AnthropicAdapter("claude-opus-5"))
    found = []
    for n, context in enumerate(("noon", "one", "one")):
        talk.append(user(f"q{n}"))
        found.append(marked(talk.build_request(context))[-1])
        talk.append(answer(f"a{n}"))
    assert found == [True, False, True]


def test_a_compaction_places_it_anew() -> None:
    talk = manager(adapter=Tens(), max_tokens=40)
    turn(talk, 0, "noon")
    turn(talk, 1, "noon")
    assert turn(talk, 2, "noon") == ["q0", "noon", "a0", "q1", "a1", "q2"]
    assert turn(talk, 3, "noon") == ["q2", "a2", "q3", "noon"]


def test_its_place_is_part_of_the_state() -> None:
    talk = manager()
    turn(talk, 0, "noon")
    again = PromptManager.from_json(talk.to_json(), talk.config)
    assert turn(again, 1, "noon") == turn(talk, 1, "noon") == ["q0", "noon", "a0", "q1"]
    assert loads(talk.to_json())["dynamic"] == [{"after": 1, "content": "noon"}]


def test_as_functions() -> None:
    config = PromptConfig(dynamic_placement="priced")
    state = functional.append_message(new_state(), user("q0"))
    state = functional.place_dynamic(state, "noon", config)
    state = functional.append_messages(state, [answer("a0"), user("q1")])
    assert functional.place_dynamic(state, "noon", config) is state
    built = functional.build_messages(state, config, dynamic_system_prompt="noon")
    assert shown(built) == ["q0", "noon", "a0", "q1"]


def test_a_hook_that_changes_the_turn_places_anew_what_stood_in_it() -> None:
    talk = manager(transition_hook=lambda messages: messages[-1:])
    talk.append_many([user("q0"), answer("a0")])
    talk.append(user("q1")).append_many(calls(["a"])).append_many(results(["a"]))
    talk.build_messages("noon")
    talk.append(answer("a1"))
    assert talk.state.get("dynamic", []) == [], "it stood among what is gone"
    talk.append(user("q2"))
    assert shown(talk.build_messages("noon")) == ["a0", "a1", "q2", "noon"]
    talk.append(answer("a2")).append(user("q3"))
    assert shown(talk.build_messages("noon")) == ["a0", "a1", "a2", "q3", "noon"]


def test_thinking_that_is_bound_keeps_what_stands_before_it() -> None:
    """Taking it out would have every thinking block behind it refused, or thrown away."""
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    said = {"role": "assistant", "content": [thought, {"type": "text", "text": "a0"}]}
    for model, stays in (("claude-sonnet-5-5", True), ("claude-haiku-4-5", False)):
        talk = manager(adapter=AnthropicAdapter(model))
        talk.append(user("q0")).build_messages("noon " * 4_000)
        talk.append(said).append(user("q1"))
        for dynamic in ("one", None):
            assert shown(talk.build_messages(dynamic))[1].startswith("noon") is stays


def test_context_that_bound_thinking_will_keep_in_place_is_written() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    said = {"role": "assistant", "content": [thought, {"type": "text", "text": "a0"}]}
    for model, passing in (("claude-sonnet-5-5", False), ("claude-haiku-4-5", True)):
        talk = manager(adapter=AnthropicAdapter(model))
        talk.append(user("q0")).build_messages("noon")
        talk.append(said).append(user("q1")).build_messages("one")
        assert talk.state["dynamic"][-1].get("passing", False) is passing


@given(
    st.lists(st.tuples(TURN, st.sampled_from([None, "noon", "one", "two " * 99])), max_size=8),
    st.sampled_from(["gpt-4o", "gpt-6", "claude-opus-5-5", "llama"]),
)
def test_between_changes_nothing_moves(turns: list[tuple[Turn, str | None]], model: str) -> None:
    talk = manager(adapter=OpenAIAdapter(model))
    before: list[Message] = []
    held: str | None = None
    for n, (one, dynamic) in enumerate(turns):
        for m, message in enumerate(turn_of(one, n)):
            talk.append(message)
            built = talk.build_messages(dynamic)
            if dynamic == held or (m > 0 and dynamic is None):
                assert built[: len(before)] == before
            before, held = built, dynamic


@given(st.lists(st.sampled_from([None, "noon", "one"]), max_size=6))
def test_the_last_word_is_the_newest(contexts: list[str | None]) -> None:
    state = new_state()
    config = PromptConfig(adapter=Tens())
    for n, context in enumerate(contexts):
        state = functional.append_message(state, user(f"q{n}"))
        state = with_dynamic(state, context, config)
        placed = state.get("dynamic", [])
        assert (placed[-1]["content"] if placed else None) == context
        assert [one["after"] for one in placed] == sorted(one["after"] for one in placed)
        state = functional.append_message(state, answer(f"a{n}"))


@dataclass(frozen=True)
class Asked:
    """One request: what it read of the provider's cache, and the oldest context it took out."""

    reading: Reading
    gone: int | None  # the number of that context


def asked(talk: PromptManager, turns: int, every: int) -> list[Asked]:
    """The requests of a conversation about documents, ten seconds of virtual time apart."""
    cache, requests, now = BreakpointCache(), [], 0.0
    placed: list[str] = []
    for n in range(turns):
        talk.append(user(f"q{n} " + "word " * 100))
        context = f"document {n // every} " + "word " * 1_500
        body = json.loads(json.dumps(talk.build_request(context)))
        assert rules_anthropic.check(body) is None
        prompt = read_prompt(body)
        reading = cache.begin("me", prompt.links, prompt.minimum, now)
        cache.settle(reading, now + 1)
        before, placed = placed, [block["content"] for block in talk.state["dynamic"]]
        gone = next((one for one in before if one not in placed), None)
        requests.append(Asked(reading, None if gone is None else int(gone.split()[1])))
        talk.append(answer(f"a{n} " + "word " * 150))
        now += 10
    return requests


@pytest.mark.parametrize("every", [3, 14])  # turns: within the look-back, and beyond it
@pytest.mark.parametrize("model", ["claude-haiku-5-5", "claude-haiku-4-5", "claude-opus-4-6"])
def test_taking_context_out_reads_all_that_stood_before_it(model: str, every: int) -> None:
    """An end is marked in front of context that may go, and again in the request it goes from."""
    talk = manager(static_system_prompt="Be brief. " * 3_000, adapter=AnthropicAdapter(model))
    requests = asked(talk, 4 * every, every)
    for before, now in pairwise(requests):
        if now.gone is None:
            assert now.reading.read >= before.reading.total
        else:
            said_first = requests[now.gone * every].reading.total
            assert now.reading.read >= said_first - 2_000, "all but the document and its question"
    assert any(one.gone is not None for one in requests)
