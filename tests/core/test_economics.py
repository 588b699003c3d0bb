"""When old context is taken out of the past, and when it is cheaper to leave it there."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.core.economics import (
    Block,
    Prices,
    cut_pays,
    expected_requests,
    long_lifetime_pays,
    outdated,
    write_pays,
)

CLAUDE = Prices(read=0.1, write=1.25)
FREE_WRITES = Prices(read=0.1, write=1.0)


@pytest.mark.parametrize(
    ("block", "requests", "stays"),
    [
        (Block(tokens=127, behind=92), 3, True),  # 83 to rewrite, 38 to keep reading it
        (Block(tokens=127, behind=92), 10, False),  # 127 to keep reading it
        (Block(tokens=4_000, behind=0), 1, False),  # nothing is behind it: it goes for nothing
        (Block(tokens=100, behind=50_000), 400, True),
    ],
)
def test_a_block_stays_while_its_reading_costs_less_than_the_rewrite(
    block: Block, requests: float, stays: bool
) -> None:
    assert outdated([block], FREE_WRITES, requests) == (1 if stays else 0)


def test_reads_for_nothing_move_nothing() -> None:
    assert outdated([Block(9_999, 1)], Prices(read=0.0, write=1.0), 1e9) == 1


def cost(blocks: list[Block], kept: int, prices: Prices, requests: float) -> float:
    """From the definition: the rewrite now, and the reading of what is kept."""
    rewrite = (prices.write - prices.read) * blocks[kept].behind if kept < len(blocks) else 0.0
    return rewrite + prices.read * requests * sum(block.tokens for block in blocks[:kept])


@given(
    sizes=st.lists(st.tuples(st.integers(1, 5_000), st.integers(0, 5_000)), max_size=5),
    requests=st.floats(1, 500),
    prices=st.sampled_from([CLAUDE, FREE_WRITES, Prices(0.025, 1.25), Prices(0.5, 1.0)]),
)
def test_nothing_else_would_be_cheaper(
    sizes: list[tuple[int, int]], requests: float, prices: Prices
) -> None:
    behind = list(itertools.accumulate(after for _, after in reversed(sizes)))[::-1]
    blocks = [Block(tokens, rest) for (tokens, _), rest in zip(sizes, behind, strict=True)]
    found = cost(blocks, outdated(blocks, prices, requests), prices, requests)
    every = [cost(blocks, kept, prices, requests) for kept in range(len(blocks) + 1)]
    assert found == pytest.approx(min(every))


def test_as_many_requests_are_expected_as_there_were_but_none_beyond_a_cut() -> None:
    assert expected_requests(7, until_cut=100) == 7
    assert expected_requests(7, until_cut=3) == 3
    assert expected_requests(0, until_cut=0) == 1


def surplus_at_cut(kept: int, added: int, prices: Prices) -> int:
    """The surplus a steady conversation reaches before its cut pays."""
    surplus = held = 0
    while not cut_pays(kept=kept, surplus=surplus, held=held, requests=10**9, prices=prices):
        held += surplus
        surplus += added
    return surplus


@given(
    kept=st.integers(1_000, 500_000),
    added=st.integers(50, 3_000),
    prices=st.sampled_from([CLAUDE, FREE_WRITES, Prices(0.025, 1.25), Prices(0.5, 1.0)]),
)
def test_a_steady_conversation_is_cut_at_the_economic_order_quantity(
    kept: int, added: int, prices: Prices
) -> None:
    best = math.sqrt(2 * (prices.write - prices.read) * kept * added / prices.read)
    assert abs(surplus_at_cut(kept, added, prices) - best) <= 2 * added


def test_no_surplus_and_free_reading_cut_nothing() -> None:
    nothing = cut_pays(kept=1_000, surplus=0, held=10**9, requests=10**9, prices=CLAUDE)
    free = cut_pays(
        kept=1_000, surplus=10**6, held=10**9, requests=10**9, prices=Prices(read=0.0, write=1.0)
    )
    assert not nothing
    assert not free


def test_a_conversation_that_has_only_begun_is_not_cut_by_price() -> None:
    """Cutting 10,000 off 50,000 costs 57,500 and saves 1,000 a request."""

    def pays(requests: int) -> bool:
        return cut_pays(kept=50_000, surplus=10_000, held=10**9, requests=requests, prices=CLAUDE)

    assert not pays(57)
    assert pays(58)


def two_lifetimes(gaps: tuple[int, int, int], prompt: int, added: int) -> bool:
    """Claude's prices: 1.25 for five minutes, 2 for an hour."""
    return long_lifetime_pays(prompt=prompt, added=added, gaps=gaps, read=0.1, short=1.25, long=2.0)


def test_an_hour_pays_where_people_think_for_some_minutes() -> None:
    assert two_lifetimes((50, 10, 0), prompt=50_000, added=500)
    assert not two_lifetimes((60, 0, 0), prompt=50_000, added=500)  # an agent: no gap to bridge
    assert not two_lifetimes((0, 0, 60), prompt=50_000, added=500)  # once a day: both expire


@given(
    gaps=st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50)),
    prompt=st.integers(0, 200_000),
    added=st.integers(0, 5_000),
)
def test_the_lifetime_chosen_is_the_cheaper_one(
    gaps: tuple[int, int, int], prompt: int, added: int
) -> None:
    within, between, beyond = gaps

    def cost(write: float, read_after: int, written_after: int) -> float:
        """Reading or writing the prompt anew, and writing what is added, request by request."""
        new = (within + between + beyond) * added * write
        return new + read_after * prompt * 0.1 + written_after * prompt * write

    short = cost(1.25, within, between + beyond)
    long = cost(2.0, within + between, beyond)
    assert two_lifetimes(gaps, prompt, added) == (long < short - 1e-6) or long == pytest.approx(
        short
    )


@pytest.mark.parametrize(
    ("reads", "prices", "pays"),
    [
        (0, CLAUDE, False),  # 1.25 for what costs 1 unwritten
        (1, CLAUDE, True),  # 1.35 : 2
        (1, Prices(0.1, 2.0), False),  # for an hour: 2.1 : 2
        (2, Prices(0.1, 2.0), True),  # 2.2 : 3
        (0, FREE_WRITES, False),  # the same either way
        (1, FREE_WRITES, True),
        (-1, CLAUDE, False),
    ],
)
def test_writing_pays_where_what_is_written_is_read(
    reads: float, prices: Prices, pays: bool
) -> None:
    assert write_pays(reads, prices) is pays


@given(st.integers(0, 100), st.floats(0.01, 1), st.floats(1, 3))
def test_writing_pays_where_it_is_the_cheaper_of_the_two(
    reads: int, read: float, write: float
) -> None:
    written, plain = write + reads * read, 1.0 + reads
    if not math.isclose(written, plain):
        assert write_pays(reads, Prices(read, write)) is (written < plain)
