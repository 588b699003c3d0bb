"""What may be done to a message of Chat Completions before it goes out.

Breakpoints that a client has set stay where they are, also in what is put back: the provider writes
at the latest only, and where the earlier ones stand it still finds what it wrote then.
"""

import msgspec

from stitcher.core.layout import Change, Piece, stub_text
from stitcher.messages.openai_breakpoints import ON_CHAT
from stitcher.messages.openai_chat.message import Part, parts
from stitcher.messages.unreadable import Unreadable
from stitcher.wire import openai_caching
from stitcher.wire.members import without
from stitcher.wire.openai_caching import Form, as_the_client_marks

_FORM = Form("messages", b"text", ON_CHAT)


def change(piece: Piece) -> bytes | None:
    """The piece's bytes after its changes; None when nothing is left to send."""
    if piece.repeats:
        return msgspec.json.encode({"role": "assistant", "content": stub_text(piece)})
    raw, role = piece.item.raw, piece.item.role
    if not piece.ours or role in ("user", "system"):
        return as_the_client_marks(piece, raw, _FORM)
    if role == "tool":
        return None if Change.NO_RESULTS in piece.change else raw
    message = msgspec.json.decode(raw)
    calls = message.get("tool_calls") or message.get("function_call")
    if Change.NO_CALLS in piece.change:
        calls = None
    if not calls and not parts(message.get("content")) and not _says_otherwise(message):
        return None
    try:
        return raw if calls else _without_calls(raw)
    except Unreadable:
        return raw  # it repeats a key and cannot be taken apart


def _without_calls(raw: bytes) -> bytes:
    """An empty list of calls goes too: it is refused in a request (400, "empty array")."""
    # api-docs.deepseek.com, "Reasoning model": reasoning_content in the input is an error or
    # ignored, except between a tool call and its result.
    for key in ("tool_calls", "function_call", "reasoning_content"):
        if key.encode() in raw or b"\\" in raw:  # a key may be escaped
            raw = without(raw, key)
    return raw


def mark_head(body: bytes, lifetime: int) -> bytes:
    """The body with a cache breakpoint at the end of its leading system messages."""
    return openai_caching.mark_head(body, _FORM, lifetime)


def _says_otherwise(message: Part) -> bool:
    return bool(message.get("refusal") or message.get("audio"))
