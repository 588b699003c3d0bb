"""The fold over the entries of a session's log.

A log only grows. Its messages form a tree: each names its parent, so a conversation is the way
from a thread's tip back to the root, and an edit is a second child. The fold can be fed from both
ends, newer entries as they are appended and older ones as they are read back, because an entry
says all it means: no line has to be read to understand a newer one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from stitcher.core.entry import (
    NO_HEAD,
    Aside,
    Compacted,
    Conversation,
    Entry,
    Head,
    Message,
    Rebased,
    Refreshed,
    Response,
    Rewound,
    Settled,
    Turn,
    TurnStatus,
)
from stitcher.core.item import ROOT, Item

__all__ = [
    "NO_HEAD",
    "Aside",
    "Compacted",
    "Conversation",
    "Entry",
    "Head",
    "Message",
    "Node",
    "Rebased",
    "Refreshed",
    "Response",
    "Rewound",
    "Settled",
    "Tree",
    "Turn",
    "TurnStatus",
]


@dataclass(frozen=True, slots=True)
class Node:
    """A message on the tree, with the bytes that go out for it."""

    chain: str
    parent: str
    depth: int
    upto: int
    laid: str
    item: Item
    thread: str
    answer: bool = False
    cut: bool = False
    head: str = ""
    settled: bool = True  # its bytes have gone upstream as input, or will as they are
    origin: str = ""  # chain of the place where it was first written, if that is another


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A message read back before the bytes it names, with what newer lines say of it."""

    entry: Message
    settled: bool
    replay: Item | None


@dataclass(slots=True)
class Tree:
    """The part of a session's log that has been read, folded.

    Where a place was written twice (the same answer given again), the newer line counts: it is what
    the client was told last, and it is read first.
    """

    nodes: dict[str, Node] = field(default_factory=dict)
    tips: dict[str, str] = field(default_factory=dict)  # thread → chain
    heads: dict[str, Head] = field(default_factory=dict)
    heads_by_digest: dict[str, Head] = field(default_factory=dict)
    windows: dict[str, Compacted] = field(default_factory=dict)
    turns: dict[str, Turn] = field(default_factory=dict)  # the newest of each thread
    conversation: Conversation | None = None  # the newest
    whole: bool = False  # the log has been read to its beginning
    _refreshed: dict[str, list[Refreshed]] = field(default_factory=dict)  # before their turn
    _replays: dict[str, Item] = field(default_factory=dict)  # answer → the bytes it settled on
    _sent: set[str] = field(default_factory=set)  # have been upstream as input
    _awaited: dict[str, list[_Waiting]] = field(default_factory=dict)  # by `same_as`
    _referring: set[str] = field(default_factory=set)  # chains of those

    def append(self, entry: Entry) -> None:
        """Takes in an entry newer than all others."""
        match entry:
            case Message():
                self._append_message(entry)
            case Head():
                self.heads[entry.thread] = entry
                self.heads_by_digest[entry.digest] = entry
            case Turn():
                self._append_turn(entry)
            case Refreshed():
                self._append_refreshed(entry)
            case Rewound():
                self.tips[entry.thread] = entry.to
            case Rebased():
                self.tips[entry.thread] = entry.onto
            case Compacted():
                self.windows[entry.thread] = entry
            case Settled():
                self._append_settled(entry)
            case Conversation():
                self.conversation = entry

    def prepend(self, entry: Entry) -> None:
        """Takes in an entry older than all others."""
        match entry:
            case Message():
                self._prepend_message(entry)
            case Head():
                self.heads.setdefault(entry.thread, entry)
                self.heads_by_digest.setdefault(entry.digest, entry)
            case Turn():
                self._prepend_turn(entry)
            case Refreshed():
                self._refreshed.setdefault(entry.thread, []).append(entry)
            case Rewound():
                self.tips.setdefault(entry.thread, entry.to)
            case Rebased():
                self.tips.setdefault(entry.thread, entry.onto)
            case Compacted():
                self.windows.setdefault(entry.thread, entry)
            case Settled():
                self._fill(self._awaited.pop(entry.of, []), entry.item, entry.of)
                self._replays.setdefault(entry.of, entry.item)
            case Conversation():
                self.conversation = self.conversation or entry

    def stands(self, chain: str) -> bool:
        """True for a message at a place that was read, its bytes at hand or further back."""
        return chain in self.nodes or (not self.whole and chain in self._referring)

    def knows_head(self, thread: str) -> bool:
        """True when no older line can say more of the thread's head."""
        last = self.turns.get(thread)
        return self.whole or thread in self.heads or (last is not None and not last.head)

    def knows_turn(self, thread: str) -> bool:
        """True when no older line can be the thread's newest turn."""
        return self.whole or thread in self.turns

    def knows_window(self, thread: str) -> bool:
        """True when no older line can say more of where the thread's window begins."""
        last = self.turns.get(thread)
        return self.whole or thread in self.windows or (last is not None and not last.window)

    def goes_on(self, node: Node) -> bool:
        """True for a later part of an answer, laid after what the provider said, not the client."""
        before = self.nodes.get(node.parent)
        return node.answer and (before is None or before.answer)

    def back_from(self, tip: str) -> Iterator[Node]:
        """The nodes from a tip towards the root, as far as they have been read."""
        node = self.nodes.get(tip)
        while node is not None:
            yield node
            node = self.nodes.get(node.parent)

    def path(self, tip: str, *, since: str = ROOT) -> list[Node]:
        """The nodes up to a tip, oldest first, beginning after `since`, as far as read."""
        path: list[Node] = []
        for node in self.back_from(tip):
            if node.chain == since:
                break
            path.append(node)
        path.reverse()
        return path

    def _append_turn(self, entry: Turn) -> None:
        self.turns[entry.thread] = entry
        self._refreshed.pop(entry.thread, None)
        self._was_sent(entry.of)
        if entry.status == "failed":
            self.tips[entry.thread] = entry.base

    def _prepend_turn(self, entry: Turn) -> None:
        later = self._refreshed.pop(entry.thread, ())
        self.turns.setdefault(entry.thread, _living_on(entry, later))
        self._sent.add(entry.of)
        if entry.status == "failed":
            self.tips.setdefault(entry.thread, entry.base)

    def _append_refreshed(self, entry: Refreshed) -> None:
        turn = self.turns.get(entry.thread)
        if turn is not None:
            self.turns[entry.thread] = _living_on(turn, [entry])
        else:
            self._refreshed.setdefault(entry.thread, []).append(entry)

    def _append_message(self, entry: Message) -> None:
        self.tips[entry.thread] = entry.chain
        self._sent.discard(entry.chain)
        self._replays.pop(entry.chain, None)
        origin = self.nodes.get(entry.same_as)
        item = entry.item or (origin.item if origin else self._replays.get(entry.same_as))
        if item is not None:
            first = (origin.origin if origin else "") or entry.same_as
            self.nodes[entry.chain] = _node(entry, item, first, settled=not entry.answer)
        else:
            self._append_waiting(entry)
        if not entry.answer:
            self._was_sent(entry.parent)

    def _append_waiting(self, entry: Message) -> None:
        """The bytes named are not read yet, or stand at a place that waits for its own."""
        for origin, waiting in self._awaited.items():
            named = [one for one in waiting if one.entry.chain == entry.same_as]
            if named:
                self._await([_Waiting(entry, not entry.answer, named[-1].replay)], origin)
                return
        self._await([_Waiting(entry, not entry.answer, None)], entry.same_as)

    def _was_sent(self, chain: str) -> None:
        """A message has been upstream as input, and with it what the same answer said before it.

        That a part of an answer follows another does not say so: they came together.
        """
        while chain not in self._sent:
            self._sent.add(chain)
            self._settle(chain, None)
            said = self.nodes.get(chain) or self._waiting_at(chain)
            if said is None or not said.answer:
                return
            chain = said.parent

    def _waiting_at(self, chain: str) -> Message | None:
        if chain not in self._referring:
            return None
        every = (one.entry for waiting in self._awaited.values() for one in waiting)
        return next((entry for entry in every if entry.chain == chain), None)

    def _append_settled(self, entry: Settled) -> None:
        self._replays[entry.of] = entry.item
        self._settle(entry.of, entry.item)

    def _settle(self, chain: str, replay: Item | None) -> None:
        """From now on these bytes go out, or those there are."""
        node = self.nodes.get(chain)
        if node is not None and (replay is not None or not node.settled):
            self.nodes[chain] = replace(node, item=replay or node.item, settled=True)
        elif node is None and chain in self._referring:
            for waiting in self._awaited.values():
                waiting[:] = [
                    replace(one, settled=True, replay=replay or one.replay)
                    if one.entry.chain == chain
                    else one
                    for one in waiting
                ]

    def _await(self, waiting: list[_Waiting], origin: str) -> None:
        self._awaited.setdefault(origin, []).extend(waiting)
        self._referring.update(one.entry.chain for one in waiting)

    def _prepend_message(self, entry: Message) -> None:
        self.tips.setdefault(entry.thread, entry.chain)
        replay = self._replays.get(entry.chain)
        settled = not entry.answer or entry.chain in self._sent or replay is not None
        if not entry.answer or entry.chain in self._sent:
            self._sent.add(entry.parent)
        # Lines that name these bytes are newer, so it is this line they mean and none before it.
        filled = self._awaited.pop(entry.chain, [])
        if not self.stands(entry.chain):
            filled.append(_Waiting(entry, settled, replay))
        if entry.item is not None:
            self._fill(filled, entry.item, entry.chain)
        elif filled:
            self._await(filled, entry.same_as)

    def _fill(self, waiting: list[_Waiting], item: Item, origin: str) -> None:
        for one in waiting:
            made = _node(one.entry, one.replay or item, origin, settled=one.settled)
            self.nodes.setdefault(made.chain, made)


def _living_on(turn: Turn, later: Iterable[Refreshed]) -> Turn:
    """The turn, with what lives on in the provider's cache since then."""
    cache = turn.cache
    for entry in later:
        cache = cache.refreshed(entry.keys, entry.time)
    return turn if cache is turn.cache else replace(turn, cache=cache)


def _node(entry: Message, item: Item, origin: str, *, settled: bool) -> Node:
    return Node(
        chain=entry.chain,
        parent=entry.parent,
        depth=entry.depth,
        upto=entry.upto,
        laid=entry.laid,
        item=item,
        thread=entry.thread,
        answer=entry.answer,
        cut=entry.cut,
        head=entry.head,
        settled=settled,
        origin="" if origin == entry.chain else origin,
    )
