"""The lines of a log: one entry, one JSON object, one line.

A message line ends with the message's own bytes. The one thing changed in them: a line break
outside a JSON string, which would end the line, becomes nothing.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from stitcher.core.item import ROOT, Item, chain
from stitcher.core.layout import laid_after
from stitcher.core.ledger import NOTHING_KNOWN, CacheState
from stitcher.core.log import (
    Aside,
    Compacted,
    Conversation,
    Entry,
    Head,
    Message,
    Node,
    Rebased,
    Refreshed,
    Response,
    Rewound,
    Settled,
    Turn,
)
from stitcher.messages.unreadable import Unreadable
from stitcher.wire.members import one_line

ReadItem = Callable[[str, bytes], Item]
"""Reads a message's bytes in a dialect. Raises Unreadable."""

MESSAGE_LINES = (b'{"type":"message",', b'{"type": "message",')
"""How a line begins that holds a message: ours, and one of stitcher-proxy 0.1.0."""

_encode = msgspec.json.encode


class _Line(msgspec.Struct, omit_defaults=True):
    """Every member a line may have. What a type does not use stays out of its lines."""

    type: str
    dialect: str = ""
    thread: str = "main"
    role: str = ""
    time: float = 0.0
    chain: str = ""
    parent: str = ""
    depth: int = 0
    upto: int = 0
    tokens: int = 0
    identity: str = ""
    laid: str = ""
    same_as: str = ""
    answer: bool = False
    cut: bool = False
    head: str = ""
    status: str = ""
    of: str = ""
    base: str = ""
    model: str = ""
    http: int = 0
    to: str = ""
    onto: str = ""
    start: str = ""
    at: str = ""
    stubs: list[tuple[str, str]] = []
    digest: str = ""
    window: str = ""
    ratio: float = 0.0
    id: str = ""
    asked: str = ""
    stored: bool = False
    forgets: bool = False
    cache: CacheState | None = None
    created_at: int = 0
    deleted: bool = False
    keys: list[str] = []
    cause: str = ""
    system: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    tools: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    usage: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    message: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    response: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    metadata: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_line = msgspec.json.Decoder(_Line)


def encode(entry: Entry) -> bytes:
    """The entry's line, without the line break."""
    match entry:
        case Message():
            return _encode_message(entry)
        case Head():
            return _encode(
                _Line(
                    type="head",
                    dialect=entry.dialect,
                    thread=entry.thread,
                    time=entry.time,
                    digest=entry.digest,
                    depth=entry.depth,
                    system=_raw(entry.system),
                    tools=_raw(entry.tools),
                )
            )
        case Turn():
            return _encode_turn(entry)
        case Settled():
            return _encode(
                _Line(
                    type="settled",
                    dialect=entry.item.dialect,
                    thread=entry.thread,
                    time=entry.time,
                    of=entry.of,
                    message=_raw(entry.item.raw),
                )
            )
        case Aside() | Response():
            return _encode_beside(entry)
        case Conversation():
            return _encode(
                _Line(
                    type="conversation",
                    time=entry.time,
                    id=entry.id,
                    created_at=entry.created_at,
                    deleted=entry.deleted,
                    metadata=_raw(entry.metadata),
                )
            )
        case _:
            return _encode_event(entry)


def _encode_message(entry: Message) -> bytes:
    item = entry.item
    line = _Line(
        type="message",
        thread=entry.thread,
        time=entry.time,
        chain=entry.chain,
        parent=entry.parent,
        depth=entry.depth,
        upto=entry.upto,
        laid=entry.laid,
        same_as=entry.same_as,
        answer=entry.answer,
        cut=entry.cut,
        head=entry.head,
    )
    if item is not None:
        line.dialect = item.dialect
        line.role = item.role
        line.identity = item.identity
        line.tokens = item.tokens
        line.message = _raw(item.raw)
    return _encode(line)


def _encode_turn(entry: Turn) -> bytes:
    return _encode(
        _Line(
            type="turn",
            thread=entry.thread,
            time=entry.time,
            status=entry.status,
            of=entry.of,
            base=entry.base,
            model=entry.model,
            http=entry.http,
            tokens=entry.tokens,
            usage=_raw(entry.usage),
            head=entry.head,
            window=entry.window,
            ratio=entry.ratio,
            forgets=entry.forgets,
            cache=None if entry.cache == NOTHING_KNOWN else entry.cache,
        )
    )


def _encode_beside(entry: Aside | Response) -> bytes:
    line = _Line(type=type(entry).__name__.lower(), thread=entry.thread, time=entry.time)
    if isinstance(entry, Aside):
        line.dialect, line.of, line.message = entry.dialect, entry.after, _raw(entry.raw)
    else:
        line.id, line.asked, line.of, line.head = entry.id, entry.asked, entry.of, entry.head
        line.stored, line.response = entry.stored, _raw(entry.body)
    return _encode(line)


def _encode_event(entry: Rewound | Rebased | Compacted | Refreshed) -> bytes:
    line = _Line(type=type(entry).__name__.lower(), thread=entry.thread, time=entry.time)
    match entry:
        case Rewound():
            line.to = entry.to
        case Rebased():
            line.onto = entry.onto
        case Compacted():
            line.start, line.at, line.stubs = entry.start, entry.at, list(entry.stubs)
        case Refreshed():
            line.keys, line.cause, line.usage = list(entry.keys), entry.cause, _raw(entry.usage)
    return _encode(line)


def _raw(value: bytes | None) -> msgspec.Raw | msgspec.UnsetType:
    if value is None:
        return msgspec.UNSET
    return msgspec.Raw(one_line(value))


def _bytes(value: msgspec.Raw | msgspec.UnsetType) -> bytes | None:
    return None if isinstance(value, msgspec.UnsetType) else bytes(value)


def decode(line: bytes, read_item: ReadItem) -> Entry | None:
    """The entry of a line; None for a type this version does not know. Raises Unreadable."""
    found = _read(line)
    make = _MAKERS.get(found.type)
    return make(found, read_item) if make else None


def identity(line: bytes) -> str:
    """The identity a line says its message has. Raises Unreadable."""
    return _read(line).identity


def is_foreign(line: bytes) -> bool:
    """True for a message line of stitcher-proxy 0.1.0: it has no place on the tree yet."""
    try:
        found = _read(line)
    except Unreadable:
        return False
    return found.type == "message" and not found.chain


def adopt(line: bytes, parent: Node | None, read_item: ReadItem) -> Message:
    """Gives a line of stitcher-proxy 0.1.0 its place: after `parent`. Raises Unreadable."""
    found = _read(line)
    item = read_item("openai_chat", _bytes(found.message) or b"")
    return placed(item, parent, thread="main", time=0.0, answer=item.role == "assistant")


def placed(
    item: Item,
    parent: Node | None,
    *,
    thread: str,
    time: float,
    answer: bool = False,
) -> Message:
    """A message entry for an item that follows `parent`."""
    return Message(
        thread=thread,
        time=time,
        chain=chain(parent.chain if parent else ROOT, item.identity),
        parent=parent.chain if parent else ROOT,
        depth=(parent.depth if parent else 0) + 1,
        upto=(parent.upto if parent else 0) + item.tokens,
        laid=laid_after(parent.laid, parent.item.rendering) if parent else "",
        item=item,
        answer=answer,
    )


def _read(line: bytes) -> _Line:
    try:
        return _line.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unreadable("a line that is not an entry of a log") from None


def _message(line: _Line, read_item: ReadItem) -> Entry:
    raw = _bytes(line.message)
    return Message(
        thread=line.thread,
        time=line.time,
        chain=line.chain,
        parent=line.parent,
        depth=line.depth,
        upto=line.upto,
        laid=line.laid,
        item=read_item(line.dialect, raw) if raw else None,
        same_as=line.same_as,
        answer=line.answer,
        cut=line.cut,
        head=line.head,
    )


def _head(line: _Line, _: ReadItem) -> Entry:
    return Head(
        line.thread,
        line.time,
        line.dialect,
        line.digest,
        _bytes(line.system),
        _bytes(line.tools),
        line.depth,
    )


def _turn(line: _Line, _: ReadItem) -> Entry:
    status: Any = line.status
    return Turn(
        thread=line.thread,
        time=line.time,
        status=status,
        of=line.of,
        base=line.base,
        model=line.model,
        http=line.http,
        tokens=line.tokens,
        usage=_bytes(line.usage),
        head=line.head,
        window=line.window,
        ratio=line.ratio,
        forgets=line.forgets,
        cache=line.cache or NOTHING_KNOWN,
    )


def _compacted(line: _Line, _: ReadItem) -> Entry:
    return Compacted(line.thread, line.time, line.start, line.at, tuple(line.stubs))


def _refreshed(line: _Line, _: ReadItem) -> Entry:
    return Refreshed(line.thread, line.time, tuple(line.keys), _bytes(line.usage), line.cause)


def _aside(line: _Line, _: ReadItem) -> Entry:
    return Aside(line.thread, line.time, line.of, line.dialect, _bytes(line.message) or b"")


def _response(line: _Line, _: ReadItem) -> Entry:
    return Response(
        thread=line.thread,
        time=line.time,
        id=line.id,
        asked=line.asked,
        of=line.of,
        head=line.head,
        stored=line.stored,
        body=_bytes(line.response),
    )


def _conversation(line: _Line, _: ReadItem) -> Entry:
    metadata = _bytes(line.metadata) or b"{}"
    return Conversation(line.time, line.id, line.created_at, metadata, line.deleted)


_MAKERS: dict[str, Callable[[_Line, ReadItem], Entry]] = {
    "message": _message,
    "head": _head,
    "turn": _turn,
    "rewound": lambda line, _: Rewound(line.thread, line.time, line.to),
    "rebased": lambda line, _: Rebased(line.thread, line.time, line.onto),
    "compacted": _compacted,
    "refreshed": _refreshed,
    "aside": _aside,
    "response": _response,
    "conversation": _conversation,
    "settled": lambda line, read: Settled(
        line.thread, line.time, line.of, read(line.dialect, _bytes(line.message) or b"")
    ),
}
