"""What the provider's cache will make of a planned request, and why it will not read more. Pure.

A prefix is named by its last message and by all that decides a hit beside the messages: model,
tools, system prompt, parameters, and where the window begins. No prompt is hashed for it: whatever
was sent once goes out as it did.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from stitcher.core.align import Alignment
from stitcher.core.item import digest
from stitcher.core.layout import Piece
from stitcher.core.ledger import (
    NOTHING_KNOWN,
    CacheState,
    Cause,
    End,
    Finding,
    Held,
    Ledger,
    Prediction,
)
from stitcher.core.log import Turn
from stitcher.core.tokens import Calibration, estimate
from stitcher.providers.caching import CacheRules
from stitcher.providers.usage import CacheUsage
from stitcher.wire.call import Call

MOST_HELD: Final = 8
"""Entries written with a turn: the ends of the last few, and of what stands before the messages."""

_CHAIN: Final = 16  # hex digits of a chain that name a message within one thread
_CONTEXT: Final = 8
_MARKER: Final = re.compile(rb',?\s*"cache_control"\s*:\s*\{[^{}]*\}')
# Told apart by themselves.
_NOT_PARAMETERS: Final = frozenset({"model", "system", "tools"})
# What stands before the messages is far from them, whatever the look-back.
_BEFORE: Final = -1_000_000


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before the messages, and the parameters that a prefix depends on."""

    model: str
    tools: bytes | None
    system: bytes | None
    settings: str  # digest
    tokens: int  # of both, before calibration
    marked: int = 0  # seconds that our own breakpoint at its end asks for; 0 for none


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request as it will be sent."""

    head: Head
    pieces: Sequence[Piece]
    window: str  # chain of the message its window begins with; "" where it was never cut
    dialect: str
    automatic: int = 0  # seconds that a breakpoint of the client's for the whole request asks for
    held_above: int = 0  # tokens that the provider itself puts before the pieces
    tokens: int = 0  # of all that the provider reads, before calibration


@dataclass(frozen=True, slots=True)
class _Names:
    """Of the prefixes that end before the messages; `context` is the end of the others' names."""

    tools: str
    system: str
    context: str


@dataclass(frozen=True, slots=True)
class Forecast:
    """The prompt's ends, and what is to be expected of them."""

    ends: tuple[End, ...]
    finding: Finding
    prediction: Prediction
    cause: Cause
    parts: tuple[str, str, str]  # digests of tools, system prompt and parameters
    context: str  # digest of all that decides a hit beside the messages
    writes_answers: bool  # the provider writes what it says, too

    @property
    def written_upto(self) -> str:
        """The key of the last end at which the provider writes; "" for none."""
        marked = [e for e in self.ends if e.lifetime and e.tokens >= self.finding.minimum]
        return marked[-1].key if marked else ""


def settings_of(call: Call, rules: CacheRules) -> str:
    """A digest of the parameters that a prefix depends on, as the client wrote them."""
    found = [(name, call.members[name]) for name in _parameters(rules) if name in call.members]
    if not found:
        return ""
    told = [name.encode() + call.body[member.start : member.end] for name, member in found]
    return digest(b"\0".join(told))[:_CHAIN]


@lru_cache(maxsize=256)
def _parameters(rules: CacheRules) -> tuple[str, ...]:
    names = {loss.change.partition(".")[0] for loss in rules.losses}
    return tuple(sorted(names - _NOT_PARAMETERS))


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
    block = rules.block if rules.scheme == "blocks" else rules.rounding
    finding = Finding(rules.lookback, rules.minimum, block)
    ledger = Ledger(state.held)
    names = _names(sent.head, sent.dialect, sent.window)
    if not rules.lookback:
        ledger = _with_common(ledger, sent, names.context, alignment)
    ends = _ends(sent, rules, names, ledger, calibration)
    prediction = ledger.predict(ends, finding, now)
    newest = state.held[0].key if state.held else ""
    cause: Cause = ""
    if prediction.found != newest or not newest:
        cause = _cause(sent, last, (*parts, names.context), alignment, (ends, finding, now))
    return Forecast(ends, finding, prediction, cause, parts, names.context, rules.writes_answers)


def context_of(head: Head, dialect: str, window: str) -> str:
    """A digest of all that decides a hit beside the messages; `window` is where these begin."""
    return _names(head, dialect, window).context


def parts_of(head: Head) -> tuple[str, str, str]:
    """Digests of tools, system prompt and parameters."""
    return _part(head.tools)[0], _part(head.system)[0], head.settings


def is_of(held: Held, context: str) -> bool:
    """True for an entry whose last message stands in that context."""
    return held.key[_CHAIN:] == context


def lifetimes(part: bytes | None) -> int:
    """Seconds that the last breakpoint in a system prompt or tools asks for; 0 for none."""
    return _part(part)[1]


# ── the prompt's ends ────────────────────────────────────────────────────────────────────


def _ends(
    sent: Outgoing,
    rules: CacheRules,
    names: _Names,
    ledger: Ledger,
    calibration: Calibration,
) -> tuple[End, ...]:
    known = {held.key: held.tokens if held.exact else None for held in ledger.held}
    ends = [*_head_ends(sent, rules, names), *_message_ends(sent, rules, names.context, known)]
    exact: list[int] = []
    estimated, counted = 0, 0  # at the last end whose tokens the provider itself has counted
    for end in ends:
        tokens = known.get(end.key)
        if tokens is None:
            tokens = counted + calibration.apply(end.tokens - estimated)
        else:
            estimated, counted = end.tokens, tokens
        exact.append(tokens)
    for n in range(len(exact) - 2, -1, -1):  # no estimate is more than what is counted later
        exact[n] = min(exact[n], exact[n + 1])
    return tuple(
        End(end.key, tokens, end.position, end.lifetime)
        for end, tokens in zip(ends, exact, strict=True)
    )


def _head_ends(sent: Outgoing, rules: CacheRules, names: _Names) -> Iterator[End]:
    head, own = sent.head, _own_lifetime(rules)
    upto = sent.held_above
    if head.tools:
        size = min(head.tokens, estimate(len(head.tools), sent.dialect))
        lifetime = own or _part(head.tools)[1]
        yield End(names.tools, upto + size, _BEFORE - 1, lifetime)
    if head.system or head.tools:
        lifetime = own or head.marked or _part(head.system)[1]
        yield End(names.system, upto + head.tokens, _BEFORE, lifetime)


def _message_ends(
    sent: Outgoing, rules: CacheRules, context: str, known: Iterable[str]
) -> list[End]:
    """The ends that are marked, those held from earlier, and the last; in the prompt's order."""
    wanted = {key[:_CHAIN] for key in known if key[_CHAIN:] == context}
    own = _own_lifetime(rules)
    total = sent.tokens
    found: list[End] = []
    position = 0
    reach = rules.lookback + sum(piece.item.positions for piece in sent.pieces[-1:])
    for n in range(len(sent.pieces) - 1, -1, -1):
        piece = sent.pieces[n]
        name = piece.chain[:_CHAIN]
        last = n == len(sent.pieces) - 1
        lifetime = (own if last else 0) or _marked(piece) or (sent.automatic if last else 0)
        if lifetime or last or name in wanted:
            found.append(End(name + context, total, position, lifetime))
            wanted.discard(name)
            reach = max(reach, rules.lookback - position) if lifetime else reach
        if not wanted and -position > reach:
            break
        total -= piece.tokens
        position -= piece.item.positions
    found.reverse()
    return found


def _own_lifetime(rules: CacheRules) -> int:
    """Seconds that a provider keeps what it writes by itself; 0 where it must be told to."""
    return rules.lifetimes[0].seconds if rules.implicit else 0


def _marked(piece: Piece) -> int:
    """Seconds that a piece's breakpoint asks for as it goes out; 0 for none."""
    if piece.marked_by is not None and piece.marked_by.kept_for:
        return piece.marked_by.kept_for
    if piece.marked_for or piece.ours or piece.marked_by is not None:
        return piece.marked_for
    return piece.item.kept_for


def _with_common(ledger: Ledger, sent: Outgoing, context: str, alignment: Alignment) -> Ledger:
    """A cache that reads any prefix has all ends of what it holds, also where the paths part."""
    at = alignment.turns_off
    if at is None or not ledger.held:
        return ledger
    newest = ledger.held[0]
    key = at[:_CHAIN] + context
    if newest.key[_CHAIN:] != context or any(held.key == key for held in ledger.held):
        return ledger
    upto = sent.held_above + sent.head.tokens
    for piece in sent.pieces:
        upto += piece.tokens
        if piece.chain == at:
            common = Held(key, upto, newest.lifetime, newest.used, newest.visible)
            return Ledger((*ledger.held, common))
    return ledger


# ── names of prefixes ────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=256)
def _part(part: bytes | None) -> tuple[str, int]:
    """The digest of a system prompt or tools without breakpoints, and what the last asks for."""
    if not part:
        return "", 0
    markers = _MARKER.findall(part)
    named = digest(_MARKER.sub(b"", part) if markers else part)[:_CHAIN]
    return named, (3_600 if b'"1h"' in markers[-1] else 300) if markers else 0


def _names(head: Head, dialect: str, window: str) -> _Names:
    tools = digest(f"{dialect}/{head.model}/{_part(head.tools)[0]}".encode())[:_CHAIN]
    system = digest(f"{tools}/{_part(head.system)[0]}".encode())[:_CHAIN]
    context = digest(f"{system}/{head.settings}/{window}".encode())[:_CONTEXT]
    return _Names(tools, system, context)


# ── why not more ─────────────────────────────────────────────────────────────────────────


def _cause(
    sent: Outgoing,
    last: Turn | None,
    names: tuple[str, str, str, str],
    alignment: Alignment,
    when: tuple[Sequence[End], Finding, float],
) -> Cause:
    """Why the end of the last prompt will not be read, by the first reason that is enough."""
    ends, finding, now = when
    tools, system, settings, context = names
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
    after = (sent.head.model, tools, system, settings)
    for cause, was, now_is in zip(changed, before, after, strict=True):
        if was != now_is:
            return cause
    if not state.held:
        return "below minimum" if last.tokens < finding.minimum else "no breakpoint"
    newest = state.held[0]
    if now >= newest.used + newest.lifetime:
        return "expired"
    # All else is as it was: another context is another beginning of the window.
    if newest.key[_CHAIN:] not in ("", context) or last.window != sent.window:
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


def state_after(
    made: Forecast,
    before: CacheState,
    *,
    sent_at: float,
    answered: float,
    usage: CacheUsage | None,
) -> CacheState:
    """What is known once the provider has answered and has said what its cache did.

    Where it marks ends of its own, what was read and written is all up to the last of them; where
    it reads any prefix, that is the whole prompt.
    """
    ledger = Ledger(before.held)
    counted = None if usage is None else usage.read + usage.written
    if usage is not None and counted is not None and not made.finding.lookback:
        counted += usage.plain
    if counted != 0:  # it would have written something: the prompt was too short after all
        ledger = ledger.sent(made.ends, made.finding, now=sent_at, answered=answered)
    if counted and made.written_upto:
        ledger = ledger.corrected(made.written_upto, counted, made.finding)
    cause: Cause = made.cause
    if usage is not None and not cause and usage.read < made.prediction.read:
        cause = "lost"
    tools, system, settings = made.parts
    return CacheState(
        requests=before.requests + 1,
        carried=before.carried,
        gaps=before.gaps,
        tools=tools,
        system=system,
        settings=settings,
        held=ledger.newest(MOST_HELD).held,
        predicted=made.prediction.read,
        cause=cause,
    )
