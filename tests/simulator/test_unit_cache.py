"""DeepSeek's units on bare chains of links: the examples of its KV cache guide (2026-10)."""

from stitcher.simulator.prefix_chain import Chain, Link
from stitcher.simulator.reading import Reading
from stitcher.simulator.unit_cache import UnitCache

A, B, C, D = ("A", 500), ("B", 70), ("C", 80), ("D", 90)


def links(*pieces: tuple[str, int]) -> list[Link]:
    chain = Chain(b"model")
    for content, tokens in pieces:
        chain.add(content.encode(), tokens)
    return chain.links


def ask(
    cache: UnitCache,
    *pieces: tuple[str, int],
    at: float,
    answer: tuple[str, int] | None = None,
    scope: str = "account",
) -> int:
    reading = cache.begin(scope, links(*pieces), 0, at)
    cache.settle(reading, at, links(*pieces, answer) if answer else ())
    assert reading.written == 0
    return reading.read


def test_a_request_that_goes_on_reads_the_whole_one_before() -> None:
    """A + B, then A + B + C: the end of the input is a unit."""
    cache = UnitCache()
    assert ask(cache, A, B, at=0) == 0
    assert ask(cache, A, B, C, at=10) == 570


def test_a_common_prefix_is_read_from_the_third_request_on() -> None:
    """A + B, then A + C misses, because A is no complete unit; then A + D reads A."""
    cache = UnitCache()
    assert ask(cache, A, B, at=0) == 0
    assert ask(cache, A, C, at=10) == 0
    assert ask(cache, A, D, at=20) == 500


def test_the_end_of_the_answer_is_a_unit_too() -> None:
    cache = UnitCache()
    ask(cache, A, at=0, answer=B)
    assert ask(cache, A, B, C, at=10) == 570
    assert ask(cache, A, D, at=20) == 500


def test_part_of_a_unit_is_not_read() -> None:
    cache = UnitCache()
    ask(cache, A, B, at=0)
    assert ask(cache, A, at=10) == 0


def test_a_short_common_prefix_is_not_detected() -> None:
    cache = UnitCache(shortest_common=64)
    for at, other in enumerate((B, C, D)):
        assert ask(cache, ("short", 63), other, at=at * 10) == 0


def test_units_take_seconds_to_build_and_end_unless_they_are_used() -> None:
    cache = UnitCache(build_seconds=3, lifetime=100)
    ask(cache, A, at=0)
    assert ask(cache, A, B, at=2.9) == 0
    assert ask(cache, A, C, at=3) == 500
    assert ask(cache, A, D, at=99) == 500
    assert ask(cache, A, D, at=99 + 100) == 0


def test_intervals_of_a_long_input_are_units_where_they_are_assumed() -> None:
    cache = UnitCache(interval=200)
    ask(cache, A, B, at=0)
    assert ask(cache, A, C, at=10) == 400


def test_user_ids_do_not_share() -> None:
    cache = UnitCache()
    ask(cache, A, at=0, scope="one")
    assert ask(cache, A, B, at=10, scope="two") == 0


def test_hit_and_miss_are_the_whole_prompt() -> None:
    cache = UnitCache()
    ask(cache, A, at=0)
    reading: Reading = cache.begin("account", links(A, B), 0, 10)
    assert reading.read + reading.plain == reading.total == 570
