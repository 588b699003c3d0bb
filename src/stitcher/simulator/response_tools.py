"""The tools a Responses request offers, wherever it offers them, and what a call of one looks like.

They stand in `tools`, inside namespaces, in `additional_tools` items and in what a tool search
found. Knows nothing of ids.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stitcher.simulator.directives import ToolRequest


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """A tool that can be called by name; `namespace` is the one it stands in."""

    type: str
    name: str
    namespace: str | None = None


def offered_tools(body: dict[str, Any]) -> Iterator[OfferedTool]:
    """The function and custom tools of a request, the outermost first."""
    yield from _offered(body.get("tools") or ())
    given = body.get("input")
    for item in given if isinstance(given, list) else ():
        if item.get("type") in ("additional_tools", "tool_search_output"):
            yield from _offered(item.get("tools") or ())


def _offered(tools: Any) -> Iterator[OfferedTool]:
    inner: list[OfferedTool] = []
    for tool in tools:
        if tool["type"] == "namespace":
            inner += [
                OfferedTool(member["type"], member["name"], tool["name"])
                for member in tool["tools"]
            ]
        elif tool["type"] in ("function", "custom"):
            yield OfferedTool(tool["type"], tool["name"])
    yield from inner


def called_tool(body: dict[str, Any], name: str) -> OfferedTool:
    """The tool of that name; `namespace.name` says which one is meant. A function if unknown."""
    tools = list(offered_tools(body))
    for tool in tools:
        if name == tool.name:
            return tool
    for tool in tools:
        if name == f"{tool.namespace}.{tool.name}":
            return tool
    return OfferedTool("function", name)


def call_item(tool: OfferedTool, request: ToolRequest) -> dict[str, Any]:
    """The call without its ids: a custom tool takes the text of `{"input": text}`, or the JSON."""
    if tool.type == "custom":
        asked = json.loads(request.arguments)
        text = asked.get("input")
        given = text if set(asked) == {"input"} and isinstance(text, str) else request.arguments
        item = {"type": "custom_tool_call", "name": tool.name, "input": given}
    else:
        item = {"type": "function_call", "name": tool.name, "arguments": request.arguments}
    if tool.namespace is not None:
        item["namespace"] = tool.namespace
    return item
