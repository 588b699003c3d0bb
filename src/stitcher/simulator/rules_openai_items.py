"""The shape of one input item of the Responses API: its type, its fields, its parts.

The types are those of openai SDK 3.54.0 (response_input_item_param.py) and `agent_message`, which
Codex sends. Items that only OpenAI's own tools make are looked at for what they must have; the
others may have nothing else. Knows nothing of the items around one.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from stitcher.simulator.openai_refusals import (
    check_length,
    expect,
    refuse,
    refuse_missing,
    refuse_type,
    refuse_unknown,
    refuse_value,
)
from stitcher.simulator.response_items import item_type
from stitcher.simulator.rules_openai_cache import RESPONSES_LIFETIMES, check_breakpoint
from stitcher.simulator.rules_openai_tools import check_tools
from stitcher.simulator.sealed_content import unseal

_ROLES = ("assistant", "system", "developer", "user")
_STATUSES = ("in_progress", "completed", "incomplete")
_LONGEST_ID = 64
_LEGAL_ID = re.compile(r"[a-zA-Z0-9_-]+")
# On any item: what Codex 0.169 adds to those it makes, and what `input_items` hands out.
_ANYWHERE = frozenset({"type", "id", "internal_chat_message_metadata_passthrough", "created_by"})


@dataclass(frozen=True, slots=True)
class _Shape:
    """An item's fields. `more` is None where any other field passes; `prefix` begins its id."""

    needs: dict[str, type | None] = field(default_factory=dict)
    more: frozenset[str] | None = None
    prefix: str = ""


def _only(*names: str) -> frozenset[str]:
    return frozenset(names)


_CALL = {"call_id": str, "name": str}
_SHAPES: dict[str, _Shape] = {
    "message": _Shape({"role": str, "content": None}, _only("status", "phase"), "msg"),
    "agent_message": _Shape({"content": list}),
    "function_call": _Shape(
        {**_CALL, "arguments": str}, _only("status", "namespace", "async", "caller"), "fc"
    ),
    "function_call_output": _Shape(
        {"call_id": str, "output": None}, _only("status", "name", "namespace", "caller")
    ),
    "custom_tool_call": _Shape(
        {**_CALL, "input": str}, _only("status", "namespace", "async", "caller"), "ctc"
    ),
    "custom_tool_call_output": _Shape(
        {"call_id": str, "output": None}, _only("status", "name", "caller")
    ),
    "reasoning": _Shape({"summary": list}, _only("content", "encrypted_content", "status"), "rs"),
    "item_reference": _Shape({"id": str}, _only()),
    "compaction": _Shape({"encrypted_content": str}, _only(), "cmp"),
    "compaction_trigger": _Shape({}, _only()),
    "additional_tools": _Shape({"role": str, "tools": list}, _only()),
    "configuration_update": _Shape({}, _only("reasoning", "text")),
    "tool_search_call": _Shape({"arguments": None}),
    "tool_search_output": _Shape({"tools": list}),
    "file_search_call": _Shape({"id": str, "queries": list, "status": str}),
    "web_search_call": _Shape({"status": str}),
    "computer_call": _Shape({"call_id": str, "pending_safety_checks": list}),
    "computer_call_output": _Shape({"call_id": str, "output": dict}),
    "image_generation_call": _Shape({"id": str, "status": str}),
    "code_interpreter_call": _Shape({"id": str, "container_id": str}),
    "local_shell_call": _Shape({"call_id": str, "action": dict}),
    "local_shell_call_output": _Shape({"output": str}),
    "shell_call": _Shape({"call_id": str, "action": dict}),
    "shell_call_output": _Shape({"call_id": str, "output": list}),
    "apply_patch_call": _Shape({"call_id": str, "operation": dict, "status": str}),
    "apply_patch_call_output": _Shape({"call_id": str, "status": str}),
    "mcp_list_tools": _Shape({"id": str, "server_label": str, "tools": list}),
    "mcp_approval_request": _Shape({"id": str, "arguments": str, "name": str}),
    "mcp_approval_response": _Shape({"approval_request_id": str, "approve": bool}),
    "mcp_call": _Shape({"id": str, "arguments": str, "name": str, "server_label": str}),
    "program": _Shape({"call_id": str, "code": str, "fingerprint": str}),
    "program_output": _Shape({"call_id": str, "result": str}),
}
_MARKED = _only("prompt_cache_breakpoint")
_PARTS: dict[str, _Shape] = {
    "input_text": _Shape({"text": str}, _MARKED),
    "input_image": _Shape({}, _MARKED | {"image_url", "file_id", "detail"}),
    "input_file": _Shape({}, _MARKED | {"file_id", "file_data", "file_url", "filename", "detail"}),
    "output_text": _Shape({"text": str}, _only("annotations", "logprobs")),
    "refusal": _Shape({"refusal": str}, _only()),
    "encrypted_content": _Shape({"encrypted_content": str}, _only()),
}
_SAID_BY_ASSISTANT = ("output_text", "refusal")
_TOLD = ("input_text", "input_image", "input_file")


def check_item(item: Any, place: str) -> None:
    """Raises RefusedError when the item is none that the API takes."""
    expect(item, dict, place)
    kind = _known_type(item, place)
    shape = _SHAPES[kind]
    _check_fields(item, shape, place, _ANYWHERE)
    _check_ids(item, shape.prefix, place)
    match kind:
        case "message":
            _check_message(item, place)
        case "agent_message":
            _check_parts(item["content"], (*_TOLD, "encrypted_content"), f"{place}.content")
        case "function_call_output" | "custom_tool_call_output":
            _check_content(item["output"], _TOLD, f"{place}.output")
        case "reasoning":
            _check_reasoning(item, place)
        case "compaction":
            _check_sealed(item)
        case "additional_tools":
            if item["role"] != "developer":
                refuse_value(item["role"], ("developer",), f"{place}.role")
            check_tools(item["tools"], f"{place}.tools")
        case "tool_search_output":
            check_tools(item["tools"], f"{place}.tools")


def _known_type(item: dict[str, Any], place: str) -> str:
    if item.get("type") is not None:
        expect(item["type"], str, f"{place}.type")
    kind = item_type(item)
    if kind not in _SHAPES:
        refuse_value(kind, tuple(_SHAPES), f"{place}.type")
    return kind


def _check_fields(
    given: dict[str, Any], shape: _Shape, place: str, anywhere: frozenset[str]
) -> None:
    for name, kind in shape.needs.items():
        if given.get(name) is None:
            refuse_missing(f"{place}.{name}")
        if kind is not None:
            expect(given[name], kind, f"{place}.{name}")
    if shape.more is None:
        return
    for name in given:
        if name not in anywhere and name not in shape.needs and name not in shape.more:
            refuse_unknown(f"{place}.{name}")


def _check_ids(item: dict[str, Any], prefix: str, place: str) -> None:
    if item.get("call_id") is not None:
        expect(item["call_id"], str, f"{place}.call_id")
        check_length(item["call_id"], _LONGEST_ID, f"{place}.call_id")
        if not item["call_id"]:
            refuse(
                f"Invalid '{place}.call_id': empty string. Expected a string with minimum length "
                "1, but got an empty string instead.",
                f"{place}.call_id",
                "empty_string",
            )
    item_id, param = item.get("id"), f"{place}.id"
    if item_id is None:
        return
    expect(item_id, str, param)
    check_length(item_id, _LONGEST_ID, param)
    if not _LEGAL_ID.fullmatch(item_id):
        refuse(
            f"Invalid '{param}': '{item_id}'. Expected an ID that contains letters, numbers, "
            "underscores, or dashes, but this value contained additional characters.",
            param,
            "invalid_value",
        )
    if not item_id.startswith(prefix):
        refuse(
            f"Invalid '{param}': '{item_id}'. Expected an ID that begins with '{prefix}'.",
            param,
            "invalid_id_prefix",
        )


def _check_message(item: dict[str, Any], place: str) -> None:
    role = item["role"]
    if role not in _ROLES:
        refuse_value(role, _ROLES, f"{place}.role")
    if item.get("status") is not None and item["status"] not in _STATUSES:
        refuse_value(item["status"], _STATUSES, f"{place}.status")
    supported = _SAID_BY_ASSISTANT if role == "assistant" else _TOLD
    _check_content(item["content"], supported, f"{place}.content")


def _check_content(content: Any, supported: tuple[str, ...], place: str) -> None:
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        refuse_type(content, "one of an array of objects or string", place)
    _check_parts(content, supported, place)


def _check_parts(parts: list[Any], supported: tuple[str, ...], place: str) -> None:
    for index, part in enumerate(parts):
        inner = f"{place}[{index}]"
        expect(part, dict, inner)
        kind = part.get("type")
        if kind is None:
            refuse_missing(f"{inner}.type")
        if kind not in supported:
            refuse_value(kind, supported, f"{inner}.type")
        _check_fields(part, _PARTS[kind], inner, _only("type"))
        check_breakpoint(part, RESPONSES_LIFETIMES, inner)
        if kind == "input_image" and not (part.get("image_url") or part.get("file_id")):
            refuse_missing(f"{inner}.image_url")


def _check_reasoning(item: dict[str, Any], place: str) -> None:
    for index, part in enumerate(item["summary"]):
        inner = f"{place}.summary[{index}]"
        expect(part, dict, inner)
        if part.get("type") != "summary_text":
            refuse_value(part.get("type"), ("summary_text",), f"{inner}.type")
        if not isinstance(part.get("text"), str):
            refuse_missing(f"{inner}.text")
    if item.get("content") is not None:
        expect(item["content"], list, f"{place}.content")
    if item.get("encrypted_content") is not None:
        expect(item["encrypted_content"], str, f"{place}.encrypted_content")
        _check_sealed(item)
    elif item.get("id") is None:
        refuse_missing(f"{place}.id")


def _check_sealed(item: dict[str, Any]) -> None:
    """The encrypted content is what was made for this item; its id may have been left out."""
    text = item["encrypted_content"]
    opened = unseal(text)
    whose = f"for item {item['id']}" if item.get("id") else f"{text[:4]}...{text[-4:]}"
    if opened is None:
        reason = "Encrypted content could not be decrypted or parsed."
    elif item.get("id") not in (None, opened[0]):
        reason = "Encrypted content item_id did not match the target item id."
    else:
        return
    refuse(
        f"The encrypted content {whose} could not be verified. Reason: {reason}",
        None,
        "invalid_encrypted_content",
    )
