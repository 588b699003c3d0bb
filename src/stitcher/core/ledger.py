"""What of a conversation's prompts a provider should still hold, and what it will make of the next.

It is kept by what was sent and when, never by asking the provider. Whoever lays out a prompt names
its ends by digests of all that stands before them; nothing here opens a prompt.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

Cause = Literal[
    "",  # nothing was missed
    "first",  # there was no request before
    "no breakpoint",  # the one before marked nothing to be written
    "below minimum",  # it was too short to be written
    "model changed",
    "tools changed",
    "system changed",
    "parameters changed",
    "expired",
    "cut",  # by us
    "rebased",  # the client rewrote its history
    "rewound",  # it went back
    "edited",  # it changed a message
    "look-back exceeded",
    "lost",  # the provider held less than it should have
]
"""Why a request does not read all that the one before it wrote."""


class End(NamedTuple):
    """The end of a stretch of a prompt, where a provider may write an entry or find one.

    A tuple: every request makes a dozen, and a frozen dataclass takes twice as long to make.
    """

    key: str  # digest of the whole prompt up to here, with all that decides a hit
    tokens: int  # from the prompt's beginning to here
    position: int = 0  # as the provider's look-back counts
    lifetime: int = 0  # seconds that an entry written here is kept at least; 0: none is written
    readable: bool = True  # an entry may be found here


@dataclass(frozen=True, slots=True)
class Held:
    """A prefix that the provider has written."""

    key: str
    tokens: int
    lifetime: int  # seconds, from the request that wrote or read it last
    used: float  # when that one was sent, in seconds since the epoch
    visible: float  # when the answer that wrote it began
    exact: bool = False  # its tokens are counted by the provider, not estimated


@dataclass(frozen=True, slots=True)
class Finding:
    """How a provider finds what it holds."""

    lookback: int = 0  # positions walked back from each end written to; 0: every end is looked up
    minimum: int = 0  # tokens of the shortest prefix that is written
    block: int = 1  # what is read is a multiple of so many tokens
    computed: int = 0  # tokens at a prompt's end that are never read, whatever is held
    free: bool = False  # writing costs what plain input does, and is not told apart from it
    renews_earlier: bool = False  # a read also renews what is held of the prompt before it


@dataclass(frozen=True, slots=True)
class Prediction:
    """Input tokens of a request by what they will cost."""

    read: int
    written: dict[int, int]  # by lifetime in seconds
    plain: int
    found: str = ""  # key of the entry read; "" for none

    @property
    def total(self) -> int:
        return self.read + sum(self.written.values()) + self.plain


@dataclass(frozen=True, slots=True)
class Gaps:
    """How many requests of a thread came how long after the one before."""

    short: int = 0  # within the provider's short lifetime
    middling: int = 0  # within its long one
    long: int = 0

    def after(self, seconds: float, *, short: int, long: int) -> "Gaps":
        """With one more."""
        if seconds < short:
            return Gaps(self.short + 1, self.middling, self.long)
        if seconds < long:
            return Gaps(self.short, self.middling + 1, self.long)
        return Gaps(self.short, self.middling, self.long + 1)


class Carried(NamedTuple):
    """What a thread's requests have carried, and when they came."""

    tokens: int  # beyond what a cut leaves, since the last cut: tokens times requests
    gaps: Gaps


@dataclass(frozen=True, slots=True)
class CacheState:
    """What a thread's last request says of the next one's cache. It is written with the turn."""

    requests: int = 0  # of the thread, that one included
    carried: int = 0  # beyond what a cut leaves, since the last cut: tokens times requests
    gaps: Gaps = Gaps()
    tools: str = ""  # digests of what stands before the messages,
    system: str = ""
    settings: str = ""  # and of the parameters that a prefix depends on
    held: tuple[Held, ...] = ()  # newest first
    predicted: int = 0  # input tokens it was expected to read
    cause: str = ""  # why not more, a `Cause`: a later version may know others
    sent: float = 0.0  # when that request was; 0 in logs of versions that did not say

    def refreshed(self, keys: Collection[str], now: float) -> "CacheState":
        """With some entries read again `now`: each lives on from then for its own lifetime."""
        held = (replace(e, used=max(e.used, now)) if e.key in keys else e for e in self.held)
        return replace(self, held=tuple(held))


NOTHING_KNOWN: Final = CacheState()
"""Before a thread's first answer, and in logs of versions that kept no ledger."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """The entries of one conversation, newest first."""

    held: tuple[Held, ...] = ()

    def warm(self, now: float) -> bool:
        """True while the provider should hold anything of it."""
        return any(now < entry.used + entry.lifetime for entry in self.held)

    def predict(self, ends: Sequence[End], finding: Finding, now: float) -> Prediction:
        """What the provider will make of a prompt of these ends, sent now.

        Anthropic, "Prompt caching", 2026-08-21, "Mixing different TTLs": read up to the entry
        found; long writes up to the last long breakpoint, short ones up to the last.
        """
        total = ends[-1].tokens if ends else 0
        at = self._found(ends, finding, now)
        found = ends[at].key if at >= 0 else ""
        read = min(ends[at].tokens, total - finding.computed) if at >= 0 else 0
        read -= read % finding.block
        read = read if read >= finding.minimum else 0
        if finding.free:
            return Prediction(read, {}, total - read, found)
        last: dict[int, int] = {}  # tokens up to the last end written, by lifetime
        for end in ends:
            if end.lifetime and end.tokens >= finding.minimum:
                last[end.lifetime] = max(end.tokens, last.get(end.lifetime, 0))
        written: dict[int, int] = {}
        upto = read
        for lifetime in sorted(last, reverse=True):
            if last[lifetime] > upto:
                written[lifetime], upto = last[lifetime] - upto, last[lifetime]
        return Prediction(read, written, total - upto, found)

    def sent(
        self, ends: Sequence[End], finding: Finding, *, now: float, answered: float
    ) -> "Ledger":
        """The ledger after a request that was sent `now` and whose answer began at `answered`.

        An entry that is written again, or read, lives on from `now`; the one read keeps its own
        lifetime ("refreshed at no additional cost each time the cached content is used").
        """
        before = {e.key: e for e in self.held if now < e.used + e.lifetime}
        at = self._found(ends, finding, now)
        fresh: list[Held] = []
        for n in range(len(ends) - 1, -1, -1):
            end = ends[n]
            written = end.lifetime and end.tokens >= finding.minimum
            if not (written or n == at or (n < at and finding.renews_earlier)):
                continue
            known = before.pop(end.key, None)
            if known is not None:
                fresh.append(_used(known, end, (now, answered), paid=n > at))
            elif written:
                fresh.append(Held(end.key, end.tokens, end.lifetime, now, answered))
        return Ledger((*fresh, *before.values()))

    def said(self, end: End, *, now: float, answered: float) -> "Ledger":
        """With an answer, where the provider writes what it says too: the newest of all.

        `end` is its own, in tokens that the provider has counted; it is found from `answered` on.
        """
        made = Held(end.key, end.tokens, end.lifetime, now, answered)
        for known in self.held:
            if known.key == end.key and now < known.used + known.lifetime:
                made = _used(known, end, (now, answered), paid=False)
        others = [entry for entry in self.held if entry.key != end.key]
        return Ledger((_counted(made, end.tokens), *others))

    def newest(self, most: int) -> "Ledger":
        """With so many entries only, the newest: what a long edit would fall back to is lost."""
        return Ledger(self.held[:most])

    def corrected(self, key: str, tokens: int, finding: Finding) -> "Ledger":
        """With what the provider itself counted up to an end, in the place of our estimate.

        Where that is less than the minimum nothing was written there after all, nor before it.
        """
        held: list[Held] = []
        for entry in self.held:
            known = entry.tokens if entry.key != key else tokens
            if known >= finding.minimum:
                held.append(entry if entry.key != key else _counted(entry, tokens))
        return Ledger(tuple(held))

    def _found(self, ends: Sequence[End], finding: Finding, now: float) -> int:
        """The last end at which an entry is found; -1 for none."""
        keys = {e.key for e in self.held if e.visible <= now < e.used + e.lifetime}
        nearest: int | None = None  # position of the first mark from here on
        for n in range(len(ends) - 1, -1, -1):
            end = ends[n]
            if end.tokens < finding.minimum:
                continue
            if end.lifetime:
                nearest = end.position
            if end.key not in keys or not end.readable:
                continue
            # The mark's own position is the first of those walked back.
            if not finding.lookback or (
                nearest is not None and nearest - end.position < finding.lookback
            ):
                return n
        return -1


def _used(entry: Held, end: End, times: tuple[float, float], *, paid: bool) -> Held:
    """The same after a request of these times; found once the first of two answers has begun.

    Where writing it was paid for again it has the longer of both lifetimes.
    """
    now, answered = times
    return Held(
        entry.key,
        entry.tokens if entry.exact else end.tokens,
        max(entry.lifetime, end.lifetime) if paid else entry.lifetime,
        max(entry.used, now),
        min(entry.visible, answered),
        entry.exact,
    )


def _counted(entry: Held, tokens: int) -> Held:
    """The same, with the tokens that the provider has counted."""
    return Held(entry.key, tokens, entry.lifetime, entry.used, entry.visible, exact=True)
