"""vLLM's blocks on bare chains of links (design/prefix_caching.md, 2026-10)."""

import pytest

from stitcher.simulator.block_cache import BlockCache
from stitcher.simulator.prefix_chain import Chain, Link


def links(*pieces: tuple[str, int]) -> list[Link]:
    chain = Chain(b"model")
    for content, tokens in pieces:
        chain.add(content.encode(), tokens)
    return chain.links


def ask(cache: BlockCache, *pieces: tuple[str, int], salt: str = "") -> int:
    reading = cache.begin(salt, links(*pieces), 0, 0)
    cache.settle(reading, 0)
    return reading.read


@pytest.mark.parametrize(
    ("shared", "found"), [(15, 0), (16, 16), (31, 16), (32, 32), (100, 96), (160, 160)]
)
def test_only_full_blocks_of_sixteen_are_cached(shared: int, found: int) -> None:
    cache = BlockCache()
    ask(cache, ("same", shared), ("one", 40))
    assert ask(cache, ("same", shared), ("two", 40)) == found


@pytest.mark.parametrize(("tokens", "found"), [(64, 48), (65, 64), (80, 64)])
def test_the_last_token_is_always_computed(tokens: int, found: int) -> None:
    """A prompt that is cached whole: its last block is computed again."""
    cache = BlockCache()
    ask(cache, ("same", tokens))
    assert ask(cache, ("same", tokens)) == found


def test_blocks_of_generated_tokens_are_cached_too() -> None:
    cache = BlockCache()
    reading = cache.begin("", links(("asked", 40)), 0, 0)
    cache.settle(reading, 0, links(("asked", 40), ("answered", 40)))
    assert ask(cache, ("asked", 40), ("answered", 40), ("more", 8)) == 80


def test_salts_do_not_share() -> None:
    cache = BlockCache()
    ask(cache, ("same", 64), salt="one")
    assert ask(cache, ("same", 64), ("more", 9), salt="two") == 0


def test_the_tail_of_the_least_recently_used_request_is_evicted_first() -> None:
    cache = BlockCache(capacity=6)
    ask(cache, ("old", 64))
    ask(cache, ("new", 64))
    assert cache.begin("", links(("new", 64), ("more", 9)), 0, 0).read == 64
    assert cache.begin("", links(("old", 64), ("more", 9)), 0, 0).read == 32
