"""What a request adds to the log before it is sent. Pure.

Only what is new is written: a message the log holds at this place is named by its chain, one it
holds elsewhere by a reference. Everything that can move the cached prefix is an entry of its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from stitcher.core.align import Alignment, Step
from stitcher.core.item import Item, chain
from stitcher.core.layout import Change, Piece, laid_after, replaces, settles
from stitcher.core.log import Aside, Entry, Head, Message, Node, Rebased, Rewound, Settled, Tree
from stitcher.wire.call import Call
from stitcher.wire.dialect import Dialect

_HEAD_AGAIN = 256
"""Messages after which a head is written again, so that it is never far back in the log."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """Whose entries they are, and when they are written."""

    thread: str
    time: float


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message stands, as far as its successor needs to know."""

    chain: str
    depth: int
    upto: int  # tokens from the root to here, itself included
    laid: str  # digest of all renderings up to here, itself included

    def follow(
        self, item: Item, *, thread: str, time: float, cut: bool = False, head: str = ""
    ) -> Message:
        """The entry of an answer, or a part of one, that stands after this place."""
        return Message(
            thread=thread,
            time=time,
            chain=chain(self.chain, item.identity),
            parent=self.chain,
            depth=self.depth + 1,
            upto=self.upto + item.tokens,
            laid=self.laid,
            item=item,
            answer=True,
            cut=cut,
            head=head,
        )


def place_of(name: str, node: Node | None) -> Place:
    """The place that a node has; `node` is None for the root, and for one that cannot be read."""
    if node is None:
        return Place(name, 0, 0, "")
    return Place(name, node.depth, node.upto, laid_after(node.laid, node.item.rendering))


def after(message: Message, item: Item) -> Place:
    """The place of a message, for what follows it."""
    laid = laid_after(message.laid, item.rendering)
    return Place(message.chain, message.depth, message.upto, laid)


@dataclass(frozen=True, slots=True)
class Record:
    """The entries of a request, and where it ends."""

    entries: tuple[Entry, ...]
    end: Place


def record(
    tree: Tree,
    call: Call,
    alignment: Alignment,
    stamp: Stamp,
    *,
    lasting: bool,
    lent_from: Head | None = None,
) -> Record:
    """The entries for a request as it came, oldest first.

    `lent_from` is the head, in the request's dialect, that a part it leaves out is taken from.
    `lasting` says that something of it may be put back one day: then every replay of an answer
    that differs in any byte is written down, and the head again now and then. Without it only a
    replay that a model would read differently is.
    """
    entries: list[Entry] = []
    thread, now = stamp.thread, stamp.time
    if (to := alignment.turns_off) is not None:
        rebased = alignment.habit == "rebased"
        entries.append(Rebased(thread, now, to) if rebased else Rewound(thread, now, to))
    at = place_of(alignment.base, tree.nodes.get(alignment.base))
    for step in alignment.steps:
        node = tree.nodes.get(step.chain if step.known else step.same_as)
        goes_out = node.item if node is not None and replaces(node, step.item) else step.item
        if not step.known:
            entries.append(_message(step, node, goes_out, at, stamp))
        elif node is not None:
            if node.settled or at.chain != node.parent:
                at = Place(node.parent, node.depth - 1, node.upto - node.item.tokens, node.laid)
            if _to_settle(node, step.item, lasting=lasting):
                entries.append(Settled(thread, now, step.chain, step.item))
        at = Place(
            chain=step.chain,
            depth=at.depth + 1,
            upto=at.upto + goes_out.tokens,
            laid=laid_after(at.laid, goes_out.rendering),
        )
    entries += [
        Aside(thread, now, at.chain, call.dialect, aside.raw)
        for aside in call.asides
        if aside.before == len(call.items)  # those further up were said at the end before
    ]
    head = _new_head(tree, call, stamp, at.depth)
    if head is not None:
        head = _with_the_last(head, lent_from)
    elif lasting:
        head = _head_again(tree, stamp, at.depth)
    return Record((*([head] if head else ()), *entries), at)


def record_answers(
    tree: Tree,
    said: Sequence[Item],
    others: Sequence[Item],
    end: Place,
    follow: Callable[[Place, Item], Message],
) -> tuple[tuple[Entry, ...], Place]:
    """The entries of an answer, and where it ends.

    `said` is the answer, part by part; `others` are further choices of the same request, which the
    path does not go on from. What stands there already, given again word for word, is not written
    twice: its new bytes (other tool ids, other thinking) are what goes out from now on.
    """
    entries: list[Entry] = []
    written: set[str] = set()
    own = follow(end, said[0]).chain if said else ""
    for item in others:
        entry = follow(end, item)
        if entry.chain != own and entry.chain not in written:
            entries += _given(tree, entry, item)
            written.add(entry.chain)
    for item in said:
        entry = follow(end, item)
        entries += _given(tree, entry, item)
        end = after(entry, item)
    if said and end.chain in tree.nodes:
        entries.append(Rewound(entry.thread, entry.time, end.chain))
    return tuple(entries), end


def give_way(tree: Tree, stamp: Stamp, alignment: Alignment) -> tuple[Settled, ...]:
    """For a request that went out with stored bytes in the place of the client's own: its own.

    The provider refused it, and those it went out with may never have been taken by any: a message
    that was refused before, or replayed with a field too many, and has been put right since.
    """
    known = [(tree.nodes.get(step.chain), step) for step in alignment.steps]
    return tuple(
        Settled(stamp.thread, stamp.time, step.chain, step.item)
        for node, step in known
        if node is not None and replaces(node, step.item)
    )


def leave_thinking(
    tree: Tree, stamp: Stamp, base: str, restored: int, dialect: Dialect
) -> tuple[Settled, ...]:
    """For the `restored` messages up to `base`: from now on they go out without their thinking.

    Their provider cannot read it: it was sealed or signed elsewhere, or is named by an id that
    nobody keeps.
    """
    entries = []
    for node in islice(tree.back_from(base), restored):
        if node.item.dialect != dialect.NAME:
            continue
        raw = dialect.change(Piece(node.item, node.chain, Change.NO_THINKING, ours=True))
        if raw is not None and raw != node.item.raw:
            entries.append(Settled(stamp.thread, stamp.time, node.chain, dialect.read_item(raw)))
    return tuple(entries)


def _given(tree: Tree, entry: Message, item: Item) -> list[Entry]:
    known = tree.nodes.get(entry.chain)
    if known is None:
        return [entry]
    if known.item.raw == item.raw:
        return []
    return [Settled(entry.thread, entry.time, entry.chain, item)]


def returns_to(aligned: Alignment) -> str:
    """Where the path ends if a request gets no answer: as before it, without its question."""
    if aligned.habit == "thin":
        return aligned.base
    if aligned.end != aligned.tip:
        return aligned.tip
    answered = [step.chain for step in aligned.steps if step.item.role == "assistant"]
    return answered[-1] if answered else aligned.base


def _message(step: Step, node: Node | None, goes_out: Item, at: Place, stamp: Stamp) -> Message:
    """Bytes that stand elsewhere already are named, not written again."""
    again = node is not None and goes_out is node.item
    return Message(
        thread=stamp.thread,
        time=stamp.time,
        chain=step.chain,
        parent=at.chain,
        depth=at.depth + 1,
        upto=at.upto + goes_out.tokens,
        laid=at.laid,
        item=None if again else goes_out,
        same_as=step.same_as if again else "",
        answer=again and node is not None and node.answer,
    )


def _to_settle(node: Node, sent: Item, *, lasting: bool) -> bool:
    if not settles(node, sent):
        return False
    changes = node.item.rendering != sent.rendering or node.item.calls != sent.calls
    return changes or lasting


def _new_head(tree: Tree, call: Call, stamp: Stamp, depth: int) -> Head | None:
    if call.system is None and call.tools is None:
        return None
    head, turn = tree.heads.get(stamp.thread), tree.turns.get(stamp.thread)
    # The newer of the two says what was sent last, also where the other has not been read.
    if turn is not None and (head is None or turn.time >= head.time):
        last = turn.head
    else:
        last = head.digest if head else ""
    if last == call.head_digest:
        return None
    return Head(
        thread=stamp.thread,
        time=stamp.time,
        dialect=call.dialect,
        digest=call.head_digest,
        system=call.system,
        tools=call.tools,
        depth=depth,
    )


def _head_again(tree: Tree, stamp: Stamp, depth: int) -> Head | None:
    head = tree.heads.get(stamp.thread)
    if head is None or depth - head.depth < _HEAD_AGAIN:
        return None
    return replace(head, time=stamp.time, depth=depth)


def _with_the_last(head: Head, last: Head | None) -> Head:
    """Of what a request leaves out, the last there was stays: a later one may be lent it."""
    if last is None:
        return head
    return replace(
        head,
        system=last.system if head.system is None else head.system,
        tools=last.tools if head.tools is None else head.tools,
    )
