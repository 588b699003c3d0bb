"""Prefix caches of the two providers: which prefix is read, which are written, for how long.

Pure but for their own entries: the time is passed in. Entries belong to a scope (a credential).
A request reads when it starts and its writes become visible when its answer begins
("a cache entry only becomes available after the first response begins", prompt caching page).
Knows nothing of dialects: it is given chains of links.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from stitcher.simulator.prefix_chain import Link

LOOKBACK = 20
HOUR = 3600
AUTOMATIC_TTL = 1800
_SWEEP_EVERY = 4096


@dataclass(slots=True)
class _Entry:
    ttl: int
    visible_at: float
    expires: float

    def live(self, now: float) -> bool:
        return self.visible_at <= now < self.expires


@dataclass(frozen=True, slots=True)
class Reading:
    """What one request reads and will write; hand it to `settle` when its answer begins."""

    scope: str
    start: float
    total: int
    read: int
    written_5m: int
    written_1h: int
    pending: tuple[tuple[bytes, int], ...]

    @property
    def plain(self) -> int:
        return self.total - self.read - self.written_5m - self.written_1h


class _Entries:
    def __init__(self) -> None:
        self._entries: dict[tuple[str, bytes], _Entry] = {}
        self._settled = 0

    def live(self, scope: str, hash_: bytes, now: float) -> _Entry | None:
        entry = self._entries.get((scope, hash_))
        return entry if entry is not None and entry.live(now) else None

    def settle(self, reading: Reading, now: float) -> None:
        """Writes what the request left; its lifetime still counts from the request's start."""
        for hash_, ttl in reading.pending:
            entry = self._entries.get((reading.scope, hash_))
            if entry is not None and entry.live(now):
                entry.expires = max(entry.expires, reading.start + entry.ttl)
            else:
                key = (reading.scope, hash_)
                self._entries[key] = _Entry(ttl, now, reading.start + ttl)
        self._settled += 1
        if self._settled % _SWEEP_EVERY == 0:
            self._entries = {k: e for k, e in self._entries.items() if now < e.expires}


class BreakpointCache(_Entries):
    """Anthropic's: written at breakpoints only, read by walking back 20 positions from each."""

    def begin(self, scope: str, links: Sequence[Link], minimum: int, start: float) -> Reading:
        total = links[-1].tokens if links else 0
        marks = [at for at, link in enumerate(links) if link.ttl and link.tokens >= minimum]
        hit = max((self._walk_back(scope, links, at, start) for at in marks), default=-1)
        read = 0
        if hit >= 0:
            read = links[hit].tokens
            entry = self.live(scope, links[hit].hash, start)
            if entry is not None:
                entry.expires = max(entry.expires, start + entry.ttl)
        # Billing (prompt caching page, "Mixing different TTLs"): A = read, B = the highest 1h
        # breakpoint after A, C = the last breakpoint; 1h writes are B - A, 5m writes C - B.
        last_hour = max((links[at].tokens for at in marks if links[at].ttl == HOUR), default=0)
        long_end = max(read, last_hour)
        end = max(long_end, max((links[at].tokens for at in marks), default=0))
        pending = tuple((links[at].hash, links[at].ttl or 0) for at in marks)
        return Reading(scope, start, total, read, end - long_end, long_end - read, pending)

    def _walk_back(self, scope: str, links: Sequence[Link], mark: int, now: float) -> int:
        floor = links[mark].position - LOOKBACK
        at = mark
        while at >= 0 and links[at].position > floor:
            if self.live(scope, links[at].hash, now):
                return at
            at -= 1
        return -1


class AutomaticCache(_Entries):
    """OpenAI's: the longest readable boundary that an earlier request wrote.

    The links with a lifetime are the ones written. `rounding` floors what is reported: 128 up to
    gpt-5.5, 1 from gpt-5.6 on, whose boundaries are exact.
    """

    def begin(
        self, scope: str, links: Sequence[Link], minimum: int, start: float, *, rounding: int = 1
    ) -> Reading:
        total = links[-1].tokens if links else 0
        read = 0
        for link in reversed(links):
            if not link.readable or link.tokens < minimum:
                continue
            entry = self.live(scope, link.hash, start)
            if entry is not None:
                entry.expires = max(entry.expires, start + entry.ttl)
                read = link.tokens - link.tokens % rounding
                break
        marks = [link for link in links if link.ttl and link.tokens >= minimum]
        written = max(0, max((link.tokens for link in marks), default=0) - read)
        pending = tuple((link.hash, link.ttl or 0) for link in marks)
        return Reading(scope, start, total, read, written, 0, pending)
