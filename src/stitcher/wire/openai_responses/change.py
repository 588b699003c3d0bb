"""What may be done to a message of the Responses API before it goes out.

Breakpoints that a client has set stay where they are, as in Chat Completions.
"""

import msgspec

from stitcher.core.layout import Change, Piece, stub_text
from stitcher.messages.openai_breakpoints import ON_RESPONSES
from stitcher.messages.openai_responses.item import kind_of
from stitcher.messages.unreadable import Unreadable
from stitcher.wire import openai_caching
from stitcher.wire.members import without
from stitcher.wire.openai_caching import Form, as_the_client_marks
from stitcher.wire.openai_responses.message import text
from stitcher.wire.openai_responses.unit import flattened, opened

_FORM = Form("input", b"input_text", ON_RESPONSES)


def change(piece: Piece) -> bytes | None:
    """The piece's bytes after its changes; None when nothing is left to send."""
    if piece.repeats:
        return msgspec.json.encode({"role": "assistant", "content": stub_text(piece)})
    item = piece.item
    if Change.NO_CALLS in piece.change and item.calls:
        return None
    if Change.NO_RESULTS in piece.change and item.answers:
        return None
    if piece.ours and item.role == "assistant" and text(item.raw) == "":
        return None
    raw = _without_thinking(item.raw) if Change.NO_THINKING in piece.change else item.raw
    return as_the_client_marks(piece, raw, _FORM)


def mark_head(body: bytes, lifetime: int) -> bytes:
    """The body with a cache breakpoint at the end of its leading system messages.

    OpenAI, "Prompt caching", 2026-09-23: `instructions` take none, nor do `additional_tools`.
    """
    return openai_caching.mark_head(body, _FORM, lifetime)


def _without_thinking(raw: bytes) -> bytes:
    """The item without its reasoning, and so without its own id.

    OpenAI, community.openai.com and its SDKs' issues, 2025: an item sent with its id is refused
    without the reasoning it was made with ("without its required 'reasoning' item").
    """
    reasoning, element = opened(msgspec.json.decode(raw))
    if not reasoning:
        return raw
    bare = flattened(raw)[-1]
    if kind_of(element) == "item_reference":
        return bare  # it says nothing but its id
    try:
        return without(bare, "id")
    except Unreadable:
        return bare  # it repeats a key and cannot be taken apart
