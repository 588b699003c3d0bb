"""The manager and the functions are one library: whatever one does, the other does too."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher import AnthropicAdapter, PromptConfig, PromptManager, functional, new_state
from stitcher.prompt.adapters.provider_adapter import ProviderAdapter
from stitcher.prompt.state import State
from tests.prompt.speech import (
    FORM,
    FORMS,
    TURN,
    FormName,
    Message,
    answer,
    calls,
    results,
    turn_of,
    user,
)

CONFIG = PromptConfig(static_system_prompt="Be brief.", transition_mode="agent_cycle")


def test_the_documented_order() -> None:
    manager = PromptManager(CONFIG).append_many([user("one"), answer("two"), user("three")])
    assert manager.build_messages("The time is 12:00.") == [
        {"role": "system", "content": "Be brief."},
        user("one"),
        answer("two"),
        {"role": "system", "content": "The time is 12:00."},
        user("three"),
    ]


@pytest.mark.parametrize("dynamic", [None, ""])
def test_without_dynamic_context_there_is_none(dynamic: str | None) -> None:
    manager = PromptManager(CONFIG).append(user("one"))
    assert [m["content"] for m in manager.build_messages(dynamic)] == ["Be brief.", "one"]


def test_the_role_of_dynamic_context_can_be_chosen() -> None:
    manager = PromptManager(dynamic_system_role="user").append(user("one"))
    assert manager.build_messages("noon")[-1] == user("noon")


@pytest.mark.parametrize("dynamic", [7, ["noon"], {"role": "system"}])
def test_dynamic_context_is_a_text(dynamic: Any) -> None:
    with pytest.raises(TypeError, match="dynamic_system_prompt: found a"):
        PromptManager().build_messages(dynamic)
    with pytest.raises(TypeError, match="dynamic_system_prompt: found a"):
        functional.build_messages(new_state(), dynamic_system_prompt=dynamic)


@pytest.mark.parametrize("form", FORMS)
def test_dynamic_context_never_comes_between_a_call_and_its_result(form: FormName) -> None:
    """A state that another program saved may hold a call as history, and its result as not."""
    asked, look, found = user("Where?", form), calls(["a", "b"], form), results(["a", "b"], form)
    state = {"version": 1, "long_lived": [asked, *look], "short_term": found}
    built = PromptManager(state=state).build_messages("noon")
    assert built == [asked, *look, *found, {"role": "system", "content": "noon"}]
    assert functional.build_messages(state, dynamic_system_prompt="noon") == built


def test_the_metadata_says_where_what_stays_ends() -> None:
    manager = PromptManager(CONFIG, adapter=Tens()).append_many([user("1"), answer("2"), user("3")])
    built = manager.build_messages("noon", with_metadata=True)
    assert built == (
        manager.build_messages("noon"),
        {
            "boundaries": [0, 2],
            "prefix_message_count": 3,
            "prefix_tokens": 30,
            "suffix_tokens": 20,
            "total_tokens": 50,
        },
    )


@pytest.mark.parametrize(
    ("config", "messages", "boundaries", "count"),
    [
        (PromptConfig(), [], [], 0),
        (CONFIG, [], [0], 1),
        (PromptConfig(), [user("1")], [0], 1),
        (CONFIG, [user("1")], [0], 1),
        (CONFIG, [user("1"), answer("2")], [0, 2], 3),
    ],
)
def test_boundaries_of_what_there_is(
    config: PromptConfig, messages: list[Message], boundaries: list[int], count: int
) -> None:
    manager = PromptManager(config).append_many(messages)
    _, told = manager.build_messages("noon", with_metadata=True)
    assert (told["boundaries"], told["prefix_message_count"]) == (boundaries, count)


def test_tokens_are_counted_before_markers() -> None:
    plain = PromptManager(CONFIG, adapter=AnthropicAdapter()).append_many([user("1"), answer("2")])
    marked, told = plain.build_messages(with_metadata=True)
    _, also = plain.build_messages(None, False, with_metadata=True)
    assert "cache_control" in json.dumps(marked)
    assert told == also


def test_no_tag_of_ours_reaches_a_provider() -> None:
    manager = PromptManager(CONFIG, initial_context="blue").append_context("red", "other")
    assert "_stitcher" in json.dumps(manager.state)
    for shown in (
        manager.build_messages("noon"),
        manager.cache_prefix(),
        functional.build_messages(manager.state, dynamic_placement="priced"),
        PromptManager(manager.config, adapter=AnthropicAdapter("claude-sonnet-5-5"))
        .append_context("blue")
        .append(user("1"))
        .build_request(),
    ):
        assert "_stitcher" not in json.dumps(shown)


def test_what_is_read_is_a_copy() -> None:
    manager = PromptManager(CONFIG).append_many([user("1"), answer("2"), user("3")])
    before = manager.to_json()
    manager.state["long_lived"][0]["content"] = "changed"
    manager.long_lived_history[0]["content"] = "changed"
    manager.short_term_history.clear()
    manager.cache_prefix()[1]["content"] = "changed"
    assert manager.to_json() == before


def test_the_messages_built_are_the_callers_own() -> None:
    blocks = [{"type": "text", "text": "one"}]
    manager = PromptManager(CONFIG).append({"role": "user", "content": blocks}).append(answer("2"))
    expected = copy.deepcopy(manager.build_messages())
    built = manager.build_messages()
    built[0]["content"] += "!"
    built[1]["content"][0]["cache_control"] = {"type": "ephemeral"}
    built.pop()
    assert manager.build_messages() == expected
    assert manager.append(user("three")).build_messages()[:-1] == expected


def test_every_change_returns_the_manager() -> None:
    manager = PromptManager(transition_mode="manual")
    assert (
        manager.append(user("1"))
        .append_many([answer("2")])
        .append_context("blue")
        .transition()
        .compact()
        .compact_for_request(1_000)
        is manager
    )


def test_a_manager_goes_on_from_another_state_or_begins_anew() -> None:
    manager = PromptManager(CONFIG, initial_context="blue").append(user("1"))
    before, built = manager.state, manager.build_messages()
    fresh = PromptManager(manager.config).state
    assert manager.restore().state == fresh
    assert manager.restore(before).build_messages() == built
    with pytest.raises(ValueError, match="version"):
        manager.restore({"version": 2, "long_lived": [], "short_term": []})
    assert manager.state == before, "nothing has changed"


def test_a_manager_goes_on_from_json() -> None:
    manager = PromptManager(CONFIG, initial_context="blue").append(user("1"))
    again = PromptManager.from_json(manager.to_json(), CONFIG)
    assert again.state == manager.state
    assert again.append(answer("2")).state == manager.append(answer("2")).state
    settings = PromptManager.from_json(manager.to_json(), transition_mode="manual")
    assert settings.append(user("3")).short_term_history == [user("3")]


def test_a_conversation_has_one_beginning() -> None:
    with pytest.raises(ValueError, match="both a state and an initial_context"):
        PromptManager(state=new_state(), initial_context="blue")
    reused = PromptConfig(initial_context="blue")
    assert PromptManager(reused, state=new_state()).long_lived_history == []


def test_a_static_prompt_may_stand_in_for_the_configuration() -> None:
    assert PromptManager("Be brief.").build_messages() == [
        {"role": "system", "content": "Be brief."}
    ]


class Tens(ProviderAdapter):
    def message_tokens(self, message: Message) -> int:
        return 10


class Whole(ProviderAdapter):
    """As adapters for llmbuffer are: they count a list, and nothing says that it adds up."""

    def __init__(self) -> None:
        self.counted = 0

    def count_tokens(self, messages: Any) -> int:
        self.counted += 1
        return 10 * len(messages)


def test_an_adapter_may_count_whole_lists_only() -> None:
    manager = PromptManager(adapter=Whole(), max_tokens=40)
    for n in range(9):
        manager.append(user(f"{n}"))
    assert [m["content"] for m in manager.long_lived_history] == ["6", "7", "8"]


Act = tuple[str, Any]
ACT: st.SearchStrategy[Act] = st.one_of(
    st.tuples(st.just("say"), TURN),
    st.tuples(st.just("context"), st.sampled_from([("blue", None), ("red", "world")])),
    st.tuples(st.just("transition"), st.none()),
    st.tuples(st.just("compact"), st.none()),
    st.tuples(st.just("fit"), st.integers(60, 600)),
    st.tuples(st.just("build"), st.sampled_from([None, "noon", "one"])),
)
SETTINGS = st.fixed_dictionaries(
    {
        "transition_mode": st.sampled_from(["none", "manual", "agent_cycle"]),
        "max_tokens": st.none() | st.integers(40, 800),
        "static_system_prompt": st.sampled_from(["", "Be brief."]),
        "dynamic_placement": st.sampled_from(["fixed", "priced"]),
        "adapter": st.sampled_from([ProviderAdapter, Tens, Whole]).map(lambda kind: kind()),
    }
)


def both(act: Act, n: int, form: FormName, manager: PromptManager, state: State) -> State:
    """Does the same with both; returns the functions' state."""
    what, of = act
    config = manager.config
    match what:
        case "say":
            for message in turn_of(of, n, form):
                manager.append(message)
                state = functional.append_message(state, message, config)
        case "context":
            manager.append_context(*of)
            state = functional.append_context(state, of[0], of[1], config)
        case "transition":
            manager.transition()
            state = functional.transition(state, config)
        case "compact":
            manager.compact()
            state = functional.maybe_compact(state, config)
        case "fit":
            manager.compact_for_request(of, reserved_tokens=20)
            state = functional.compact_for_request(state, of, config, reserved_tokens=20)
        case "build":
            if config.dynamic_placement == "priced":
                state = functional.place_dynamic(state, of, config)
            built = functional.build_messages(state, config, dynamic_system_prompt=of)
            assert manager.build_messages(of) == built
            _, told = manager.build_messages(of, with_metadata=True)
            assert (
                told
                == functional.build_messages(
                    state, config, dynamic_system_prompt=of, with_metadata=True
                )[1]
            )
    return state


@given(SETTINGS, FORM, st.lists(ACT, max_size=8))
def test_the_manager_is_the_functions(
    settings: dict[str, Any], form: FormName, acts: list[Act]
) -> None:
    manager = PromptManager(**settings)
    state = new_state()
    for n, act in enumerate(acts):
        state = both(act, n, form, manager, state)
        assert manager.state == state
        assert manager.cache_prefix() == functional.cache_prefix(state, manager.config)


@given(SETTINGS, FORM, st.lists(ACT, max_size=8))
def test_no_function_touches_what_it_is_given(
    settings: dict[str, Any], form: FormName, acts: list[Act]
) -> None:
    config = PromptConfig(**settings)
    state = new_state("blue")
    for n, (what, of) in enumerate(acts):
        for act in functions(what, of, n, form, config):
            before = copy.deepcopy(state)
            made = act(state)
            assert state == before
            if isinstance(made, dict):
                state = made


def functions(
    what: str, of: Any, n: int, form: FormName, config: PromptConfig
) -> list[Callable[[State], Any]]:
    match what:
        case "say":
            said = turn_of(of, n, form)
            return [
                lambda state: functional.append_messages(state, said, config),
                lambda state: functional.append_message(state, user("x", form), config),
            ]
        case "context":
            return [lambda state: functional.append_context(state, of[0], of[1], config)]
        case "transition":
            return [lambda state: functional.transition(state, config)]
        case "compact":
            return [
                lambda state: functional.maybe_compact(state, config),
                lambda state: functional.compact(state, 50),
            ]
        case "fit":
            return [lambda state: functional.compact_for_request(state, of, config)]
        case _:
            return [
                lambda state: functional.place_dynamic(state, of, config),
                lambda state: functional.build_messages(
                    state, config, dynamic_system_prompt=of, with_metadata=True
                ),
                lambda state: functional.cache_prefix(state, config),
            ]
