"""What a message of Chat Completions says, and how anything is said here."""

import json
from typing import Any

import pytest
from hypothesis import given

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
from stitcher.wire.openai_chat import head, parts, read_item, written, written_head
from tests.wire.openai_chat.test_message import (
    ODD_MESSAGE,
    Message,
    assistant,
    call,
    calls,
    image,
    raw,
    result,
    says,
    user,
)

PNG = "data:image/png;base64,AAAA"
PDF = "data:application/pdf;base64,AAAA"
DOCUMENT = {"type": "file", "file": {"filename": "a.pdf", "file_data": PDF}}

# What is said in both directions: message → parts → the message again.
SAID: dict[str, tuple[Message, list[Part]]] = {
    "a text": (user("hi "), [Text("user", "hi ")]),
    "texts": (user([says("a"), says("b")]), [Text("user", "a"), Text("user", "b")]),
    "pictures and documents": (
        user([says("See:"), image(PNG), image("https://x.org/a.png"), DOCUMENT]),
        [
            Text("user", "See:"),
            Image("user", PNG),
            Image("user", "https://x.org/a.png"),
            File("user", PDF, "a.pdf"),
        ],
    ),
    "a system message": ({"role": "system", "content": "x"}, [Text("system", "x")]),
    "an answer": (assistant("hi"), [Text("assistant", "hi")]),
    "a call": (calls(call('{"a": 1.0}')), [ToolCall("call_4da6", "f", '{"a": 1.0}')]),
    "a call beside a text": (
        assistant("Let me see.", tool_calls=[call("{}"), call("{}", name="g", id="b")]),
        [
            Text("assistant", "Let me see."),
            ToolCall("call_4da6", "f", "{}"),
            ToolCall("b", "g", "{}"),
        ],
    ),
    "a result": (result("ok"), [ToolResult("call_4da6", (Text("user", "ok"),))]),
    "an empty result": (result(""), [ToolResult("call_4da6", ())]),
    "a result in texts": (
        result([says("a"), says("b")]),
        [ToolResult("call_4da6", (Text("user", "a"), Text("user", "b")))],
    ),
}

# What is read, and would be written otherwise.
READ: dict[str, tuple[Message, list[Part]]] = {
    "a developer message": ({"role": "developer", "content": "x"}, [Text("system", "x")]),
    "texts of an answer": (assistant([says("a"), says("b")]), [Text("assistant", "ab")]),
    "a refusal": (assistant(None, refusal="No."), [Text("assistant", "No.")]),
    "a refusal as a part": (
        assistant([{"type": "refusal", "refusal": "No."}]),
        [Text("assistant", "No.")],
    ),
    "an empty answer": (assistant(""), []),
    "white space": (user(" \n"), []),
    "reasoning": (assistant("hi", reasoning_content="hm"), [Text("assistant", "hi")]),
    "a recording": (user([{"type": "input_audio", "input_audio": {"data": "a"}}]), []),
    "an upload": (user([{"type": "file", "file": {"file_id": "file-1"}}]), []),
    "an image nobody else can see": (user([image("cid:1")]), []),
    "a call with free text": (
        calls({"id": "a", "type": "custom", "custom": {"name": "run", "input": 'say "x"'}}),
        [ToolCall("a", "run", '{"input":"say \\"x\\""}')],
    ),
    "a call of the first API": (
        assistant(None, function_call={"name": "f", "arguments": "{}"}),
        [ToolCall("f", "f", "{}")],
    ),
    "a result of the first API": (
        {"role": "function", "name": "f", "content": "ok"},
        [ToolResult("f", (Text("user", "ok"),))],
    ),
    "a result of no call": ({"role": "tool", "content": "ok"}, []),
    "no arguments": (calls(call("")), [ToolCall("call_4da6", "f", "{}")]),
    "arguments that are null": (calls(call("null")), [ToolCall("call_4da6", "f", "{}")]),
    "arguments as an object": (calls(call({"a": 1})), [ToolCall("call_4da6", "f", '{"a":1}')]),
    "arguments that are no object": (
        calls(call("[1]")),
        [ToolCall("call_4da6", "f", '{"input":"[1]"}')],
    ),
    "arguments that are no JSON": (
        calls(call('{"a":')),
        [ToolCall("call_4da6", "f", '{"input":"{\\"a\\":"}')],
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


def test_what_a_result_shows_follows_all_results() -> None:
    """A result can only be text here, and nothing may stand between results of one message."""
    found = [
        ToolResult("a", (Text("user", "a cat"), Image("user", PNG))),
        ToolResult("b", (File("user", PDF),)),
        ToolResult("c", (Text("user", "none"),), failed=True),
    ]
    assert [json.loads(one) for one in written(found)] == [
        result("a cat", id="a"),
        result("", id="b"),
        result("none", id="c"),
        user(
            [
                says("[Shown by the tool call a:]"),
                image(PNG),
                says("[Shown by the tool call b:]"),
                {"type": "file", "file": {"filename": "document.pdf", "file_data": PDF}},
            ]
        ),
    ]


def test_an_answer_in_several_texts_and_calls_is_one_message() -> None:
    answer: list[Part] = [
        Text("assistant", "First."),
        ToolCall("a", "f", "{}"),
        Text("assistant", "Then."),
        ToolCall("b", "g", "{}"),
    ]
    (message,) = written([*answer, Text("user", "hi")])[:1]
    assert json.loads(message) == assistant(
        "First.\n\nThen.", tool_calls=[call("{}", id="a"), call("{}", name="g", id="b")]
    )


def test_documents_are_texts_where_they_are_text_and_left_out_by_url() -> None:
    shown = [text_document("a.txt", "Once upon a time"), File("user", "https://x.org/a.pdf")]
    assert [json.loads(one) for one in written(shown)] == [user("Once upon a time")]
    assert written(shown[1:]) == []


@given(ODD_MESSAGE)
def test_odd_messages_say_something_or_nothing_never_an_error(message: Message) -> None:
    try:
        item = read_item(raw(message))
    except Unreadable:
        return
    for one in written(parts(item)):
        read_item(one)


SYSTEM = json.dumps(
    [{"role": "system", "content": "A."}, {"role": "developer", "content": [says("B.")]}]
)
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


def function(**more: Any) -> Message:
    return {"type": "function", "function": {"name": "f", **more}}


def test_a_head_is_its_texts_and_the_clients_tools() -> None:
    tools = [
        function(description="Looks.", parameters=SCHEMA, strict=True),
        {"type": "custom", "custom": {"name": "run", "description": "Runs."}},
        {"type": "web_search"},
        function(description="Said twice."),
        "odd",
    ]
    found = head(SYSTEM.encode(), json.dumps(tools).encode())
    assert found.system == ("A.", "B.")
    looks, runs = found.tools
    assert (looks.name, looks.description, json.loads(looks.schema)) == ("f", "Looks.", SCHEMA)
    assert (runs.name, json.loads(runs.schema)["properties"]) == (
        "run",
        {"input": {"type": "string"}},
    )
    assert head(None, None) == NeutralHead()


@pytest.mark.parametrize("parameters", [None, {}, {"properties": {}}, {"type": "string"}, "odd"])
def test_a_schema_is_of_an_object(parameters: Any) -> None:
    (tool,) = head(None, json.dumps([function(parameters=parameters)]).encode()).tools
    assert json.loads(tool.schema) == {"type": "object", "properties": {}}


def test_a_head_is_written_as_one_system_message_and_functions() -> None:
    lent = NeutralHead(("A.", "B."), (Tool("f", "Looks.", json.dumps(SCHEMA)), Tool("g", "", "{}")))
    system, tools = written_head(lent)
    assert json.loads(system or b"") == [{"role": "system", "content": "A.\n\nB."}]
    assert json.loads(tools or b"") == [
        function(description="Looks.", parameters=SCHEMA),
        {"type": "function", "function": {"name": "g", "parameters": {}}},
    ]
    assert head(system, None).system == ("A.\n\nB.",)
    assert written_head(NeutralHead()) == (None, None)
