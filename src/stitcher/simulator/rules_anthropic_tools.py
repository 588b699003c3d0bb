"""What the Messages API refuses about tools: their definitions, and calls without their results.

Expects messages whose blocks were already checked one by one.
"""

import re
from typing import Any, NoReturn

from stitcher.simulator.refusal import Refusal, RefusedError

_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_CALL_ID = re.compile(r"[a-zA-Z0-9_-]+")


def _refuse(message: str) -> NoReturn:
    raise RefusedError(Refusal(400, "invalid_request_error", message))


def check_tools(body: dict[str, Any]) -> None:
    names: set[str] = set()
    for index, tool in enumerate(body.get("tools") or []):
        place = f"tools.{index}"
        if not isinstance(tool, dict):
            _refuse(f"{place}: Input should be a valid dictionary or object to extract fields from")
        if tool.get("type") not in (None, "custom"):
            # Server tools and toolsets: each has its own fields, not checked here.
            continue
        name = tool.get("name")
        if name is None:
            _refuse(f"{place}.custom.name: Field required")
        if not isinstance(name, str) or not _TOOL_NAME.fullmatch(name):
            _refuse(f"{place}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
        if not isinstance(tool.get("input_schema"), dict):
            _refuse(f"{place}.custom.input_schema: Field required")
        if tool["input_schema"].get("type") != "object":
            _refuse(f"{place}.custom.input_schema.type: Input should be 'object'")
        if name in names:
            _refuse("tools: Tool names must be unique.")
        names.add(name)


def check_tool_pairs(messages: list[dict[str, Any]], *, has_tools: bool) -> None:
    """Every call is answered, in full and first thing, by the very next message."""
    seen: set[str] = set()
    open_calls: list[str] = []
    for number, message in enumerate(messages):
        content = message.get("content")
        blocks: list[dict[str, Any]] = content if isinstance(content, list) else []
        _check_results(blocks, open_calls, number)
        open_calls = [block["id"] for block in blocks if block["type"] == "tool_use"]
        for index, block in enumerate(blocks):
            if block["type"] == "tool_use":
                _check_call_id(block["id"], seen, f"messages.{number}.content.{index}")
        if not has_tools and any(b["type"] in ("tool_use", "tool_result") for b in blocks):
            _refuse("Requests which include `tool_use` or `tool_result` blocks must define tools")
    if open_calls:
        _refuse_unanswered(len(messages) - 1, open_calls)


def _check_call_id(call_id: str, seen: set[str], place: str) -> None:
    if not _CALL_ID.fullmatch(call_id):
        _refuse(f"{place}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'")
    if call_id in seen:
        _refuse("messages: `tool_use` ids must be unique")
    seen.add(call_id)


def _check_results(blocks: list[dict[str, Any]], open_calls: list[str], number: int) -> None:
    answered: set[str] = set()
    first_results: set[str] = set()
    leading = True
    for index, block in enumerate(blocks):
        if block["type"] != "tool_result":
            leading = False
            continue
        call_id = block["tool_use_id"]
        place = f"messages.{number}.content.{index}"
        if call_id in answered:
            _refuse(
                f"{place}: each tool_use must have a single result. Found multiple `tool_result` "
                f"blocks with id: {call_id}"
            )
        if call_id not in open_calls:
            _refuse(
                f"{place}: unexpected `tool_use_id` found in `tool_result` blocks: {call_id}. Each "
                "`tool_result` block must have a corresponding `tool_use` block in the previous "
                "message."
            )
        answered.add(call_id)
        if leading:
            first_results.add(call_id)
    missing = [call_id for call_id in open_calls if call_id not in first_results]
    if missing:
        _refuse_unanswered(number - 1, missing)


def _refuse_unanswered(number: int, call_ids: list[str]) -> NoReturn:
    _refuse(
        f"messages.{number}: `tool_use` ids were found without `tool_result` blocks immediately "
        f"after: {', '.join(call_ids)}. Each `tool_use` block must have a corresponding "
        "`tool_result` block in the next message."
    )
