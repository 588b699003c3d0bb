"""What a request to OpenAI may say of its prompt cache: breakpoints, options, a key. In its bytes.

The same for both of its APIs but for the names of members and parts. What is set here is spliced
in: everything else stays byte for byte.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from stitcher.core.layout import Piece
from stitcher.messages.openai_breakpoints import HALF_A_DAY, KEY, breakpoints, lifetime
from stitcher.messages.unreadable import Unreadable
from stitcher.wire.call import Call
from stitcher.wire.members import (
    added,
    array,
    elements,
    members,
    replaced,
    replaced_elements,
    without,
)
from stitcher.wire.values import decoded

BREAKPOINT: Final = KEY
CACHE_KEY: Final = "prompt_cache_key"
_OPTIONS: Final = "prompt_cache_options"
_NAME: Final = KEY.encode()
_EXPLICIT: Final = b'{"mode":"explicit"}'
_FOR_HALF_A_DAY: Final = b'{"mode":"explicit","ttl":"12h"}'
_LEADING: Final = ("system", "developer")


@dataclass(frozen=True, slots=True)
class Form:
    """How one of the two APIs writes what may be marked."""

    messages: str  # the member of a request
    text: bytes  # the type of a part that a string is
    parts: tuple[str, ...]  # the types of parts that may be marked


def count(messages: Sequence[bytes], options: bytes | None) -> int:
    """Breakpoints in some messages; a request's own options for its cache count as one."""
    marked = sum(breakpoints(msgspec.json.decode(raw)) for raw in messages if _NAME in raw)
    return marked + (decoded(options) is not None)


def implicit_lifetime(call: Call) -> int:
    """Seconds that the breakpoint asks for which the provider sets by itself; 0 where it sets none.

    OpenAI, "Prompt caching", 2026-09-23: with the mode `explicit` there are no others than the
    request's own. A `ttl` for the whole request is in the types of openai-python 3.54.0.
    """
    member = call.members.get(_OPTIONS)
    options = decoded(call.body[member.start : member.end]) if member else None
    if isinstance(options, dict) and options.get("mode") == "explicit":
        return 0
    return lifetime(options)


def with_key(body: bytes, key: str) -> bytes:
    """The body with a cache key, where it says nothing of one."""
    return body if CACHE_KEY in members(body) else added(body, CACHE_KEY, msgspec.json.encode(key))


def mark_head(body: bytes, form: Form, asked: int) -> bytes:
    """The body with a breakpoint at the end of its leading system messages, where one may stand."""
    try:
        member = members(body).get(form.messages)
        listed = body[member.start : member.end] if member else b""
        if member is None or listed[:1] != b"[":
            return body
        messages = elements(listed)
        leading = 0
        while leading < len(messages) and _leads(messages[leading]):
            leading += 1
        if not leading:
            return body
        made = marked(messages[leading - 1], form, asked)
    except Unreadable:
        return body  # it repeats a key and cannot be taken apart
    if made is messages[leading - 1]:
        return body
    messages[leading - 1] = made
    return replaced(body, member, replaced_elements(listed, messages))


def as_the_client_marks(piece: Piece, raw: bytes, form: Form) -> bytes:
    """Bytes that go out in the place of the client's, with the breakpoint that it has set there."""
    client = piece.marked_by
    if client is None or not client.kept_for or piece.item.kept_for:
        return raw
    try:
        return marked(raw, form, client.kept_for)
    except Unreadable:
        return raw


def marked(message: bytes, form: Form, asked: int) -> bytes:
    """The message marked at its end; the very bytes where nothing there may be marked.

    Raises Unreadable.
    """
    found = members(message)
    member = found.get("output") or found.get("content")
    if member is None:
        return message
    content = message[member.start : member.end]
    made = _marked(content, form, _FOR_HALF_A_DAY if asked == HALF_A_DAY else _EXPLICIT)
    return message if made is content else replaced(message, member, made)


def _marked(content: bytes, form: Form, marker: bytes) -> bytes:
    if content[:1] == b'"' and content != b'""':
        part = b'{"type":"' + form.text + b'","text":' + content + b"}"
        return array([added(part, KEY, marker)])
    parts = elements(content) if content[:1] == b"[" else []
    last: Any = msgspec.json.decode(parts[-1]) if parts else None
    if not isinstance(last, dict) or last.get("type") not in form.parts:
        return content
    if last.get(KEY) is not None:
        return content
    parts[-1] = added(without(parts[-1], KEY), KEY, marker)
    return replaced_elements(content, parts)


def _leads(message: bytes) -> bool:
    read = msgspec.json.decode(message)
    if not isinstance(read, dict):
        return False
    return read.get("role") in _LEADING or read.get("type") == "additional_tools"
