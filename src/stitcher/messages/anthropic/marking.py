"""Cache breakpoints in decoded messages of the Messages API: counting them, setting one."""

from collections.abc import Sequence
from typing import Any, Final

from stitcher.messages.anthropic.message import Block, blocks, may_be_marked

Marker = dict[str, Any]

FIVE_MINUTES: Final = 300
HOUR: Final = 3_600


def markers(value: object) -> int:
    """Cache breakpoints in a message, a block, a tool, or a list of them, wherever they stand."""
    if isinstance(value, list | tuple):
        return sum(markers(inner) for inner in value if type(inner) is not str)
    if not isinstance(value, dict):
        return 0
    own = 1 if value.get("cache_control") is not None else 0
    return own + sum(markers(value[key]) for key in ("content", "system", "tools") if key in value)


def kept_for(content: Sequence[Block]) -> int:
    """Seconds that the last breakpoint in some blocks asks for, also inside a result; 0 for none.

    Anthropic, "Prompt caching", 2026-08-21: five minutes, or one hour with `"ttl": "1h"`.
    """
    for block in reversed(content):
        marker = block.get("cache_control")
        if marker is not None:
            return lifetime(marker)
        inner = block.get("content")
        if isinstance(inner, list) and (found := kept_for([b for b in inner if type(b) is dict])):
            return found
    return 0


def lifetime(marker: object) -> int:
    """Seconds that a marker asks for."""
    return HOUR if isinstance(marker, dict) and marker.get("ttl") == "1h" else FIVE_MINUTES


def marked_message(message: Block, marker: Marker) -> Block:
    """The message marked at its end; itself where nothing in it may carry a marker.

    Mid-conversation system messages that are cleared take none (Anthropic, 2026-10). Raises
    Unreadable.
    """
    content = message.get("content")
    if message.get("clear_at") is not None or content is None:
        return message
    found = blocks(content)
    made = marked_blocks(found, marker)
    return message if made is found else {**message, "content": made}


def marked_blocks(found: list[Block], marker: Marker) -> list[Block]:
    """The blocks or tools with the last that may be marked; the very list where none may be.

    One that is marked already stays as the caller has it.
    """
    n = markable(found)
    if n is None or found[n].get("cache_control") is not None:
        return found
    return [*found[:n], {**found[n], "cache_control": marker}, *found[n + 1 :]]


def markable(found: Sequence[Block]) -> int | None:
    """Index of the last block or tool that may carry a marker."""
    return next((n for n in range(len(found) - 1, -1, -1) if may_be_marked(found[n])), None)
