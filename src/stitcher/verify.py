"""Checks a log against itself: re-derives what every line says of its message.

A line is right when its message has the identity it names, when identity and parent make the
chain it names, and when the parent is there. Nothing is changed; a log is never repaired by guess.
"""

from dataclasses import dataclass, field

from stitcher.core.item import ROOT, chain
from stitcher.core.log import (
    Aside,
    Compacted,
    Entry,
    Message,
    Rebased,
    Response,
    Rewound,
    Settled,
    Turn,
)
from stitcher.messages.unreadable import Unreadable
from stitcher.store.protocol import Line, SessionKey, Store
from stitcher.wire import entries
from stitcher.wire.dialects import read_item


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as it was written."""

    place: str  # "<file>:<byte offset>"
    found: str


@dataclass(frozen=True, slots=True)
class Report:
    """What was read, and what was wrong with it."""

    lines: int
    messages: int
    problems: tuple[Problem, ...]


def verify(store: Store, key: SessionKey) -> Report:
    """Reads a whole session, oldest line first."""
    check = _Check()
    for line in store.oldest_first(key):
        check.take(line)
    return Report(check.lines, check.messages, tuple(check.problems))


@dataclass(slots=True)
class _Check:
    lines: int = 0
    messages: int = 0
    problems: list[Problem] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=lambda: {ROOT: ""})  # chain → identity
    _foreign_end: str = ROOT

    def take(self, line: Line) -> None:
        self.lines += 1
        try:
            if entries.is_foreign(line.data):
                self._take_foreign(line)
                return
            identity = entries.identity(line.data)
            entry = entries.decode(line.data, read_item)
        except Unreadable as error:
            self._report(line, str(error))
            return
        match entry:
            case Message():
                self._take_message(line, entry, identity)
            case None:
                self._report(line, "an entry of a type this version does not know")
            case _:
                for name in _named(entry):
                    if name not in self.seen:
                        self._report(line, f"names message {name}, which is not before it")

    def _take_foreign(self, line: Line) -> None:
        """A line of stitcher-proxy 0.1.0 says nothing that could be checked but its message."""
        message = entries.adopt(line.data, None, read_item)
        assert message.item is not None
        self.messages += 1
        if message.item.role == "system" and self._foreign_end == ROOT:
            return
        self._foreign_end = chain(self._foreign_end, message.item.identity)
        self.seen[self._foreign_end] = message.item.identity

    def _take_message(self, line: Line, entry: Message, named: str) -> None:
        self.messages += 1
        identity = entry.item.identity if entry.item else self.seen.get(entry.same_as)
        if identity is None:
            self._report(line, f"repeats message {entry.same_as}, which is not before it")
            return
        if entry.item is not None and named != identity:
            self._report(line, f"the message's identity is {identity}, the line says {named}")
        expected = chain(entry.parent, identity)
        if entry.chain != expected:
            self._report(line, f"the message's chain is {expected}, the line says {entry.chain}")
        if entry.parent not in self.seen:
            self._report(line, f"follows message {entry.parent}, which is not before it")
        self.seen[entry.chain] = identity

    def _report(self, line: Line, found: str) -> None:
        self.problems.append(Problem(line.place, found))


def _named(entry: Entry) -> list[str]:
    """The messages an entry speaks of."""
    match entry:
        case Rewound():
            return [entry.to]
        case Rebased():
            return [entry.onto]
        case Settled():
            return [entry.of]
        case Turn():
            return [entry.of, entry.base]
        case Compacted():
            return [entry.start, entry.at]
        case Aside():
            return [entry.after]
        case Response():
            return [entry.asked, entry.of]
        case _:
            return []
