"""The same said thing is the same message, whatever dialect it came in."""

import json
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given

from stitcher.wire.dialects import DIALECTS
from tests.wire.json_text import TEXT

Message = dict[str, Any]

PNG = "data:image/png;base64,AAAA"
PLACE = "https://example.com/cat.png"


def user(*content: Any) -> Message:
    return {"role": "user", "content": content[0] if len(content) == 1 else list(content)}


def text(words: str, kind: str = "text") -> Message:
    return {"type": kind, "text": words}


def image(url: str) -> Message:
    return {"type": "image_url", "image_url": {"url": url}}


def function(name: str, arguments: str) -> Message:
    called = {"name": name, "arguments": arguments}
    calls = [{"id": "a", "type": "function", "function": called}]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def tool_use(name: str, given: Any) -> Message:
    return {
        "role": "assistant",
        "content": [{"type": "tool_use", "id": "b", "name": name, "input": given}],
    }


def function_call(name: str, arguments: str) -> Message:
    return {"type": "function_call", "call_id": "c", "name": name, "arguments": arguments}


def tool(content: Any) -> Message:
    return {"role": "tool", "tool_call_id": "a", "content": content}


def tool_result(content: Any, **more: Any) -> Message:
    return {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": "b", "content": content, **more}],
    }


def output(found: Any) -> Message:
    return {"type": "function_call_output", "call_id": "c", "output": found}


# name → the message in each dialect that can say it
SAME: dict[str, dict[str, Message]] = {
    "what a person says": {
        "openai_chat": user("Hi!"),
        "anthropic": user("Hi!\n"),
        "openai_responses": {"type": "message", **user([text("Hi!", "input_text")])},
    },
    "two texts": {
        "openai_chat": user(text("one"), text("two")),
        "anthropic": user(text("one"), text("two ")),
        "openai_responses": user(text("one", "input_text"), text("two", "input_text")),
    },
    "an image shown": {
        "openai_chat": user(text("See:"), image(PNG)),
        "anthropic": user(
            text("See:"),
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"},
                "cache_control": {"type": "ephemeral"},
            },
        ),
        "openai_responses": user(
            text("See:", "input_text"),
            {"type": "input_image", "image_url": PNG, "detail": "auto"},
        ),
    },
    "an image by its URL": {
        "openai_chat": user([image(PLACE)]),
        "anthropic": user([{"type": "image", "source": {"type": "url", "url": PLACE}}]),
        "openai_responses": user([{"type": "input_image", "image_url": PLACE}]),
    },
    "what an assistant says, in one text or several": {
        "openai_chat": {"role": "assistant", "content": "Hello there.", "refusal": None},
        "anthropic": {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
                text("Hello "),
                text("there."),
            ],
        },
        "openai_responses": {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "content": [{**text("Hello there.", "output_text"), "annotations": []}],
        },
    },
    "a tool call": {
        "openai_chat": function("look", '{"a": 1, "b": [2.0]}'),
        "anthropic": tool_use("look", {"b": [2], "a": 1}),
        "openai_responses": function_call("look", '{"b":[2],"a":1}'),
    },
    "a tool call without arguments": {
        "openai_chat": function("look", ""),
        "anthropic": tool_use("look", {}),
        "openai_responses": function_call("look", "{}"),
    },
    "what a tool found": {
        "openai_chat": tool("found"),
        "anthropic": tool_result("found"),
        "openai_responses": output("found"),
    },
    "what a tool found, in several texts": {
        "openai_chat": tool([text("not "), text("there")]),
        "anthropic": tool_result([text("not there")], is_error=True),
        "openai_responses": output([text("not there", "input_text")]),
    },
    "a tool that found nothing": {
        "openai_chat": tool(""),
        "anthropic": {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "b"}, text(" ")],
        },
        "openai_responses": output(""),
    },
    "a picture that a tool found": {
        "openai_chat": tool([image(PNG)]),
        "anthropic": tool_result(
            [
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"},
                }
            ]
        ),
        "openai_responses": output([{"type": "input_image", "image_url": PNG}]),
    },
    "a tool called with free text": {
        "openai_chat": {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {"id": "a", "type": "custom", "custom": {"name": "run", "input": "ls -l"}}
            ],
        },
        "openai_responses": {
            "type": "custom_tool_call",
            "call_id": "c",
            "name": "run",
            "input": "ls -l",
        },
    },
    "a system message": {
        "openai_chat": {"role": "developer", "content": "Be brief."},
        "anthropic": {"role": "system", "content": "Be brief."},
        "openai_responses": {"role": "developer", "content": "Be brief."},
    },
}

# What looks alike across dialects and is not.
OTHER: dict[str, tuple[tuple[str, Message], tuple[str, Message]]] = {
    "a result and what a person says": (
        ("openai_chat", tool("found")),
        ("anthropic", user("found")),
    ),
    "a result and two results": (
        ("openai_chat", tool("found")),
        (
            "anthropic",
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "b", "content": "found"},
                    {"type": "tool_result", "tool_use_id": "d", "content": "found"},
                ],
            },
        ),
    ),
    "a result and a result with a text": (
        ("openai_responses", output("found")),
        (
            "anthropic",
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "b", "content": "found"},
                    text("Go on."),
                ],
            },
        ),
    ),
    "a call's name and a text": (
        ("openai_responses", function_call("look", "{}")),
        ("openai_chat", {"role": "assistant", "content": "look"}),
    ),
    "two images": (
        ("openai_chat", user(image(PNG), image(PLACE))),
        ("openai_responses", user([{"type": "input_image", "image_url": PNG}])),
    ),
    "an image and one that is more than shown": (
        ("openai_chat", user([image(PLACE)])),
        (
            "anthropic",
            user(
                [
                    {
                        "type": "image",
                        "source": {"type": "url", "url": PLACE},
                        "transformations": ["crop"],
                    }
                ]
            ),
        ),
    ),
    "one number changed": (
        ("openai_chat", function("look", '{"a":1}')),
        ("anthropic", tool_use("look", {"a": 2})),
    ),
}


def identity(dialect: str, message: Message) -> str:
    return DIALECTS[dialect].read_item(json.dumps(message).encode()).identity


@pytest.mark.parametrize("name", SAME)
def test_the_same_thing_said_has_one_identity_in_every_dialect(name: str) -> None:
    said = {dialect: identity(dialect, message) for dialect, message in SAME[name].items()}
    assert len(said) >= 2
    assert len(set(said.values())) == 1, said


def test_each_of_them_is_another_message() -> None:
    for one, other in combinations(SAME.values(), 2):
        found = {identity(dialect, message) for dialect, message in one.items()}
        assert found.isdisjoint(identity(dialect, message) for dialect, message in other.items())


@pytest.mark.parametrize("name", OTHER)
def test_what_only_looks_alike_is_another_message(name: str) -> None:
    one, other = OTHER[name]
    assert identity(*one) != identity(*other)


@given(TEXT, TEXT)
def test_texts_are_equal_across_dialects_up_to_trailing_white_space(one: str, other: str) -> None:
    for first, second in combinations(DIALECTS, 2):
        same = identity(first, user(one)) == identity(second, user(other))
        assert same is (one.rstrip() == other.rstrip())
