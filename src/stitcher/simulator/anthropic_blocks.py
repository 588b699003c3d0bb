"""Content blocks as the model sees them: what distinguishes two blocks and what does not.

Markers, the string form of a single text, the order of a block's own keys and absent-or-null
fields make no difference; the order of keys inside a tool's input or schema does (prompt caching
page, "Troubleshooting", 2026-11). Knows nothing of caches, tokens or rules.
"""

import json
from typing import Any

THINKING_TYPES = frozenset({"thinking", "redacted_thinking"})
# The attribution text that Claude Code puts first changes on every request on a first-party base
# URL while its cache hits go on, so it cannot be part of the prompt (observed 2026-11-22).
_BILLING_OPENING = "x-anthropic-billing-header:"


def blocks_of(content: Any) -> list[dict[str, Any]]:
    """A message's or system prompt's content as blocks: a string is one text block."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if isinstance(content, list):
        return [block for block in content if isinstance(block, dict)]
    return []


def automatic_place(messages: list[dict[str, Any]]) -> tuple[int, int] | None:
    """Where top-level `cache_control` puts its breakpoint: the last block that can carry one.

    It walks back silently to the nearest one; if there is none, nothing is cached (prompt caching
    page, 2026-11).
    """
    for number in range(len(messages) - 1, -1, -1):
        if messages[number].get("clear_at") == "next_user_message":
            continue
        blocks = blocks_of(messages[number].get("content"))
        for index in range(len(blocks) - 1, -1, -1):
            kind = blocks[index].get("type")
            empty = kind == "text" and not blocks[index].get("text")
            if kind not in THINKING_TYPES and not empty:
                return number, index
    return None


def system_blocks(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        block
        for block in blocks_of(body.get("system"))
        if not str(block.get("text", "")).startswith(_BILLING_OPENING)
    ]


def visible_tools(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The tools in the prefix: a deferred tool stays outside it until it is referenced."""
    tools = body.get("tools")
    if not isinstance(tools, list):
        return []
    return [tool for tool in tools if isinstance(tool, dict) and not tool.get("defer_loading")]


def canonical(block: dict[str, Any]) -> bytes:
    """Equal bytes for blocks that the model cannot tell apart."""
    shown = {
        name: _shown(name, block[name])
        for name in sorted(block)
        if name != "cache_control" and block[name] is not None
    }
    if shown.get("is_error") is False:
        del shown["is_error"]
    return json.dumps(shown, separators=(",", ":")).encode()


def _shown(name: str, value: Any) -> Any:
    if name != "content":
        return value
    return [
        {key: inner[key] for key in sorted(inner) if key != "cache_control"}
        for inner in blocks_of(value)
    ]


def block_text(block: dict[str, Any]) -> str:
    """The words in a block: its text, or those of its content."""
    if block.get("type") == "text":
        return str(block.get("text", ""))
    content = block.get("content")
    return "\n".join(str(b["text"]) for b in blocks_of(content) if b.get("type") == "text")
