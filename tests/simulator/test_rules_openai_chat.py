"""Each refusal of Chat Completions by name, and bodies that must pass."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.simulator.rules_openai_chat import check

Body = dict[str, Any]
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
USER: Body = {"role": "user", "content": "hi"}


def call(call_id: str = "c1", **fields: Any) -> Body:
    called = {"name": "f", "arguments": "{}"}
    return {"id": call_id, "type": "function", "function": called, **fields}


def calls(*call_ids: str) -> Body:
    return {"role": "assistant", "content": None, "tool_calls": [call(i) for i in call_ids]}


def result(call_id: str = "c1") -> Body:
    return {"role": "tool", "tool_call_id": call_id, "content": "ok"}


def part(**fields: Any) -> Body:
    return {"role": "user", "content": [fields]}


def body(*messages: Any, **fields: Any) -> Body:
    return {"model": "gpt-6", "messages": list(messages) or [USER], **fields}


def without(name: str) -> Body:
    return {key: value for key, value in body().items() if key != name}


ACCEPTED = {
    "plain": body(),
    "every role": body(
        {"role": "system", "content": "s"},
        {"role": "developer", "content": [{"type": "text", "text": "d"}]},
        USER,
        calls("c1", "c2"),
        result("c2"),
        result("c1"),
        {"role": "function", "name": "f", "content": None},
        tools=TOOLS,
    ),
    "empty user text": body({"role": "user", "content": ""}),
    "refusal without content": body(USER, {"role": "assistant", "refusal": "no"}, USER),
    "fields of compatible servers": body(
        USER, {"role": "assistant", "content": "a", "reasoning_content": "r", "x": {"y": 1}}
    ),
    "marker in a part": body(part(type="text", text="a", cache_control={"type": "ephemeral"})),
    "image": body(part(type="image_url", image_url={"url": "https://x/y.png"})),
    "usage in the stream": body(stream=True, stream_options={"include_usage": True}),
    "same call id in two turns": body(USER, calls("c1"), result(), USER, calls("c1"), result()),
    "tool choice": body(tools=TOOLS, tool_choice="auto", parallel_tool_calls=False),
    "custom tool": body(tools=[{"type": "custom", "custom": {"name": "c"}}]),
}

UNANSWERED = "did not have response messages: "
REFUSED: dict[str, tuple[Any, str, str | None, str | None]] = {
    "not an object": ("x", "expected an object", None, None),
    "no model": (without("model"), "you must provide a model parameter", None, None),
    "no messages": (
        without("messages"),
        "Missing required parameter: 'messages'.",
        "messages",
        "missing_required_parameter",
    ),
    "messages is text": (
        body(messages="hi"),
        "Invalid type for 'messages': expected an array of objects, but got a string instead.",
        "messages",
        "invalid_type",
    ),
    "no message": (body(messages=[]), "Invalid 'messages': empty array", "messages", "empty_array"),
    "message is text": (body("hi"), "but got a string instead", "messages[0]", "invalid_type"),
    "unknown parameter": (
        body(thinking={}),
        "Unrecognized request argument supplied: thinking",
        None,
        None,
    ),
    "unknown role": (
        body({"role": "bot", "content": "x"}),
        "Invalid value: 'bot'. Supported values are: 'system', 'assistant', 'user', 'function', "
        "'tool', and 'developer'.",
        "messages[0].role",
        "invalid_value",
    ),
    "no role": (body({"content": "x"}), "'messages[0].role'", "messages[0].role", None),
    "null content": (
        body({"role": "user", "content": None}),
        "Invalid value for 'content': expected a string, got null.",
        "messages.[0].content",
        None,
    ),
    "assistant without anything": (
        body(USER, {"role": "assistant"}),
        "expected a string, got null",
        "messages.[1].content",
        None,
    ),
    "content is a number": (
        body({"role": "user", "content": 1}),
        "expected one of a string or array of objects, but got an integer",
        "messages[0].content",
        "invalid_type",
    ),
    "empty content": (
        body({"role": "user", "content": []}),
        "Invalid 'messages[0].content': empty array.",
        "messages[0].content",
        "empty_array",
    ),
    "unknown part": (
        body(part(type="thinking", thinking="x")),
        "Invalid value: 'thinking'. Supported values are: 'text', 'image_url', 'input_audio', and "
        "'file'.",
        "messages[0].content[0].type",
        "invalid_value",
    ),
    "image in a tool result": (
        body(USER, calls("c1"), {**result(), "content": [{"type": "image_url"}]}),
        "Supported values are: 'text'.",
        "messages[2].content[0].type",
        "invalid_value",
    ),
    "part without text": (
        body(part(type="text")), "content[0].text'", "messages[0].content[0].text", None,
    ),
    "image without url": (
        body(part(type="image_url", image_url={})),
        "image_url.url",
        "messages[0].content[0].image_url.url",
        None,
    ),
    "tool message first": (
        body(result()),
        "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'",
        "messages.[0].role",
        None,
    ),
    "tool message after words": (
        body(USER, calls("c1"), result(), USER, result()),
        "must be a response to a preceeding message",
        "messages.[4].role",
        None,
    ),
    "result of another call": (
        body(USER, calls("c1"), result("c9")),
        "'tool_call_id' of 'c9' not found in 'tool_calls' of previous message",
        "messages.[2].tool_call_id",
        None,
    ),
    "result twice": (
        body(USER, calls("c1"), result(), result()),
        "Duplicate value for 'tool_call_id' of 'c1'",
        "messages.[3].tool_call_id",
        None,
    ),
    "call unanswered": (
        body(USER, calls("c1", "c2"), result("c1"), USER), UNANSWERED + "c2", "messages.[3].role",
        None,
    ),
    "call unanswered at the end": (
        body(USER, calls("c1")), UNANSWERED + "c1", "messages.[2].role", None,
    ),
    "call id twice": (
        body(USER, calls("c1", "c1"), result()),
        "Duplicate value for 'id' of 'c1'",
        "messages.[1].tool_calls",
        None,
    ),
    "no tool_call_id": (
        body(USER, calls("c1"), {"role": "tool", "content": "x"}),
        "'messages[2].tool_call_id'",
        "messages[2].tool_call_id",
        "missing_required_parameter",
    ),
    "no calls": (
        body(USER, calls()),
        "Invalid 'messages[1].tool_calls': empty array",
        "messages[1].tool_calls",
        "empty_array",
    ),
    "calls of the user": (
        body({**USER, "tool_calls": [call()]}),
        "Unknown parameter: 'messages[0].tool_calls'.",
        "messages[0].tool_calls",
        "unknown_parameter",
    ),
    "long call id": (
        body(USER, calls("c" * 41)),
        "string too long. Expected a string with maximum length 40",
        "messages[1].tool_calls[0].id",
        "string_above_max_length",
    ),
    "arguments are no text": (
        body(
            USER,
            {"role": "assistant", "tool_calls": [call(function={"name": "f", "arguments": {}})]},
        ),
        "expected a string, but got an object",
        "messages[1].tool_calls[0].function.arguments",
        "invalid_type",
    ),
    "stream options without stream": (
        body(stream_options={"include_usage": True}),
        "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
        "stream_options",
        None,
    ),
    "tool choice without tools": (
        body(tool_choice="auto"),
        "'tool_choice' is only allowed when 'tools' are specified",
        "tool_choice",
        None,
    ),
    "no tools": (body(tools=[]), "Invalid 'tools': empty array", "tools", "empty_array"),
    "tool without name": (
        body(tools=[{"type": "function", "function": {}}]),
        "'tools[0].function.name'",
        "tools[0].function.name",
        "missing_required_parameter",
    ),
    "temperature": (
        body(temperature=3),
        "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3",
        "temperature",
        "decimal_above_max_value",
    ),
    "n": (body(n=0), "Expected a value >= 1, but got 0", "n", "integer_below_min_value"),
}  # fmt: skip


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name: str) -> None:
    assert check(ACCEPTED[name]) is None


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    given_body, wording, param, code = REFUSED[name]
    before = copy.deepcopy(given_body)
    refusal = check(given_body)
    assert refusal is not None
    assert (refusal.status, refusal.type) == (400, "invalid_request_error")
    assert wording in refusal.message
    assert refusal.param == param
    assert code is None or refusal.code == code
    assert given_body == before


KEYS = st.sampled_from(["role", "content", "type", "text", "id", "tool_calls", "function", "name"])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["user", "assistant", "tool", "text", "function", "image_url"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)


@given(
    st.sampled_from(["messages", "tools", "stream_options", "n", "temperature", "model"]),
    JSON,
    st.lists(
        st.fixed_dictionaries(
            {"role": st.sampled_from(["user", "assistant", "tool"]), "content": JSON},
            optional={"tool_calls": JSON, "tool_call_id": JSON},
        ),
        max_size=3,
    ),
)
def test_no_body_is_too_strange_to_be_judged(name: str, value: Any, messages: list[Body]) -> None:
    check(body(*messages))
    check({**body(*messages), name: value})
