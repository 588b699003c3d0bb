"""What may be done to a message of Chat Completions before it goes out."""

import msgspec

from stitcher.core.layout import Change, Piece, stub_text
from stitcher.wire.members import without
from stitcher.wire.openai_chat.message import parts


def change(piece: Piece) -> bytes | None:
    """The piece's bytes after its changes; None when nothing is left to send.

    This API has no cache breakpoints in its messages: there is nothing to take off or to set.
    """
    if piece.repeats:
        return msgspec.json.encode({"role": "assistant", "content": stub_text(piece)})
    raw = piece.item.raw
    if not piece.ours:
        return raw
    if Change.NO_RESULTS in piece.change:
        return None
    if Change.NO_CALLS in piece.change:
        raw = without(without(raw, "tool_calls"), "function_call")
    message = msgspec.json.decode(raw)
    if message.get("role") == "assistant":
        calls = message.get("tool_calls") or message.get("function_call")
        if not calls and not parts(message.get("content")) and not _said_otherwise(message):
            return None
        if not calls:
            # api-docs.deepseek.com, "Reasoning model": reasoning_content in the input is an error
            # or ignored, except between a tool call and its result.
            raw = without(raw, "reasoning_content")
    return raw


def mark_head(body: bytes) -> bytes:
    """Unchanged: this API caches prefixes by itself."""
    return body


def _said_otherwise(message: dict[str, object]) -> bool:
    return bool(message.get("refusal") or message.get("audio"))
