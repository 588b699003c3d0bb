from typing import Any

import pytest

from stitcher.simulator.openai_prompt import Prompt, is_exact, read_prompt

Body = dict[str, Any]


def said(role: str, content: Any = "x", **fields: Any) -> Body:
    return {"role": role, "content": content, **fields}


def prompt(*messages: Body, model: str = "sim-m", **fields: Any) -> Prompt:
    return read_prompt({"model": model, "messages": list(messages), **fields})


CALLS = said("assistant", None, tool_calls=[{"id": "c", "function": {"name": "f"}}])
TALK = (said("system"), said("developer"), said("user"), CALLS, said("tool"), said("tool"))


def marked(content: str) -> Body:
    return {"type": "text", "text": content, "prompt_cache_breakpoint": {"mode": "explicit"}}


@pytest.mark.parametrize(
    ("model", "exact"),
    [
        ("gpt-4o", False),
        ("gpt-5.5-pro", False),
        ("gpt-5.6", True),
        ("gpt-6", True),
        ("gpt-6.2", True),
        ("sim-ctx-10", True),
        ("o3", False),
    ],
)
def test_which_models_have_exact_boundaries(model: str, exact: bool) -> None:
    assert is_exact(model) is exact
    assert prompt(said("user"), model=model).rounding == (1 if exact else 128)


def test_the_new_regime_writes_the_end_of_the_latest_eligible_message() -> None:
    links = prompt(*TALK).links
    assert [link.ttl is not None for link in links] == [False, False, False, False, False, True]
    assert [link.readable for link in links] == [False, True, True, False, False, True]


def test_an_answer_at_the_end_is_not_eligible() -> None:
    links = prompt(said("user"), said("assistant")).links
    assert [link.ttl is not None for link in links] == [True, False]


def test_the_old_regime_writes_every_message_end() -> None:
    assert all(link.ttl and link.readable for link in prompt(*TALK, model="gpt-4o").links)


def test_explicit_breakpoints_stand_inside_messages() -> None:
    talk = (said("user", [marked("a"), {"type": "text", "text": "b"}]), said("user"))
    assert [link.ttl is not None for link in prompt(*talk).links] == [True, False, True]
    only = prompt(*talk, prompt_cache_options={"mode": "explicit"})
    assert [link.ttl is not None for link in only.links] == [True, False, False]
    assert [link.readable for link in only.links] == [True, False, False]


def test_a_string_is_its_one_text_part_and_markers_do_not_count() -> None:
    part = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}
    assert prompt(said("user")).links == prompt(said("user", [part])).links


def test_unknown_fields_of_messages_are_not_rendered() -> None:
    answer = said("assistant", "a", reasoning_content="r", annotations=[])
    assert prompt(said("user"), answer).links == prompt(said("user"), said("assistant", "a")).links


@pytest.mark.parametrize("name", ["reasoning_effort", "verbosity", "response_format", "tools"])
def test_settings_move_the_whole_prefix(name: str) -> None:
    value: Any = [{"type": "function", "function": {"name": "f"}}] if name == "tools" else {"x": 1}
    assert prompt(said("user"), **{name: value}).links[0].hash != prompt(said("user")).links[0].hash


def test_messages_have_a_fixed_overhead() -> None:
    # 3 a message, 3 for priming, and 1 for the text of one byte.
    assert prompt(said("user")).tokens == 7
    assert prompt(said("user", name="bo")).tokens == 8
