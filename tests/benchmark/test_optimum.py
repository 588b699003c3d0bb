"""The optimum: the cheapest of all that is allowed, and cheaper than all who keep to the rules."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stitcher.benchmark.billing import bills
from stitcher.benchmark.cells import Cell
from stitcher.benchmark.conversation import Conversation
from stitcher.benchmark.hindsight import optimum
from stitcher.benchmark.measure import ARMS
from stitcher.benchmark.optimum import cheapest_windows, legal_starts
from stitcher.benchmark.prompt import Prompt, Setting, plain
from stitcher.core.compaction import Sized, cut
from tests.benchmark.made import Said, cells, conversation, setting, small, starts

BUDGET = 2_000


def billed(conversation: Conversation, prompts: Sequence[Prompt], cell: Cell) -> float:
    return sum(bill.cost(cell) for bill in bills(conversation, prompts, cell))


def fits(conversation: Conversation, here: Setting, start: int, n: int) -> bool:
    return conversation.history(start, n) <= here.budget(conversation, n).room


def allowed(conversation: Conversation, here: Setting, before: int, n: int) -> list[int]:
    """The windows that request n may have after this one, in the words of the rule."""
    may_stay = fits(conversation, here, before, n)
    may_cut = conversation.begins_turn(n) or not may_stay
    cuts = [s for s in legal_starts(conversation, here, n) if s > before] if may_cut else []
    return cuts + ([before] if may_stay or not cuts else [])


def all_windows(conversation: Conversation, here: Setting) -> Iterator[list[int]]:
    found: list[list[int]] = [[]]
    for n in range(len(conversation.requests)):
        found = [
            [*starts, start]
            for starts in found
            for start in allowed(conversation, here, starts[-1] if starts else 0, n)
        ]
    yield from found


@settings(max_examples=60, deadline=None)
@given(small(7), cells, st.sampled_from([0.2, 0.5, 0.8]))
def test_no_windows_cost_less_by_the_providers_own_caches(
    conversation: Conversation, cell: Cell, keep: float
) -> None:
    here = Setting(cell, BUDGET, keep)
    found = cheapest_windows(conversation, here)
    brute = min(
        billed(conversation, [plain(conversation, s, n) for n, s in enumerate(windows)], cell)
        for windows in all_windows(conversation, here)
    )
    assert found.cost == pytest.approx(brute)
    assert billed(conversation, list(optimum(conversation, here)), cell) == pytest.approx(brute)


def keeps_to_the_rules(conversation: Conversation, here: Setting, windows: list[int]) -> bool:
    before = 0
    for n, start in enumerate(windows):
        if start not in allowed(conversation, here, before, n):
            return False
        before = start
    return True


@settings(max_examples=150, deadline=None)
@given(small(12), cells, st.sampled_from(sorted(ARMS)), st.sampled_from([0.2, 0.5]))
def test_no_arm_that_keeps_to_the_rules_costs_less(
    conversation: Conversation, cell: Cell, arm: str, keep: float
) -> None:
    here = Setting(cell, BUDGET, keep)
    prompts = list(ARMS[arm](conversation, here))
    windows = starts(conversation, prompts)
    if arm in ("half", "stitcher", "optimum"):
        assert keeps_to_the_rules(conversation, here, windows)
    if keeps_to_the_rules(conversation, here, windows):
        best = billed(conversation, list(optimum(conversation, here)), cell)
        assert billed(conversation, prompts, cell) >= best - 1e-6


@given(small(12), st.sampled_from([0.0, 0.3, 0.5, 1.0]), st.sampled_from([300, 1_000, 2_000]))
def test_the_engine_cuts_where_it_is_allowed(
    conversation: Conversation, keep: float, max_tokens: int
) -> None:
    n = len(conversation.requests) - 1
    here = setting(max_tokens=max_tokens, keep=keep)
    sized = [
        Sized(block.tokens, at % 2 == 0 and conversation.begins_turn(at // 2))
        for at, block in enumerate(conversation.messages[: 2 * n + 1])
    ]
    legal = legal_starts(conversation, here, n)
    assert cut(sized, here.budget(conversation, n)) == legal[0]  # the newest of them


def test_the_last_requests_of_a_conversation_are_not_worth_a_cut() -> None:
    """Whoever knows that it ends does not pay for it; in its middle one cut pays."""
    turns = [Said(500, 500)] * 12
    here = setting("reader-0.25", 20_000, keep=0.1)
    windows = cheapest_windows(conversation(*turns, head=0), here).starts
    assert windows[-3] == windows[-2] == windows[-1] > 0


def test_a_cold_cache_is_a_time_to_cut() -> None:
    turns = [Said(500, 500)] * 8 + [Said(500, 500, wait=600)] + [Said(500, 500)] * 2
    windows = cheapest_windows(conversation(*turns), setting("anthropic-5m", 20_000, 0.2)).starts
    assert windows[8] > windows[7]
