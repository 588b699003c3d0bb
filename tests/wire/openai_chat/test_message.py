import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.messages.images import image_tokens
from stitcher.messages.unreadable import Unreadable
from stitcher.wire.openai_chat.message import read_answer, read_item, text
from tests.messages.test_images import encoded, png
from tests.wire.json_text import ODD, TEXT

Message = dict[str, Any]


def user(content: Any, **more: Any) -> Message:
    return {"role": "user", "content": content, **more}


def assistant(content: Any, **more: Any) -> Message:
    return {"role": "assistant", "content": content, **more}


def says(words: str, **more: Any) -> Message:
    return {"type": "text", "text": words, **more}


def image(url: str, **more: Any) -> Message:
    return {"type": "image_url", "image_url": {"url": url, **more}}


def call(arguments: Any, name: str = "f", id: str = "call_4da6", **more: Any) -> Message:
    return {
        "id": id,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
        **more,
    }


def calls(*listed: Message, **more: Any) -> Message:
    return assistant(None, tool_calls=list(listed), **more)


def result(content: Any, id: str = "call_4da6", **more: Any) -> Message:
    return {"role": "tool", "tool_call_id": id, "content": content, **more}


def raw(message: Message | bytes) -> bytes:
    return message if isinstance(message, bytes) else json.dumps(message).encode()


# name → (one, other, whether a model is shown the same)
SAME: dict[str, tuple[Message | bytes, Message | bytes, bool]] = {
    "string and its one part": (user("hi"), user([says("hi")]), True),
    "spacing": (b'{"role":"user","content":"hi"}', b'{ "role" : "user",\n"content": "hi" }', True),
    "escapes": (rb'{"role":"user","content":"\u0068i"}', user("hi"), True),
    "order of members": (b'{"content":"hi","role":"user"}', user("hi"), True),
    "order of a part's members": (user([{"text": "x", "type": "text"}]), user("x"), True),
    "a marker": (user([says("hi", cache_control={"type": "ephemeral"})]), user("hi"), True),
    "a marker on the message": (user("hi", cache_control={"type": "ephemeral"}), user("hi"), True),
    "developer and system": (
        {"role": "developer", "content": "x"},
        {"role": "system", "content": "x"},
        True,
    ),
    "what the SDK adds": (
        assistant("hi", refusal=None, annotations=[], audio=None, function_call=None),
        assistant("hi"),
        True,
    ),
    "tool calls that are null": (assistant("hi", tool_calls=None), assistant("hi"), True),
    "tool calls that are empty": (assistant("hi", tool_calls=[]), assistant("hi"), True),
    "annotations": (assistant("hi", annotations=[{"type": "url_citation"}]), assistant("hi"), True),
    "logprobs": (assistant("hi", logprobs={"content": []}), assistant("hi"), True),
    "what litellm adds": (
        assistant("hi", provider_specific_fields={"a": 1}, thinking_blocks=[{"type": "thinking"}]),
        assistant("hi"),
        True,
    ),
    "what litellm adds to a call": (
        calls(call("{}", provider_specific_fields={"a": 1}, index=0)),
        calls(call("{}")),
        True,
    ),
    "what the SDK's parser adds": (
        calls(
            {**call("{}"), "function": {"name": "f", "arguments": "{}", "parsed_arguments": {}}},
            parsed=None,
        ),
        calls(call("{}")),
        True,
    ),
    "reasoning dropped": (assistant("hi", reasoning_content="hm"), assistant("hi"), True),
    "reasoning details dropped": (
        assistant("hi", reasoning="hm", reasoning_details=[{"type": "reasoning.text"}]),
        assistant("hi"),
        True,
    ),
    "trailing white space": (assistant("hi\n"), assistant("hi"), False),
    "texts of an answer flattened": (assistant([says("a "), says(" b")]), assistant("a  b"), False),
    "arguments spaced otherwise": (calls(call('{"a": 1}')), calls(call('{"a":1}')), False),
    "arguments in another order": (
        calls(call('{"a":1,"b":{"c":2,"d":3}}')),
        calls(call('{"b":{"d":3,"c":2},"a":1}')),
        False,
    ),
    "arguments as an object": (calls(call({"a": 1})), calls(call('{"a":1}')), False),
    "a whole number with a fraction": (calls(call('{"a":1.0}')), calls(call('{"a":1}')), False),
    "no arguments": (calls(call("")), calls(call("{}")), False),
    "arguments that are no JSON": (calls(call("{oops ")), calls(call("{oops")), False),
    "ids rewritten": (calls(call("{}")), calls(call("{}", id="call4da6")), False),
    "ids of results rewritten": (result("ok"), result("ok", id="call4da6"), False),
    "content null or empty": (calls(call("{}")), {**calls(call("{}")), "content": ""}, True),
    "content missing": ({"role": "assistant"}, assistant(""), True),
    "a result's text or its part": (result("ok"), result([says("ok")]), True),
    "a result's texts joined": (result([says("a"), says("b")]), result("ab"), False),
    "a result with a name": (result("ok", name="f"), result("ok"), False),
    "an answer with a name": (assistant("hi", name="bot"), assistant("hi"), False),
    "a legacy call": (
        assistant(None, function_call={"name": "f", "arguments": "{}"}),
        calls(call("{}")),
        False,
    ),
    "a call without its type": (
        assistant(None, tool_calls=[{"id": "x", "function": {"name": "f", "arguments": "{}"}}]),
        calls(call("{}", id="x")),
        True,
    ),
    "an image's detail": (
        user([image("data:image/png;base64,AAAA", detail="high")]),
        user([image("data:image/png;base64,AAAA")]),
        False,
    ),
}

OTHER: dict[str, tuple[Message, Message]] = {
    "another word": (user("hi"), user("ho")),
    "another role": (user("hi"), assistant("hi")),
    "leading white space": (user(" hi"), user("hi")),
    "white space inside": (user("a b"), user("a  b")),
    "another speaker": (user("hi", name="ann"), user("hi", name="bob")),
    "one part or two": (user([says("a"), says("b")]), user("ab")),
    "white space between flattened texts": (assistant([says("a "), says("b")]), assistant("ab")),
    "two images": (user([image("data:,AAAA")]), user([image("data:,AAAB")])),
    "an image left out": (user([says("a"), image("data:,AAAA")]), user("a")),
    "two recordings": (
        user([{"type": "input_audio", "input_audio": {"data": "a", "format": "wav"}}]),
        user([{"type": "input_audio", "input_audio": {"data": "b", "format": "wav"}}]),
    ),
    "two unknown parts": (user([{"type": "novel", "x": 1}]), user([{"type": "novel", "x": 2}])),
    "another tool": (calls(call("{}", name="f")), calls(call("{}", name="g"))),
    "one number changed": (calls(call('{"a":1}')), calls(call('{"a":2}'))),
    "a number and its text": (calls(call('{"a":1}')), calls(call('{"a":"1"}'))),
    "true and one": (calls(call('{"a":true}')), calls(call('{"a":1}'))),
    "null and nothing": (calls(call('{"a":null}')), calls(call("{}"))),
    "large numbers": (calls(call(f'{{"a":{2**80}}}')), calls(call(f'{{"a":{2**80 + 1}}}'))),
    "one call or two": (calls(call("{}")), calls(call("{}"), call("{}", id="b"))),
    "calls in another order": (
        calls(call("{}", name="f"), call("{}", name="g", id="b")),
        calls(call("{}", name="g", id="b"), call("{}", name="f")),
    ),
    "a call with a text": (calls(call("{}")), {**calls(call("{}")), "content": "so"}),
    "another result": (result("ok"), result("no")),
    "a result and its text": (result("ok"), user("ok")),
    "two custom inputs": (
        calls({"id": "a", "type": "custom", "custom": {"name": "f", "input": "x"}}),
        calls({"id": "a", "type": "custom", "custom": {"name": "f", "input": "y"}}),
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_the_same_message_has_one_identity(name: str) -> None:
    one, other, alike = SAME[name]
    first, second = read_item(raw(one)), read_item(raw(other))
    assert first.identity == second.identity
    assert (first.rendering == second.rendering) is alike


@pytest.mark.parametrize("name", OTHER)
def test_another_message_has_another_identity(name: str) -> None:
    one, other = OTHER[name]
    first, second = read_item(raw(one)), read_item(raw(other))
    assert first.identity != second.identity
    assert first.rendering != second.rendering


@pytest.mark.parametrize(
    ("message", "role"),
    [
        ({"role": "system", "content": "x"}, "system"),
        ({"role": "developer", "content": "x"}, "system"),
        (user("x"), "user"),
        (assistant("x"), "assistant"),
        (result("x"), "tool"),
        ({"role": "function", "name": "f", "content": "x"}, "tool"),
    ],
)
def test_roles(message: Message, role: str) -> None:
    assert read_item(raw(message)).role == role


def test_an_item_knows_its_ids() -> None:
    assert read_item(raw(calls(call("{}", id="a"), call("{}", id="b")))).calls == ("a", "b")
    assert read_item(raw(result("x", id="a"))).answers == ("a",)
    legacy = assistant(None, function_call={"name": "f", "arguments": "{}"})
    assert read_item(raw(legacy)).calls == ("f",)
    assert read_item(raw({"role": "function", "name": "f", "content": "x"})).answers == ("f",)
    assert read_item(raw(user("x"))).starts_turn
    assert not read_item(raw(result("x"))).starts_turn
    assert read_item(raw(user("x"))).dialect == "openai_chat"


def test_bytes_are_kept_but_for_line_breaks_outside_strings() -> None:
    spelled = b'{ "role": "user",\r\n  "content": "a\\nb" }'
    assert read_item(spelled).raw == b'{ "role": "user",  "content": "a\\nb" }'
    assert read_item(b'{ "role":"user" ,"content":"x"}').raw == b'{ "role":"user" ,"content":"x"}'


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"null",
        b"[]",
        b'"hi"',
        b"{}",
        b'{"content":"x"}',
        b'{"role":"model","content":"x"}',
        b'{"role":["user"],"content":"x"}',
        b'{"role":{},"content":"x"}',
        b'{"role":null}',
        b'{"role":"user","content":1}',
        b'{"role":"user","content":{"type":"text"}}',
        b'{"role":"user","content":["x"]}',
        b'{"role":"user","content":"\xff"}',
        b'{"role":"user","content":"\\ud800"}',
        b'{"role":"user","content":' + b"[" * 100_000,
    ],
)
def test_what_is_no_message_is_unreadable(message: bytes) -> None:
    with pytest.raises(Unreadable):
        read_item(message)


ODD_PART = st.fixed_dictionaries(
    {"type": st.one_of(st.sampled_from(["text", "image_url", "input_audio", "novel"]), ODD)},
    optional={"text": ODD, "image_url": ODD, "input_audio": ODD, "cache_control": ODD},
)
ODD_CALL = st.one_of(
    ODD,
    st.fixed_dictionaries(
        {},
        optional={
            "id": ODD,
            "type": ODD,
            "function": st.one_of(
                ODD, st.fixed_dictionaries({}, optional={"name": ODD, "arguments": ODD})
            ),
            "custom": ODD,
        },
    ),
)


ODD_MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "tool", "function", "system"])},
    optional={
        "content": st.one_of(ODD, st.lists(ODD_PART, max_size=2)),
        "tool_calls": st.one_of(ODD, st.lists(ODD_CALL, max_size=2)),
        "function_call": ODD,
        "tool_call_id": ODD,
        "name": ODD,
        "refusal": ODD,
        "audio": ODD,
        "reasoning_content": ODD,
    },
)


@given(ODD_MESSAGE)
def test_odd_messages_are_read_or_unreadable_never_another_error(message: Message) -> None:
    try:
        item = read_item(raw(message))
    except Unreadable:
        return
    assert item.tokens > 0
    assert read_item(json.dumps(message, indent=2).encode()).identity == item.identity
    text(raw(message))


@given(TEXT, TEXT)
def test_texts_are_equal_only_up_to_trailing_white_space(one: str, other: str) -> None:
    same = read_item(raw(user(one))).identity == read_item(raw(user(other))).identity
    assert same is (one.rstrip() == other.rstrip())


@pytest.mark.parametrize("arguments", ['{"a":' + "[" * 100_000, "[" * 900 + "]" * 900])
def test_arguments_nested_too_deeply_are_compared_as_text(arguments: str) -> None:
    assert read_item(raw(calls(call(arguments)))) == read_item(raw(calls(call(arguments))))


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (user("hi"), "hi"),
        (user([says("a"), says("b")]), "ab"),
        (assistant(None), ""),
        ({"role": "assistant"}, ""),
        (calls(call("{}")), None),
        (assistant("x", function_call={"name": "f"}), None),
        (user([says("a"), image("data:,")]), None),
        (assistant(None, refusal="no"), None),
        (assistant("", refusal=None), ""),
        (assistant(None, audio={"id": "a"}), None),
    ],
)
def test_text_is_all_a_message_says_or_none(message: Message, said: str | None) -> None:
    assert text(raw(message)) == said


def test_an_answer_is_read_like_any_message() -> None:
    assert read_answer(raw(assistant("x"))) == read_item(raw(assistant("x")))


PROSE = "The window is cut back to about one half, on a turn boundary, never in a tool loop. " * 12
# Bytes per token of o200k.
LINES = {
    "prose": (PROSE, 4.51),
    "code": ("    def feed(self, chunk: bytes) -> list[bytes]:\n" * 20, 4.43),
    "json": (json.dumps([{"id": n, "name": f"item {n}"} for n in range(40)]), 3.50),
    "east asian": ("記憶は会話の間に立つ" * 50, 3.4),
}


@pytest.mark.parametrize("name", LINES)
def test_tokens_are_within_a_third_of_what_models_count(name: str) -> None:
    words, per_token = LINES[name]
    counted = len(words.encode()) / per_token
    assert read_item(raw(user(words))).tokens == pytest.approx(counted, rel=0.35)


def test_tokens_of_calls_and_results_count_what_they_hold() -> None:
    said = read_item(raw(user(PROSE))).tokens
    arguments = json.dumps({"path": PROSE})
    assert read_item(raw(calls(call(arguments)))).tokens == pytest.approx(said, rel=0.1)
    assert read_item(raw(result(PROSE))).tokens == pytest.approx(said, rel=0.1)
    assert read_item(raw(assistant("", reasoning_content=PROSE))).tokens >= said


def test_tokens_of_images_go_by_pixels() -> None:
    url = f"data:image/png;base64,{encoded(png(800, 600, ballast=500_000))}"
    base = read_item(raw(user(""))).tokens
    expected = base + image_tokens(url, "openai_chat")
    assert read_item(raw(user([image(url)]))).tokens == expected
    recording = {"type": "input_audio", "input_audio": {"data": "A" * 900_000, "format": "wav"}}
    assert read_item(raw(user([recording]))).tokens < 3_000
