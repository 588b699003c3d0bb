"""Messages of one dialect in the words of another, for a conversation that goes on over it.

What is put back goes out in the same bytes every time, so what becomes of a message depends on it
and its neighbours in one answer alone: a call with the calls and texts beside it, results with the
results of the same calls. What a person says stands by itself. Two answers without anything between
them stay two, unless one of them calls a tool: a provider wants such a call's results next.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from stitcher.core.item import Item, digest
from stitcher.core.layout import Change, Piece, stub_text
from stitcher.wire.dialect import Dialect
from stitcher.wire.members import Unreadable
from stitcher.wire.parts import Part, Text, ToolCall, ToolResult, legal_name, speaker

# The narrowest of the providers' rules: Anthropic wants ^[a-zA-Z0-9_-]+$, OpenAI at most 40
# characters (API errors, 2026-11).
_LEGAL_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_DIGITS = 24
_OPENING = "[The conversation begins with the assistant.]"


@dataclass(slots=True)
class _Block:
    """Parts that go out together."""

    who: str  # as `speaker` has it
    parts: list[Part]
    last: Piece  # the last that anything of it came from
    marked: bool = False

    @property
    def calls(self) -> list[str]:
        return [part.id for part in self.parts if isinstance(part, ToolCall)]

    def take(self, parts: Iterable[Part], piece: Piece) -> None:
        self.parts += parts
        self.last = piece
        self.marked |= Change.MARK in piece.change


@dataclass(slots=True)
class _Ids:
    """The ids of tool calls, legal everywhere and each given once."""

    named: frozenset[str]  # by messages that go out as they are: kept
    given: set[str]  # to calls
    times: Counter[str] = field(default_factory=Counter)
    newest: dict[str, str] = field(default_factory=dict)  # of an id as it was → as it is now

    def part(self, part: Part) -> Part:
        """The part with a legal id and name."""
        if isinstance(part, ToolCall):
            return replace(part, id=self._call(part.id), name=legal_name(part.name))
        if isinstance(part, ToolResult):
            return replace(part, id=self.newest.get(part.id) or self._legal(part.id))
        return part

    def _call(self, id: str) -> str:
        """Anthropic refuses an id given twice in a request; OpenAI's first API named no calls."""
        legal = self._legal(id)
        if legal in self.given:
            legal = _hashed(f"{id}/{self.times[id]}")
        self.times[id] += 1
        self.given.add(legal)
        self.newest[id] = legal
        return legal

    def _legal(self, id: str) -> str:
        return id if id in self.named or _LEGAL_ID.fullmatch(id) else _hashed(id)


def translated(
    pieces: Sequence[Piece],
    to: Dialect,
    dialect_of: Callable[[str], Dialect],
    *,
    keep_ids: frozenset[str],
) -> list[Piece]:
    """The pieces, those put back from another dialect as messages of `to`.

    A message made of several pieces stands where the last of them stood. `keep_ids` are the tool
    ids that the client itself names in its request: they are kept as they are. What has no form in
    `to`, or cannot be read, is left out.
    """
    own = [piece.item for piece in pieces if not _is_foreign(piece, to)]
    if len(own) == len(pieces):
        return list(pieces)
    ids = _Ids(
        named=keep_ids.union(*(item.answers for item in own)),
        given=set().union(*(item.calls for item in own)),
    )
    made: list[Piece] = []
    for foreign, run in groupby(pieces, lambda piece: _is_foreign(piece, to)):
        together = list(run)
        made += _written(_blocks(together, dialect_of, ids), to) if foreign else together
    speaks_first = made[0].item.role if made else "user"
    if to.USER_SPEAKS_FIRST and speaks_first == "assistant" and _is_foreign(pieces[0], to):
        made = _written([_Block("user", [Text("user", _OPENING)], pieces[0])], to) + made
    return made


def _is_foreign(piece: Piece, to: Dialect) -> bool:
    return piece.ours and piece.item.dialect != to.NAME


def _blocks(
    run: Iterable[Piece], dialect_of: Callable[[str], Dialect], ids: _Ids
) -> Sequence[_Block]:
    blocks: list[_Block] = []
    for piece in run:
        parts = [ids.part(part) for part in _parts(piece, dialect_of)]
        if not parts and blocks:
            blocks[-1].take((), piece)
        for who, group in groupby(parts, speaker):
            said = list(group)
            if who == "tool":
                for part in said:
                    _home(blocks, part, piece).take([part], piece)
            elif blocks and _go_on(blocks[-1], who, said):
                blocks[-1].take(said, piece)
            else:
                blocks.append(_Block(who, said, piece, Change.MARK in piece.change))
    return blocks


def _parts(piece: Piece, dialect_of: Callable[[str], Dialect]) -> Sequence[Part]:
    if piece.repeats:
        return (Text("assistant", stub_text(piece)),)
    try:
        return dialect_of(piece.item.dialect).parts(piece.item)
    except Unreadable:
        return ()


def _go_on(block: _Block, who: str, said: Sequence[Part]) -> bool:
    """True for parts of the same answer, where the calls of one have to be in one message."""
    return block.who == who == "assistant" and bool(
        block.calls or any(isinstance(part, ToolCall) for part in said)
    )


def _home(blocks: list[_Block], result: Part, piece: Piece) -> _Block:
    """Where a result belongs: after its call, whatever was said in between.

    Results that the run begins with answer the message before it, all in one; any other whose call
    is not there stands alone, so that `legal` can leave it out.
    """
    assert isinstance(result, ToolResult)
    called = [n for n, block in enumerate(blocks) if result.id in block.calls]
    at = called[-1] + 1 if called else min(len(blocks), 1) - 1
    if 0 <= at < len(blocks) and blocks[at].who == "tool" and (called or len(blocks) == 1):
        return blocks[at]
    blocks.insert(at if called else len(blocks), home := _Block("tool", [], piece))
    return home


def _written(blocks: Iterable[_Block], to: Dialect) -> list[Piece]:
    made: list[Piece] = []
    for block in blocks:
        messages = list(_items(to.written(block.parts), to))
        made += [Piece(item, block.last.chain, ours=True) for item in messages]
        if messages and block.marked:
            made[-1] = replace(made[-1], change=Change.MARK)
    return made


def _items(messages: Iterable[bytes], to: Dialect) -> Iterator[Item]:
    for raw in messages:
        try:
            yield to.read_item(raw)
        except Unreadable:
            continue  # arguments nested so deeply that nobody reads them


def _hashed(id: str) -> str:
    return f"call_{digest(id.encode())[:_DIGITS]}"
