"""A request of the Messages API: what is head, what is history, and how to put it together."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from stitcher.core.item import digest
from stitcher.core.tokens import estimate
from stitcher.messages.anthropic.marking import markers
from stitcher.messages.anthropic.message import NAME, Block, blocks
from stitcher.messages.unreadable import Unreadable
from stitcher.wire.anthropic.message import read_item
from stitcher.wire.anthropic.message import text as said_in
from stitcher.wire.asides import parted
from stitcher.wire.call import Call
from stitcher.wire.members import added, array, elements, members, replaced
from stitcher.wire.values import decoded, kept, member_text, text, unless_null, whole

# Claude Code 2.1.330 puts a block of this name first; it may change with every request, and
# stands before all breakpoints without one of its own.
_BILLING = "x-anthropic-billing-header:"


def parse(body: bytes) -> Call:
    """Reads a request. Raises Unreadable, with what was found, for one it cannot."""
    found = members(body)
    values = {key: body[member.start : member.end] for key, member in found.items()}
    if "messages" not in values:
        raise Unreadable("a request without `messages`")
    items = tuple(read_item(raw) for raw in elements(values["messages"]))
    if not items:
        raise Unreadable("a request whose `messages` are empty")
    system, tools = kept(values.get("system")), kept(values.get("tools"))
    head = _read_head(system, tools)
    marked = [n for n, item in enumerate(items) if _markers(item.raw)]
    automatic = unless_null(values.get("cache_control")) is not None
    history, asides = parted(items, said_in)
    metadata = decoded(values.get("metadata"))
    return Call(
        dialect=NAME,
        body=body,
        members=found,
        model=text(values.get("model")),
        stream=decoded(values.get("stream")) is True,
        items=history,
        asides=asides,
        system=system,
        tools=tools,
        head_digest=head.digest,
        head_tokens=head.tokens,
        answer_tokens=whole(values.get("max_tokens")),
        breakpoints=head.markers + sum(_markers(items[n].raw) for n in marked) + automatic,
        marks_messages=bool(marked) or automatic,
        tool_names=head.tool_names,
        system_start=head.system_start,
        user_id=member_text(metadata, "user_id"),
        marks_last_message=items[marked[-1]].role != "assistant" if marked else None,
    )


def build(
    call: Call, *, system: bytes | None, tools: bytes | None, messages: Sequence[bytes]
) -> bytes:
    """The client's body with other messages, and with a head where it brought none."""
    body = replaced(call.body, call.members["messages"], array(list(messages)))
    for key, value, own in (("tools", tools, call.tools), ("system", system, call.system)):
        if value is not None and own is None:
            body = _set(body, key, value)
    return body


def continuing(call: Call, system: bytes | None, *, begins: bool) -> Call:
    """The call itself: no request of this API follows an answer by its id."""
    del system, begins
    return call


def ask_usage(body: bytes) -> bytes:
    """Unchanged: this API always reports usage."""
    return body


def with_key(body: bytes, key: str) -> bytes:
    """Unchanged: this API has no cache keys."""
    del key
    return body


def _set(body: bytes, key: str, value: bytes) -> bytes:
    member = members(body).get(key)
    return added(body, key, value) if member is None else replaced(body, member, value)


class _Head(msgspec.Struct, frozen=True):
    digest: str
    tokens: int
    markers: int
    tool_names: tuple[str, ...]
    system_start: str


@lru_cache(maxsize=256)
def _read_head(system: bytes | None, tools: bytes | None) -> _Head:
    """Heads are large and rarely change: each is read once."""
    said = _system_blocks(system)
    offered = decoded(tools)
    offered = offered if isinstance(offered, list) else []
    named = tuple(
        str(tool.get("name") or tool.get("type")) for tool in offered if isinstance(tool, dict)
    )
    lasting = [b for b in said if not str(b.get("text", "")).startswith(_BILLING)]
    # A model sees the order of a tool's members, of a text block only the text.
    rendered = [[sorted(block.items()) for block in _unmarked(lasting)], _unmarked(offered)]
    return _Head(
        digest=digest(msgspec.json.encode(rendered)),
        tokens=estimate(len(system or b"") + len(tools or b""), NAME),
        markers=_markers(system or b"") + _markers(tools or b""),
        tool_names=named,
        system_start=str(said[0].get("text", ""))[:300] if said else "",
    )


def _system_blocks(system: bytes | None) -> list[Block]:
    return [] if system is None else blocks(decoded(system))


def _unmarked(values: list[Any]) -> list[Any]:
    return [
        {key: value[key] for key in value if key != "cache_control"}
        if isinstance(value, dict)
        else value
        for value in values
    ]


def _markers(raw: bytes) -> int:
    """Cache breakpoints in some JSON, wherever they stand in it."""
    if b'"cache_control"' not in raw:
        return 0
    return markers(msgspec.json.decode(raw))
