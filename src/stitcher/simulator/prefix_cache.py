"""Caches that share the longest common token prefix: llama.cpp's slots, SGLang's tree, Gemini's.

Knows nothing of dialects: they are given chains of links.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from stitcher.simulator.prefix_chain import Link, Span
from stitcher.simulator.reading import Reading
from stitcher.simulator.token_stream import common_tokens, spans_of


@dataclass(slots=True)
class _Kept:
    """A token sequence; `scope` is None for a slot that was never used."""

    scope: str | None = None
    spans: tuple[Span, ...] = ()
    visible_at: float = 0
    used: float = -inf


class _Sequences:
    def __init__(self, lifetime: float) -> None:
        self._lifetime = lifetime
        self._kept: list[_Kept] = []

    def _common(self, scope: str, spans: Sequence[Span], start: float) -> list[int]:
        """How much of the prompt each sequence begins with."""
        return [
            common_tokens(spans, kept.spans)
            if kept.scope == scope and kept.visible_at <= start < kept.used + self._lifetime
            else 0
            for kept in self._kept
        ]


class PrefixCache(_Sequences):
    """Keeps the latest sequences whole; a prompt reads what it has in common with any of them.

    Right for SGLang's radix tree with pages of one token, where a sequence is evicted by least
    recent use, and for Gemini's implicit cache, of which only the minimum is published (2026-11):
    granularity, lifetime and number are assumptions. At least one token is computed anew.
    """

    def __init__(self, sequences: int = 64, lifetime: float = inf) -> None:
        super().__init__(lifetime)
        self._sequences = sequences

    def begin(self, scope: str, links: Sequence[Link], minimum: int, start: float) -> Reading:
        total = links[-1].tokens if links else 0
        common = self._common(scope, spans_of(links), start)
        best = max(range(len(common)), key=common.__getitem__, default=-1)
        read = min(common[best], total - 1) if best >= 0 else 0
        if read < max(minimum, 1):
            return Reading(scope, start, total, 0, links=tuple(links))
        self._kept[best].used = max(self._kept[best].used, start)
        return Reading(scope, start, total, read, links=tuple(links))

    def settle(self, reading: Reading, now: float, grown: Sequence[Link] = ()) -> None:
        spans = spans_of(grown or reading.links)
        # What the new sequence goes on from is part of it.
        self._kept = [
            kept
            for kept in self._kept
            if now < kept.used + self._lifetime
            and not (kept.scope == reading.scope and kept.spans == spans[: len(kept.spans)])
        ]
        self._kept.append(_Kept(reading.scope, spans, now, reading.start))
        if len(self._kept) > self._sequences:
            self._kept.remove(min(self._kept, key=lambda kept: kept.used))


class SlotCache(_Sequences):
    """llama.cpp's server: a prompt overwrites the slot it goes to from the first difference on.

    It goes to the slot that it is most similar to, if more than `similarity` of the prompt is the
    same, else to the one unused for longest, and reads the beginning that they share (`-sps`,
    `cache_prompt`; server README, 2026-10). At least one token is evaluated. The copies in host
    memory (`--cache-ram`), the reuse of later chunks (`--cache-reuse`) and slots that are busy are
    not modelled.
    """

    def __init__(self, slots: int = 1, similarity: float = 0.1) -> None:
        super().__init__(inf)
        self._similarity = similarity
        self._kept = [_Kept() for _ in range(slots)]

    def begin(self, scope: str, links: Sequence[Link], minimum: int, start: float) -> Reading:
        total = links[-1].tokens if links else 0
        spans = spans_of(links)
        common = self._common(scope, spans, start)
        slot = max(range(len(common)), key=common.__getitem__)
        if common[slot] <= self._similarity * total:
            slot = min(range(len(common)), key=lambda at: self._kept[at].used)
        read = min(common[slot], total - 1)
        self._kept[slot] = _Kept(scope, spans, start, start)
        return Reading(scope, start, total, max(read, 0), links=tuple(links), slot=slot)

    def settle(self, reading: Reading, now: float, grown: Sequence[Link] = ()) -> None:
        if grown:
            self._kept[reading.slot].spans = spans_of(grown)
