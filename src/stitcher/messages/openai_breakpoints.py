"""Explicit cache breakpoints in decoded messages of OpenAI's APIs, from GPT-5.6 on.

`{"prompt_cache_breakpoint": {"mode": "explicit"}}` stands on a part of a content (openai-python
3.54.0 types): on texts of any role over Chat Completions, over Responses on what is put in only.
"""

from collections.abc import Sequence
from typing import Any, Final

from stitcher.messages.openai_chat.message import Part, parts

KEY: Final = "prompt_cache_breakpoint"

HALF_AN_HOUR: Final = 1_800
HALF_A_DAY: Final = 43_200

ON_CHAT: Final = ("text", "image_url", "input_audio", "file")
ON_RESPONSES: Final = ("input_text", "input_image", "input_file")


def breakpoints(value: object) -> int:
    """Explicit breakpoints in a message, an item or a list of them."""
    if isinstance(value, list | tuple):
        return sum(breakpoints(inner) for inner in value)
    if not isinstance(value, dict):
        return 0
    own = 1 if value.get(KEY) is not None else 0
    return own + sum(breakpoints(value[key]) for key in ("content", "output") if key in value)


def kept_for(content: Sequence[Part]) -> int:
    """Seconds that the last breakpoint on some parts asks for; 0 for none.

    OpenAI, "Prompt caching", 2026-09-23: 30 minutes; with `"ttl": "12h"` twelve hours
    (openai-python 3.54.0 types).
    """
    asked = [part[KEY] for part in content if part.get(KEY) is not None]
    return lifetime(asked[-1]) if asked else 0


def lifetime(marker: object) -> int:
    """Seconds that a breakpoint asks for, or the options of a whole request."""
    asks = isinstance(marker, dict) and marker.get("ttl") == "12h"
    return HALF_A_DAY if asks else HALF_AN_HOUR


def marked_chat(message: Part) -> Part | None:
    """The message of Chat Completions marked at its end; None where nothing in it may be marked.

    Raises Unreadable.
    """
    if message.get("tool_calls") or message.get("function_call"):
        return None  # they come after its content, and carry no marker
    made = _marked(parts(message.get("content")), ON_CHAT)
    return None if made is None else {**message, "content": made}


def marked_item(item: Part) -> Part | None:
    """The item of the Responses API marked at its end; None where nothing in it may be marked."""
    key = "output" if item.get("type") == "function_call_output" else "content"
    said = item.get(key)
    if item.get("role") == "assistant" or not said:
        return None
    content = [{"type": "input_text", "text": said}] if isinstance(said, str) else said
    made = _marked(content, ON_RESPONSES) if isinstance(content, list) else None
    return None if made is None else {**item, key: made}


def _marked(content: list[Any], kinds: tuple[str, ...]) -> list[Any] | None:
    if not content or not isinstance(content[-1], dict) or content[-1].get("type") not in kinds:
        return None
    return [*content[:-1], {KEY: {"mode": "explicit"}, **content[-1]}]
