"""What the provider's cache will make of a planned request, and why it will not read more. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from stitcher.core.align import Alignment
from stitcher.core.ledger import (
    NOTHING_KNOWN,
    CacheState,
    Carried,
    Cause,
    End,
    Finding,
    Held,
    Ledger,
    Prediction,
)
from stitcher.core.log import Turn
from stitcher.core.tokens import Calibration
from stitcher.prefixes import NAMED, Names, is_of, names_of, parts_of
from stitcher.prompt_ends import Outgoing, ends_of
from stitcher.providers.caching import CacheRules
from stitcher.providers.usage import CacheUsage

MOST_HELD: Final = 6
"""Entries written with a turn: the ends of the last few, and of what stands before the messages."""

# Where an entry may end anywhere, what two prompts have in common is one.
_WRITES_ANYWHERE: Final = ("prefix", "blocks", "message_ends")
_NEAR: Final = 0.25  # of what was expected: what is farther off must have been another end


@dataclass(frozen=True, slots=True)
class Forecast:
    """The prompt's ends, and what is to be expected of them."""

    ends: tuple[End, ...]
    finding: Finding
    prediction: Prediction
    cause: Cause
    parts: tuple[str, str, str]  # digests of tools, system prompt and parameters
    names: Names
    rules: CacheRules

    @property
    def written_upto(self) -> str:
        """The key of the last end at which the provider writes; "" for none."""
        for end in reversed(self.ends):
            if end.lifetime and end.tokens >= self.finding.minimum:
                return end.key
        return ""


@dataclass(frozen=True, slots=True)
class Answered:
    """What is known of an answer: when it came, what it says of the cache, where it stands."""

    at: float
    usage: CacheUsage | None
    chain: str = ""  # of its last message; "" where there is none, or not all of it
    tokens: int | None = None  # as they will stand in the next prompt; None where that is not known


def forecast(
    sent: Outgoing,
    last: Turn | None,
    rules: CacheRules,
    alignment: Alignment,
    *,
    calibration: Calibration,
    now: float,
) -> Forecast:
    """What is to be expected of a request, after the thread's last turn."""
    state = last.cache if last else NOTHING_KNOWN
    parts = parts_of(sent.head)
    finding = _finding(rules)
    ledger = Ledger(state.held)
    names = names_of(sent.head, sent.dialect, sent.window)
    if rules.scheme in _WRITES_ANYWHERE:
        ledger = _with_common(ledger, sent, names, alignment)
    known = {held.key: held.tokens if held.exact else None for held in ledger.held}
    ends = ends_of(sent, rules, names, known, calibration)
    prediction = ledger.predict(ends, finding, now)
    newest = state.held[0].key if state.held else ""
    cause: Cause = ""
    if prediction.found != newest or not newest:
        cause = _cause(sent, last, (parts, names), alignment, (ends, finding, now))
    return Forecast(ends, finding, prediction, cause, parts, names, rules)


def _finding(rules: CacheRules) -> Finding:
    return Finding(
        rules.lookback,
        rules.minimum,
        block=rules.block if rules.scheme == "blocks" else rules.rounding,
        # What can be read to the token is computed anew to go on from (vLLM docs, 2026-11).
        computed=1 if rules.scheme == "prefix" else 0,
        free=rules.write == 1.0,
        renews_earlier=rules.assumptions.hit_refreshes_earlier,
    )


def _with_common(ledger: Ledger, sent: Outgoing, names: Names, alignment: Alignment) -> Ledger:
    """A cache that reads any prefix has all ends of what it holds, also where the paths part."""
    at = alignment.turns_off
    if at is None or not ledger.held:
        return ledger
    newest, key = ledger.held[0], names.message(at)
    if not is_of(newest, names.context) or any(held.key == key for held in ledger.held):
        return ledger
    upto = sent.held_above + sent.head.tokens
    for piece in sent.pieces:
        upto += piece.tokens
        if piece.chain == at:
            common = Held(key, upto, newest.lifetime, newest.used, newest.visible)
            return Ledger((*ledger.held, common))
    return ledger


# ── why not more ─────────────────────────────────────────────────────────────────────────


def _cause(
    sent: Outgoing,
    last: Turn | None,
    names: tuple[tuple[str, str, str], Names],
    alignment: Alignment,
    when: tuple[Sequence[End], Finding, float],
) -> Cause:
    """Why the end of the last prompt will not be read, by the first reason that is enough."""
    (ends, finding, now), (parts, prefixes) = when, names
    if last is None or last.cache == NOTHING_KNOWN:
        return "first"
    state = last.cache
    before = (last.model, state.tools, state.system, state.settings)
    changed: tuple[Cause, ...] = (
        "model changed",
        "tools changed",
        "system changed",
        "parameters changed",
    )
    for cause, was, now_is in zip(changed, before, (sent.head.model, *parts), strict=True):
        if was != now_is:
            return cause
    if not state.held:
        return "below minimum" if last.tokens < finding.minimum else "no breakpoint"
    newest = state.held[0]
    if now >= newest.used + newest.lifetime:
        return "expired"
    # All else is as it was: another context is another beginning of the window.
    stands_before = len(newest.key) <= NAMED
    if not (stands_before or is_of(newest, prefixes.context)) or last.window != sent.window:
        return "cut"
    end = next((end for end in ends if end.key == newest.key), None)
    if end is None:
        return _moved(alignment)
    return "below minimum" if end.tokens < finding.minimum else "look-back exceeded"


def _moved(alignment: Alignment) -> Cause:
    """How the client left its own path."""
    if alignment.habit == "rebased":
        return "rebased"
    new = [step for step in alignment.steps if not step.known]
    return "edited" if alignment.turns_off is not None and len(new) == 1 else "rewound"


# ── what is known afterwards ─────────────────────────────────────────────────────────────


def state_after(
    made: Forecast, before: CacheState, carried: Carried, answered: Answered, *, sent_at: float
) -> CacheState:
    """What is known once the provider has answered and has said what its cache did."""
    usage, cause = answered.usage, made.cause
    counted = None if usage is None else _counted(made, usage)
    ledger = Ledger(before.held)
    if counted != 0:  # it would have written something: the prompt was too short after all
        ledger = ledger.sent(made.ends, made.finding, now=sent_at, answered=answered.at)
    if counted and made.written_upto:
        ledger = ledger.corrected(made.written_upto, counted, made.finding)
    if usage is not None and _was_found(made, before, usage.read):
        ledger = ledger.corrected(made.prediction.found, usage.read, made.finding)
    if usage is not None and not cause and usage.read < made.prediction.read:
        cause = "lost"
    if made.rules.writes_answers:
        ledger = _with_answer(ledger, made, answered, sent_at)
    tools, system, settings = made.parts
    return CacheState(
        requests=before.requests + 1,
        carried=carried.tokens,
        gaps=carried.gaps,
        tools=tools,
        system=system,
        settings=settings,
        held=ledger.newest(MOST_HELD).held,
        predicted=made.prediction.read,
        cause=cause,
        sent=sent_at,
    )


def _counted(made: Forecast, usage: CacheUsage) -> int:
    """Tokens up to the last end that is written, as the provider has counted them.

    Where it writes at ends only, that is what was read and written; where it writes any prefix, it
    is the whole prompt.
    """
    counted = usage.read + usage.written
    if made.finding.lookback:
        return counted
    # A router may pass on what was read only.
    tells = usage.written or not made.prediction.written
    return counted if made.rules.scheme == "boundaries" and tells else counted + usage.plain


def _was_found(made: Forecast, before: CacheState, read: int) -> bool:
    """True where the provider has read up to the end that was expected, so far as can be seen."""
    expected = made.prediction.read
    if made.rules.scheme in ("prefix", "blocks") or abs(read - expected) > expected * _NEAR:
        return False  # such a cache may read on behind any end
    found = made.prediction.found
    estimated = any(entry.key == found and not entry.exact for entry in before.held)
    if not read or not estimated:
        return False
    held = {entry.key for entry in before.held}
    ends = [end for end in made.ends if end.key in held]
    return min(ends, key=lambda end: abs(end.tokens - read)).key == found


def _with_answer(ledger: Ledger, made: Forecast, answered: Answered, sent_at: float) -> Ledger:
    """With the answer, where the provider writes what it says too: the newest of all.

    The few tokens that frame a message in the next prompt are not among those it counts as said.
    """
    usage = answered.usage
    if usage is None or not answered.chain or not answered.tokens:
        return ledger
    tokens = usage.read + usage.written + usage.plain + answered.tokens
    if tokens < made.finding.minimum:
        return ledger
    key, lifetime = made.names.message(answered.chain), made.rules.lifetimes[0].seconds
    end = End(key, tokens, lifetime=lifetime)
    return ledger.said(end, now=sent_at, answered=answered.at)
