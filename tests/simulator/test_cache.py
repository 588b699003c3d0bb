"""What is true of every prefix cache, by the contract that a benchmark uses without HTTP."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.simulator.cache import (
    AutomaticCache,
    BlockCache,
    BoundaryCache,
    BreakpointCache,
    Cache,
    IntervalCache,
    PrefixCache,
    SlotCache,
    UnitCache,
)
from stitcher.simulator.prefix_chain import Chain, Link
from stitcher.simulator.token_stream import common_tokens, spans_of

CACHES: dict[str, Callable[[], Cache]] = {
    "Anthropic": BreakpointCache,
    "OpenAI from gpt-5.6 on": BoundaryCache,
    "OpenAI up to gpt-5.4": IntervalCache,
    "gpt-5.5": lambda: IntervalCache(2048),
    "OpenAI": AutomaticCache,
    "DeepSeek": lambda: UnitCache(build_seconds=0),
    "vLLM": BlockCache,
    "SGLang": PrefixCache,
    "llama.cpp": lambda: SlotCache(2),
}

Pieces = Sequence[tuple[str, int]]
pieces = st.tuples(st.sampled_from("abc"), st.sampled_from([1, 15, 16, 130, 3000]))
prompts = st.lists(pieces, min_size=1, max_size=5)


def links(said: Pieces) -> list[Link]:
    """Every piece a message of that name and length, and the last one a breakpoint."""
    chain = Chain(b"model")
    for at, (name, tokens) in enumerate(said):
        ttl = 300 if at == len(said) - 1 else None
        chain.add(f"{name}{tokens}".encode(), tokens, ttl=ttl)
    return chain.links


@pytest.mark.parametrize("name", CACHES)
@given(requests=st.lists(prompts, min_size=1, max_size=8), minimum=st.sampled_from([0, 16, 1024]))
def test_nothing_is_read_that_was_not_sent(name: str, requests: list[Pieces], minimum: int) -> None:
    """A request reads no more than the beginning it has in common with one before, and what is
    read, written and neither is the whole prompt."""
    cache = CACHES[name]()
    earlier: list[list[Link]] = []
    for now, said in enumerate(requests):
        chain = links(said)
        reading = cache.begin("me", chain, minimum, now)
        common = [common_tokens(spans_of(chain), spans_of(sent)) for sent in earlier]
        assert 0 <= reading.read <= max(common, default=0)
        assert reading.read == 0 or reading.read >= minimum or name == "llama.cpp"
        assert reading.written_5m >= 0
        assert reading.written_1h == 0
        assert reading.plain >= 0
        assert reading.read + reading.written + reading.plain == reading.total == chain[-1].tokens
        earlier.append(links([*said, ("answer", 40)]))
        cache.settle(reading, now, earlier[-1])


@pytest.mark.parametrize("name", CACHES)
@given(said=prompts)
def test_what_others_sent_is_not_read(name: str, said: Pieces) -> None:
    cache = CACHES[name]()
    cache.settle(cache.begin("me", links(said), 0, 0), 0)
    assert cache.begin("you", links([*said, ("a", 16)]), 0, 1).read == 0


@pytest.mark.parametrize("name", CACHES)
def test_a_conversation_that_only_grows_reads_nearly_all_of_it(name: str) -> None:
    cache = CACHES[name]()
    said: list[tuple[str, int]] = [("system", 5000)]
    before = 0
    for turn in range(5):
        said.append((f"question {turn}", 300))
        reading = cache.begin("me", links(said), 1024, 10 * turn)
        assert before - reading.read < (2048 if name == "gpt-5.5" else 128), turn
        before = reading.total
        said.append((f"answer {turn}", 200))
        cache.settle(reading, 10 * turn + 1, links(said))


@pytest.mark.parametrize("name", CACHES)
def test_an_empty_prompt_is_no_prompt(name: str) -> None:
    cache = CACHES[name]()
    reading = cache.begin("me", [], 0, 0)
    assert (reading.read, reading.written, reading.total) == (0, 0, 0)
    cache.settle(reading, 0)
