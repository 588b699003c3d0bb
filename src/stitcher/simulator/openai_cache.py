"""OpenAI's prefix caches: exact boundaries from gpt-5.6 on, intervals of tokens before it.

Knows nothing of dialects: they are given chains of links.
"""

from collections.abc import Sequence

from stitcher.simulator.prefix_chain import Link
from stitcher.simulator.reading import Cache, Mark, Reading
from stitcher.simulator.timed_entries import Entries
from stitcher.simulator.token_stream import prefixes, spans_of

HALF_HOUR = 1800
TWELVE_HOURS = 12 * HALF_HOUR * 2
REPORTED_STEP = 128


class _Written:
    """What both regimes do alike: an entry for each mark, seen once the answer has begun."""

    def __init__(self, entries: Entries | None = None) -> None:
        self._entries = Entries() if entries is None else entries

    def settle(self, reading: Reading, now: float, grown: Sequence[Link] = ()) -> None:
        for mark in reading.pending:
            self._entries.write(reading.scope, mark, reading.start, now)


class BoundaryCache(_Written):
    """From gpt-5.6 on: the longest readable boundary that an earlier request wrote.

    Links with a lifetime are the ones written. "The boundary is not rounded to a token block"; a
    lifetime counts from the last write or reuse (prompt caching guide, 2026-10). When a write can
    be read is not stated: once the answer has begun, as with Anthropic.
    """

    def begin(self, scope: str, links: Sequence[Link], minimum: int, start: float) -> Reading:
        total = links[-1].tokens if links else 0
        read = 0
        for link in reversed(links):
            if not link.readable or link.tokens < minimum:
                continue
            entry = self._entries.live(scope, link.hash, start)
            if entry is not None:
                entry.use(start)
                read = link.tokens
                break
        marks = [link for link in links if link.ttl and link.tokens >= minimum]
        # Written, read and plain are exclusive (prices page, 2026-11). How a request with both
        # lifetimes is split is not stated; as with Anthropic, the longer one's come first.
        longer = [link.tokens for link in marks if (link.ttl or 0) > HALF_HOUR]
        long_end = max([read, *longer])
        end = max([long_end, *(link.tokens for link in marks)])
        pending = tuple(Mark(link.hash, link.ttl or 0, link.tokens > read) for link in marks)
        return Reading(scope, start, total, read, end - long_end, long_end - read, pending)


class IntervalCache(_Written):
    """Up to gpt-5.5: a boundary every so many tokens, inside messages too; writing is free.

    Every 2,048 tokens for gpt-5.5, in increments of 128 historically; what is reported is rounded
    down to a multiple of 128 (prompt caching guide, 2026-10).
    """

    def __init__(
        self,
        interval: int = REPORTED_STEP,
        lifetime: int = HALF_HOUR,
        *,
        hidden_tokens: int = 0,
        entries: Entries | None = None,
    ) -> None:
        """`lifetime` is for chains whose last link has none.

        `hidden_tokens`: boundaries are counted from the start of OpenAI's hidden system message,
        whose length is not published; 0 puts the first one after `interval` visible tokens.
        """
        super().__init__(entries)
        self._interval = interval
        self._lifetime = lifetime
        self._hidden = hidden_tokens

    def begin(self, scope: str, links: Sequence[Link], minimum: int, start: float) -> Reading:
        total = links[-1].tokens if links else 0
        ends = self._ends(total, minimum)
        hashes = list(prefixes(spans_of(links), ends))
        hit = len(ends) - 1
        while hit >= 0 and self._entries.live(scope, hashes[hit], start) is None:
            hit -= 1
        read = ends[hit] // REPORTED_STEP * REPORTED_STEP if hit >= 0 else 0
        ttl = (links[-1].ttl if links else None) or self._lifetime
        pending = tuple(Mark(hash_, ttl, at > hit) for at, hash_ in enumerate(hashes))
        return Reading(scope, start, total, read, pending=pending)

    def _ends(self, total: int, minimum: int) -> list[int]:
        """The visible tokens before each boundary, of those that are long enough."""
        every, hidden = self._interval, self._hidden
        first = -(-(minimum + hidden) // every) * every
        return [at - hidden for at in range(first, total + hidden + 1, every) if at > hidden]


class AutomaticCache(_Written):
    """Both of OpenAI's: `rounding` is a prompt's, 1 for exact boundaries, else the interval."""

    def __init__(self, *, hidden_tokens: int = 0) -> None:
        super().__init__()
        self._hidden = hidden_tokens

    def begin(
        self, scope: str, links: Sequence[Link], minimum: int, start: float, *, rounding: int = 1
    ) -> Reading:
        regime: Cache = BoundaryCache(self._entries)
        if rounding > 1:
            regime = IntervalCache(rounding, hidden_tokens=self._hidden, entries=self._entries)
        return regime.begin(scope, links, minimum, start)
