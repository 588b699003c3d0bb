"""The ledger: what a provider should hold, kept beside simulated providers that it never sees."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from stitcher.core.ledger import End, Finding, Held, Ledger
from stitcher.simulator.cache import BreakpointCache, IntervalCache
from stitcher.simulator.prefix_chain import Chain, Link

CLAUDE = Finding(lookback=20, minimum=16)
FIVE_MINUTES, HOUR = 300, 3600


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


# ── beside simulated caches ──────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Request:
    """A change of the conversation, breakpoints from its end, seconds since the one before."""

    keep: int  # blocks of the prompt before, from its beginning
    added: tuple[int, ...]  # tokens of the new blocks
    marks: tuple[tuple[int, int], ...]  # (blocks from the end, lifetime)
    wait: int


REQUESTS = st.lists(
    st.builds(
        Request,
        keep=st.integers(0, 60) | st.just(10**6),
        added=st.lists(st.integers(1, 40), min_size=1, max_size=24).map(tuple),
        marks=st.lists(
            st.tuples(st.integers(0, 30), st.sampled_from([FIVE_MINUTES, HOUR])), max_size=4
        ).map(tuple),
        wait=st.sampled_from([2, 30, 299, 300, 301, 3_599, 3_600]),
    ),
    max_size=12,
)


def long_first(marks: tuple[tuple[int, int], ...], blocks: int) -> dict[int, int]:
    """Lifetimes by block as the provider takes them: long ones before short ones."""
    at = sorted({max(0, blocks - 1 - back) for back, _ in marks})
    lifetimes = sorted((lifetime for _, lifetime in marks), reverse=True)
    return dict(zip(at, lifetimes, strict=False))


def chain_of(prompt: list[tuple[int, int]], marks: dict[int, int]) -> list[Link]:
    chain = Chain(b"model")
    for n, (name, tokens) in enumerate(prompt):
        chain.add(f"{name}".encode(), tokens, ttl=marks.get(n))
    return chain.links


def as_ends(links: list[Link], *, automatic: bool = False) -> list[End]:
    return [
        End(
            link.hash.hex(),
            link.tokens,
            link.position,
            1_800 if automatic else link.ttl or 0,
        )
        for link in links
    ]


@given(requests=REQUESTS)
def test_the_ledger_says_what_the_breakpoint_cache_will_bill(requests: list[Request]) -> None:
    cache, ledger = BreakpointCache(), Ledger()
    prompt: list[tuple[int, int]] = []
    now, made = 0.0, 0
    for request in requests:
        now += request.wait
        prompt = prompt[: request.keep]
        for tokens in request.added:
            made += 1
            prompt.append((made, tokens))
        links = chain_of(prompt, long_first(request.marks, len(prompt)))
        billed = cache.begin("scope", links, CLAUDE.minimum, now)
        told = ledger.predict(as_ends(links), CLAUDE, now)
        assert told.read == billed.read
        assert told.written.get(FIVE_MINUTES, 0) == billed.written_5m
        assert told.written.get(HOUR, 0) == billed.written_1h
        assert told.plain == billed.plain
        cache.settle(billed, now + 1)
        ledger = ledger.sent(as_ends(links), CLAUDE, now=now, answered=now + 1)


@given(requests=REQUESTS)
def test_the_ledger_says_what_an_automatic_cache_will_read(requests: list[Request]) -> None:
    """Every prefix is written; what is read, and reported, is a multiple of 128 tokens."""
    cache, ledger = IntervalCache(128, 1_800), Ledger()
    finding = Finding(minimum=256, block=128)
    prompt: list[tuple[int, int]] = []
    now, made = 0.0, 0
    for request in requests:
        now += request.wait
        prompt = prompt[: request.keep]
        for tokens in request.added:
            made += 1
            prompt.append((made, 16 * tokens))
        links = chain_of(prompt, dict.fromkeys(range(len(prompt)), 1_800))
        billed = cache.begin("scope", links, finding.minimum, now)
        told = ledger.predict(as_ends(links, automatic=True), finding, now)
        assert told.read == billed.read
        cache.settle(billed, now + 1)
        ledger = ledger.sent(as_ends(links, automatic=True), finding, now=now, answered=now + 1)
