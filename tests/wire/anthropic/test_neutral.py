"""What a message of the Messages API says, and how anything is said here."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.messages.parts import (
    File,
    Image,
    NeutralHead,
    Part,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    text_document,
)
from stitcher.messages.unreadable import Unreadable
from stitcher.wire.anthropic import head, parts, read_item, written, written_head
from tests.wire.anthropic.test_message import (
    EPHEMERAL,
    ODD_BLOCK,
    Message,
    assistant,
    call,
    image,
    raw,
    result,
    says,
    thinks,
    user,
)

PNG = "data:image/png;base64,AAAA"
PLACE = "https://x.org/a"
PDF = "data:application/pdf;base64,AAAA"


def document(source: Message, **more: Any) -> Message:
    return {"type": "document", "source": source, **more}


def at(place: str) -> Message:
    return {"type": "url", "url": place}


BASE64 = {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}
PLAIN = {"type": "text", "media_type": "text/plain", "data": "Once"}

# What is said in both directions: message → parts → the message again.
SAID: dict[str, tuple[Message, list[Part]]] = {
    "texts": (user(says("a "), says("b")), [Text("user", "a "), Text("user", "b")]),
    "pictures": (
        user(image("AAAA"), {"type": "image", "source": at(PLACE)}),
        [Image("user", PNG), Image("user", PLACE)],
    ),
    "documents": (
        user(document(BASE64, title="a.pdf"), document(at(PLACE)), document(PLAIN)),
        [File("user", PDF, "a.pdf"), File("user", PLACE), text_document("", "Once")],
    ),
    "an answer": (assistant(says("hi")), [Text("assistant", "hi")]),
    "calls": (
        assistant(says("So:"), call({"a": 1.0}), call({}, name="g", id="b")),
        [
            Text("assistant", "So:"),
            ToolCall("toolu_01ab", "f", '{"a": 1.0}'),
            ToolCall("b", "g", "{}"),
        ],
    ),
    "results": (
        user(result([says("a"), image("AAAA")]), result([says("no")], id="b", is_error=True)),
        [
            ToolResult("toolu_01ab", (Text("user", "a"), Image("user", PNG))),
            ToolResult("b", (Text("user", "no"),), failed=True),
        ],
    ),
    "a result of nothing": (
        user({"type": "tool_result", "tool_use_id": "b"}),
        [ToolResult("b", ())],
    ),
}

# What is read, and would be written otherwise.
READ: dict[str, tuple[Message, list[Part]]] = {
    "a string": (user("hi"), [Text("user", "hi")]),
    "a system message": ({"role": "system", "content": "x"}, [Text("system", "x")]),
    "thinking": (assistant(thinks(), says("a"), thinks(), says("b")), [Text("assistant", "ab")]),
    "thinking alone": (assistant({"type": "redacted_thinking", "data": "x"}), []),
    "texts around a call": (
        assistant(says("a"), call({}), says("b")),
        [Text("assistant", "a"), ToolCall("toolu_01ab", "f", "{}"), Text("assistant", "b")],
    ),
    "arguments with large numbers": (
        user(call({"a": 2**80})),
        [ToolCall("toolu_01ab", "f", f'{{"a": {2**80}}}')],
    ),
    "what the provider's own tools did": (
        assistant(
            {"type": "server_tool_use", "id": "a", "name": "web_search", "input": {"query": "x"}},
            {"type": "web_search_tool_result", "tool_use_id": "a", "content": []},
            says("It rains.", citations=[{"type": "web_search_result_location"}]),
        ),
        [Text("assistant", "It rains.")],
    ),
    "a marker": (user(says("hi", cache_control=EPHEMERAL)), [Text("user", "hi")]),
    "an upload": (user(document({"type": "file", "file_id": "file_1"})), []),
    "a document of blocks": (
        user(document({"type": "content", "content": [says("a"), image("AAAA")]})),
        [Text("user", "a"), Image("user", PNG)],
    ),
    "search results of the client's": (
        user(
            result(
                [{"type": "search_result", "source": PLACE, "title": "A", "content": [says("x")]}]
            )
        ),
        [ToolResult("toolu_01ab", (Text("user", f"A\n{PLACE}\nx"),))],
    ),
    "a tool found by search": (
        user(result([{"type": "tool_reference", "tool_name": "f"}])),
        [ToolResult("toolu_01ab", ())],
    ),
}


def said(message: Message) -> list[Part]:
    return list(parts(read_item(raw(message))))


@pytest.mark.parametrize("name", SAID)
def test_what_is_said_is_read_and_written_again(name: str) -> None:
    message, expected = SAID[name]
    assert said(message) == expected
    assert [json.loads(one) for one in written(expected)] == [message]


@pytest.mark.parametrize("name", READ)
def test_what_is_said_otherwise_is_read(name: str) -> None:
    message, expected = READ[name]
    assert said(message) == expected


def test_results_come_first_in_a_message_of_their_own() -> None:
    spoken: list[Part] = [ToolResult("a", ()), ToolResult("b", ()), Text("user", "Go on.")]
    assert [json.loads(one)["content"] for one in written(spoken)] == [
        [{"type": "tool_result", "tool_use_id": name} for name in "ab"],
        [says("Go on.")],
    ]


def test_a_system_text_in_mid_history_is_the_users() -> None:
    assert [json.loads(one) for one in written([Text("system", "Be brief.")])] == [
        user(says("Be brief."))
    ]


@pytest.mark.parametrize(
    "part",
    [
        Text("user", " \n"),
        Text("assistant", ""),
        Image("user", "data:image/svg+xml;base64,AAAA"),
        File("user", "data:application/msword;base64,AAAA"),
        File("user", "data:text/plain;base64,"),
        Image("assistant", PNG),
    ],
)
def test_what_the_api_refuses_is_left_out(part: Part) -> None:
    assert written([part]) == []


@given(st.lists(ODD_BLOCK, max_size=3), st.sampled_from(["user", "assistant", "system"]))
def test_odd_blocks_say_something_or_nothing_never_an_error(content: list[Any], role: str) -> None:
    try:
        item = read_item(raw({"role": role, "content": content}))
        found = parts(item)
    except Unreadable:
        return
    for one in written(found):
        read_item(one)


SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


def test_a_head_is_its_texts_and_the_clients_tools() -> None:
    system = [
        says("x-anthropic-billing-header: cc_version=2.1.330"),
        says("A.", cache_control=EPHEMERAL),
        says(" "),
        says("B."),
    ]
    tools = [
        {"name": "f", "description": "Looks.", "input_schema": SCHEMA, "defer_loading": True},
        {"type": "custom", "name": "g", "input_schema": {"type": "object"}},
        {"type": "web_search_20260209", "name": "web_search"},
    ]
    found = head(json.dumps(system).encode(), json.dumps(tools).encode())
    assert found.system == ("A.", "B.")
    assert [(tool.name, tool.description) for tool in found.tools] == [("f", "Looks."), ("g", "")]
    assert [json.loads(tool.schema) for tool in found.tools] == [
        SCHEMA,
        {"type": "object", "properties": {}},
    ]
    assert head(b'"A."', None).system == ("A.",)
    assert head(None, None) == NeutralHead()


def test_a_head_is_written_as_blocks_and_tools() -> None:
    lent = NeutralHead(("A.", "B."), (Tool("f", "Looks.", json.dumps(SCHEMA)), Tool("g", "", "{}")))
    system, tools = written_head(lent)
    assert json.loads(system or b"") == [says("A."), says("B.")]
    assert json.loads(tools or b"") == [
        {"name": "f", "description": "Looks.", "input_schema": SCHEMA},
        {"name": "g", "input_schema": {}},
    ]
    assert written_head(NeutralHead()) == (None, None)
