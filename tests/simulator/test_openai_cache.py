"""OpenAI's two regimes on bare chains of links, with the time passed in.

The rules are those of the prompt caching guide (2026-10).
"""

import pytest

from stitcher.simulator.openai_cache import (
    HALF_HOUR,
    TWELVE_HOURS,
    AutomaticCache,
    BoundaryCache,
    IntervalCache,
)
from stitcher.simulator.prefix_chain import Chain, Link
from stitcher.simulator.reading import Cache


def links(*pieces: tuple[str, int] | tuple[str, int, int]) -> list[Link]:
    chain = Chain(b"model")
    for content, tokens, *ttl in pieces:
        chain.add(content.encode(), tokens, ttl=ttl[0] if ttl else None)
    return chain.links


def read(cache: Cache, chain: list[Link], now: float, minimum: int = 1024) -> int:
    reading = cache.begin("key", chain, minimum, now)
    cache.settle(reading, now)
    return reading.read


class TestBoundaryCache:
    def test_the_longest_boundary_written_is_read_exactly(self) -> None:
        """The guide: "marks the exact end; the boundary is not rounded to a token block"."""
        cache = BoundaryCache()
        assert read(cache, links(("a", 1500, HALF_HOUR), ("b", 33, HALF_HOUR)), 0) == 0
        assert read(cache, links(("a", 1500), ("b", 33), ("c", 9, HALF_HOUR)), 1) == 1533
        assert read(cache, links(("a", 1500), ("x", 50, HALF_HOUR)), 2) == 1500

    def test_a_shared_prefix_is_not_a_cached_prefix(self) -> None:
        """Two requests with the same developer message and different user texts share nothing
        unless an explicit breakpoint was written in between (the guide's gotchas)."""
        cache = BoundaryCache()
        assert read(cache, links(("developer", 2000), ("one", 20, HALF_HOUR)), 0) == 0
        assert read(cache, links(("developer", 2000), ("two", 20, HALF_HOUR)), 1) == 0
        marked = ("developer", 2000, HALF_HOUR)
        assert read(cache, links(marked, ("three", 20, HALF_HOUR)), 2) == 0
        assert read(cache, links(marked, ("four", 20, HALF_HOUR)), 3) == 2000

    def test_extending_a_message_kills_its_old_end(self) -> None:
        cache = BoundaryCache()
        read(cache, links(("said", 1500, HALF_HOUR)), 0)
        assert read(cache, links(("said and more", 1600, HALF_HOUR)), 1) == 0

    @pytest.mark.parametrize(("tokens", "found"), [(1023, 0), (1024, 1024)])
    def test_the_minimum_is_1024_visible_tokens(self, tokens: int, found: int) -> None:
        cache = BoundaryCache()
        chain = links(("a", tokens, HALF_HOUR))
        assert cache.begin("key", chain, 1024, 0).written == found
        read(cache, chain, 0)
        assert read(cache, chain, 1) == found

    def test_half_an_hour_from_the_last_write_or_reuse(self) -> None:
        cache = BoundaryCache()
        chain = links(("a", 1500, HALF_HOUR))
        assert [read(cache, chain, at) for at in (0, 1799, 3598, 5398)] == [0, 1500, 1500, 0]

    def test_twelve_hours_are_written_apart(self) -> None:
        """`cache_write_tokens_details.ttl_12h_tokens` (openai SDK 3.54.0)."""
        cache = BoundaryCache()
        chain = links(("a", 1500, TWELVE_HOURS), ("b", 40, HALF_HOUR), ("c", 7))
        reading = cache.begin("key", chain, 1024, 0)
        cache.settle(reading, 0)
        assert (reading.written_1h, reading.written_5m, reading.plain) == (1500, 40, 7)
        assert read(cache, chain, 11 * 3600) == 1500

    def test_an_entry_is_seen_once_its_answer_began(self) -> None:
        cache = BoundaryCache()
        chain = links(("a", 1500, HALF_HOUR))
        slow = cache.begin("key", chain, 1024, 0)
        assert cache.begin("key", chain, 1024, 1).read == 0
        cache.settle(slow, 2)
        assert cache.begin("key", chain, 1024, 2).read == 1500


class TestIntervalCache:
    @pytest.mark.parametrize(
        ("interval", "shared", "found"),
        [(128, 1023, 0), (128, 1024, 1024), (128, 1151, 1024), (128, 1152, 1152),
         (2048, 2047, 0), (2048, 4000, 2048), (2048, 4096, 4096)],
    )  # fmt: skip
    def test_boundaries_stand_at_multiples_of_the_interval(
        self, interval: int, shared: int, found: int
    ) -> None:
        """128-token increments historically, 2,048 for gpt-5.5; at least 1,024 tokens."""
        cache = IntervalCache(interval)
        read(cache, links(("same", shared), ("one", 3000)), 0)
        assert read(cache, links(("same", shared), ("two", 3000)), 1) == found

    def test_a_boundary_inside_a_message_is_shared_by_the_same_message(self) -> None:
        cache = IntervalCache()
        read(cache, links(("a", 1000), ("b", 1000)), 0)
        assert read(cache, links(("a", 1000), ("b", 1000), ("c", 5)), 1) == 1920

    def test_writing_is_free(self) -> None:
        reading = IntervalCache().begin("key", links(("a", 5000)), 1024, 0)
        assert (reading.written, reading.plain) == (0, 5000)

    def test_what_is_read_lives_on_and_what_is_not_ends(self) -> None:
        cache = IntervalCache(lifetime=300)
        long, short = links(("a", 1100), ("b", 500)), links(("a", 1100))
        read(cache, long, 0)
        assert read(cache, short, 200) == 1024
        assert read(cache, long, 400) == 1024
        assert read(cache, long, 500) == 1536

    def test_hidden_tokens_move_the_boundaries(self) -> None:
        """The last boundary found minus the hidden tokens, rounded down to a multiple of 128."""
        cache = IntervalCache(2048, hidden_tokens=100)
        read(cache, links(("a", 5000)), 0)
        assert read(cache, links(("a", 5000)), 1) == (4096 - 100) // 128 * 128


def test_either_regime_by_the_prompt_s_rounding() -> None:
    cache = AutomaticCache()

    def found(rounding: int, now: float) -> int:
        reading = cache.begin("key", links(("a", 3000, HALF_HOUR)), 1024, now, rounding=rounding)
        cache.settle(reading, now)
        return reading.read

    assert [found(1, 0), found(1, 1)] == [0, 3000]
    assert [found(128, 2), found(128, 3)] == [0, 2944]
    assert found(2048, 4) == 2048
