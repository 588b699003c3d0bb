"""What is sent: which messages, in which order, with whose bytes, and where the cache is marked.

[ head ][ history put back, from the window's start ][ what the client sent ]. The result names
pieces and what is to be done to each; `wire/` does it to the bytes.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Flag, auto

from stitcher.core.align import Alignment
from stitcher.core.breakpoints import Place, chosen
from stitcher.core.item import Item, digest
from stitcher.core.log import Compacted, Node
from stitcher.core.pairing import rounds

_STUB_TOKENS = 30


class Change(Flag):
    """What is done to a piece before it goes out."""

    NONE = 0
    NO_MARKERS = auto()  # breakpoints of an earlier request are taken off
    NO_THINKING = auto()  # signed thinking whose prefix is gone goes whole
    NO_CALLS = auto()  # tool calls that nothing answers
    NO_RESULTS = auto()  # tool results whose call is gone


@dataclass(frozen=True, slots=True)
class Piece:
    """One message as it goes out."""

    item: Item
    chain: str
    change: Change = Change.NONE
    ours: bool = False  # put back by us, not sent by the client
    repeats: str = ""  # sent as a stub that names the message saying the same
    marked_by: Item | None = None  # the client's version, whose breakpoints are kept
    marked_for: int = 0  # seconds that a breakpoint of ours at its end asks for; 0 for none

    @property
    def tokens(self) -> int:
        """Estimate of what goes out, before calibration."""
        return _STUB_TOKENS if self.repeats else self.item.tokens


def stub_text(piece: Piece) -> str:
    """What is sent for a reply that a later one repeats."""
    return f"[Said again further down. The full text is message {piece.chain[:12]} of the log.]"


def laid_after(laid: str, rendering: str) -> str:
    """Extends the digest of what has been laid out by one message."""
    return digest(f"{laid}/{rendering}".encode())


def restore(
    path: Sequence[Node], window: Compacted | None, *, head: str, binds: bool
) -> list[Piece]:
    """The pieces for what the client left out: `path`, from the window's start on.

    `binds` says that the model ties signed thinking to all that came before it: there, thinking
    from before the last change of the window or of the head is left out whole.
    """
    stubs: Mapping[str, str] = dict(window.stubs) if window else {}
    stale = _stale_until(path, window, head) if binds else -1
    pieces = []
    for n, node in enumerate(path):
        change = Change.NO_MARKERS
        if n <= stale and node.item.thinks:
            change |= Change.NO_THINKING
        pieces.append(
            Piece(node.item, node.chain, change, ours=True, repeats=stubs.get(node.chain, ""))
        )
    return pieces


def _stale_until(path: Sequence[Node], window: Compacted | None, head: str) -> int:
    stale = -1
    for n, node in enumerate(path):
        if (window and node.chain == window.at) or (node.answer and node.head != head):
            stale = n
    return stale


def first_sent(alignment: Alignment, nodes: Mapping[str, Node]) -> list[Piece]:
    """The pieces for what the client sent. What was upstream before goes out as it did then."""
    pieces = []
    for step in alignment.steps:
        node = nodes.get(step.chain if step.known else step.same_as)
        if node is None or not replaces(node, step.item):
            pieces.append(Piece(step.item, step.chain))
        else:
            pieces.append(Piece(node.item, step.chain, Change.NO_MARKERS, marked_by=step.item))
    return pieces


def replaces(node: Node, sent: Item) -> bool:
    """True when the stored bytes go out instead of the client's.

    Not while an answer is unsettled (the client's replay settles it), not where both render the
    same, and not where tool ids differ: the client's own results name the ids it knows.
    """
    same_ids = node.item.calls == sent.calls and node.item.answers == sent.answers
    if not node.settled or not same_ids or node.item.dialect != sent.dialect:
        return False
    return node.item.rendering != sent.rendering


def settles(node: Node, sent: Item) -> bool:
    """True when the client's replay of an answer is what goes out from now on."""
    return not node.settled and node.item.dialect == sent.dialect and node.item.raw != sent.raw


def legal(pieces: Sequence[Piece]) -> list[Piece]:
    """Parts no tool call from its results in what we put back.

    A call that was never answered, because the client moved on, is taken out of our copy of the
    message, and so are results whose call is not there. What the client sent is left as it is: if
    that is wrong, the provider says so to the client. So calls at the end of ours stay if the
    client brings their results, also behind something else: the AI SDK 7, which leaves out what a
    conversation object has, says its question again in front of them.
    """
    healed = list(pieces)
    own = next((n for n in range(len(pieces), 0, -1) if pieces[n - 1].ours), 0)
    brought = {answer for piece in pieces[own:] for answer in piece.item.answers}
    for one in rounds([piece.item for piece in pieces]):
        said, results = pieces[one.start : one.answers], pieces[one.answers : one.end]
        if not all(piece.ours for piece in results):
            continue
        found = Counter(answer for piece in results for answer in piece.item.answers)
        if one.end >= own:
            found.update(brought - found.keys())
        paired = {call for piece in said if _all_once(piece, found) for call in piece.item.calls}
        healed[one.start : one.end] = [
            *(_with(piece, piece.item.calls, paired, Change.NO_CALLS) for piece in said),
            *(_with(piece, piece.item.answers, paired, Change.NO_RESULTS) for piece in results),
        ]
    return healed


def _all_once(piece: Piece, found: Counter[str]) -> bool:
    """True when each of its calls has one result."""
    return all(found[call] == 1 for call in piece.item.calls)


def _with(piece: Piece, ids: Sequence[str], paired: set[str], gone: Change) -> Piece:
    if not piece.ours or paired.issuperset(ids):
        return piece
    return replace(piece, change=piece.change | gone)


def mark_ends(
    pieces: Sequence[Piece], *, free: int, previous_end: str, lookback: int, lifetime: int
) -> list[Piece]:
    """Adds cache breakpoints where a request of ours ends and where the one before it ended.

    The first is written now and read next time. The second is set where a turn has added so many
    positions that the provider, walking back `lookback` of them, would not find what it wrote then.
    `lifetime` is for how many seconds it is asked to keep them.
    """
    marked = list(pieces)
    if not marked:
        return marked
    last = len(marked) - 1
    places = chosen(
        [Place(last, 0, 0)], written=_written(marked, previous_end), free=free, lookback=lookback
    )
    for n in places:
        marked[n] = replace(marked[n], marked_for=lifetime)
    return marked


def _written(pieces: Sequence[Piece], previous_end: str) -> Place | None:
    """Where the request before ended; positions are counted back from the last message."""
    position = 0
    for n in range(len(pieces) - 1, 0, -1):
        position -= pieces[n].item.positions
        if pieces[n - 1].chain == previous_end:
            return Place(n - 1, position, 0)
    return None
