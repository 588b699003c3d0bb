"""What may be done to a message of the Messages API before it goes out, block by whole block."""

import msgspec

from stitcher.core.layout import Change, Piece, stub_text
from stitcher.wire.anthropic.message import Block
from stitcher.wire.members import (
    Member,
    Unreadable,
    added,
    array,
    elements,
    members,
    replaced,
    without,
)

_EPHEMERAL = b'{"type":"ephemeral"}'
_THINKING = ("thinking", "redacted_thinking")


def change(piece: Piece) -> bytes | None:
    """The piece's bytes after its changes; None when nothing is left to send."""
    raw = piece.item.raw
    if piece.repeats:
        return msgspec.json.encode({"role": "assistant", "content": stub_text(piece)})
    wanted = piece.change
    if Change.NO_MARKERS in wanted:
        raw = _without_markers(raw)
    dropped: tuple[str, ...] = ()
    if Change.NO_THINKING in wanted:
        dropped += _THINKING
    if Change.NO_CALLS in wanted:
        dropped += ("tool_use", *_THINKING)
    if Change.NO_RESULTS in wanted:
        dropped += ("tool_result",)
    if dropped:
        raw = _without_kinds(raw, dropped)
    if piece.ours and not _sendable(raw):
        return None
    if piece.marked_by is not None:
        raw = _marked(raw, _last_marker(piece.marked_by.raw))
    if Change.MARK in wanted:
        raw = _marked(raw, _EPHEMERAL)
    return raw


def mark_head(body: bytes) -> bytes:
    """The body with a cache breakpoint at the end of its system prompt, else of its tools."""
    found = members(body)
    for key in ("system", "tools"):
        member = found.get(key)
        if member is None:
            continue
        value = body[member.start : member.end]
        marked = _mark_list(value) if value[:1] == b"[" else _mark_string(value)
        if marked is not None:
            return replaced(body, member, marked)
    return body


def _content(raw: bytes) -> tuple[Member, bytes]:
    member = members(raw).get("content")
    if member is None:
        raise Unreadable("a message without content")
    return member, raw[member.start : member.end]


def _without_markers(raw: bytes) -> bytes:
    if b'"cache_control"' not in raw:
        return raw
    member, content = _content(raw)
    if content[:1] != b"[":
        return raw
    return replaced(raw, member, array([_block_without_marker(b) for b in elements(content)]))


def _block_without_marker(block: bytes) -> bytes:
    if b'"cache_control"' not in block:
        return block
    block = without(block, "cache_control")
    inner = members(block).get("content")
    if inner is not None and block[inner.start : inner.start + 1] == b"[":
        values = elements(block[inner.start : inner.end])
        block = replaced(block, inner, array([without(v, "cache_control") for v in values]))
    return block


def _without_kinds(raw: bytes, kinds: tuple[str, ...]) -> bytes:
    member, content = _content(raw)
    if content[:1] != b"[":
        return raw
    kept = [block for block in elements(content) if _kind(block) not in kinds]
    return replaced(raw, member, array(kept))


def _kind(block: bytes) -> object:
    value = msgspec.json.decode(block)
    return value.get("type") if isinstance(value, dict) else None


def _sendable(raw: bytes) -> bool:
    """False for what the API refuses in a history: no blocks, or a text of white space only."""
    content = msgspec.json.decode(raw).get("content")
    if isinstance(content, str):
        return bool(content.strip())
    return bool(content) and any(_says_something(block) for block in content)


def _says_something(block: Block) -> bool:
    return block.get("type") != "text" or bool(str(block.get("text") or "").strip())


def _last_marker(raw: bytes) -> bytes | None:
    """The client's own breakpoint on its version of a message, verbatim."""
    if b'"cache_control"' not in raw:
        return None
    _, content = _content(raw)
    if content[:1] != b"[":
        return None
    for block in reversed(elements(content)):
        marker = members(block).get("cache_control")
        if marker is not None:
            return block[marker.start : marker.end]
    return None


def _marked(raw: bytes, marker: bytes | None) -> bytes:
    if marker is None:
        return raw
    member, content = _content(raw)
    mark = _mark_list if content[:1] == b"[" else _mark_string
    marked = mark(content, marker)
    return raw if marked is None else replaced(raw, member, marked)


def _mark_string(value: bytes, marker: bytes = _EPHEMERAL) -> bytes | None:
    if not value.strip(b'" \t\r\n'):
        return None
    return b'[{"type":"text","text":' + value + b',"cache_control":' + marker + b"}]"


def _mark_list(value: bytes, marker: bytes = _EPHEMERAL) -> bytes | None:
    """Marks the last block that may carry a breakpoint: not thinking, not an empty text."""
    values = elements(value)
    for n in range(len(values) - 1, -1, -1):
        block = msgspec.json.decode(values[n])
        if not isinstance(block, dict) or block.get("type") in _THINKING:
            continue
        if not _says_something(block):
            continue
        if block.get("cache_control") is None:
            values[n] = added(without(values[n], "cache_control"), "cache_control", marker)
        return array(values)
    return None
