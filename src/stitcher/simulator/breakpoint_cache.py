"""Anthropic's prefix cache: written at breakpoints only, read by walking back from each.

Knows nothing of dialects: it is given chains of links.
"""

from collections.abc import Sequence

from stitcher.simulator.prefix_chain import Link
from stitcher.simulator.reading import Mark, Reading
from stitcher.simulator.timed_entries import Entries

LOOKBACK = 20
HOUR = 3600


class BreakpointCache:
    """Entries are seen once the answer of the request that wrote them began.

    "A cache entry only becomes available after the first response begins" (prompt caching page,
    2026-11).
    """

    def __init__(
        self,
        *,
        refreshes_earlier: bool = False,
        upgrades_lifetime: bool = False,
        minimum_of_prompt: bool = False,
    ) -> None:
        """The switches are what the documents leave open, each with the careful default.

        `refreshes_earlier`: a hit also prolongs the entries of the prefix's earlier links, not only
        those at the request's own breakpoints. `upgrades_lifetime`: a 5-minute entry read at a
        1-hour breakpoint lives an hour from then on. `minimum_of_prompt`: the shortest cacheable
        prefix is asked of the whole prompt instead of each breakpoint's prefix.
        """
        self._entries = Entries()
        self._refreshes_earlier = refreshes_earlier
        self._upgrades_lifetime = upgrades_lifetime
        self._minimum_of_prompt = minimum_of_prompt

    def begin(self, scope: str, links: Sequence[Link], minimum: int, start: float) -> Reading:
        total = links[-1].tokens if links else 0
        least = (0 if total >= minimum else total + 1) if self._minimum_of_prompt else minimum
        marks = [at for at, link in enumerate(links) if link.ttl and link.tokens >= least]
        hit = max((self._walk_back(scope, links, at, start) for at in marks), default=-1)
        self._refresh(scope, links, hit, start)
        read = links[hit].tokens if hit >= 0 else 0
        # Billing (prompt caching page, "Mixing different TTLs"): A = read, B = the highest 1h
        # breakpoint after A, C = the last breakpoint; 1h writes are B - A, 5m writes C - B.
        last_hour = max((links[at].tokens for at in marks if links[at].ttl == HOUR), default=0)
        long_end = max(read, last_hour)
        end = max(long_end, max((links[at].tokens for at in marks), default=0))
        pending = tuple(Mark(links[at].hash, links[at].ttl or 0, at > hit) for at in marks)
        return Reading(scope, start, total, read, end - long_end, long_end - read, pending)

    def settle(self, reading: Reading, now: float, grown: Sequence[Link] = ()) -> None:
        """The answer itself is not written: "Request 2 caches its request content" (same page)."""
        for mark in reading.pending:
            self._entries.write(
                reading.scope, mark, reading.start, now, upgrade=self._upgrades_lifetime
            )

    def _refresh(self, scope: str, links: Sequence[Link], hit: int, start: float) -> None:
        first = 0 if self._refreshes_earlier else max(hit, 0)
        for link in links[first : hit + 1]:
            entry = self._entries.live(scope, link.hash, start)
            if entry is not None:
                entry.use(start)

    def _walk_back(self, scope: str, links: Sequence[Link], mark: int, now: float) -> int:
        """The latest link with an entry, within 20 positions of which the mark's is the first."""
        floor = links[mark].position - LOOKBACK
        at = mark
        while at >= 0 and links[at].position > floor:
            if self._entries.live(scope, links[at].hash, now):
                return at
            at -= 1
        return -1
