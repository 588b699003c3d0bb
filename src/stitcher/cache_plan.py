"""A planned request and the provider's cache: breakpoints of ours, and what to expect. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from stitcher.core.breakpoints import MOST_BREAKPOINTS
from stitcher.core.economics import long_lifetime_pays
from stitcher.core.item import ROOT
from stitcher.core.layout import Piece, mark_ends
from stitcher.core.ledger import Carried
from stitcher.forecast import Forecast, forecast
from stitcher.prefixes import part_of
from stitcher.prompt_ends import Outgoing
from stitcher.window import Case, Kept
from stitcher.wire import anthropic
from stitcher.wire.openai_caching import BREAKPOINT, CACHE_KEY, implicit_lifetime


@dataclass(frozen=True, slots=True)
class Marked:
    """Pieces with breakpoints of ours, and the seconds that those ask for; 0 for none."""

    pieces: Sequence[Piece]
    asked_for: int = 0
    head: int = 0  # those at the head's ends, which are not set yet


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it goes out."""

    pieces: Sequence[Piece]
    body: bytes
    head_marked: int = 0  # seconds that a breakpoint of ours at the head's end asks for
    as_sent: bool = False  # nothing is put back, replaced or left out
    added: frozenset[str] = frozenset()  # members of ours that a provider might not know


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

    None where the client marks messages itself, or the model's cache or the API has none of them.
    Where nothing is put back (`ours`) a client that marks anything manages its cache; one that
    marks nothing gets ours once its conversation has gone on: what is written and never read again
    costs a quarter more.
    """
    marks = case.terms.breakpoints and case.dialect.NAME == anthropic.NAME
    if not marks or not case.rules.lookback or case.call.marks_messages:
        return 0
    taken = case.call.breakpoints + case.lent.breakpoints
    if not ours:
        goes_on = case.state.requests and any(step.known for step in case.alignment.steps)
        tokens = case.terms.calibration.apply(case.head.tokens) + case.tokens(
            (), case.alignment.steps
        )
        if taken or not goes_on or tokens < case.rules.minimum:
            return 0
    return MOST_BREAKPOINTS - taken


def with_breakpoints(case: Case, pieces: Sequence[Piece], *, ours: bool) -> Marked:
    """The pieces with breakpoints of ours, where they may have any.

    Where the client marked nothing two of them are for the head: tools and system prompt.
    """
    free = free_breakpoints(case, ours=ours)
    if not free:
        return Marked(pieces)
    asked_for = lifetime(case)
    marked = mark_ends(  # two at most: with those of the head never more than may be
        pieces,
        free=free,
        previous_end=case.last.of if case.last else ROOT,
        lookback=case.rules.lookback,
        lifetime=asked_for,
    )
    return Marked(marked, asked_for, asked_for if free == MOST_BREAKPOINTS else 0)


def with_openais(case: Case, sent: Sent) -> Sent:
    """A request with what OpenAI takes besides: a mark at the end of the head, or a key."""
    asked_for, key = openais(case, sent.pieces)
    marked = case.dialect.mark_head(sent.body, asked_for) if asked_for else sent.body
    keyed = case.dialect.with_key(marked, key) if key else marked
    if keyed is sent.body:
        return sent
    added = [BREAKPOINT] if marked is not sent.body else []
    added += [CACHE_KEY] if keyed is not marked else []
    head_marked = asked_for if BREAKPOINT in added else sent.head_marked
    return replace(sent, body=keyed, head_marked=head_marked, added=frozenset(added))


def openais(case: Case, pieces: Sequence[Piece]) -> tuple[int, str]:
    """Seconds that a mark at the head's end asks for, and the key; 0 and "" for none."""
    marks = _marks_openais_head(case, pieces)
    return case.rules.lifetimes[0].seconds if marks else 0, _cache_key(case)


def _marks_openais_head(case: Case, pieces: Sequence[Piece]) -> bool:
    """True where the end of the head should get an explicit breakpoint of OpenAI's.

    OpenAI, "Prompt caching", 2026-09-23: of two requests that share no more than their developer
    messages neither finds the other's, unless there was an explicit breakpoint. Of its two
    lifetimes the longer is in the types of one of its APIs only.
    """
    has_them = case.rules.scheme == "boundaries" and case.dialect.NAME != anthropic.NAME
    if not has_them or not case.terms.breakpoints:
        return False
    if case.call.breakpoints + case.lent.breakpoints:
        return False
    # Taken before calibration, which moves: a head is marked in all requests or in none.
    long_enough = case.head.tokens >= case.rules.minimum
    return long_enough and any(piece.ours for piece in pieces)


def _cache_key(case: Case) -> str:
    """The key of ours that a request gets; "" for none.

    OpenAI, "Prompt caching", 2026-09-23: requests are routed by their first tokens and the key.
    From GPT-5.6 on a key is not needed for that, and parts the cache.
    """
    routes = case.rules.family == "openai" and case.rules.scheme == "blocks"
    return case.terms.cache_key if routes else ""


def lifetime(case: Case) -> int:
    """Seconds that breakpoints of ours ask for.

    What is warm keeps the lifetime it has: an entry that is read under a longer marker does not
    live for longer. Long ones must stand before short ones, and the client's head is in front.
    """
    short, long = (case.rules.lifetimes * 2)[:2]
    if case.call.breakpoints or case.lent.breakpoints:
        heads = (case.call.system, case.call.tools, case.lent.system, case.lent.tools)
        if any(part_of(part).lifetime == short.seconds for part in heads):
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
    window = kept.cut or case.window
    return Outgoing(
        head=case.head,
        pieces=sent.pieces,
        tokens=tokens,
        window=window.start if window else "",
        dialect=case.call.dialect,
        automatic=_automatic(case),
        head_marked=sent.head_marked,
        held_above=held_above(case),
    )


def _automatic(case: Case) -> int:
    """Seconds that a breakpoint asks for which stands on no message by name; 0 for none."""
    call = case.call
    if case.rules.scheme == "boundaries":
        return implicit_lifetime(call)
    found = call.members.get("cache_control") if case.rules.lookback else None
    if found is None:
        return 0
    return part_of(b'{"cache_control":' + call.body[found.start : found.end] + b"}").lifetime


def carried_after(case: Case, kept: Kept) -> Carried:
    """What the request adds to what the thread's requests have carried, whatever its answer."""
    state, last = case.state, case.last
    surplus = max(0, case.tokens(kept.path, kept.steps) - case.budget.guaranteed)
    gaps = state.gaps
    if last is not None:
        # Not when an entry was used last: that may have been to keep it alive.
        since = case.terms.now - (state.sent or last.time)
        short, long = (case.rules.lifetimes * 2)[:2]
        gaps = gaps.after(since, short=short.seconds, long=long.seconds)
    return Carried(surplus if kept.cut else state.carried + surplus, gaps)


def held_above(case: Case) -> int:
    """Tokens that the provider itself puts before the client's messages."""
    node = case.tree.nodes.get(case.alignment.base) if case.terms.held else None
    return node.upto if node else 0
