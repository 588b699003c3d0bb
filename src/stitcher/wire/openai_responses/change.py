"""What may be done to a message of the Responses API before it goes out."""

import msgspec

from stitcher.core.layout import Change, Piece, stub_text
from stitcher.messages.openai_responses.item import kind_of
from stitcher.messages.unreadable import Unreadable
from stitcher.wire.members import without
from stitcher.wire.openai_responses.message import text
from stitcher.wire.openai_responses.unit import flattened, opened


def change(piece: Piece) -> bytes | None:
    """The piece's bytes after its changes; None when nothing is left to send.

    This API has no cache breakpoints of ours in its messages: there are none to take off or set.
    """
    if piece.repeats:
        return msgspec.json.encode({"role": "assistant", "content": stub_text(piece)})
    item = piece.item
    if Change.NO_CALLS in piece.change and item.calls:
        return None
    if Change.NO_RESULTS in piece.change and item.answers:
        return None
    if piece.ours and item.role == "assistant" and text(item.raw) == "":
        return None
    return _without_thinking(item.raw) if Change.NO_THINKING in piece.change else item.raw


def mark_head(body: bytes, lifetime: int) -> bytes:
    """Unchanged: this API caches prefixes by itself."""
    return body


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
