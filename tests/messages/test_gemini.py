"""Contents of the Gemini API: what they say, and how it is said there."""

from typing import Any

import pytest

from stitcher.messages.gemini.content import answered, call_ids, member, parts, role_of
from stitcher.messages.gemini.neutral import parts as said_in
from stitcher.messages.gemini.neutral import written, written_tools
from stitcher.messages.parts import File, Image, NeutralHead, Part, Text, Tool, ToolCall, ToolResult
from stitcher.messages.unreadable import Unreadable

PNG = "data:image/png;base64,AAAA"
CALL = {"function_call": {"id": "c", "name": "look", "args": {"for": "x"}}}
FOUND = {"function_response": {"id": "c", "name": "look", "response": {"result": "here"}}}


def test_members_have_two_spellings() -> None:
    assert member({"functionCall": 1}, "function_call") == 1
    assert member({"function_call": 1}, "function_call") == 1
    assert member({"functioncall": 1}, "function_call") is None


@pytest.mark.parametrize(
    ("content", "role"),
    [
        ({"role": "user", "parts": [{"text": "x"}]}, "user"),
        ({"parts": [{"text": "x"}]}, "user"),
        ({"role": "model", "parts": []}, "assistant"),
        ({"role": "user", "parts": [FOUND]}, "tool"),
        ({"role": "function", "parts": [FOUND]}, "tool"),
        ({"role": "user", "parts": [FOUND, {"text": "And?"}]}, "user"),
    ],
)
def test_who_speaks(content: Any, role: str) -> None:
    assert role_of(content) == role


def test_calls_without_ids_go_by_their_names() -> None:
    bare = {"name": "look", "args": {}}
    calls = {"role": "model", "parts": [{"functionCall": bare}, {"functionCall": bare}]}
    found = {"role": "user", "parts": [{"functionResponse": bare}, {"functionResponse": bare}]}
    assert call_ids(calls) == answered(found) == ("look", "look/1")


@pytest.mark.parametrize("odd", ["x", [1], {"a": 1}])
def test_parts_are_a_list_of_objects(odd: Any) -> None:
    with pytest.raises(Unreadable, match="parts are not a list of objects"):
        parts({"role": "user", "parts": odd})


def test_what_a_content_says() -> None:
    assert said_in(
        {"role": "model", "parts": [{"text": "hm", "thought": True}, {"text": "Look:"}, CALL]}
    ) == (Text("assistant", "Look:"), ToolCall("c", "look", '{"for":"x"}'))
    assert said_in({"role": "user", "parts": [FOUND]}) == (
        ToolResult("c", (Text("user", "here"),)),
    )
    several = {"function_response": {"name": "f", "response": {"a": 1, "b": 2}}}
    assert said_in({"role": "user", "parts": [several]}) == (
        ToolResult("f", (Text("user", '{"a":1,"b":2}'),)),
    )
    shown = [
        {"inline_data": {"mime_type": "image/png", "data": "AAAA"}},
        {"fileData": {"mimeType": "application/pdf", "fileUri": "https://x/y.pdf"}},
        {"fileData": {"mimeType": "application/pdf", "fileUri": "gs://upload"}},
    ]
    assert said_in({"role": "user", "parts": shown}) == (
        Image("user", PNG),
        File("user", "https://x/y.pdf"),
    )


def test_how_it_is_said() -> None:
    said: list[Part] = [
        Text("user", "Where?"),
        Image("user", PNG),
        ToolCall("c", "look", '{"for": "x"}'),
        ToolResult("c", (Text("user", "here"),)),
        ToolResult("d", (Text("user", "broken"),), failed=True),
        Text("system", "Note."),
        Text("assistant", " "),
    ]
    assert written(said, {"c": "look"}) == [
        {
            "role": "user",
            "parts": [
                {"text": "Where?"},
                {"inline_data": {"mime_type": "image/png", "data": "AAAA"}},
            ],
        },
        {"role": "model", "parts": [CALL]},
        {
            "role": "user",
            "parts": [
                FOUND,
                {"function_response": {"id": "d", "name": "d", "response": {"error": "broken"}}},
            ],
        },
        {"role": "user", "parts": [{"text": "Note."}]},
    ]


def test_all_functions_are_one_tool() -> None:
    head = NeutralHead((), (Tool("look", "Looks.", '{"type":"object"}'), Tool("go", "", "{}")))
    (tool,) = written_tools(head)
    assert [one["name"] for one in tool["function_declarations"]] == ["look", "go"]
    assert written_tools(NeutralHead()) == []
