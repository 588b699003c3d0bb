"""Where a tool is found and what a call of it looks like."""

from typing import Any

import pytest

from stitcher.simulator.directives import ToolRequest
from stitcher.simulator.response_tools import OfferedTool, call_item, called_tool

F: dict[str, Any] = {"type": "function", "name": "f"}
C: dict[str, Any] = {"type": "custom", "name": "c"}


def space(name: str, *tools: dict[str, Any]) -> dict[str, Any]:
    return {"type": "namespace", "name": name, "description": "d", "tools": list(tools)}


@pytest.mark.parametrize(
    ("tools", "asked", "found"),
    [
        ([F, C], "c", OfferedTool("custom", "c")),
        ([space("a", F), F], "f", OfferedTool("function", "f")),
        ([space("a", C)], "c", OfferedTool("custom", "c", "a")),
        ([space("a", F), space("b", F)], "b.f", OfferedTool("function", "f", "b")),
        ([{"type": "web_search"}], "g", OfferedTool("function", "g")),
    ],
)
def test_a_tool_is_found_by_its_name(
    tools: list[dict[str, Any]], asked: str, found: OfferedTool
) -> None:
    assert called_tool({"input": "hi", "tools": tools}, asked) == found
    for kind in ("additional_tools", "tool_search_output"):
        assert called_tool({"input": [{"type": kind, "tools": tools}]}, asked) == found


@pytest.mark.parametrize(
    ("tool", "arguments", "call"),
    [
        (OfferedTool("function", "f"), '{"a": 1}',
         {"type": "function_call", "name": "f", "arguments": '{"a": 1}'}),
        (OfferedTool("function", "f", "n"), "{}",
         {"type": "function_call", "name": "f", "arguments": "{}", "namespace": "n"}),
        (OfferedTool("custom", "c"), '{"input": "a\\nb"}',
         {"type": "custom_tool_call", "name": "c", "input": "a\nb"}),
        (OfferedTool("custom", "c"), '{"input": "a", "b": 1}',
         {"type": "custom_tool_call", "name": "c", "input": '{"input": "a", "b": 1}'}),
        (OfferedTool("custom", "c"), '{"input": 1}',
         {"type": "custom_tool_call", "name": "c", "input": '{"input": 1}'}),
    ],
)  # fmt: skip
def test_a_call_has_the_form_of_its_tool(
    tool: OfferedTool, arguments: str, call: dict[str, Any]
) -> None:
    assert call_item(tool, ToolRequest(tool.name, arguments)) == call
