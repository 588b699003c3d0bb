"""A window moved on from request to request: when it is cut, and what it has carried."""

from dataclasses import replace

from stitcher.benchmark.conversation import Conversation
from stitcher.benchmark.windows import Due, Window, moved_on
from stitcher.core.compaction import Budget, Policy
from stitcher.core.economics import Prices
from tests.benchmark.made import Said, conversation

BUDGET = Budget(limit=1_000, keep=0.5, head=0, reserve=0)
FREE_WRITES = Prices(read=0.5, write=1.0)


def windows(chat: Conversation, due: Due, policy: Policy = "auto") -> list[Window]:
    found = [Window()]
    for n in range(len(chat.requests)):
        found.append(moved_on(found[-1], chat, replace(due, n=n), policy))
    return found[1:]


TURNS = conversation(*[Said(100, 100)] * 8)


def test_it_carries_what_is_beyond_the_guarantee_until_it_is_full() -> None:
    found = windows(TURNS, Due(0, BUDGET, Prices(0.0, 1.0)))
    assert [one.start for one in found] == [0, 0, 0, 0, 0, 6, 6, 6]
    # 100, 300, 500, 700, 900 tokens; cut to 500, then 700 and 900 again
    assert [one.held for one in found] == [0, 0, 0, 200, 600, 0, 200, 600]
    assert [one.why for one in found] == [None, None, None, None, None, "full", None, None]


def test_what_it_carried_before_a_cut_does_not_count_after_it() -> None:
    """500 tokens cost 250 to write instead of read; a surplus of 200 and one of 400 cost 300."""
    found = windows(TURNS, Due(0, BUDGET, FREE_WRITES))
    assert [one.why for one in found[:7]] == [None, None, None, None, None, "full", None]
    longer = windows(
        conversation(*[Said(100, 100)] * 8), Due(0, replace(BUDGET, limit=1_300), FREE_WRITES)
    )
    assert "priced" in [one.why for one in longer]
    at = [one.why for one in longer].index("priced")
    assert longer[at].held <= 300


def test_what_stands_beside_the_messages_counts_until_it_is_cut_off() -> None:
    with_context = windows(TURNS, Due(0, BUDGET, Prices(0.0, 1.0), beside=200))
    assert [one.why for one in with_context[:5]] == [None, None, None, None, "full"]
    assert with_context[3].held == 200 + 400  # of 700 and 900 tokens
    assert with_context[4].held == 0, "900 and 200 beside them do not fit; 500 alone carry nothing"


def test_what_stands_beside_the_messages_goes_where_they_stay() -> None:
    two = conversation(Said(300, 300), Said(300))
    found = windows(two, Due(0, replace(BUDGET, keep=0.9), Prices(0.0, 1.0), beside=200))
    assert [(one.start, one.why) for one in found] == [(0, None), (0, "full")]


def test_a_window_that_cannot_get_smaller_is_not_cut() -> None:
    giant = conversation(Said(5_000), Said(100, results=True))
    found = windows(giant, Due(0, BUDGET, FREE_WRITES))
    assert [(one.start, one.why) for one in found] == [(0, None), (0, None)]


def test_half_waits_for_the_budget_also_in_the_cold() -> None:
    due = Due(0, BUDGET, FREE_WRITES, cold=True)
    assert [one.why for one in windows(TURNS, due, "half")][:5] == [None] * 5
    assert [one.why for one in windows(TURNS, due)][3] == "cold"
