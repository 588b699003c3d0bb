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


@dataclass(slots=True, eq=False)
class _Block:
    """Parts that go out together."""

    who: str  # as `speaker` has it
    parts: list[Part]
    last: Piece  # the last that anything of it came from
    marked: bool = False
    calls: bool = False
    results: "_Block | None" = None  # of its calls

    def take(self, parts: Sequence[Part], piece: Piece) -> None:
        self.parts += parts
        self.last = piece
        self.marked |= Change.MARK in piece.change
        self.calls |= _have_calls(parts)


@dataclass(slots=True)
class _Run:
    """Consecutive pieces of other dialects, in blocks."""

    blocks: list[_Block] = field(default_factory=list)
    callers: dict[str, _Block] = field(default_factory=dict)  # tool id → where it was last called

    def take(self, parts: Sequence[Part], piece: Piece) -> None:
        """Takes in what one piece says."""
        if not parts and self.blocks:
            self.blocks[-1].take((), piece)
        for who, group in groupby(parts, speaker):
            said = list(group)
            if who == "tool":
                for part in said:
                    assert isinstance(part, ToolResult)
                    self._home(part, piece).take([part], piece)
                continue
            if not self._goes_on(who, said):
                self.blocks.append(_Block(who, [], piece))
            self.blocks[-1].take(said, piece)
            for part in said:
                if isinstance(part, ToolCall):
                    self.callers[part.id] = self.blocks[-1]

    def _goes_on(self, who: str, said: Sequence[Part]) -> bool:
        """True for parts of the answer before, where the calls of one have to be in one message."""
        last = self.blocks[-1] if self.blocks else None
        if last is None or not (last.who == who == "assistant"):
            return False
        return last.calls or _have_calls(said)

    def _home(self, result: ToolResult, piece: Piece) -> _Block:
        """Where a result belongs: after its call, whatever was said in between.

        Results that the run begins with answer the message before it, all in one; any other whose
        call is not there stands alone, so that `legal` can leave it out.
        """
        caller = self.callers.get(result.id)
        if caller is None and len(self.blocks) == 1 and self.blocks[0].who == "tool":
            return self.blocks[0]
        home = caller.results if caller is not None else None
        if home is None:
            home = _Block("tool", [], piece)
            self.blocks.insert(self._after(caller), home)
            if caller is not None:
                caller.results = home
        return home

    def _after(self, block: _Block | None) -> int:
        if block is None or self.blocks[-1] is block:
            return len(self.blocks)
        return self.blocks.index(block) + 1


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
        if foreign:
            made += _written(_blocks(together, dialect_of, ids), to)
        else:
            ids.newest |= {name: name for piece in together for name in piece.item.calls}
            made += together
    speaks_first = made[0].item.role if made else "user"
    if to.USER_SPEAKS_FIRST and speaks_first == "assistant" and _is_foreign(pieces[0], to):
        made = _written([_Block("user", [Text("user", _OPENING)], pieces[0])], to) + made
    return made


def _is_foreign(piece: Piece, to: Dialect) -> bool:
    return piece.ours and piece.item.dialect != to.NAME


def _blocks(
    pieces: Iterable[Piece], dialect_of: Callable[[str], Dialect], ids: _Ids
) -> Sequence[_Block]:
    run = _Run()
    for piece in pieces:
        run.take([ids.part(part) for part in _parts(piece, dialect_of)], piece)
    return run.blocks


def _parts(piece: Piece, dialect_of: Callable[[str], Dialect]) -> Sequence[Part]:
    if piece.repeats:
        return (Text("assistant", stub_text(piece)),)
    try:
        return dialect_of(piece.item.dialect).parts(piece.item)
    except Unreadable:
        return ()


def _have_calls(parts: Iterable[Part]) -> bool:
    return any(isinstance(part, ToolCall) for part in parts)


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
