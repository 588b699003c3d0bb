"""Writes down a dialogue as the program does, entry by entry, without a dialect or a store."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from stitcher.core.align import Alignment, align
from stitcher.core.item import Item, digest
from stitcher.core.ledger import NOTHING_KNOWN, CacheState
from stitcher.core.log import Entry, Message, Tree, Turn, TurnStatus
from stitcher.recording import Place, Stamp, record, record_answers
from stitcher.wire.call import Call


def call_of(items: Sequence[Item], *, system: bytes | None = None) -> Call:
    return Call(
        dialect="test",
        body=b"",
        members={},
        model="m",
        stream=False,
        items=tuple(items),
        system=system,
        tools=None,
        head_digest=digest(system or b""),
        head_tokens=0,
        answer_tokens=None,
    )


@dataclass
class Scribe:
    """One thread of a log."""

    thread: str = "main"
    log: list[Entry] = field(default_factory=list)
    tree: Tree = field(default_factory=lambda: Tree(whole=True))
    base: str = ""
    head: str = ""
    end: Place = field(default_factory=lambda: Place("", 0, 0, ""))

    def ask(
        self, *items: Item, owns_history: bool = False, system: bytes | None = None
    ) -> Alignment:
        """A request; its messages are in the log after it."""
        aligned = align(self.tree, self.thread, items, owns_history=owns_history)
        assert aligned is not None, "the whole tree answers everything"
        thin = aligned.habit in ("thin", "retry")
        self.base = aligned.base if thin else aligned.tip
        call = call_of(items, system=system)
        self.head = call.head_digest if system else ""
        made = record(
            self.tree,
            call,
            aligned,
            Stamp(self.thread, float(len(self.log))),
            lasting=not owns_history,
            lent_from=None if owns_history else self.tree.heads.get(self.thread),
        )
        self.write(*made.entries)
        self.end = made.end
        return aligned

    def answer(
        self, item: Item, *, cut: bool = False, cache: CacheState = NOTHING_KNOWN
    ) -> Message:
        """What the provider says to it."""
        answer = partial(Place.follow, thread=self.thread, time=float(len(self.log)), cut=cut)
        said, _ = record_answers(self.tree, [item], [], self.end, answer)
        self.write(*said, replace(self._turn("cut" if cut else "answered"), cache=cache))
        return answer(self.end, item)

    def fail(self) -> None:
        """The provider refuses."""
        self.write(self._turn("failed"))

    def write(self, *entries: Entry) -> None:
        for entry in entries:
            self.log.append(entry)
            self.tree.append(entry)

    def _turn(self, status: TurnStatus) -> Turn:
        return Turn(
            thread=self.thread,
            time=float(len(self.log)),
            status=status,
            of=self.end.chain,
            base=self.base,
            model="m",
            http=500 if status == "failed" else 200,
            tokens=0,
            usage=None,
            head=self.head,
        )
