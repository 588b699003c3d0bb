"""From a request and what the log says to what is written down and what is sent. Pure.

The same log and the same request give the same plan on any machine. Where too little of the log
has been read, the plan is None: read more, ask again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from stitcher.core.align import Alignment, Step, align
from stitcher.core.compaction import Budget, Sized, cut, cut_due, repeats, reserve_for
from stitcher.core.item import ROOT, Item
from stitcher.core.layout import (
    MOST_BREAKPOINTS,
    Piece,
    first_sent,
    laid_after,
    legal,
    mark,
    replaces,
    restore,
    settles,
)
from stitcher.core.log import Compacted, Entry, Head, Message, Node, Rebased, Rewound, Settled, Tree
from stitcher.core.tokens import Calibration
from stitcher.providers.models import binds_thinking, context_window
from stitcher.repeats import near_identical
from stitcher.wire.call import Call
from stitcher.wire.dialect import Dialect


@dataclass(frozen=True, slots=True)
class Terms:
    """What a plan depends on besides the log and the request."""

    thread: str
    now: float  # seconds since the epoch
    max_tokens: int
    keep: float
    owns_history: bool  # the client sends all of its history: nothing is put back
    may_cut: bool  # False for a client that manages its own context window
    calibration: Calibration = Calibration()
    exhausted: bool = False  # no more of the log will be read


@dataclass(frozen=True, slots=True)
class Plan:
    """What a request becomes."""

    alignment: Alignment
    entries: tuple[Entry, ...]  # to be in the log before the request leaves
    body: bytes
    untouched: bool  # the body is the client's own
    restored: int  # messages put back
    tokens: int  # estimate of what is sent, before calibration
    end: Node  # the last message sent: the answer's parent


@dataclass(frozen=True, slots=True)
class _Window:
    """What of the path and of the client's messages is sent."""

    path: Sequence[Node]  # put back
    steps: Sequence[Step]  # the client's own
    cut: Compacted | None  # a cut made now


def plan(tree: Tree, call: Call, dialect: Dialect, terms: Terms) -> Plan | None:
    """Plans a request. None: more of the log must be read first."""
    alignment = align(
        tree,
        terms.thread,
        call.items,
        owns_history=terms.owns_history,
        exhausted=terms.exhausted,
    )
    if alignment is None or not _known_enough(tree, alignment, terms):
        return None
    head = _head(tree, call, alignment, terms)
    budget = Budget(
        limit=terms.max_tokens,
        keep=terms.keep,
        head=terms.calibration.apply(_head_tokens(call, head)),
        reserve=reserve_for(call.answer_tokens, terms.max_tokens),
    )
    path = _left_out(tree, alignment, budget, terms)
    if path is None:
        return None
    window = _cut(tree, call, dialect, alignment, path, budget, terms)
    pieces = _pieces(tree, call, alignment, window, head, terms)
    entries = _entries(tree, call, alignment, window, terms)
    body = _body(call, dialect, tree, alignment, head, pieces)
    return Plan(
        alignment=alignment,
        entries=entries,
        body=body,
        untouched=body is call.body,
        restored=sum(piece.ours for piece in pieces),
        tokens=_head_tokens(call, head) + sum(piece.item.tokens for piece in pieces),
        end=_end(tree, alignment, entries),
    )


# ── the head ─────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Lent:
    """What of an earlier head a request without its own is given."""

    system: bytes | None
    tools: bytes | None
    digest: str


def _head(tree: Tree, call: Call, alignment: Alignment, terms: Terms) -> _Lent:
    """A thin request without a system prompt gets the last one; without tools, the last tools
    where the history has calls, which providers refuse without."""
    last = tree.heads.get(terms.thread)
    if last is None or alignment.habit not in ("thin", "retry") or terms.owns_history:
        return _Lent(None, None, call.head_digest)
    brings_history = any(step.item.role == "assistant" for step in alignment.steps)
    if brings_history:
        return _Lent(None, None, call.head_digest)
    calls = any(node.item.calls for node in tree.back_from(alignment.base))
    system = last.system if call.system is None else None
    tools = last.tools if call.tools is None and calls else None
    own = call.system is not None or call.tools is not None
    return _Lent(system, tools, call.head_digest if own else last.digest)


def _head_tokens(call: Call, lent: _Lent) -> int:
    size = len(lent.system or b"") + len(lent.tools or b"")
    return call.head_tokens + size // 3


# ── what is put back, and what is cut ────────────────────────────────────────────────────


def _known_enough(tree: Tree, alignment: Alignment, terms: Terms) -> bool:
    """True when the bytes first sent are at hand wherever they differ from the client's."""
    if terms.exhausted or tree.whole:
        return True
    laid = ""
    suspicious = False
    for step in alignment.steps:
        node = tree.nodes.get(step.chain)
        if not step.known:
            break
        if node is not None and alignment.base == ROOT and node.laid == laid:
            suspicious = False  # all before it renders as it did
        if node is None:
            suspicious = True
        laid = laid_after(laid, node.item.rendering if node else step.item.rendering)
    return not suspicious


def _left_out(
    tree: Tree, alignment: Alignment, budget: Budget, terms: Terms
) -> Sequence[Node] | None:
    """The path the client left out, from the window's start on; as much of it as could fit."""
    if terms.owns_history or alignment.base == ROOT:
        return ()
    window = tree.windows.get(terms.thread)
    path: list[Node] = []
    tokens = 0
    complete = False
    for node in tree.back_from(alignment.base):
        path.append(node)
        tokens += node.item.tokens
        complete = node.parent == ROOT or (window is not None and node.chain == window.start)
        if complete or terms.calibration.apply(tokens) > 2 * budget.room:
            complete = True
            break
    if not complete and not (terms.exhausted or tree.whole):
        return None
    path.reverse()
    return path


def _cut(
    tree: Tree,
    call: Call,
    dialect: Dialect,
    alignment: Alignment,
    path: Sequence[Node],
    budget: Budget,
    terms: Terms,
) -> _Window:
    steps = _since_last_cut(tree, alignment, terms)
    put_back = sum(node.item.tokens for node in path)
    sent = sum(step.item.tokens for step in steps)
    apply = terms.calibration.apply
    own_room = budget.room
    known = context_window(call.model)
    if known is not None:
        own_room = max(own_room, known - budget.head - budget.reserve)
    too_much_sent = terms.may_cut and apply(sent) > own_room
    in_loop = not any(step.item.starts_turn for step in steps)
    room = Budget(own_room, 1.0, 0, 0) if in_loop else replace(budget)
    if not too_much_sent and (not path or not cut_due(apply(put_back + sent), room)):
        return _Window(path, steps, None)
    sizes = [Sized(apply(node.item.tokens), node.item.starts_turn) for node in path]
    sizes += [Sized(apply(step.item.tokens), step.item.starts_turn) for step in steps]
    limits = (
        replace(budget, limit=own_room + budget.head + budget.reserve) if too_much_sent else budget
    )
    start = cut(sizes, limits)
    if not too_much_sent:
        start = min(start, len(path))
    kept_path, kept_steps = path[start:], steps[max(0, start - len(path)) :]
    first = kept_path[0].chain if kept_path else kept_steps[0].chain
    made = Compacted(
        thread=terms.thread,
        time=terms.now,
        start=first,
        at=alignment.base,
        stubs=_stubs(dialect, kept_path),
    )
    return _Window(kept_path, kept_steps, made)


def _since_last_cut(tree: Tree, alignment: Alignment, terms: Terms) -> Sequence[Step]:
    """The client's own messages; those before an earlier cut of them stay out."""
    window = tree.windows.get(terms.thread)
    if window is None or not terms.may_cut:
        return alignment.steps
    names = [step.chain for step in alignment.steps]
    if alignment.base == ROOT and window.start in names:
        start = names.index(window.start)
        if window.at == ROOT:  # a cut of what the client sent itself
            return alignment.steps[start:]
    return alignment.steps


def _stubs(dialect: Dialect, kept: Sequence[Node]) -> tuple[tuple[str, str], ...]:
    replies = []
    for node in kept:
        if node.item.role == "assistant" and not node.item.calls:
            said = dialect.text(node.item.raw)
            if said is not None:
                replies.append((node.chain, said, node.item.tokens))
    return repeats(replies, near_identical)


# ── what goes out ────────────────────────────────────────────────────────────────────────


def _pieces(
    tree: Tree, call: Call, alignment: Alignment, window: _Window, head: _Lent, terms: Terms
) -> list[Piece]:
    cut_made = window.cut or tree.windows.get(terms.thread)
    binds = binds_thinking(call.model)
    restored = restore(window.path, cut_made, head=head.digest, binds=binds)
    sent = first_sent(replace(alignment, steps=tuple(window.steps)), tree.nodes)
    return [*restored, *sent]


def _body(
    call: Call,
    dialect: Dialect,
    tree: Tree,
    alignment: Alignment,
    head: _Lent,
    pieces: list[Piece],
) -> bytes:
    as_sent = len(pieces) == len(alignment.steps) and all(
        piece.item is step.item for piece, step in zip(pieces, alignment.steps, strict=True)
    )
    if as_sent and head.system is None and head.tools is None:
        return call.body
    pieces = legal(pieces)
    ours = any(piece.ours for piece in pieces)
    if ours and not call.marks_messages:
        # One of the four is left for the end of the head, where the client marked nothing.
        free = MOST_BREAKPOINTS - call.breakpoints - (0 if call.breakpoints else 1)
        previous = tree.nodes.get(alignment.tip)
        pieces = mark(pieces, free=free, previous_end=previous.parent if previous else ROOT)
    messages = [raw for piece in pieces if (raw := dialect.change(piece)) is not None]
    body = dialect.build(call, system=head.system, tools=head.tools, messages=messages)
    return dialect.mark_head(body) if ours and not call.breakpoints else body


# ── what is written down ─────────────────────────────────────────────────────────────────


def _entries(
    tree: Tree, call: Call, alignment: Alignment, window: _Window, terms: Terms
) -> tuple[Entry, ...]:
    entries: list[Entry] = []
    if (head := _new_head(tree, call, terms)) is not None:
        entries.append(head)
    thread, now = terms.thread, terms.now
    if (to := alignment.turns_off) is not None:
        rebased = alignment.habit == "rebased"
        entries.append(Rebased(thread, now, to) if rebased else Rewound(thread, now, to))
    parent = tree.nodes.get(alignment.base)
    laid = laid_after(parent.laid, parent.item.rendering) if parent else ""
    depth, upto = (parent.depth, parent.upto) if parent else (0, 0)
    at = alignment.base
    for step in alignment.steps:
        node = tree.nodes.get(step.chain if step.known else step.same_as)
        goes_out = node.item if node is not None and replaces(node, step.item) else step.item
        depth, upto = depth + 1, upto + goes_out.tokens
        if step.known:
            if node is not None and _to_settle(node, step.item, terms):
                entries.append(Settled(thread, now, step.chain, step.item))
            if node is not None:
                depth, upto, laid = node.depth, node.upto, node.laid
        else:
            # Bytes that stand elsewhere already are named, not written again.
            again = node is not None and goes_out is node.item
            entries.append(
                Message(
                    thread=thread,
                    time=now,
                    chain=step.chain,
                    parent=at,
                    depth=depth,
                    upto=upto,
                    laid=laid,
                    item=None if again else goes_out,
                    same_as=step.same_as if again else "",
                    answer=goes_out.role == "assistant" and again,
                )
            )
        laid = laid_after(laid, goes_out.rendering)
        at = step.chain
    if window.cut is not None:
        entries.append(window.cut)
    return tuple(entries)


def _to_settle(node: Node, sent: Item, terms: Terms) -> bool:
    """A client that is never added to needs only what changes the prompt written down."""
    if not settles(node, sent):
        return False
    differs = node.item.rendering != sent.rendering or node.item.calls != sent.calls
    return differs or not terms.owns_history


def _new_head(tree: Tree, call: Call, terms: Terms) -> Head | None:
    if call.system is None and call.tools is None:
        return None
    last = tree.heads.get(terms.thread)
    if last is not None and last.digest == call.head_digest:
        return None
    return Head(
        thread=terms.thread,
        time=terms.now,
        dialect=call.dialect,
        digest=call.head_digest,
        system=call.system if call.system is not None or last is None else last.system,
        tools=call.tools if call.tools is not None or last is None else last.tools,
    )


def _end(tree: Tree, alignment: Alignment, entries: Sequence[Entry]) -> Node:
    """The last message sent, as it will stand on the tree."""
    after = Tree(nodes=dict(tree.nodes))
    for entry in entries:
        after.append(entry)
    return after.nodes[alignment.end]
