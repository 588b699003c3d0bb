"""The longest common token prefix on bare chains of links: SGLang, Gemini and llama.cpp."""

from stitcher.simulator.prefix_cache import PrefixCache, SlotCache
from stitcher.simulator.prefix_chain import Chain, Link
from stitcher.simulator.reading import Cache


def links(*pieces: tuple[str, int]) -> list[Link]:
    chain = Chain(b"model")
    for content, tokens in pieces:
        chain.add(content.encode(), tokens)
    return chain.links


def ask(cache: Cache, *pieces: tuple[str, int], at: float = 0, minimum: int = 0) -> int:
    reading = cache.begin("", links(*pieces), minimum, at)
    cache.settle(reading, at)
    return reading.read


class TestPrefixCache:
    def test_whatever_is_common_is_read(self) -> None:
        cache = PrefixCache()
        ask(cache, ("A", 100), ("B", 50))
        assert ask(cache, ("A", 100), ("C", 70)) == 100
        assert ask(cache, ("A", 100), ("B", 50), ("D", 9)) == 150
        assert ask(cache, ("A", 100), ("C", 70), ("D", 9)) == 170

    def test_one_token_at_least_is_computed(self) -> None:
        cache = PrefixCache()
        ask(cache, ("A", 100))
        assert ask(cache, ("A", 100)) == 99

    def test_the_answer_is_kept_too(self) -> None:
        cache = PrefixCache()
        cache.settle(cache.begin("", links(("A", 100)), 0, 0), 0, links(("A", 100), ("B", 50)))
        assert ask(cache, ("A", 100), ("B", 50), ("C", 9)) == 150

    def test_the_minimum_of_gemini(self) -> None:
        """4,096 tokens for Gemini 3.5 Flash, 2,048 for 2.5 (caching page, 2026-11)."""
        cache = PrefixCache()
        ask(cache, ("A", 4095), ("B", 9), minimum=4096)
        assert ask(cache, ("A", 4095), ("C", 9), minimum=4096) == 0
        assert ask(cache, ("A", 4095), ("C", 9), ("D", 9), minimum=4096) == 4104

    def test_sequences_end_by_time_and_by_number(self) -> None:
        cache = PrefixCache(sequences=2, lifetime=300)
        ask(cache, ("A", 100))
        assert ask(cache, ("A", 100), ("x", 1), at=299) == 100
        assert ask(cache, ("A", 100), ("x", 1), ("y", 1), at=600) == 0
        ask(cache, ("B", 100), at=601)
        ask(cache, ("C", 100), at=602)
        assert ask(cache, ("A", 100), ("x", 1), ("y", 1), ("z", 1), at=603) == 0

    def test_a_sequence_is_seen_once_its_answer_began(self) -> None:
        cache = PrefixCache()
        slow = cache.begin("", links(("A", 100)), 0, 0)
        assert cache.begin("", links(("A", 100), ("B", 9)), 0, 1).read == 0
        cache.settle(slow, 2)
        assert cache.begin("", links(("A", 100), ("B", 9)), 0, 1).read == 0
        assert cache.begin("", links(("A", 100), ("B", 9)), 0, 2).read == 100


class TestSlotCache:
    """`cache_prompt`, `--parallel` and `-sps` of llama.cpp's server README (2026-10)."""

    def test_one_slot_keeps_the_last_conversation_only(self) -> None:
        cache = SlotCache(1)
        ask(cache, ("A", 100), ("B", 50))
        assert ask(cache, ("A", 100), ("B", 50), ("C", 10)) == 150
        assert ask(cache, ("other", 100)) == 0
        assert ask(cache, ("A", 100), ("B", 50), ("C", 10)) == 0

    def test_a_prompt_overwrites_the_slot_from_the_first_difference_on(self) -> None:
        cache = SlotCache(1)
        ask(cache, ("A", 100), ("B", 50))
        assert ask(cache, ("A", 100), ("C", 50)) == 100
        assert ask(cache, ("A", 100), ("B", 50)) == 100

    def test_conversations_stay_apart_in_their_slots(self) -> None:
        cache = SlotCache(2)
        ask(cache, ("A", 100), at=0)
        ask(cache, ("B", 100), at=1)
        assert ask(cache, ("A", 100), ("more", 9), at=2) == 100
        assert ask(cache, ("C", 100), at=3) == 0
        assert ask(cache, ("A", 100), ("more", 9), ("yet", 9), at=4) == 109
        assert ask(cache, ("B", 100), ("more", 9), at=5) == 0

    def test_a_tenth_in_common_is_too_little_to_choose_a_slot_by(self) -> None:
        cache = SlotCache(2)
        ask(cache, ("old", 10), ("A", 90), at=0)
        ask(cache, ("new", 10), ("B", 90), at=1)
        assert ask(cache, ("new", 10), ("C", 90), at=2) == 0
        assert ask(cache, ("new", 10), ("D", 80), at=3) == 10

    def test_one_token_at_least_is_evaluated(self) -> None:
        cache = SlotCache(1)
        ask(cache, ("A", 100))
        assert ask(cache, ("A", 100)) == 99

    def test_the_answer_stays_in_the_slot(self) -> None:
        cache = SlotCache(1)
        cache.settle(cache.begin("", links(("A", 100)), 0, 0), 0, links(("A", 100), ("B", 50)))
        assert ask(cache, ("A", 100), ("B", 50), ("C", 9)) == 150
