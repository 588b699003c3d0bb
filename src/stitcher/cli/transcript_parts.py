"""What the pieces of a message are, in any dialect: texts, calls, results, thinking, pictures.

Reads whatever is there and never refuses. Refuses to know where a message stands.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]

_SHOWN = ("image", "image_url", "input_image", "input_audio", "file", "input_file", "document")


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a message; the kind is text, call, result, thinking, image or other."""

    kind: str
    text: str


def role(message: Json | list[object]) -> str:
    """Who said it; an item of the Responses API without a role is the model's or a tool's."""
    if isinstance(message, list):
        last = message[-1] if message else {}
        return role(last) if isinstance(last, Mapping) else "?"
    kind = message.get("type")
    if "role" in message or not isinstance(kind, str):
        return str(message.get("role", "?"))
    return "tool" if kind.endswith("_output") else "assistant"


def parts(message: Json | list[object]) -> Iterator[Part]:
    """The pieces of a message of any dialect, in order."""
    if isinstance(message, list):  # an item of the Responses API with the reasoning before it
        for item in message:
            yield from parts(item) if isinstance(item, Mapping) else [Part("other", _compact(item))]
    elif message.get("type", "message") == "message":
        yield from _spoken(message)
    else:
        yield _item(message)


def _item(item: Json) -> Part:
    """An item of the Responses API that is no message."""
    match str(item.get("type")):
        case "reasoning":
            said = [*_listed(item.get("summary")), *_listed(item.get("content"))]
            return Part("thinking", _flat(said) or "(encrypted)")
        case "function_call" | "custom_tool_call":
            given = item.get("arguments", item.get("input", ""))
            return Part("call", f"{item.get('name', '?')} {given}")
        case kind if kind.endswith("_output"):
            return Part("result", _flat(item.get("output")))
        case "compaction":
            return Part("other", "(the conversation so far, encrypted)")
        case kind:
            return Part("other", f"{kind}: {_compact(item)}")


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _spoken(message: Json) -> Iterator[Part]:
    if isinstance(reasoning := message.get("reasoning_content"), str) and reasoning:
        yield Part("thinking", reasoning)
    content = message.get("content")
    if message.get("role") == "tool":
        yield Part("result", _flat(content))
    elif isinstance(content, str):
        if content:
            yield Part("text", content)
    elif isinstance(content, list):
        for block in content:
            yield _block(block)
    if isinstance(refusal := message.get("refusal"), str) and refusal:
        yield Part("text", refusal)
    for call in message.get("tool_calls") or ():
        yield _call(call)


def _block(block: object) -> Part:
    if not isinstance(block, Mapping):
        return Part("other", _compact(block))
    match block.get("type"):
        case "text" | "input_text" | "output_text" | "summary_text" | "reasoning_text":
            return Part("text", str(block.get("text", "")))
        case "thinking":
            return Part("thinking", str(block.get("thinking", "")) or "(not shown by the provider)")
        case "redacted_thinking":
            return Part("thinking", "(encrypted)")
        case "tool_use" | "server_tool_use" | "mcp_tool_use":
            return Part("call", f"{block.get('name', '?')} {_compact(block.get('input', {}))}")
        case "tool_result":
            failed = "error: " if block.get("is_error") else ""
            return Part("result", failed + _flat(block.get("content")))
        case kind if kind in _SHOWN:
            return Part("image", f"{kind} ({len(_compact(block)):,} characters)")
        case kind:
            return Part("other", f"{kind}: {_compact(block)}")


def _call(call: object) -> Part:
    if isinstance(call, Mapping):
        inner = call.get("function") or call.get("custom")
        if isinstance(inner, Mapping):
            given = inner.get("arguments", inner.get("input", ""))
            return Part("call", f"{inner.get('name', '?')} {given}")
    return Part("call", _compact(call))


def _flat(content: object) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(_block(block).text for block in content)
    return "" if content is None else _compact(content)


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
