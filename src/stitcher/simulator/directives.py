"""The `[[...]]` directives in a user's text: what a test asks the simulator to do.

Finds and reads them; knows nothing of what they cause.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

_OPENING = re.compile(r"\[\[\s*([a-z][a-z0-9-]*)", re.IGNORECASE)
_TOOL_NAME = re.compile(r"\s+([A-Za-z0-9_.:-]+)\s*")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """A call to make: the arguments are the JSON text exactly as it was written."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Directives:
    """Directives by lower-case name (the last of a name wins) and the tool calls in order."""

    arguments: dict[str, str]
    tools: tuple[ToolRequest, ...]

    def __contains__(self, name: str) -> bool:
        return name in self.arguments

    def text(self, name: str) -> str | None:
        return self.arguments.get(name)

    def number(self, name: str, default: int = 1) -> int | None:
        """The directive's number; `default` when it stands without one, None when it is absent."""
        value = self.arguments.get(name)
        if value is None:
            return None
        return int(value) if value.strip().isdigit() else default


def find_directives(text: str) -> Directives:
    arguments: dict[str, str] = {}
    tools: list[ToolRequest] = []
    at = 0
    while opening := _OPENING.search(text, at):
        name = opening.group(1).lower()
        if name == "tool" and (found := _tool(text, opening.end())):
            request, at = found
            tools.append(request)
            continue
        closing = text.find("]]", opening.end())
        if closing < 0:
            break
        arguments[name] = text[opening.end() : closing].removeprefix(" ")
        at = closing + 2
    return Directives(arguments, tuple(tools))


def _tool(text: str, at: int) -> tuple[ToolRequest, int] | None:
    name = _TOOL_NAME.match(text, at)
    if name is None:
        return None
    start = name.end()
    if text.startswith("]]", start):
        return ToolRequest(name.group(1), "{}"), start + 2
    try:
        value: Any
        value, end = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError:
        return None
    closing = text.find("]]", end)
    if closing < 0 or text[end:closing].strip() or not isinstance(value, dict):
        return None
    return ToolRequest(name.group(1), text[start:end]), closing + 2
