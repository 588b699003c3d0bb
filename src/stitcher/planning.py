"""From a request and what the log says to what is written down and what is sent. Pure.

The same log and the same request give the same plan on any machine. Where too little of the log
has been read, the plan is None: read more, ask again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from stitcher.core.align import TIP, Alignment, Step, align, said_again
from stitcher.core.compaction import Budget, Sized, cut, cut_due, repeats, reserve_for
from stitcher.core.item import ROOT
from stitcher.core.layout import (
    MOST_BREAKPOINTS,
    Change,
    Piece,
    first_sent,
    laid_after,
    legal,
    mark_ends,
    restore,
)
from stitcher.core.log import NO_HEAD, Compacted, Entry, Head, Node, Tree
from stitcher.core.tokens import Calibration
from stitcher.lending import Lent, keep_own, lend, native
from stitcher.providers.models import binds_thinking, context_window
from stitcher.recording import Place, Stamp, record
from stitcher.repeats import near_identical, read
from stitcher.wire.call import Call
from stitcher.wire.dialect import Dialect
from stitcher.wire.dialects import DIALECTS
from stitcher.wire.translation import translated

_NEAR = 512
"""Messages in which a side thread's beginning is sought.

Sub-agents and titles begin often, and beside a long conversation: to rule out that one was there
before would mean to read all of its log. What such a thread sends does not depend on it.
"""


@dataclass(frozen=True, slots=True)
class After:
    """The place that a request says it follows: an answer referred to by its id."""

    chain: str
    head: str = NO_HEAD  # digest of the head that answer was given under


@dataclass(frozen=True, slots=True)
class Terms:
    """What a plan depends on besides the log and the request."""

    thread: str
    now: float  # seconds since the epoch
    max_tokens: int
    keep: float
    owns_history: bool  # the client sends all of its history: nothing is put back
    may_cut: bool  # False for a client that manages its own context window
    calibration: Calibration  # where the thread's own log says nothing of the model
    exhausted: bool = False  # no more of the log will be read
    aside: bool = False  # a side thread: where nothing near is of it, it is taken for new
    after: After | None = None  # the API says where the messages stand: at this place,
    appends: bool = False  # or at the end of the path, whatever they look like
    held: bool = False  # the provider itself keeps what stands before the client's messages

    @property
    def placed(self) -> bool:
        """True where the API, not the messages, says what they follow."""
        return self.after is not None or self.appends


@dataclass(frozen=True, slots=True)
class Plan:
    """What a request becomes."""

    alignment: Alignment
    entries: tuple[Entry, ...]  # to be in the log before the request leaves
    body: bytes
    untouched: bool  # the body is the client's own
    restored: int  # messages put back
    tokens: int  # estimate of what is sent, before calibration
    end: Place  # the last message sent: the answer follows it
    head: str  # digest of the head it is sent under
    calibration: Calibration  # of the estimates it was made with
    forgets: bool = False  # the provider is known to keep no reasoning


@dataclass(frozen=True, slots=True)
class _Case:
    """A request laid against its thread: what the decisions below are made from."""

    tree: Tree
    call: Call
    dialect: Dialect
    terms: Terms
    alignment: Alignment
    lent: Lent

    @property
    def budget(self) -> Budget:
        terms = self.terms
        return Budget(
            limit=terms.max_tokens,
            keep=terms.keep,
            head=terms.calibration.apply(self.call.head_tokens + self.lent.tokens),
            reserve=reserve_for(self.call.answer_tokens, terms.max_tokens),
        )

    def tokens(self, messages: Sequence[Node] | Sequence[Step]) -> int:
        """Calibrated tokens of some messages."""
        return self.terms.calibration.apply(sum(message.item.tokens for message in messages))

    @property
    def window(self) -> Compacted | None:
        return self.tree.windows.get(self.terms.thread)

    @property
    def widest(self) -> Budget:
        """What the model takes bounds what the client sent; the budget, what we make of it."""
        known = context_window(self.call.model) or 0
        return replace(self.budget, limit=max(self.budget.limit, known))

    @property
    def forgets(self) -> bool:
        """True where reasoning that an id names was refused before, in this thread."""
        turn = self.tree.turns.get(self.terms.thread)
        return turn is not None and turn.forgets and turn.model == self.call.model

    @property
    def own_room(self) -> int:
        """Tokens of messages the client may send itself before any are cut."""
        return self.widest.room


@dataclass(frozen=True, slots=True)
class _Kept:
    """What of the path and of the client's messages is sent."""

    path: Sequence[Node]  # put back
    steps: Sequence[Step]  # the client's own
    cut: Compacted | None = None  # made now


def plan(tree: Tree, call: Call, dialect: Dialect, terms: Terms) -> Plan | None:
    """Plans a request. None: more of the log must be read first."""
    if terms.aside and terms.thread not in tree.tips and len(tree.nodes) >= _NEAR:
        terms = replace(terms, exhausted=True)
    call = _following(tree, call, dialect, terms.after)
    if terms.appends:
        again = said_again(tree, terms.thread, call.items, exhausted=terms.exhausted)
        if again is None:
            return None
        call = replace(call, items=call.items[again:])
    alignment = align(
        tree,
        terms.thread,
        call.items,
        owns_history=terms.owns_history,
        exhausted=terms.exhausted,
        follows=terms.after.chain if terms.after else TIP if terms.appends else None,
    )
    if alignment is None or not _knows_enough(tree, alignment, terms):
        return None
    terms = replace(terms, calibration=_calibration(tree, call, terms))
    last = native(tree.heads.get(terms.thread), dialect)
    lent = _lent(last, call, alignment, terms)
    case = _Case(tree, call, dialect, terms, alignment, replace(lent, tools=None))
    path = _left_out(case)
    if path is None:
        return None
    if _have_calls(path):
        case = replace(case, lent=lent)
    kept = _keep(case, path)
    if not _have_calls(kept.path):
        case = replace(case, lent=replace(lent, tools=None))
    pieces = _pieces(case, kept)
    body = call.body if terms.held else _body(case, pieces)
    recorded = record(
        tree,
        call,
        alignment,
        Stamp(terms.thread, terms.now),
        lent_from=None if terms.owns_history or terms.placed else last,
        lasting=not terms.owns_history,
    )
    cut_made = () if kept.cut is None else (kept.cut,)
    return Plan(
        alignment=alignment,
        entries=recorded.entries + cut_made,
        body=body,
        untouched=body is call.body,
        restored=len(kept.path),
        tokens=call.head_tokens
        + case.lent.tokens
        + sum(piece.tokens for piece in pieces)
        + (_upto(tree, alignment.base) if terms.held else 0),
        end=recorded.end,
        head=case.lent.digest,
        calibration=terms.calibration,
        forgets=case.forgets,
    )


def _following(tree: Tree, call: Call, dialect: Dialect, after: After | None) -> Call:
    """The call with what goes on of the head of the answer it follows."""
    if after is None:
        return call
    earlier = native(tree.heads_by_digest.get(after.head), dialect)
    system = earlier.system if earlier else None
    return dialect.continuing(call, system, begins=after.chain == ROOT)


def _calibration(tree: Tree, call: Call, terms: Terms) -> Calibration:
    """What the thread's newest turn says of the model, so that a restart changes no decision."""
    turn = tree.turns.get(terms.thread)
    if turn is None or not turn.ratio or turn.model != call.model:
        return terms.calibration
    return Calibration(turn.ratio, seen=1)


def _upto(tree: Tree, base: str) -> int:
    node = tree.nodes.get(base)
    return node.upto if node else 0


def _lent(last: Head | None, call: Call, alignment: Alignment, terms: Terms) -> Lent:
    """Tools go out only where what is put back has calls, which providers refuse without."""
    if terms.owns_history or terms.placed:
        return keep_own(call)
    if any(step.item.role == "assistant" for step in alignment.steps):
        return keep_own(call, none=NO_HEAD if last else "")
    return lend(last, call)


def _have_calls(path: Sequence[Node]) -> bool:
    return any(node.item.calls for node in path)


def _knows_enough(tree: Tree, alignment: Alignment, terms: Terms) -> bool:
    """True when no line further back could change the plan, what is put back aside."""
    if terms.exhausted:
        return True
    if terms.after is not None:
        known = terms.after.head in ("", NO_HEAD, *tree.heads_by_digest)
        return known or tree.whole
    if not terms.owns_history and not tree.knows_head(terms.thread):
        return False
    return tree.knows_window(terms.thread) and _knows_first_sent(tree, alignment)


def _knows_first_sent(tree: Tree, alignment: Alignment) -> bool:
    """True when the bytes first sent are at hand wherever they differ from the client's.

    A node keeps a digest of all renderings before it: where it is the client's too, nothing
    before the node needs to be read to know that nothing there has to be replaced.
    """
    if tree.whole or alignment.base != ROOT:
        return True
    known = [step for step in alignment.steps if step.known]
    laid, certain = "", not known or tree.knows_answer(known[-1].chain)
    for step in known if certain else ():
        node = tree.nodes.get(step.chain)
        if node is None:
            certain = False
        elif node.laid == laid and not tree.goes_on(node):
            certain = True
        laid = laid_after(laid, node.item.rendering if node else step.item.rendering)
    return certain


def _left_out(case: _Case) -> Sequence[Node] | None:
    """The path the client left out, from the window's start on; no more of it than could fit."""
    base, terms = case.alignment.base, case.terms
    if (terms.owns_history and not terms.placed) or terms.held or base == ROOT:
        return ()
    path: list[Node] = []
    enough = terms.exhausted or case.tree.whole
    tokens, far = 0, 2 * case.own_room
    for node in case.tree.back_from(base):
        path.append(node)
        tokens += node.item.tokens
        at_start = case.window is not None and node.chain == case.window.start
        # Twice what could be sent: a cut is due for certain, and the turn it falls on is at hand.
        plenty = terms.calibration.apply(tokens) > far and node.item.starts_turn
        if node.parent == ROOT or (terms.may_cut and (at_start or plenty)):
            enough = True
            break
    path.reverse()
    return path if enough else None


def _keep(case: _Case, path: Sequence[Node]) -> _Kept:
    """Decides whether the window is cut now, and where."""
    steps = _since_own_cut(case)
    if not case.terms.may_cut:
        return _Kept(path, steps)
    budget = case.budget
    overflows = case.tokens(steps) > case.own_room
    spoken = [step.item for step in steps if step.item.role != "system"]
    in_tool_loop = bool(spoken) and not spoken[-1].starts_turn
    # Inside a tool loop the prefix stays as it is for as long as the model can take it.
    measure = case.widest if in_tool_loop else budget
    total = case.tokens(path) + case.tokens(steps)
    if not overflows and not (path and cut_due(total, measure)):
        return _Kept(path, steps)
    apply = case.terms.calibration.apply
    sizes = [Sized(apply(node.item.tokens), node.item.starts_turn) for node in path]
    sizes += [Sized(apply(step.item.tokens), step.item.starts_turn) for step in steps]
    start = cut(sizes, case.widest) if overflows else min(cut(sizes, budget), len(path))
    if start == 0 and _begins_the_window(case, path, steps):
        return _Kept(path, steps)  # one turn, too large: there is nothing to leave out
    kept_path, kept_steps = path[start:], steps[max(0, start - len(path)) :]
    made = Compacted(
        thread=case.terms.thread,
        time=case.terms.now,
        start=kept_path[0].chain if kept_path else kept_steps[0].chain,
        at=case.alignment.base,
        stubs=_stubs(kept_path),
    )
    return _Kept(kept_path, kept_steps, made)


def _begins_the_window(case: _Case, path: Sequence[Node], steps: Sequence[Step]) -> bool:
    first = path[0].chain if path else steps[0].chain
    if case.window is not None and case.window.start == first:
        return True
    return path[0].parent == ROOT if path else case.alignment.base == ROOT


def _since_own_cut(case: _Case) -> Sequence[Step]:
    """The client's own messages, without those an earlier cut of them left out."""
    steps, window = case.alignment.steps, case.window
    # A cut made while the client sent everything itself was one of its own messages.
    if window is None or not case.terms.may_cut or window.at != ROOT:
        return steps
    start = next((n for n, step in enumerate(steps) if step.chain == window.start), 0)
    return steps[start:] if case.alignment.base == ROOT else steps


def _stubs(kept: Sequence[Node]) -> tuple[tuple[str, str], ...]:
    replies = []
    for node in kept:
        if node.item.role == "assistant" and not node.item.calls:
            said = DIALECTS[node.item.dialect].text(node.item.raw)
            if said is not None:
                replies.append((node.chain, read(said), node.item.tokens))
    return repeats(replies, near_identical)


def _pieces(case: _Case, kept: _Kept) -> list[Piece]:
    restored = restore(
        kept.path,
        kept.cut or case.window,
        head=case.lent.digest,
        binds=binds_thinking(case.call.model),
    )
    # What the provider was told to forget cannot be named to it.
    if not case.call.stores or case.forgets:
        restored = [_portable(piece) for piece in restored]
    sent = first_sent(replace(case.alignment, steps=tuple(kept.steps)), case.tree.nodes)
    return [*restored, *sent]


def _body(case: _Case, pieces: list[Piece]) -> bytes:
    call, lent, steps = case.call, case.lent, case.alignment.steps
    as_sent = len(pieces) == len(steps) and all(
        piece.item is step.item for piece, step in zip(pieces, steps, strict=True)
    )
    if as_sent and lent.system is None and lent.tools is None and not case.terms.placed:
        return call.body
    named = frozenset(answer for step in steps for answer in step.item.answers)
    pieces = translated(pieces, case.dialect, DIALECTS.__getitem__, keep_ids=named)
    pieces = legal(pieces)
    ours = any(piece.ours for piece in pieces)
    marks = call.breakpoints + lent.breakpoints
    if ours and not call.marks_messages:
        # One of the four is left for the end of the head, where the client marked nothing.
        free = MOST_BREAKPOINTS - marks - (0 if marks else 1)
        tip = case.tree.nodes.get(case.alignment.tip)
        pieces = mark_ends(pieces, free=free, previous_end=tip.parent if tip else ROOT)
    messages = _with_asides(call, [case.dialect.change(piece) for piece in pieces])
    body = case.dialect.build(call, system=lent.system, tools=lent.tools, messages=messages)
    return case.dialect.mark_head(body) if ours and not marks else body


def _portable(piece: Piece) -> Piece:
    return replace(piece, change=piece.change | Change.NO_THINKING) if piece.item.thinks else piece


def _with_asides(call: Call, messages: Sequence[bytes | None]) -> list[bytes]:
    """The messages that are left, and among the client's own what it says this time only."""
    first = len(messages) - len(call.items)  # of the client's own; below 0 where some are cut off
    made: list[bytes] = []
    for n, message in enumerate([*messages, None]):
        made += [aside.raw for aside in call.asides if first + aside.before == n]
        if message is not None:
            made.append(message)
    return made
