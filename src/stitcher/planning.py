"""From a request and what the log says to what is written down and what is sent. Pure.

The same log and the same request give the same plan on any machine. Where too little of the log
has been read, the plan is None: read more, ask again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from stitcher.cache_plan import (
    Sent,
    carried_after,
    foreseen,
    free_breakpoints,
    held_above,
    with_breakpoints,
    with_openais,
)
from stitcher.core.align import TIP, Alignment, align, said_again
from stitcher.core.item import ROOT
from stitcher.core.layout import (
    Change,
    Piece,
    first_sent,
    laid_after,
    legal,
    restore,
)
from stitcher.core.ledger import CacheState, Carried
from stitcher.core.log import NO_HEAD, Entry, Head, Node, Tree
from stitcher.core.tokens import Calibration
from stitcher.forecast import Forecast
from stitcher.lending import Lent, keep_own, lend, native
from stitcher.providers.models import binds_thinking
from stitcher.recording import Place, Stamp, record
from stitcher.terms import After, Terms
from stitcher.window import Case, Kept, keep, left_out
from stitcher.wire import anthropic
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
class Plan:
    """What a request becomes."""

    alignment: Alignment
    entries: tuple[Entry, ...]  # to be in the log before the request leaves
    body: bytes
    untouched: bool  # the body is the client's own
    marked: bool  # nothing is done to it but to set cache breakpoints
    restored: int  # messages put back
    tokens: int  # estimate of what is sent, before calibration
    forecast: Forecast  # what the provider's cache should make of it
    cache: CacheState  # what the turn before said of it
    carried: Carried  # and what this request adds to that
    end: Place  # the last message sent: the answer follows it
    head: str  # digest of the head it is sent under
    calibration: Calibration  # of the estimates it was made with
    added: frozenset[str] = frozenset()  # members of ours that a provider might not know
    forgets: bool = False  # the provider is known to keep no reasoning
    head_before: Head | None = None  # what a new head takes the place of, where heads are lent


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
    case = Case(tree, call, dialect, terms, alignment, replace(lent, tools=None))
    path = left_out(case)
    if path is None:
        return None
    if _have_calls(path):
        case = replace(case, lent=lent)
    kept = keep(case, path)
    if not _have_calls(kept.path):  # a provider refuses calls without their tools
        case = replace(case, lent=replace(lent, tools=None))
    pieces = _pieces(case, kept)
    sent = Sent(pieces, call.body) if terms.held else _sent(case, pieces)
    recorded = record(
        tree,
        call,
        alignment,
        Stamp(terms.thread, terms.now),
        lent_from=None if terms.owns_history or terms.placed else last,
        lasting=not terms.owns_history,
    )
    cut_made = () if kept.cut is None else (kept.cut,)
    tokens = held_above(case) + case.head.tokens + sum(piece.tokens for piece in pieces)
    return Plan(
        alignment=alignment,
        entries=recorded.entries + cut_made,
        body=sent.body,
        untouched=sent.body is call.body,
        marked=sent.as_sent and bool(sent.added),
        restored=len(kept.path),
        tokens=tokens,
        forecast=foreseen(case, kept, sent, tokens),
        cache=case.state,
        carried=carried_after(case, kept),
        end=recorded.end,
        head=case.lent.digest,
        calibration=terms.calibration,
        added=sent.added,
        forgets=case.forgets,
        head_before=None if terms.owns_history else _replaced(tree, recorded.entries),
    )


def _replaced(tree: Tree, entries: Sequence[Entry]) -> Head | None:
    """The head before one that is written now."""
    new = next((entry for entry in entries if isinstance(entry, Head)), None)
    if new is None:
        return None
    none = Head(new.thread, new.time, new.dialect, NO_HEAD, None, None)
    before = tree.heads.get(new.thread, none)
    return None if before.digest == new.digest else before


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


def _lent(last: Head | None, call: Call, alignment: Alignment, terms: Terms) -> Lent:
    """Of the last head, for a request that neither brings its history nor says where it stands."""
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
        head = terms.after.head
        if not tree.knows_turn(terms.thread):
            return False
        return tree.whole or head in ("", NO_HEAD) or head in tree.heads_by_digest
    if not terms.owns_history and not tree.knows_head(terms.thread):
        return False
    known = tree.knows_turn(terms.thread) and tree.knows_window(terms.thread)
    return known and _knows_first_sent(tree, alignment)


def _knows_first_sent(tree: Tree, alignment: Alignment) -> bool:
    """True when the bytes first sent are at hand wherever they differ from the client's.

    A node keeps a digest of all renderings before it: where it is the client's too, nothing
    before the node needs to be read to know that nothing there has to be replaced.
    """
    if tree.whole or alignment.base != ROOT:
        return True
    laid, certain = "", True
    for step in alignment.steps:
        if not step.known:
            break
        node = tree.nodes.get(step.chain)
        if node is None:
            certain = False
        elif node.laid == laid and not tree.goes_on(node):
            certain = True
        laid = laid_after(laid, node.item.rendering if node else step.item.rendering)
    return certain


def _pieces(case: Case, kept: Kept) -> list[Piece]:
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


def _sent(case: Case, pieces: list[Piece]) -> Sent:
    """The pieces as they go out, and the body they go out in."""
    call, lent, steps = case.call, case.lent, case.alignment.steps
    as_sent = len(pieces) == len(steps) and all(
        piece.item is step.item for piece, step in zip(pieces, steps, strict=True)
    )
    as_sent = as_sent and lent.system is None and lent.tools is None and not case.terms.placed
    if as_sent and not free_breakpoints(case, ours=False):
        return Sent(pieces, call.body)
    named = frozenset(answer for step in steps for answer in step.item.answers)
    pieces = translated(pieces, case.dialect, DIALECTS.__getitem__, keep_ids=named)
    pieces = legal(pieces)
    ours = any(piece.ours for piece in pieces)
    marked = with_breakpoints(case, pieces, ours=ours)
    messages = _with_asides(call, [case.dialect.change(piece) for piece in marked.pieces])
    body = case.dialect.build(call, system=lent.system, tools=lent.tools, messages=messages)
    if marked.head:
        body = case.dialect.mark_head(body, marked.head)
    added = frozenset({anthropic.MARKER} if marked.asked_for else ())
    sent = Sent(marked.pieces, body, marked.head, as_sent=as_sent, added=added)
    return with_openais(case, sent)


def _portable(piece: Piece) -> Piece:
    return replace(piece, change=piece.change | Change.NO_THINKING) if piece.item.thinks else piece


def _with_asides(call: Call, messages: Sequence[bytes | None]) -> list[bytes]:
    """The messages that are left, and among the client's own what it says this time only."""
    if not call.asides:
        return [message for message in messages if message is not None]
    first = len(messages) - len(call.items)  # of the client's own; below 0 where some are cut off
    made: list[bytes] = []
    for n, message in enumerate([*messages, None]):
        made += [aside.raw for aside in call.asides if first + aside.before == n]
        if message is not None:
            made.append(message)
    return made
