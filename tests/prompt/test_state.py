"""The state: a plain JSON value, checked when it comes in."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given

from stitcher import dumps, functional, loads, new_state, validate_state
from tests.prompt.speech import FORM, TURNS, FormName, Turn, spoken, user

EMPTY: dict[str, Any] = {"version": 1, "long_lived": [], "short_term": []}


def test_a_new_state_is_empty() -> None:
    assert new_state() == EMPTY


def test_a_new_state_may_begin_with_durable_context() -> None:
    seeded = new_state("The sky is blue.", context_key="world")
    assert seeded["long_lived"] == [
        {
            "role": "system",
            "content": "The sky is blue.",
            "_stitcher": {"context_key": "world"},
        }
    ]
    assert seeded == functional.append_context(new_state(), "The sky is blue.", "world")


@given(TURNS, FORM)
def test_what_is_dumped_is_loaded(turns: list[Turn], form: FormName) -> None:
    state = functional.append_messages(new_state(), spoken(turns, form))
    state = functional.place_dynamic(state, "The time is 12:00.")
    assert loads(dumps(state)) == state
    assert loads(dumps(state).encode()) == state
    for placement in ("fixed", "priced"):
        built = [
            functional.build_messages(
                one,
                static_system_prompt="Be brief.",
                dynamic_system_prompt="The time is 12:00.",
                dynamic_placement=placement,
            )
            for one in (state, loads(dumps(state)))
        ]
        assert built[0] == built[1]


def test_json_settings_are_passed_on() -> None:
    assert dumps(new_state(), indent=2).startswith('{\n  "version": 1')


@pytest.mark.parametrize(
    ("state", "error", "says"),
    [
        ([], TypeError, "found a state of type list, expected a dict"),
        (None, TypeError, "type NoneType"),
        ({}, ValueError, "found a state of version None, expected 1"),
        ({**EMPTY, "version": 2}, ValueError, "version 2, expected 1"),
        ({**EMPTY, "version": True}, ValueError, "version True"),
        ({"version": 1, "long_lived": []}, ValueError, "without 'short_term'"),
        ({**EMPTY, "long_lived": "x"}, TypeError, r"\['long_lived'\]: found a str"),
        (
            {**EMPTY, "long_lived": ["x"]},
            TypeError,
            r"\['long_lived'\]\[0\]: found a message of ty",
        ),
        ({**EMPTY, "short_term": [user("a"), {"content": "x"}]}, ValueError, r"\[1\]: found a mes"),
        ({**EMPTY, "dynamic": [{"after": 1, "content": "x"}]}, ValueError, r"\['dynamic'\]"),
        ({**EMPTY, "dynamic": [{"after": 0}]}, ValueError, r"\['dynamic'\]"),
        ({**EMPTY, "dynamic": "x"}, ValueError, r"\['dynamic'\]"),
        ({**EMPTY, "thinking": "x"}, ValueError, r"\['thinking'\]"),
        ({**EMPTY, "thinking": {"under": "x", "stale_before": 1}}, ValueError, "0 to 0"),
    ],
)
def test_what_is_no_state_says_what_was_found(
    state: Any, error: type[Exception], says: str
) -> None:
    before = copy.deepcopy(state)
    for refuse in (validate_state, dumps):
        with pytest.raises(error, match=says):
            refuse(state)
    assert state == before


@pytest.mark.parametrize(
    "act",
    [
        lambda state: functional.append_message(state, user("hi")),
        lambda state: functional.transition(state),
        lambda state: functional.compact(state, max_tokens=10),
        lambda state: functional.build_messages(state),
        lambda state: functional.cache_prefix(state),
        lambda state: functional.append_context(state, "hi"),
    ],
)
@pytest.mark.parametrize("state", [None, {}, {**EMPTY, "version": 3}, {**EMPTY, "long_lived": 1}])
def test_every_function_refuses_what_is_no_state(act: Any, state: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="found"):
        act(state)


@pytest.mark.parametrize("zone", ["long_lived", "short_term"])
def test_a_message_that_is_none_is_found_where_messages_are_used(zone: str) -> None:
    state = {**EMPTY, zone: [user("hi"), "not a message"]}
    with pytest.raises(TypeError, match=r"\[1\]: found a str"):
        functional.build_messages(state)
    with pytest.raises(TypeError, match=r"\[1\]: found a str"):
        functional.compact(state, max_tokens=10)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", b"\xff", '{"version": 1}'])
def test_what_is_no_dumped_state_is_refused(text: str | bytes) -> None:
    with pytest.raises((TypeError, ValueError)):
        loads(text)


def test_json_that_is_nested_too_deeply_is_refused() -> None:
    with pytest.raises(ValueError, match="found no JSON"):
        loads("[" * 100_000)


def test_numbers_that_json_has_no_form_for_are_not_written() -> None:
    state = {**EMPTY, "long_lived": [{**user("hi"), "x": float("nan")}]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        dumps(state)


def test_a_state_that_llmbuffer_saved_goes_on() -> None:
    saved = json.dumps(
        {
            "version": 1,
            "long_lived": [
                {"role": "system", "content": "Blue.", "_llmbuffer": {"context_key": "world"}},
                {"role": "user", "content": "hi"},
            ],
            "short_term": [],
        }
    )
    state = functional.append_context(loads(saved), "Now red.", "world")
    assert functional.build_messages(state) == [
        {"role": "system", "content": "Blue."},
        {"role": "user", "content": "hi"},
        {"role": "system", "content": "Now red."},
    ]
    compacted = functional.compact(state, max_tokens=1)
    assert [m["content"] for m in compacted["long_lived"]] == ["Blue.\n\nNow red.", "hi"]
