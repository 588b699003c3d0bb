"""DeepSeek's prefix cache: a prefix is read only if it is one of the complete units persisted.

Knows nothing of dialects: it is given chains of links.
"""

from collections import deque
from collections.abc import Sequence

from stitcher.simulator.prefix_chain import Link, Span
from stitcher.simulator.reading import Reading
from stitcher.simulator.timed_entries import Entry
from stitcher.simulator.token_stream import common_tokens, prefixes, spans_of

_Unit = tuple[int, bytes]


class UnitCache:
    """Units are persisted at the end of the user's input and at the end of the model's output.

    Also where a prefix that several requests have in common is detected, and at fixed intervals of
    tokens in long inputs and outputs (KV cache guide, 2026-10). Writing is free.
    """

    def __init__(
        self,
        *,
        lifetime: float = 3600,
        build_seconds: float = 1,
        shortest_common: int = 64,
        remembered: int = 32,
        interval: int | None = None,
    ) -> None:
        """The guide has no numbers for these; the defaults are careful.

        `lifetime`: units live hours to days unused. `build_seconds`: they take seconds to build.
        `shortest_common`: the shortest common prefix that is detected (64 was the block of the
        cache of 2024). `remembered`: among how many earlier requests of a scope it is looked for.
        `interval`: the token interval, None for none.
        """
        self._lifetime = lifetime
        self._build_seconds = build_seconds
        self._shortest_common = shortest_common
        self._remembered = remembered
        self._interval = interval
        self._units: dict[str, dict[_Unit, Entry]] = {}
        self._recent: dict[str, deque[tuple[Span, ...]]] = {}

    def begin(self, scope: str, links: Sequence[Link], minimum: int, start: float) -> Reading:
        total = links[-1].tokens if links else 0
        units = self._units.get(scope, {})
        lengths = sorted({length for length, _ in units if minimum <= length <= total})
        read = 0
        for length, hash_ in zip(lengths, prefixes(spans_of(links), lengths), strict=True):
            unit = units.get((length, hash_))
            if unit is not None and unit.live(start):
                unit.use(start)
                read = length
        return Reading(scope, start, total, read, links=tuple(links))

    def settle(self, reading: Reading, now: float, grown: Sequence[Link] = ()) -> None:
        spans = spans_of(grown or reading.links)
        total = grown[-1].tokens if grown else reading.total
        recent = self._recent.setdefault(reading.scope, deque(maxlen=self._remembered))
        ends = {common_tokens(spans, other) for other in recent}
        ends = {end for end in ends if end >= self._shortest_common} | {reading.total, total}
        if self._interval is not None:
            ends.update(range(self._interval, total, self._interval))
        lengths = sorted(ends - {0})
        units = self._units.setdefault(reading.scope, {})
        for unit in zip(lengths, prefixes(spans, lengths), strict=True):
            entry = units.get(unit)
            if entry is not None and entry.visible_at <= now < entry.expires:
                entry.use(reading.start)
            elif entry is None or now >= entry.expires:
                seen = now + self._build_seconds
                units[unit] = Entry(self._lifetime, seen, now + self._lifetime)
        recent.append(spans)
        expired = [unit for unit, entry in units.items() if now >= entry.expires]
        for unit in expired:
            del units[unit]
