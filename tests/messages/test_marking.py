"""Breakpoints in decoded messages: where one may stand, and how many there are."""

from typing import Any

import pytest

from stitcher.messages.anthropic.marking import marked_blocks, marked_message, markers
from stitcher.messages.openai_breakpoints import KEY, breakpoints, marked_chat, marked_item

MARK = {"type": "ephemeral"}
TEXT = {"type": "text", "text": "x"}
MARKED = {**TEXT, "cache_control": MARK}
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "s"}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("x", [MARKED]),
        ([TEXT, TEXT], [TEXT, MARKED]),
        ([TEXT, THOUGHT], [MARKED, THOUGHT]),
        ([TEXT, {"type": "text", "text": " "}], [MARKED, {"type": "text", "text": " "}]),
        ([THOUGHT], None),
        ("", None),
        (None, None),
        ([], None),
        ([MARKED], None),
    ],
)
def test_the_last_block_that_may_be_is_marked(content: Any, expected: Any) -> None:
    message = {"role": "user", "content": content}
    made = marked_message(message, MARK)
    assert made == ({"role": "user", "content": expected} if expected else message)
    assert message == {"role": "user", "content": content}


def test_a_message_that_is_cleared_is_not() -> None:
    note = {"role": "system", "content": "x", "clear_at": "next_user_message"}
    assert marked_message(note, MARK) is note


def test_a_tool_that_is_loaded_later_is_not() -> None:
    now, later = {"name": "a", "input_schema": {}}, {"name": "b", "defer_loading": True}
    assert marked_blocks([now, later], MARK) == [{**now, "cache_control": MARK}, later]


def test_markers_are_counted_wherever_they_stand() -> None:
    result = {"type": "tool_result", "content": [MARKED, TEXT], "cache_control": MARK}
    assert markers([{"role": "user", "content": [result, MARKED]}, "text", None]) == 3
    assert markers({"system": [MARKED], "tools": [{"name": "a", "cache_control": MARK}]}) == 2
    assert markers({"content": [{**TEXT, "cache_control": None}]}) == 0


EXPLICIT = {KEY: {"mode": "explicit"}}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("x", [{**EXPLICIT, **TEXT}]),
        ([TEXT, TEXT], [TEXT, {**EXPLICIT, **TEXT}]),
        ([{"type": "refusal", "refusal": "no"}], None),
        (None, None),
        ("", None),
    ],
)
def test_openais_stand_on_a_part(content: Any, expected: Any) -> None:
    made = marked_chat({"role": "user", "content": content})
    assert made == ({"role": "user", "content": expected} if expected else None)


def test_not_on_a_call() -> None:
    call = {"id": "a", "function": {"name": "f", "arguments": "{}"}}
    assert marked_chat({"role": "assistant", "content": "x", "tool_calls": [call]}) is None


@pytest.mark.parametrize(
    ("item", "marked"),
    [
        ({"role": "user", "content": "x"}, True),
        ({"role": "user", "content": [{"type": "input_text", "text": "x"}]}, True),
        ({"type": "function_call_output", "call_id": "a", "output": "x"}, True),
        ({"role": "assistant", "content": "x"}, False),
        ({"type": "function_call", "call_id": "a", "name": "f", "arguments": ""}, False),
        ({"type": "reasoning", "summary": []}, False),
        ({"role": "user", "content": ""}, False),
    ],
)
def test_over_responses_on_what_is_put_in(item: Any, marked: bool) -> None:
    made = marked_item(item)
    assert (made is not None) == marked
    assert breakpoints(made) == marked


def test_breakpoints_are_counted_wherever_they_stand() -> None:
    part = {"type": "input_text", "text": "x", **EXPLICIT}
    output = {"type": "function_call_output", "output": [part]}
    assert breakpoints([{"role": "user", "content": [part, part]}, output, None, "x"]) == 3
