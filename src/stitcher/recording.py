"""What a request adds to the log before it is sent. Pure.

Only what is new is written: a message the log holds at this place is named by its chain, one it
holds elsewhere by a reference. Everything that can move the cached prefix is an entry of its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from stitcher.core.align import Alignment, Step
from stitcher.core.item import Item, chain
from stitcher.core.layout import laid_after, replaces, settles
from stitcher.core.log import Entry, Head, Message, Node, Rebased, Rewound, Settled, Tree
from stitcher.wire.call import Call

_HEAD_AGAIN = 256
"""Messages after which a head is written again, so that it is never far back in the log."""


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
        """The entry of an answer that stands after this place."""
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


@dataclass(frozen=True, slots=True)
class Record:
    """The entries of a request, and where it ends."""

    entries: tuple[Entry, ...]
    end: Place


def record(
    tree: Tree, call: Call, alignment: Alignment, *, thread: str, now: float, lasting: bool
) -> Record:
    """The entries for a request as it came, oldest first.

    `lasting` says that something of it may be put back one day: then every replay of an answer
    that differs in any byte is written down, and the head again now and then. Without it only a
    replay that a model would read differently is.
    """
    entries: list[Entry] = []
    if (to := alignment.turns_off) is not None:
        rebased = alignment.habit == "rebased"
        entries.append(Rebased(thread, now, to) if rebased else Rewound(thread, now, to))
    at = _place(alignment.base, tree.nodes.get(alignment.base))
    for step in alignment.steps:
        node = tree.nodes.get(step.chain if step.known else step.same_as)
        goes_out = node.item if node is not None and replaces(node, step.item) else step.item
        if not step.known:
            entries.append(_message(step, node, goes_out, at, thread, now))
        elif node is not None:
            at = Place(node.parent, node.depth - 1, node.upto - node.item.tokens, node.laid)
            if _to_settle(node, step.item, lasting=lasting):
                entries.append(Settled(thread, now, step.chain, step.item))
        at = Place(
            chain=step.chain,
            depth=at.depth + 1,
            upto=at.upto + goes_out.tokens,
            laid=laid_after(at.laid, goes_out.rendering),
        )
    head = _new_head(tree, call, thread, now, at.depth)
    if head is not None and lasting:
        head = _with_the_last(head, tree.heads.get(thread))
    if head is None and lasting:
        head = _head_again(tree, thread, now, at.depth)
    if head is not None:
        entries.insert(0, head)
    return Record(tuple(entries), at)


def record_answers(
    tree: Tree, items: Sequence[Item], answer: Callable[[Item], Message]
) -> tuple[Entry, ...]:
    """The entries of a request's choices: the first comes last, because the path goes on there.

    An answer that stands there already, given again word for word, is not written twice: its new
    bytes (other tool ids, other thinking) are what goes out from now on.
    """
    made: dict[str, tuple[Message, Item]] = {}
    for item in items:
        entry = answer(item)
        made.setdefault(entry.chain, (entry, item))
    entries: list[Entry] = []
    for name, (entry, item) in reversed(made.items()):
        known = tree.nodes.get(name)
        if known is None:
            entries.append(entry)
            continue
        if known.item.raw != item.raw:
            entries.append(Settled(entry.thread, entry.time, name, item))
        entries.append(Rewound(entry.thread, entry.time, name))
    return tuple(entries)


def returns_to(aligned: Alignment) -> str:
    """Where the path ends if a request gets no answer: as before it, without its question."""
    if aligned.habit == "thin":
        return aligned.base
    if aligned.end != aligned.tip:
        return aligned.tip
    answered = [step.chain for step in aligned.steps if step.item.role == "assistant"]
    return answered[-1] if answered else aligned.base


def _place(chain: str, node: Node | None) -> Place:
    if node is None:
        return Place(chain, 0, 0, "")
    return Place(chain, node.depth, node.upto, laid_after(node.laid, node.item.rendering))


def _message(
    step: Step, node: Node | None, goes_out: Item, at: Place, thread: str, now: float
) -> Message:
    """Bytes that stand elsewhere already are named, not written again."""
    again = node is not None and goes_out is node.item
    return Message(
        thread=thread,
        time=now,
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


def _new_head(tree: Tree, call: Call, thread: str, now: float, depth: int) -> Head | None:
    if call.system is None and call.tools is None:
        return None
    head, turn = tree.heads.get(thread), tree.turns.get(thread)
    # The newer of the two says what was sent last, also where the other has not been read.
    if turn is not None and (head is None or turn.time >= head.time):
        last = turn.head
    else:
        last = head.digest if head else ""
    if last == call.head_digest:
        return None
    return Head(
        thread=thread,
        time=now,
        dialect=call.dialect,
        digest=call.head_digest,
        system=call.system,
        tools=call.tools,
        depth=depth,
    )


def _head_again(tree: Tree, thread: str, now: float, depth: int) -> Head | None:
    head = tree.heads.get(thread)
    if head is None or depth - head.depth < _HEAD_AGAIN:
        return None
    return replace(head, time=now, depth=depth)


def _with_the_last(head: Head, last: Head | None) -> Head:
    """Of what a request leaves out, the last there was stays: a later one may be lent it."""
    if last is None:
        return head
    return replace(
        head,
        system=last.system if head.system is None else head.system,
        tools=last.tools if head.tools is None else head.tools,
    )
