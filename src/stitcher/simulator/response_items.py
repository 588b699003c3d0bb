"""Response items as the simulator reads them: who said what, and the prompt they render to.

Every item becomes a message of a chat, so that hearing, counting and caching are the same as
there. What a client may drop or rename without changing the meaning (ids, statuses, phases,
annotations) is not part of the prompt. Knows nothing of validation.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from stitcher.simulator.sealed_content import unseal

_PART_TYPES = {"input_text": "text", "output_text": "text", "text": "text"}
_INSTRUCTIONS = ("system", "developer")
# Items that the client's side adds without anybody having said something.
_SETTING_ITEMS = ("additional_tools", "configuration_update", "tool_search_output")


def input_items(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The input as items: a string is one user message."""
    given = body.get("input")
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": given}]
    return list(given or ())


def item_type(item: Mapping[str, Any]) -> str:
    """The item's type; a message may leave it out, and so may a reference."""
    kind = item.get("type")
    if kind is not None:
        return str(kind)
    return "message" if "role" in item else "item_reference"


def is_output_of_tool(item: Mapping[str, Any]) -> bool:
    kind = item_type(item)
    return kind == "mcp_approval_response" or (
        kind.endswith("_output") and kind not in (*_SETTING_ITEMS, "program_output")
    )


def content_texts(content: Any) -> tuple[str, ...]:
    """The texts of a message's or an output's content."""
    if isinstance(content, str):
        return (content,)
    parts = content if isinstance(content, list) else ()
    return tuple(
        part["text"]
        for part in parts
        if isinstance(part, dict) and isinstance(part.get("text"), str)
    )


def heard_items(
    items: list[dict[str, Any]],
) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Each item as (role, texts, tool results)."""
    return [_heard(item) for item in items]


def _heard(item: dict[str, Any]) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    kind = item_type(item)
    if kind == "message":
        role = "system" if item["role"] in _INSTRUCTIONS else item["role"]
        return role, content_texts(item.get("content")), ()
    if kind == "agent_message":
        return "user", _agent_texts(item["content"]), ()
    if is_output_of_tool(item):
        return "user", (), ("\n".join(_output_texts(item)),)
    return ("system" if kind in _SETTING_ITEMS else "assistant"), (), ()


def _agent_texts(content: list[dict[str, Any]]) -> tuple[str, ...]:
    """What one agent tells another: its task stands where the real provider encrypts it."""
    return tuple(part.get("text") or part.get("encrypted_content") or "" for part in content)


def _output_texts(item: dict[str, Any]) -> tuple[str, ...]:
    output = item.get("output")
    if isinstance(output, str) or output is None:
        return (output or "",)
    return content_texts(output) or (_compact(output),)


def instruction_texts(body: Mapping[str, Any]) -> Iterator[str]:
    """What the model is told to be: the instructions, then system and developer messages."""
    if isinstance(body.get("instructions"), str):
        yield body["instructions"]
    for item in input_items(body):
        if item_type(item) == "message" and item["role"] in _INSTRUCTIONS:
            yield from content_texts(item.get("content"))


def as_chat(body: Mapping[str, Any]) -> dict[str, Any]:
    """The request as the chat request that has the same prompt."""
    text, reasoning = body.get("text") or {}, body.get("reasoning") or {}
    opening = [{"role": "system", "content": body["instructions"]}] if body.get(
        "instructions") else []  # fmt: skip
    return {
        "model": body["model"],
        "tools": body.get("tools") or [],
        "parallel_tool_calls": body.get("parallel_tool_calls"),
        "prompt_cache_options": body.get("prompt_cache_options"),
        "prompt_cache_retention": body.get("prompt_cache_retention"),
        "context_management": body.get("context_management"),
        "service_tier": body.get("service_tier"),
        "response_format": text.get("format"),
        "verbosity": text.get("verbosity"),
        "reasoning_effort": reasoning.get("effort"),
        "messages": [*opening, *map(_message, input_items(body))],
    }


def _message(item: dict[str, Any]) -> dict[str, Any]:
    match item_type(item):
        case "message":
            return {"role": item["role"], "content": _parts(item.get("content"))}
        case "agent_message":
            return {"role": "user", "content": _parts(item.get("content"))}
        case "function_call" | "custom_tool_call":
            called = {"name": item["name"], "namespace": item.get("namespace")}
            called["input"] = item.get("arguments", item.get("input"))
            call = {"id": item["call_id"], "custom": called}
            return {"role": "assistant", "tool_calls": [call]}
        case "reasoning" | "compaction":
            return {"role": "assistant", "content": _hidden(item)}
        case "additional_tools" | "tool_search_output":
            return {"role": "developer", "content": _compact(item.get("tools"))}
    if is_output_of_tool(item):
        output = item.get("output")
        parts = _parts(output) if _has_parts(output) else _compact(output)
        return {"role": "tool", "tool_call_id": item.get("call_id"), "content": parts}
    return {"role": "assistant", "content": _compact({k: item[k] for k in item if k != "id"})}


def _parts(content: Any) -> str | list[dict[str, Any]]:
    """Content in the chat's words."""
    if not isinstance(content, list):
        return str(content or "")
    return [_part(part) for part in content]


def _part(part: dict[str, Any]) -> dict[str, Any]:
    kind = part.get("type")
    marker = {
        name: part[name] for name in ("prompt_cache_breakpoint",) if part.get(name) is not None
    }
    if kind in _PART_TYPES:
        return {"type": "text", "text": part["text"], **marker}
    if kind == "refusal":
        return {"type": "text", "text": part["refusal"]}
    if kind == "input_image":
        image = {"url": part.get("image_url") or part.get("file_id"), "detail": part.get("detail")}
        return {"type": "image_url", "image_url": image, **marker}
    if kind == "input_file":
        file = {k: v for k, v in part.items() if k not in ("type", *marker)}
        return {"type": "file", "file": file, **marker}
    return part


def _has_parts(output: Any) -> bool:
    return isinstance(output, list) and all(
        isinstance(part, dict) and str(part.get("type", "")).startswith("input_") for part in output
    )


def _hidden(item: dict[str, Any]) -> str:
    """What an item stands for that the client cannot read; its summary where that is unknown."""
    opened = unseal(item.get("encrypted_content"))
    if opened is not None:
        return _compact(opened[1])
    return _compact([part.get("text") for part in item.get("summary") or ()])


def _compact(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
