"""What may be done to a message of the Messages API before it goes out, block by whole block.

A message or block that repeats a key cannot be taken apart: it goes out as it is.
"""

import msgspec

from stitcher.core.layout import Change, Piece, stub_text
from stitcher.messages.anthropic.marking import HOUR
from stitcher.messages.anthropic.message import THINKING, is_empty, may_be_marked
from stitcher.messages.unreadable import Unreadable
from stitcher.wire.members import (
    added,
    array,
    elements,
    members,
    replaced,
    replaced_elements,
    without,
)

MARKER = "cache_control"
_EPHEMERAL = b'{"type":"ephemeral"}'
_FOR_AN_HOUR = b'{"type":"ephemeral","ttl":"1h"}'


def change(piece: Piece) -> bytes | None:
    """The piece's bytes after its changes; None when nothing is left to send."""
    if piece.repeats:
        return msgspec.json.encode({"role": "assistant", "content": stub_text(piece)})
    raw = piece.item.raw
    kept = piece.change is Change.NONE and piece.marked_by is None and not piece.marked_for
    if kept and not piece.ours:
        return raw  # most of a client's own messages
    try:
        found = members(raw)
    except Unreadable:
        return raw
    member = found.get("content")
    if member is None:
        return None if piece.ours else raw
    content = made = raw[member.start : member.end]
    if Change.NO_MARKERS in piece.change:
        made = _without_markers(made)
    made = _without_blocks(made, _kinds(piece.change), empty=piece.ours)
    # A system message of Claude Code 2.1.330 may say nothing and set the effort.
    if piece.ours and not _says_something(made) and "output_config" not in found:
        return None
    marker = _marker(piece)
    # Anthropic, "Mid-conversation system messages", 2026-10: one that is cleared takes no marker.
    if marker is not None and "clear_at" not in found:
        made = _marked(made, marker)
    return raw if made == content else replaced(raw, member, made)


def mark_head(body: bytes, lifetime: int) -> bytes:
    """The body with cache breakpoints at the ends of its tools and of its system prompt.

    Of its tools too: a client that says the time in its system prompt still has these read.
    """
    try:
        found = members(body)
    except Unreadable:
        return body
    heads = [found[key] for key in ("system", "tools") if key in found]
    for member in sorted(heads, key=lambda one: one.start, reverse=True):
        value = body[member.start : member.end]
        marked = _marked(value, _asking(lifetime))
        body = body if marked == value else replaced(body, member, marked)
    return body


def _kinds(change: Change) -> tuple[str, ...]:
    """The types of the blocks that go."""
    kinds: tuple[str, ...] = ()
    if Change.NO_THINKING in change:
        kinds += THINKING
    if Change.NO_CALLS in change:
        kinds += ("tool_use", *THINKING)
    if Change.NO_RESULTS in change:
        kinds += ("tool_result",)
    return kinds


def _without_markers(content: bytes) -> bytes:
    if content[:1] != b"[" or b'"cache_control"' not in content:
        return content
    return replaced_elements(content, [_without_marker(block) for block in elements(content)])


def _without_marker(block: bytes) -> bytes:
    """The block without its own marker and those of the blocks inside it."""
    if b'"cache_control"' not in block:
        return block
    try:
        block = without(block, "cache_control")
        inner = members(block).get("content")
        if inner is None:
            return block
        return replaced(block, inner, _without_markers(block[inner.start : inner.end]))
    except Unreadable:
        return block


def _without_blocks(content: bytes, kinds: tuple[str, ...], *, empty: bool) -> bytes:
    """Content without blocks of some types, and without texts of nothing where `empty` is set."""
    if content[:1] != b"[" or not (kinds or empty):
        return content
    values = elements(content)
    read = msgspec.json.decode(content)
    kept = [
        value
        for value, block in zip(values, read, strict=True)
        if block.get("type") not in kinds and not (empty and is_empty(block))
    ]
    return content if len(kept) == len(values) else array(kept)


def _says_something(content: bytes) -> bool:
    said = msgspec.json.decode(content)
    return bool(said.strip() if isinstance(said, str) else said)


def _marker(piece: Piece) -> bytes | None:
    """The marker the piece gets: the client's own, verbatim, else ours where one is wanted."""
    client = None if piece.marked_by is None else _last_marker(piece.marked_by.raw)
    return client or (_asking(piece.marked_for) if piece.marked_for else None)


def _asking(lifetime: int) -> bytes:
    return _FOR_AN_HOUR if lifetime == HOUR else _EPHEMERAL


def _last_marker(block: bytes) -> bytes | None:
    """The last marker in a message or block, also inside a result."""
    if b'"cache_control"' not in block:
        return None
    try:
        found = {key: block[m.start : m.end] for key, m in members(block).items()}
        own = found.get("cache_control", b"null")
        if own != b"null":
            return own
        content = found.get("content", b"")
        inner = elements(content) if content[:1] == b"[" else []
    except Unreadable:
        return None
    return next((marker for one in reversed(inner) if (marker := _last_marker(one))), None)


def _marked(content: bytes, marker: bytes) -> bytes:
    """Content marked at its end; as it was where nothing in it may carry a marker."""
    if content[:1] == b'"' and _says_something(content):
        return b'[{"type":"text","text":' + content + b',"cache_control":' + marker + b"}]"
    if content[:1] != b"[":
        return content
    values = elements(content)
    for n in range(len(values) - 1, -1, -1):
        block = msgspec.json.decode(values[n])
        if not isinstance(block, dict) or not may_be_marked(block):
            continue
        if block.get("cache_control") is None:
            try:
                values[n] = added(without(values[n], "cache_control"), "cache_control", marker)
            except Unreadable:
                return content
        return replaced_elements(content, values)
    return content
