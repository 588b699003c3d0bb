"""What an item of the Responses API says, and how anything is said here."""

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
from stitcher.wire.openai_responses import head, parts, read_item, written, written_head
from tests.wire.openai_responses.test_message import (
    ODD_ITEM,
    ODD_THOUGHT,
    SEALED,
    Element,
    assistant,
    call,
    custom,
    image,
    raw,
    result,
    said,
    told,
    user,
)

PNG = "data:image/png;base64,AAAA"
PDF = "data:application/pdf;base64,AAAA"
PLACE = "https://x.org/a.pdf"


def message(role: str, *content: Element) -> Element:
    return {"type": "message", "role": role, "content": list(content)}


def file(**more: Any) -> Element:
    return {"type": "input_file", **more}


# What is said in both directions: item → parts → the item again.
SAID: dict[str, tuple[Element, list[Part]]] = {
    "texts": (message("user", told("a "), told("b")), [Text("user", "a "), Text("user", "b")]),
    "pictures and documents": (
        message(
            "user",
            image(PNG, detail="auto"),
            file(filename="a.pdf", file_data=PDF),
            file(file_url=PLACE),
        ),
        [Image("user", PNG), File("user", PDF, "a.pdf"), File("user", PLACE)],
    ),
    "a system message": (message("system", told("x")), [Text("system", "x")]),
    "an answer": (message("assistant", said("hi")), [Text("assistant", "hi")]),
    "a call": (call('{"a": 1.0}'), [ToolCall("call_4da6", "f", '{"a": 1.0}')]),
    "a result": (result("ok"), [ToolResult("call_4da6", (Text("user", "ok"),))]),
    "an empty result": (result(""), [ToolResult("call_4da6", ())]),
    "a result that shows something": (
        result([told("a cat"), image(PNG, detail="auto")]),
        [ToolResult("call_4da6", (Text("user", "a cat"), Image("user", PNG)))],
    ),
}

# What is read, and would be written otherwise.
READ: dict[str, tuple[Element | list[Element], list[Part]]] = {
    "a string": (user("hi"), [Text("user", "hi")]),
    "a developer message": ({"role": "developer", "content": "x"}, [Text("system", "x")]),
    "reasoning and its answer": ([SEALED, assistant([said("hi")])], [Text("assistant", "hi")]),
    "reasoning and its call": ([SEALED, call("{}")], [ToolCall("call_4da6", "f", "{}")]),
    "texts of an answer": (
        assistant([said("a", annotations=[{"type": "url_citation", "url": "u"}]), said("b")]),
        [Text("assistant", "ab")],
    ),
    "a refusal": (
        assistant([{"type": "refusal", "refusal": "No."}]),
        [Text("assistant", "No.")],
    ),
    "a call in a namespace": (
        call("{}", namespace="agents"),
        [ToolCall("call_4da6", "agents.f", "{}")],
    ),
    "a call with free text": (
        custom("ls"),
        [ToolCall("call_4da6", "exec", '{"input":"ls"}')],
    ),
    "what came of free text": (
        {"type": "custom_tool_call_output", "call_id": "call_4da6", "output": "ok"},
        [ToolResult("call_4da6", (Text("user", "ok"),))],
    ),
    "a call that nobody can answer": ({"type": "function_call", "name": "f"}, []),
    "an upload": (user([file(file_id="file-1"), {"type": "input_image", "file_id": "f"}]), []),
    "what the provider's own tools did": (
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        [],
    ),
    "a shell of the model's own": (
        {"type": "local_shell_call", "call_id": "a", "action": {"type": "exec"}},
        [],
    ),
    "tools in mid-history": ({"type": "additional_tools", "role": "developer", "tools": []}, []),
    "a summary for one provider": ({"type": "compaction", "encrypted_content": "x"}, []),
}


def read(item: Element | list[Element]) -> list[Part]:
    return list(parts(read_item(raw(item))))


@pytest.mark.parametrize("name", SAID)
def test_what_is_said_is_read_and_written_again(name: str) -> None:
    item, expected = SAID[name]
    assert read(item) == expected
    assert [json.loads(one) for one in written(expected)] == [item]


@pytest.mark.parametrize("name", READ)
def test_what_is_said_otherwise_is_read(name: str) -> None:
    item, expected = READ[name]
    assert read(item) == expected


def test_an_answer_in_texts_and_calls_is_items_in_its_order() -> None:
    answer: list[Part] = [
        Text("assistant", "First."),
        ToolCall("a", "f", "{}"),
        Text("assistant", "Then."),
        ToolCall("b", "f", "{}"),
        ToolResult("a", (), failed=True),
    ]
    assert [json.loads(one) for one in written(answer)] == [
        message("assistant", said("First.")),
        call("{}", call_id="a"),
        message("assistant", said("Then.")),
        call("{}", call_id="b"),
        result("", call_id="a"),
    ]


def test_documents_are_texts_where_they_are_text() -> None:
    shown = [text_document("a.txt", "Once upon a time"), File("user", PDF)]
    assert [json.loads(one) for one in written(shown)] == [
        message("user", told("Once upon a time"), file(filename="document.pdf", file_data=PDF))
    ]


@given(st.lists(ODD_THOUGHT, max_size=1), ODD_ITEM)
def test_odd_items_say_something_or_nothing_never_an_error(
    before: list[Element], item: Element
) -> None:
    try:
        found = parts(read_item(raw([*before, item] if before else item)))
    except Unreadable:
        return
    for one in written(found):
        read_item(one)


SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
FUNCTION = {"type": "function", "name": "f", "parameters": SCHEMA}


def test_a_head_is_its_instructions_its_leading_items_and_the_clients_tools() -> None:
    more = {
        "type": "additional_tools",
        "role": "developer",
        "tools": [{"type": "custom", "name": "run"}],
    }
    system = ["A.", message("developer", told("B."), told(" ")), more]
    tools = [
        FUNCTION,
        {"type": "web_search"},
        {"type": "namespace", "name": "agents", "tools": [FUNCTION, {"type": "novel"}]},
    ]
    found = head(json.dumps(system).encode(), json.dumps(tools).encode())
    assert found.system == ("A.", "B.")
    assert [tool.name for tool in found.tools] == ["f", "agents_f", "run"]
    assert json.loads(found.tools[0].schema) == SCHEMA
    assert list(json.loads(found.tools[2].schema)["properties"]) == ["input"]
    assert head(None, None) == NeutralHead()


def test_a_head_is_written_as_instructions_and_functions_that_are_not_strict() -> None:
    lent = NeutralHead(("A.", "B."), (Tool("f", "Looks.", json.dumps(SCHEMA)), Tool("g", "", "{}")))
    system, tools = written_head(lent)
    assert json.loads(system or b"") == ["A.\n\nB."]
    assert json.loads(tools or b"") == [
        {**FUNCTION, "description": "Looks.", "strict": False},
        {"type": "function", "name": "g", "parameters": {}, "strict": False},
    ]
    assert head(system, tools).system == ("A.\n\nB.",)
    assert written_head(NeutralHead()) == (None, None)
