"""Explicit cache breakpoints in decoded messages of OpenAI's APIs, from GPT-5.6 on.

`{"prompt_cache_breakpoint": {"mode": "explicit"}}` stands on a part of a content (openai-python
3.54.0 types): on texts of any role over Chat Completions, over Responses on what is put in only.
"""

from typing import Any, Final

from stitcher.messages.openai_chat.message import Part, parts

KEY: Final = "prompt_cache_breakpoint"

_ON_CHAT: Final = ("text", "image_url", "input_audio", "file")
_ON_RESPONSES: Final = ("input_text", "input_image", "input_file")


def breakpoints(value: object) -> int:
    """Explicit breakpoints in a message, an item or a list of them."""
    if isinstance(value, list | tuple):
        return sum(breakpoints(inner) for inner in value)
    if not isinstance(value, dict):
        return 0
    own = 1 if value.get(KEY) is not None else 0
    return own + sum(breakpoints(value[key]) for key in ("content", "output") if key in value)


def marked_chat(message: Part) -> Part | None:
    """The message of Chat Completions marked at its end; None where nothing in it may be marked.

    Raises Unreadable.
    """
    if message.get("tool_calls") or message.get("function_call"):
        return None  # they come after its content, and carry no marker
    made = _marked(parts(message.get("content")), _ON_CHAT)
    return None if made is None else {**message, "content": made}


def marked_item(item: Part) -> Part | None:
    """The item of the Responses API marked at its end; None where nothing in it may be marked."""
    key = "output" if item.get("type") == "function_call_output" else "content"
    said = item.get(key)
    if item.get("role") == "assistant" or not said:
        return None
    content = [{"type": "input_text", "text": said}] if isinstance(said, str) else said
    made = _marked(content, _ON_RESPONSES) if isinstance(content, list) else None
    return None if made is None else {**item, key: made}


def _marked(content: list[Any], kinds: tuple[str, ...]) -> list[Any] | None:
    if not content or not isinstance(content[-1], dict) or content[-1].get("type") not in kinds:
        return None
    return [*content[:-1], {KEY: {"mode": "explicit"}, **content[-1]}]
