"""Anthropic's cache arithmetic on bare chains of links, with the time passed in.

The rules are those of the prompt caching page (2026-11).
"""

from stitcher.simulator.breakpoint_cache import BreakpointCache
from stitcher.simulator.prefix_chain import Chain, Link
from stitcher.simulator.reading import Reading

MINUTES, HOUR = 300, 3600


def links(*pieces: tuple[str, int] | tuple[str, int, int]) -> list[Link]:
    chain = Chain(b"model")
    for content, tokens, *ttl in pieces:
        chain.add(content.encode(), tokens, ttl=ttl[0] if ttl else None)
    return chain.links


def numbered(count: int, marked: int, ttl: int = MINUTES) -> list[Link]:
    """Pieces of 10 tokens numbered from 1, with one breakpoint."""
    return links(*[(str(n), 10, ttl) if n == marked else (str(n), 10) for n in range(1, count + 1)])


def ask(
    cache: BreakpointCache, chain: list[Link], now: float, scope: str = "key", minimum: int = 16
) -> tuple[int, int, int, int]:
    reading = cache.begin(scope, chain, minimum, now)
    cache.settle(reading, now)
    return split(reading)


def split(reading: Reading) -> tuple[int, int, int, int]:
    return reading.read, reading.written_5m, reading.written_1h, reading.plain


def test_a_breakpoint_is_written_once_and_read_after() -> None:
    cache = BreakpointCache()
    assert ask(cache, numbered(3, 2), 0) == (0, 20, 0, 10)
    assert ask(cache, numbered(3, 2), 1) == (20, 0, 0, 10)


def test_nothing_is_cached_without_a_breakpoint_or_below_the_minimum() -> None:
    cache = BreakpointCache()
    assert ask(cache, links(("a", 100)), 0) == (0, 0, 0, 100)
    assert ask(cache, links(("a", 15, MINUTES), ("b", 5)), 0) == (0, 0, 0, 20)
    assert ask(cache, links(("a", 15, MINUTES), ("b", 5)), 1) == (0, 0, 0, 20)
    assert ask(cache, links(("a", 16, MINUTES), ("b", 5)), 2) == (0, 16, 0, 5)


def test_only_the_breakpoint_s_own_prefix_is_written() -> None:
    cache = BreakpointCache()
    ask(cache, numbered(4, 4), 0)
    assert ask(cache, numbered(4, 3), 1) == (0, 30, 0, 10)


def test_a_moved_breakpoint_reads_the_old_one_and_writes_the_rest() -> None:
    cache = BreakpointCache()
    ask(cache, numbered(3, 3), 0)
    assert ask(cache, numbered(6, 5), 1) == (30, 20, 0, 10)


def test_the_walk_back_sees_twenty_positions_with_the_breakpoint_as_the_first() -> None:
    # The worked example: an entry at 15, a breakpoint at 35 looks at 35..16 and misses.
    cache = BreakpointCache()
    ask(cache, numbered(15, 15), 0)
    assert ask(cache, numbered(35, 35), 1)[0] == 0
    cache = BreakpointCache()
    ask(cache, numbered(16, 16), 0)
    assert ask(cache, numbered(35, 35), 1)[0] == 160


def test_a_run_on_one_position_does_not_lengthen_the_walk() -> None:
    def with_run(marked: int) -> list[Link]:
        chain = Chain(b"model")
        chain.add(b"first", 20, ttl=MINUTES if marked == 0 else None)
        for number in range(40):
            chain.add(b"call %d" % number, 1, same_position=number > 0)
        chain.add(b"last", 5, ttl=MINUTES if marked == 1 else None)
        return chain.links

    cache = BreakpointCache()
    ask(cache, with_run(0), 0)
    assert ask(cache, with_run(1), 1) == (20, 45, 0, 0)


def test_an_earlier_breakpoint_catches_what_the_last_one_cannot_reach() -> None:
    cache = BreakpointCache()
    ask(cache, numbered(5, 5), 0)
    both = links(*[(str(n), 10, MINUTES) if n in (5, 40) else (str(n), 10) for n in range(1, 41)])
    assert ask(cache, both, 1) == (50, 350, 0, 0)


def test_entries_live_from_the_start_of_the_request_and_reads_refresh_them() -> None:
    cache = BreakpointCache()
    slow = cache.begin("key", numbered(2, 2), 16, 0)
    cache.settle(slow, 100)
    assert ask(cache, numbered(2, 2), 299)[0] == 20
    assert ask(cache, numbered(2, 2), 299 + 299)[0] == 20
    assert ask(cache, numbered(2, 2), 598 + 300)[0] == 0


def test_a_slow_answer_does_not_prolong_what_it_wrote() -> None:
    cache = BreakpointCache()
    slow = cache.begin("key", numbered(2, 2), 16, 0)
    cache.settle(slow, 100)
    assert ask(cache, numbered(2, 2), 300)[0] == 0


def test_an_hour_lasts_an_hour() -> None:
    cache = BreakpointCache()
    assert ask(cache, numbered(2, 2, HOUR), 0) == (0, 0, 20, 0)
    assert ask(cache, numbered(2, 2), 3599)[0] == 20
    assert ask(cache, numbered(2, 2), 3599 + 3600)[0] == 0


def test_an_entry_is_seen_only_once_its_answer_began() -> None:
    cache = BreakpointCache()
    first = cache.begin("key", numbered(2, 2), 16, 0)
    second = cache.begin("key", numbered(2, 2), 16, 1)
    assert split(second) == (0, 20, 0, 0)
    cache.settle(first, 2)
    assert ask(cache, numbered(2, 2), 2)[0] == 20


def test_mixed_lifetimes_are_billed_as_read_then_hour_then_five_minutes() -> None:
    cache = BreakpointCache()
    first = links(("a", 20, HOUR), ("b", 30, HOUR), ("c", 40, MINUTES), ("d", 5))
    assert ask(cache, first, 0) == (0, 40, 50, 5)
    second = links(("a", 20, HOUR), ("x", 30, HOUR), ("y", 40, MINUTES), ("d", 5))
    assert ask(cache, second, 1) == (20, 40, 30, 5)
    assert ask(cache, second, 400) == (50, 40, 0, 5)


def test_credentials_do_not_share() -> None:
    cache = BreakpointCache()
    ask(cache, numbered(2, 2), 0, scope="one")
    assert ask(cache, numbered(2, 2), 1, scope="two")[0] == 0


def test_a_second_entry_within_the_walk_is_found_where_the_first_is_out_of_reach() -> None:
    """The page: "checking stops (or resumes from the next explicit breakpoint, if any)"."""
    cache = BreakpointCache()
    ask(cache, numbered(15, 15), 0)
    chain = links(*[(str(n), 10, MINUTES) if n in (34, 60) else (str(n), 10) for n in range(1, 61)])
    assert ask(cache, chain, 1)[0] == 150


def test_each_breakpoint_is_measured_by_the_tokens_up_to_it() -> None:
    """The minimum is cumulative; of two breakpoints only the one beyond it is written."""
    cache = BreakpointCache()
    chain = links(("a", 400, MINUTES), ("b", 200, MINUTES))
    assert ask(cache, chain, 0, minimum=512) == (0, 600, 0, 0)
    assert ask(cache, links(("a", 400, MINUTES), ("x", 300)), 1, minimum=512)[0] == 0


def test_the_whole_prompt_s_length_decides_under_that_switch() -> None:
    cache = BreakpointCache(minimum_of_prompt=True)
    ask(cache, links(("a", 400, MINUTES), ("b", 200)), 0, minimum=512)
    assert ask(cache, links(("a", 400, MINUTES), ("x", 200)), 1, minimum=512)[0] == 400
    assert ask(cache, links(("a", 400, MINUTES), ("x", 100)), 2, minimum=512) == (0, 0, 0, 500)


def test_a_hit_refreshes_what_is_marked_and_by_a_switch_all_before_it() -> None:
    for refreshes, later in ((False, 0), (True, 10)):
        cache = BreakpointCache(refreshes_earlier=refreshes)
        ask(cache, links(("a", 10, MINUTES), ("b", 10, MINUTES)), 0, minimum=1)
        assert ask(cache, links(("a", 10), ("b", 10, MINUTES)), 200, minimum=1)[0] == 20
        assert ask(cache, links(("a", 10, MINUTES), ("x", 10)), 400, minimum=1)[0] == later


def test_a_five_minute_entry_read_at_an_hour_s_breakpoint_stays_one_but_for_a_switch() -> None:
    for upgrades, later in ((False, 0), (True, 20)):
        cache = BreakpointCache(upgrades_lifetime=upgrades)
        ask(cache, numbered(2, 2), 0)
        assert ask(cache, numbered(2, 2, HOUR), 100) == (20, 0, 0, 0)
        assert ask(cache, numbered(2, 2), 100 + 301)[0] == later


def test_an_hour_paid_for_is_an_hour_whoever_wrote_meanwhile() -> None:
    cache = BreakpointCache()
    short = cache.begin("key", numbered(2, 2), 16, 0)
    long = cache.begin("key", numbered(2, 2, HOUR), 16, 0)
    assert split(long) == (0, 0, 20, 0)
    cache.settle(short, 1)
    cache.settle(long, 2)
    assert ask(cache, numbered(2, 2), 3599)[0] == 20


def test_the_documents_example_of_mixed_lifetimes() -> None:
    """Position A is the highest hit, B the highest hour after it, C the last breakpoint: read A,
    hour's writes B - A, five minutes' writes C - B ("Mixing different TTLs")."""
    cache = BreakpointCache()
    ask(cache, links(("head", 100, HOUR)), 0)
    chain = links(("head", 100, HOUR), ("rules", 50, HOUR), ("talk", 30, MINUTES), ("now", 7))
    assert ask(cache, chain, 1) == (100, 30, 50, 7)
    # Nothing of an hour after the hit: B is A.
    talk = links(("head", 100, HOUR), ("other", 30, MINUTES), ("now", 7))
    assert ask(cache, talk, 2) == (100, 30, 0, 7)
