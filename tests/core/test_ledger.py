"""The ledger: what a provider should hold, kept beside simulated providers that it never sees."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.core.ledger import End, Finding, Held, Ledger, Prediction
from stitcher.simulator.cache import (
    BlockCache,
    BoundaryCache,
    BreakpointCache,
    Cache,
    IntervalCache,
    PrefixCache,
    Reading,
    SlotCache,
    UnitCache,
)
from stitcher.simulator.prefix_chain import Chain, Link

CLAUDE = Finding(lookback=20, minimum=16)
FIVE_MINUTES, HOUR, FOR_EVER = 300, 3600, 10**9


def ends(*tokens: int, marks: dict[int, int] | None = None) -> list[End]:
    """Ends of blocks of some tokens; `marks` are lifetimes by block."""
    upto = [sum(tokens[: n + 1]) for n in range(len(tokens))]
    return [
        End(f"{upto[n]}", upto[n], position=n, lifetime=(marks or {}).get(n, 0))
        for n in range(len(tokens))
    ]


def test_what_was_written_is_read_until_it_expires() -> None:
    prompt = ends(100, 50, marks={1: FIVE_MINUTES})
    first = Ledger().predict(prompt, CLAUDE, now=0.0)
    assert (first.read, first.written, first.plain) == (0, {FIVE_MINUTES: 150}, 0)

    ledger = Ledger().sent(prompt, CLAUDE, now=0.0, answered=2.0)
    longer = ends(100, 50, 30, marks={2: FIVE_MINUTES})
    warm = ledger.predict(longer, CLAUDE, now=299.0)
    assert (warm.read, warm.written, warm.plain) == (150, {FIVE_MINUTES: 30}, 0)
    assert ledger.warm(299.0)
    cold = ledger.predict(longer, CLAUDE, now=300.0)
    assert (cold.read, cold.written) == (0, {FIVE_MINUTES: 180})
    assert not ledger.warm(300.0)


def test_reading_refreshes_and_keeps_the_lifetime_it_was_written_with() -> None:
    """Prompt caching page: "refreshed for no additional cost each time the content is used"."""
    ledger = Ledger().sent(ends(100, marks={0: HOUR}), CLAUDE, now=0.0, answered=1.0)
    again = ends(100, 20, marks={0: FIVE_MINUTES, 1: FIVE_MINUTES})
    ledger = ledger.sent(again, CLAUDE, now=3_000.0, answered=3_001.0)
    assert ledger.predict(again, CLAUDE, now=6_500.0).read == 100


def test_an_answer_that_has_not_begun_has_written_nothing() -> None:
    """ "A cache entry only becomes available after the first response begins." """
    prompt = ends(100, marks={0: FIVE_MINUTES})
    ledger = Ledger().sent(prompt, CLAUDE, now=0.0, answered=5.0)
    assert ledger.predict(prompt, CLAUDE, now=4.0).read == 0
    assert ledger.predict(prompt, CLAUDE, now=5.0).read == 100


def test_an_entry_twenty_positions_back_is_out_of_reach() -> None:
    """The page's example: an entry at block 15 is not found from a breakpoint at block 35."""
    ledger = Ledger().sent(ends(*[10] * 15, marks={14: FIVE_MINUTES}), CLAUDE, now=0, answered=1)
    near = ends(*[10] * 34, marks={33: FIVE_MINUTES})
    far = ends(*[10] * 35, marks={34: FIVE_MINUTES})
    assert ledger.predict(near, CLAUDE, now=2).read == 150
    assert ledger.predict(far, CLAUDE, now=2).read == 0


def test_long_and_short_breakpoints_share_the_bill() -> None:
    """Prompt caching page, "Mixing different TTLs": read A, write B - A long and C - B short."""
    ledger = Ledger().sent(ends(100, marks={0: HOUR}), CLAUDE, now=0, answered=1)
    mixed = ends(100, 40, 60, 7, marks={0: HOUR, 1: HOUR, 2: FIVE_MINUTES})
    found = ledger.predict(mixed, CLAUDE, now=2)
    assert (found.read, found.written, found.plain) == (100, {HOUR: 40, FIVE_MINUTES: 60}, 7)
    assert found.total == 207


def test_nothing_below_the_minimum_is_written() -> None:
    prompt = ends(10, marks={0: FIVE_MINUTES})
    found = Ledger().predict(prompt, CLAUDE, now=0)
    assert (found.written, found.plain) == ({}, 10)
    assert Ledger().sent(prompt, CLAUDE, now=0, answered=1) == Ledger()


def test_what_is_read_is_whole_blocks() -> None:
    ledger = Ledger().sent(ends(1_100, marks={0: HOUR}), Finding(block=128), now=0, answered=1)
    found = ledger.predict(ends(1_100, 200, marks={1: HOUR}), Finding(block=128), now=2)
    assert found.read == 1_024
    assert found.total == 1_300


def test_what_the_provider_counted_takes_the_place_of_an_estimate() -> None:
    prompt = ends(100, marks={0: FIVE_MINUTES})
    ledger = Ledger().sent(prompt, CLAUDE, now=0, answered=1).corrected("100", 93, CLAUDE)
    assert ledger.held == (Held("100", 93, FIVE_MINUTES, 0, 1, exact=True),)
    assert ledger.corrected("unknown", 1, CLAUDE) == ledger
    assert ledger.corrected("100", 15, CLAUDE) == Ledger(), "too short to have been written"


def test_only_so_many_entries_are_kept() -> None:
    ledger = Ledger()
    for n in range(1, 6):
        prompt = ends(*[20] * n, marks={n - 1: HOUR})
        ledger = ledger.sent(prompt, CLAUDE, now=n, answered=n)
    assert [entry.key for entry in ledger.newest(2).held] == ["100", "80"]


def test_what_is_free_to_write_is_plain() -> None:
    prompt = ends(100, 50, marks={0: HOUR, 1: HOUR})
    free = Finding(minimum=16, free=True)
    found = (
        Ledger()
        .sent(ends(100, marks={0: HOUR}), free, now=0, answered=1)
        .predict(prompt, free, now=2)
    )
    assert (found.read, found.written, found.plain) == (100, {}, 50)


def test_what_is_computed_anew_is_never_read() -> None:
    """A prompt sent again whole: its last block is computed, though all of it is held."""
    prompt = ends(32, 32, marks={0: HOUR, 1: HOUR})
    blocks = Finding(minimum=16, block=16, computed=1)
    ledger = Ledger().sent(prompt, blocks, now=0, answered=1)
    assert ledger.predict(prompt, blocks, now=2).read == 48
    assert ledger.predict(ends(32, 32, 1), blocks, now=2).read == 64


def test_what_is_read_is_not_less_than_the_minimum_either() -> None:
    how = Finding(minimum=40, block=16)
    ledger = Ledger().sent(ends(45, marks={0: HOUR}), how, now=0, answered=1)
    assert ledger.predict(ends(45, 100), how, now=2).read == 0


def test_an_end_that_is_not_looked_for_is_not_read() -> None:
    """OpenAI looks for a written boundary at some of a request's only."""
    how = Finding(minimum=16)
    ledger = Ledger().sent(ends(100, 50, marks={0: HOUR, 1: HOUR}), how, now=0, answered=1)
    first, second, third = ends(100, 50, 20)
    passed = [first, second._replace(readable=False), third]
    assert ledger.predict(passed, how, now=2).read == 100


@pytest.mark.parametrize(("renews", "read"), [(False, 0), (True, 100)])
def test_whether_a_read_renews_what_stands_before_is_the_providers(renews: bool, read: int) -> None:
    how = replace(CLAUDE, renews_earlier=renews)
    two = ends(100, 50, marks={0: FIVE_MINUTES, 1: FIVE_MINUTES})
    ledger = Ledger().sent(two, how, now=0, answered=1)
    ledger = ledger.sent(ends(100, 50, 9, marks={2: FIVE_MINUTES}), how, now=200, answered=201)
    assert ledger.predict(ends(100, 9, marks={1: FIVE_MINUTES}), how, now=400).read == read


def test_of_two_answers_the_first_makes_it_found() -> None:
    """Two requests at once write the same; the longer lifetime has been paid for."""
    short, long = (ends(100, marks={0: lifetime}) for lifetime in (FIVE_MINUTES, HOUR))
    ledger = Ledger().sent(short, CLAUDE, now=0, answered=9).sent(long, CLAUDE, now=1, answered=3)
    assert ledger.predict(short, CLAUDE, now=2).read == 0
    assert ledger.predict(short, CLAUDE, now=3).read == 100
    assert ledger.held[0].lifetime == HOUR


def test_an_answer_that_is_written_is_the_newest_entry() -> None:
    how = Finding(minimum=16)
    ledger = Ledger().sent(ends(100, marks={0: HOUR}), how, now=0, answered=1)
    ledger = ledger.said(End("150", 150, lifetime=HOUR), now=0, answered=4)
    assert ledger.held[0] == Held("150", 150, HOUR, 0, 4, exact=True)
    assert ledger.predict(ends(100, 50, 9), how, now=3).read == 100
    assert ledger.predict(ends(100, 50, 9), how, now=4).read == 150
    again = ledger.said(End("150", 150, lifetime=HOUR), now=50, answered=60)
    assert again.held[0] == Held("150", 150, HOUR, 50, 4, exact=True)


# ── beside simulated caches ──────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Request:
    """A change of the conversation, breakpoints from its end, seconds since the one before."""

    keep: int  # blocks of the prompt before, from its beginning
    added: tuple[int, ...]  # tokens of the new blocks
    marks: tuple[tuple[int, int], ...]  # (blocks from the end, lifetime)
    passed: frozenset[int]  # blocks from the end where no entry is looked for
    wait: int
    reply: int  # tokens


# An entry that expires between a request and its answer is another matter: no provider says.
REQUESTS = st.lists(
    st.builds(
        Request,
        keep=st.integers(0, 60) | st.just(10**6),
        added=st.lists(st.integers(1, 40), min_size=1, max_size=24).map(tuple),
        marks=st.lists(
            st.tuples(st.integers(0, 30), st.sampled_from([FIVE_MINUTES, HOUR])), max_size=4
        ).map(tuple),
        passed=st.frozensets(st.integers(0, 30), max_size=6),
        wait=st.sampled_from([2, 30, 298, 300, 302, 3_598, 3_600]),
        reply=st.integers(1, 90),
    ),
    max_size=12,
)


def long_first(marks: tuple[tuple[int, int], ...], blocks: int) -> dict[int, int]:
    """Lifetimes by block as the provider takes them: long ones before short ones."""
    at = sorted({max(0, blocks - 1 - back) for back, _ in marks})
    lifetimes = sorted((lifetime for _, lifetime in marks), reverse=True)
    return dict(zip(at, lifetimes, strict=False))


@dataclass(frozen=True)
class Provider:
    """A simulated cache, and what the ledger is told of it."""

    cache: Cache
    finding: Finding
    lifetime: int = 0  # of what is written at every end without being asked; 0: as it is marked
    whole: bool = False  # at the last end only
    answers: bool = False  # are written too
    grain: int = 1  # tokens of the smallest block of a prompt
    forgets: bool = False  # all but the last request

    def links(self, prompt: list[tuple[int, int]], request: Request) -> list[Link]:
        chain, last = Chain(b"model"), len(prompt) - 1
        marks = {} if self.lifetime else long_first(request.marks, len(prompt))
        for n, (name, tokens) in enumerate(prompt):
            passed = not self.lifetime and last - n in request.passed
            chain.add(f"{name}".encode(), tokens, ttl=marks.get(n), readable=not passed)
        return chain.links

    def end(self, link: Link, *, last: bool = True) -> End:
        lifetime = self.lifetime if last or not self.whole else 0
        return End(
            link.hash.hex(), link.tokens, link.position, lifetime or link.ttl or 0, link.readable
        )

    def asked(self, requests: list[Request]) -> Iterator[tuple[Prediction, Reading]]:
        """What the ledger says of each request, and what the cache does with it."""
        ledger, now = Ledger(), 0.0
        prompt: list[tuple[int, int]] = []
        names = count()
        for request in requests:
            now += request.wait
            prompt = prompt[: request.keep]
            prompt += [(next(names), self.grain * tokens) for tokens in request.added]
            links = self.links(prompt, request)
            ends = [self.end(link, last=link is links[-1]) for link in links]
            reading = self.cache.begin("scope", links, self.finding.minimum, now)
            yield ledger.predict(ends, self.finding, now), reading
            ledger = Ledger() if self.forgets else ledger
            ledger = ledger.sent(ends, self.finding, now=now, answered=now + 1)
            grown: list[Link] = []
            if self.answers:
                prompt.append((next(names), request.reply))
                grown = self.links(prompt, request)
                ledger = ledger.said(self.end(grown[-1]), now=now, answered=now + 1)
            self.cache.settle(reading, now + 1, grown)


def claude(*, renews_earlier: bool = False) -> Provider:
    """Reads from any block before a breakpoint: there is none where it does not look."""
    cache = BreakpointCache(refreshes_earlier=renews_earlier)
    return Provider(cache, replace(CLAUDE, renews_earlier=renews_earlier))


@given(requests=REQUESTS, renews=st.booleans())
def test_the_ledger_says_what_the_breakpoint_cache_will_bill(
    requests: list[Request], renews: bool
) -> None:
    asked = [replace(request, passed=frozenset()) for request in requests]
    for told, billed in claude(renews_earlier=renews).asked(asked):
        assert told.read == billed.read
        assert told.written.get(FIVE_MINUTES, 0) == billed.written_5m
        assert told.written.get(HOUR, 0) == billed.written_1h
        assert told.plain == billed.plain


@given(requests=REQUESTS)
def test_the_ledger_says_what_the_boundary_cache_will_bill(requests: list[Request]) -> None:
    """Some ends only are written, and some only are looked for."""
    for told, billed in Provider(BoundaryCache(), Finding(minimum=16)).asked(requests):
        assert told.read == billed.read
        assert told.written.get(FIVE_MINUTES, 0) == billed.written_5m
        assert told.written.get(HOUR, 0) == billed.written_1h
        assert told.plain == billed.plain


def intervals() -> Provider:
    """Every prefix is written; what is read, and reported, is a multiple of 128 tokens."""
    finding = Finding(minimum=256, block=128, free=True)
    return Provider(IntervalCache(128, 1_800), finding, 1_800, grain=16)


def blocks() -> Provider:
    """The same with answers, in blocks of 16 that are dropped for want of room alone."""
    finding = Finding(minimum=40, block=16, computed=1, free=True)
    return Provider(BlockCache(16), finding, FOR_EVER, answers=True)


def sequences() -> Provider:
    """Any prefix of anything that was sent or said, to the token."""
    finding = Finding(minimum=40, computed=1, free=True)
    return Provider(PrefixCache(), finding, FOR_EVER, answers=True)


def slot() -> Provider:
    """What the last request and its answer have in common with this one."""
    finding = Finding(computed=1, free=True)
    return Provider(SlotCache(), finding, FOR_EVER, answers=True, forgets=True)


def units(shortest_common: int = 10**9) -> Provider:
    """Whole inputs and whole outputs; a read renews all the units that it goes through.

    A unit's life begins with its writing, which is a second after the request: one less.
    """
    cache = UnitCache(lifetime=299, build_seconds=0, shortest_common=shortest_common)
    finding = Finding(minimum=16, free=True, renews_earlier=True)
    return Provider(cache, finding, FIVE_MINUTES, whole=True, answers=True)


@pytest.mark.parametrize("provider", [intervals, blocks, sequences, slot, units])
@given(requests=REQUESTS)
def test_the_ledger_says_what_an_automatic_cache_will_read(
    provider: Callable[[], Provider], requests: list[Request]
) -> None:
    for told, billed in provider().asked(requests):
        assert told.read == billed.read
        assert (told.written, told.plain) == ({}, billed.plain)


def kept_for_a_time() -> Provider:
    """A read prolongs all of the sequence that it is read from, also what it does not read."""
    finding = Finding(minimum=40, computed=1, free=True)
    return Provider(PrefixCache(lifetime=300), finding, FIVE_MINUTES, answers=True)


def common_units() -> Provider:
    """What two requests had in common is a unit too."""
    return units(shortest_common=64)


@pytest.mark.parametrize("provider", [kept_for_a_time, common_units])
@given(requests=REQUESTS)
def test_where_it_cannot_know_it_promises_less(
    provider: Callable[[], Provider], requests: list[Request]
) -> None:
    for told, billed in provider().asked(requests):
        assert told.read <= billed.read
