"""Messages of one dialect in the words of another, for a conversation that goes on over it.

What is put back goes out in the same bytes every time: `messages.grouping` says what goes together.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from stitcher.core.item import Item
from stitcher.core.layout import Piece, stub_text
from stitcher.messages.grouping import OPENING, Block, Ids, Run
from stitcher.messages.parts import Part, Text
from stitcher.messages.unreadable import Unreadable
from stitcher.wire.dialect import Dialect


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
    ids = Ids(
        named=keep_ids.union(*(item.answers for item in own)),
        given=set().union(*(item.calls for item in own)),
    )
    made: list[Piece] = []
    for foreign, run in groupby(pieces, lambda piece: _is_foreign(piece, to)):
        together = list(run)
        if foreign:
            made += _written(_blocks(together, dialect_of, ids), to)
        else:
            for piece in together:
                ids.keep(piece.item.calls)
            made += together
    speaks_first = made[0].item.role if made else "user"
    if to.USER_SPEAKS_FIRST and speaks_first == "assistant" and _is_foreign(pieces[0], to):
        opening = Block("user", [Text("user", OPENING)], [pieces[0]])
        made = _written([opening], to) + made
    return made


def _is_foreign(piece: Piece, to: Dialect) -> bool:
    return piece.ours and piece.item.dialect != to.NAME


def _blocks(
    pieces: Iterable[Piece], dialect_of: Callable[[str], Dialect], ids: Ids
) -> Sequence[Block[Piece]]:
    run: Run[Piece] = Run()
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


def _written(blocks: Iterable[Block[Piece]], to: Dialect) -> list[Piece]:
    made: list[Piece] = []
    for block in blocks:
        messages = list(_items(to.written(block.parts), to))
        made += [Piece(item, block.sources[-1].chain, ours=True) for item in messages]
    return made


def _items(messages: Iterable[bytes], to: Dialect) -> Iterator[Item]:
    for raw in messages:
        try:
            yield to.read_item(raw)
        except Unreadable:
            continue  # arguments nested so deeply that nobody reads them
