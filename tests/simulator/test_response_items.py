"""Who is heard in an input, and which inputs are the same prompt."""

from typing import Any

import pytest

from stitcher.simulator.openai_prompt import read_prompt
from stitcher.simulator.response_items import as_chat, heard_items, instruction_texts
from stitcher.simulator.sealed_content import seal

Item = dict[str, Any]
CALL: Item = {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"}
OUTPUT: Item = {"type": "function_call_output", "call_id": "call_1", "output": "ok"}


def user(content: Any, **fields: Any) -> Item:
    return {"role": "user", "content": content, **fields}


def test_everybody_is_heard_in_their_role() -> None:
    task = [{"type": "input_text", "text": "Payload:"},
            {"type": "encrypted_content", "encrypted_content": "go"}]  # fmt: skip
    items: list[Item] = [
        {"type": "additional_tools", "role": "developer", "tools": []},
        {"role": "developer", "content": "be brief"},
        user([{"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": "u"}]),
        {"type": "reasoning", "id": "rs_1", "summary": []},
        CALL,
        OUTPUT,
        {**OUTPUT, "output": [{"type": "input_text", "text": "b"}]},
        {"type": "shell_call_output", "call_id": "call_2", "output": [{"stdout": "c"}]},
        {"role": "assistant", "content": [{"type": "output_text", "text": "d"}]},
        {"type": "agent_message", "author": "/", "recipient": "/a", "content": task},
    ]
    assert heard_items(items) == [
        ("system", (), ()),
        ("system", ("be brief",), ()),
        ("user", ("a",), ()),
        ("assistant", (), ()),
        ("assistant", (), ()),
        ("user", (), ("ok",)),
        ("user", (), ("b",)),
        ("user", (), ('[{"stdout":"c"}]',)),
        ("assistant", ("d",), ()),
        ("user", ("Payload:", "go"), ()),
    ]


def test_instructions_come_before_what_developers_say() -> None:
    body = {"instructions": "one", "input": [user("x"), {"role": "developer", "content": "two"}]}
    assert list(instruction_texts(body)) == ["one", "two"]


def prompt(*items: Item, **fields: Any) -> tuple[bytes, int]:
    """The digest of the whole prompt and its tokens."""
    last = read_prompt(as_chat({"model": "sim-m", "input": list(items), **fields})).links[-1]
    return last.hash, last.tokens


THOUGHT: Item = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "hm"}],
    "encrypted_content": seal("rs_1", ["hm"]),
}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (user("a"), user([{"type": "input_text", "text": "a"}], id="msg_1", type="message")),
        (CALL, {**CALL, "id": "fc_1", "status": "completed"}),
        (OUTPUT, {**OUTPUT, "id": "fco_1"}),
        (THOUGHT, {**THOUGHT, "content": None, "status": "completed"}),
        # OpenClaw drops the id, and a turn later the summary; the provider kept what it stands for.
        (THOUGHT, {**THOUGHT, "id": None, "summary": []}),
        (THOUGHT, {**THOUGHT, "encrypted_content": None}),
        (THOUGHT, {**THOUGHT, "id": "rs_2", "encrypted_content": seal("rs_2", ["hm"])}),
    ],
)
def test_the_same_prompt(one: Item, other: Item) -> None:
    assert prompt(one) == prompt(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (user("a"), user("b")),
        (user("a"), {"role": "assistant", "content": "a"}),
        (CALL, {**CALL, "arguments": '{"a":1}'}),
        (CALL, {**CALL, "namespace": "n"}),
        (OUTPUT, {**OUTPUT, "output": "no"}),
        (THOUGHT, {**THOUGHT, "encrypted_content": seal("rs_1", ["oh"])}),
        (
            {"type": "additional_tools", "role": "developer", "tools": []},
            {"type": "additional_tools", "role": "developer", "tools": [{"type": "web_search"}]},
        ),
    ],
)
def test_another_prompt(one: Item, other: Item) -> None:
    assert prompt(one)[0] != prompt(other)[0]


@pytest.mark.parametrize(
    "fields",
    [
        {"instructions": "be brief"},
        {"model": "sim-n"},
        {"tools": [{"type": "web_search"}]},
        {"parallel_tool_calls": False},
        {"reasoning": {"effort": "high"}},
        {"text": {"verbosity": "low"}},
        {"text": {"format": {"type": "json_object"}}},
    ],
)
def test_settings_are_part_of_the_prompt(fields: dict[str, Any]) -> None:
    assert prompt(user("a"), **fields)[0] != prompt(user("a"))[0]


def test_settings_that_are_not() -> None:
    fields = {"reasoning": {"summary": "auto"}, "metadata": {"a": "b"}, "tool_choice": "auto"}
    assert prompt(user("a"), **fields) == prompt(user("a"))


def test_an_image_is_counted_by_its_pixels() -> None:
    plain = prompt(user([{"type": "input_text", "text": "a"}]))[1]
    image = {"type": "input_image", "image_url": "https://x/y.png", "detail": "low"}
    assert prompt(user([{"type": "input_text", "text": "a"}, image]))[1] == plain + 85
