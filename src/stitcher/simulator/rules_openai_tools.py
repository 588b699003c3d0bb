"""The tools of a Responses request and the choice among them: what shapes the API takes."""

import re
from typing import Any

from stitcher.simulator.openai_refusals import (
    check_length,
    check_not_empty,
    expect,
    refuse,
    refuse_missing,
    refuse_type,
    refuse_value,
)

# What a tool of each type must have (openai SDK 3.54.0, tool_param.py).
_NEEDS: dict[str, dict[str, type | None]] = {
    "function": {"name": str},
    "custom": {"name": str},
    "namespace": {"name": str, "description": str, "tools": list},
    "web_search": {},
    "web_search_2025_08_26": {},
    "web_search_preview": {},
    "web_search_preview_2025_03_11": {},
    "file_search": {"vector_store_ids": list},
    "computer": {},
    "computer_use_preview": {"display_height": int, "display_width": int, "environment": str},
    "mcp": {"server_label": str},
    "code_interpreter": {"container": None},
    "programmatic_tool_calling": {},
    "image_generation": {},
    "local_shell": {},
    "shell": {},
    "tool_search": {},
    "apply_patch": {},
}
_IN_NAMESPACES = ("function", "custom")
_NAME = re.compile(r"[a-zA-Z0-9_-]+")
_LONGEST_NAME = 64
_CHOICES = ("none", "auto", "required")
_SYNTAXES = ("lark", "regex")


def check_tools(tools: list[Any], place: str) -> None:
    for index, tool in enumerate(tools):
        _check_tool(tool, tuple(_NEEDS), f"{place}[{index}]")


def _check_tool(tool: Any, supported: tuple[str, ...], place: str) -> None:
    expect(tool, dict, place)
    kind = tool.get("type")
    if kind is None:
        refuse_missing(f"{place}.type")
    if kind not in supported:
        refuse_value(kind, supported, f"{place}.type")
    for name, expected in _NEEDS[kind].items():
        if tool.get(name) is None:
            refuse_missing(f"{place}.{name}")
        if expected is not None:
            expect(tool[name], expected, f"{place}.{name}")
    _check_inside(tool, place)


def _check_inside(tool: dict[str, Any], place: str) -> None:
    kind = tool["type"]
    if kind in ("function", "custom", "namespace"):
        _check_name(tool["name"], f"{place}.name")
    if kind == "namespace":
        check_not_empty(tool["tools"], f"{place}.tools")
        for index, inner in enumerate(tool["tools"]):
            _check_tool(inner, _IN_NAMESPACES, f"{place}.tools[{index}]")
    if tool.get("parameters") is not None and kind == "function":
        expect(tool["parameters"], dict, f"{place}.parameters")
    if tool.get("format") is not None and kind == "custom":
        _check_syntax(tool["format"], f"{place}.format")


def _check_name(name: str, place: str) -> None:
    if not _NAME.fullmatch(name):
        refuse(
            f"Invalid '{place}': string does not match pattern. Expected a string that matches "
            "the pattern '^[a-zA-Z0-9_-]+$'.",
            place,
            "invalid_value",
        )
    check_length(name, _LONGEST_NAME, place)


def _check_syntax(form: Any, place: str) -> None:
    expect(form, dict, place)
    if form.get("type") not in ("text", "grammar"):
        refuse_value(form.get("type"), ("text", "grammar"), f"{place}.type")
    if form["type"] == "grammar":
        if form.get("syntax") not in _SYNTAXES:
            refuse_value(form.get("syntax"), _SYNTAXES, f"{place}.syntax")
        if not isinstance(form.get("definition"), str):
            refuse_missing(f"{place}.definition")


def check_tool_choice(body: dict[str, Any]) -> None:
    """The choice is a word or an object; a named function or custom tool must be there."""
    choice = body.get("tool_choice")
    if choice is None:
        return
    if isinstance(choice, str):
        if choice not in _CHOICES:
            refuse_value(choice, _CHOICES, "tool_choice")
        return
    if not isinstance(choice, dict):
        refuse_type(choice, "one of a string or object", "tool_choice")
    kind = choice.get("type")
    if kind is None:
        refuse_missing("tool_choice.type")
    if kind in ("function", "custom") and not any(
        tool["type"] == kind and tool["name"] == choice.get("name")
        for tool in body.get("tools") or ()
    ):
        refuse(
            f"Tool choice '{choice.get('name')}' not found in 'tools' parameter.",
            "tool_choice",
            None,
        )
