"""Context placed by whoever knows what comes: by example, and beside every other way."""

from dataclasses import replace
from itertools import accumulate, product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stitcher.benchmark.billing import bills
from stitcher.benchmark.cells import CELLS
from stitcher.benchmark.conversation import Conversation
from stitcher.benchmark.hindsight import optimum
from stitcher.benchmark.measure import ARMS
from stitcher.core.economics import Prices
from tests.benchmark.made import Said, conversation, setting


def keys(chat: Conversation, cell: str = "anthropic-5m") -> list[list[str]]:
    prompts = optimum(chat, setting(cell, 100_000))
    return [[block.key.decode() for block in prompt.blocks[1:]] for prompt in prompts]


def test_context_that_is_gone_next_time_is_not_cached() -> None:
    chat = conversation(Said(50, context="a"), Said(50, context="b"))
    assert keys(chat) == [["said 0", "a"], ["said 0", "reply 0", "said 1", "b"]]
    first, second = optimum(chat, setting())
    assert not first.lasting
    assert not second.lasting


def test_context_that_lasts_is_held_where_it_was_said() -> None:
    chat = conversation(Said(50, context="a"), Said(50, context="a"), Said(50, context="a"))
    assert keys(chat)[2] == ["said 0", "a", "reply 0", "said 1", "reply 1", "said 2"]


def test_context_with_much_behind_it_stays_as_history() -> None:
    chat = conversation(
        Said(50, 5_000, context="a"), Said(5_000, context="a"), Said(50, context="b")
    )
    assert keys(chat)[2] == ["said 0", "a", "reply 0", "said 1", "reply 1", "said 2", "b"]


def test_at_a_cold_cache_it_is_said_anew() -> None:
    chat = conversation(
        Said(50, 5_000, context="a"), Said(50, context="a"), Said(50, wait=600, context="a")
    )
    assert keys(chat)[2][-1] == "a"
    assert keys(chat)[2].count("a") == 1


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.builds(
            Said,
            st.integers(1, 400),
            st.integers(1, 400),
            context=st.sampled_from(["a", "b", "c"]),
        ),
        min_size=1,
        max_size=9,
    ),
    st.sampled_from(["anthropic-5m", "anthropic-1h", "openai", "reader-0.5"]),
)
def test_no_arm_places_context_for_less(said: list[Said], cell: str) -> None:
    """Without a cut. It counts whole prompts, so minimum and rounding are kept out of it."""
    chat = conversation(*said, head=2_048)
    here = setting(cell, 100_000)

    def cost(arm: str) -> float:
        return sum(bill.cost(here.cell) for bill in bills(chat, ARMS[arm](chat, here), here.cell))

    # What is asked last is marked and never read: those who leave it unmarked save its writing.
    slack = (here.cell.prices.write - 1) * said[-1].tokens + 1e-6
    slack += here.cell.rounding * len(said) if here.cell.rounding > 1 else 0
    for arm in ("direct", "half", "stitcher"):
        assert cost("optimum") <= cost(arm) + slack


def cheapest(chat: Conversation, prices: Prices, n: int, standing: tuple[int, ...]) -> float:
    """The least that context costs from request n on, of every way to place it.

    `standing` are the requests whose context stands in the request before n, oldest first.
    """
    if n == len(chat.requests):
        return 0.0
    costs: list[float] = []
    for kept in range(len(standing) + 1):
        stay = standing[:kept]
        again = kept < len(standing) and standing[kept] < n - 1
        behind = chat.history(2 * standing[kept] + 1, n - 1) if again else 0
        cost = behind * (prices.write - prices.read)
        # What stood in one request alone was not written.
        cost += sum(100 * (prices.write - 1) for one in stay if one == n - 1)
        cost += 100 * prices.read * len(stay)
        top = stay[-1] if stay else None
        same = top is not None and chat.requests[top].context is chat.requests[n].context
        now = stay if same else (*stay, n)
        cost += 0 if same else 100
        costs.append(cost + cheapest(chat, prices, n + 1, now))
    return min(costs)


@settings(max_examples=60, deadline=None)
@example(
    said=[
        (Said(1, 1), False),
        (Said(1, 1), False),
        (Said(12, 1), False),
        (Said(1, 1), True),
        (Said(4, 1), False),
        (Said(38, 1), True),
    ],
    cell="reader-0.05",
)
@given(
    st.lists(
        st.tuples(st.builds(Said, st.integers(1, 200), st.integers(1, 200)), st.booleans()),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(["anthropic-5m", "reader-0.05"]),
)
def test_no_way_to_place_context_costs_less(said: list[tuple[Said, bool]], cell: str) -> None:
    """Context that changes here and there, and never comes back."""
    bare = conversation(*(one for one, _ in said), head=2_048)
    changes = accumulate(changed for _, changed in said)
    named = (replace(one, context=f"c{n}") for (one, _), n in zip(said, changes, strict=True))
    chat = conversation(*named, head=2_048)
    here = setting(cell, 100_000)

    def cost(of: Conversation) -> float:
        return sum(bill.cost(here.cell) for bill in bills(of, optimum(of, here), here.cell))

    best = cheapest(chat, here.cell.prices, 0, ())
    found = cost(chat) - cost(bare)
    assert found <= best + 1e-6
    # Where the end is passing context, what was said last is not written; in `bare` it is.
    last = [one.tokens + one.reply for one, _ in said[-2:-1]]
    unwritten = (here.cell.prices.write - 1) * (said[-1][0].tokens + sum(last))
    assert found >= 0.98 * best - unwritten


@pytest.mark.parametrize("changes", list(product([False, True], repeat=4)))
def test_what_it_weighs_is_what_is_billed(changes: tuple[bool, ...]) -> None:
    """Five requests, context changing here and there: the best of all placements by hand."""
    names = ["a"]
    for change in changes:
        names.append(chr(ord(names[-1]) + change))
    chat = conversation(*(Said(40, 60, context=name) for name in names), head=2_000, context=300)
    here = setting("anthropic-5m", 100_000)
    best = sum(bill.cost(here.cell) for bill in bills(chat, optimum(chat, here), here.cell))
    tail = sum(bill.cost(here.cell) for bill in bills(chat, ARMS["direct"](chat, here), here.cell))
    held = 5 * 300 * 0.1 + sum(40 + 60 for _ in names)  # no placement reads or writes less
    assert held < best <= tail
    assert (best == pytest.approx(tail)) == all(changes)
    assert CELLS["anthropic-5m"] is here.cell
