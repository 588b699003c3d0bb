"""A planned request and the provider's cache: breakpoints of ours, and what to expect. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from stitcher.core.breakpoints import MOST_BREAKPOINTS
from stitcher.core.economics import long_lifetime_pays
from stitcher.core.layout import Piece
from stitcher.core.ledger import CacheState
from stitcher.forecast import Forecast, Outgoing, forecast, lifetimes
from stitcher.window import Case, Kept


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it goes out."""

    pieces: Sequence[Piece]
    body: bytes
    head_marked: int = 0  # seconds that a breakpoint of ours at the head's end asks for
    as_sent: bool = False  # nothing is put back, replaced or left out
    breakpoints: bool = False  # some of ours are set


def foreseen(case: Case, kept: Kept, sent: Sent, tokens: int) -> Forecast:
    """What the provider's cache should make of the request, an estimated `tokens` long."""
    return forecast(
        _outgoing(case, kept, sent, tokens),
        case.last,
        case.rules,
        case.alignment,
        calibration=case.terms.calibration,
        now=case.terms.now,
    )


def free_breakpoints(case: Case, *, ours: bool) -> int:
    """How many breakpoints of ours a request may get at most.

    None where the client marks messages itself, or the model's cache has none. Where nothing is put
    back (`ours`) a client that marks anything manages its cache; one that marks nothing gets ours
    once its conversation has gone on: what is written and never read again costs a quarter more.
    """
    call, taken = case.call, case.call.breakpoints + case.lent.breakpoints
    if not case.rules.lookback or call.marks_messages or not case.terms.breakpoints:
        return 0
    if not ours:
        goes_on = case.state.requests and any(step.known for step in case.alignment.steps)
        tokens = case.terms.calibration.apply(case.head.tokens) + case.tokens(
            (), case.alignment.steps
        )
        if taken or not goes_on or tokens < case.rules.minimum:
            return 0
    return MOST_BREAKPOINTS - taken


def lifetime(case: Case) -> int:
    """Seconds that breakpoints of ours ask for.

    What is warm keeps the lifetime it has: an entry that is read under a longer marker does not
    live for longer. Long ones must stand before short ones, and the client's head is in front.
    """
    short, long = (case.rules.lifetimes * 2)[:2]
    if case.call.breakpoints + case.lent.breakpoints:
        heads = (case.call.system, case.call.tools, case.lent.system, case.lent.tools)
        if any(lifetimes(part) == short.seconds for part in heads):
            return short.seconds
    state = case.state
    if state.held and not case.cold:
        return state.held[0].lifetime
    gaps = (state.gaps.short, state.gaps.middling, state.gaps.long)
    prompt = case.last.tokens if case.last else 0
    pays = long_lifetime_pays(
        prompt=prompt,
        added=prompt // max(1, state.requests),
        gaps=gaps,
        read=case.rules.read,
        short=short.write,
        long=long.write,
    )
    return long.seconds if pays else short.seconds


def _outgoing(case: Case, kept: Kept, sent: Sent, tokens: int) -> Outgoing:
    call = case.call
    window = kept.cut or case.window
    automatic = call.members.get("cache_control") if case.rules.lookback else None
    return Outgoing(
        head=replace(case.head, marked=sent.head_marked),
        pieces=sent.pieces,
        tokens=tokens,
        window=window.start if window else "",
        dialect=call.dialect,
        automatic=lifetimes(b'"cache_control":' + call.body[automatic.start : automatic.end])
        if automatic
        else 0,
        held_above=_upto(case),
    )


def state_before(case: Case, kept: Kept) -> CacheState:
    """What the thread's next turn will say of its cache, before the provider has answered."""
    state, last = case.state, case.last
    messages = case.tokens(kept.path, kept.steps)
    surplus = max(0, messages - case.budget.guaranteed)
    gaps = state.gaps
    if last is not None:
        sent_at = state.held[0].used if state.held else last.time
        short, long = (case.rules.lifetimes * 2)[:2]
        since = case.terms.now - sent_at
        gaps = gaps.after(since, short=short.seconds, long=long.seconds)
    carried = surplus if kept.cut else state.carried + surplus
    return replace(state, carried=carried, gaps=gaps)


def _upto(case: Case) -> int:
    """Tokens that the provider itself puts before the client's messages."""
    node = case.tree.nodes.get(case.alignment.base)
    return node.upto if node and case.terms.held else 0
