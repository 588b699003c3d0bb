"""Rows and turns: what is added up, and what is said of it."""

import pytest

from stitcher.benchmark.cells import CELLS, DEFAULT_CELLS
from stitcher.benchmark.measure import ARMS, Plan, measured, run
from stitcher.benchmark.workloads import script, tools
from tests.benchmark.made import Said, conversation, setting, workload

TURNS = workload(conversation(*[Said(100, 100)] * 12, head=500), max_tokens=2_000)


def test_a_row_for_each_arm_in_each_cell() -> None:
    told: list[str] = []
    plan = Plan([TURNS], list(ARMS), [CELLS[name] for name in DEFAULT_CELLS])
    rows = list(measured(plan, told.append))
    assert [(row.cell.name, row.arm) for row in rows] == [
        (cell, arm) for cell in DEFAULT_CELLS for arm in ARMS
    ]
    assert len(told) == len(DEFAULT_CELLS)
    for row in rows:
        assert row.read + row.written + row.plain == row.tokens
        assert row.over_optimum is not None
        assert row.over_optimum >= 1 or row.arm == "direct"
        assert 0 <= row.hit_ratio <= row.of_attainable <= 1
        assert row.dollars == pytest.approx(row.cost * row.cell.dollars / 1e6)


def test_what_is_kept_counts_from_when_the_guarantee_had_been_said() -> None:
    plan = Plan([TURNS], ["half", "direct"], [CELLS["anthropic-5m"]])
    half, direct = measured(plan)
    assert half.kept is not None
    kept = [500, 700, 900, 500, 700, 900, 500, 700, 900, 500]
    assert half.kept == (sum(kept) / len(kept), min(kept))
    assert direct.kept is not None
    assert direct.kept[1] == 500
    assert half.cuts == 3


def test_several_conversations_are_added_up_each_with_a_cache_of_its_own() -> None:
    one = run(TURNS, "half", setting(max_tokens=2_000))
    both = run(
        workload(*TURNS.conversations, *TURNS.conversations), "half", setting(max_tokens=2_000)
    )
    assert both == one * 2


def test_attainable_is_all_but_what_is_new() -> None:
    plan = Plan([tools()], ["direct"], [CELLS["anthropic-5m"]])
    (row,) = measured(plan)
    assert row.of_attainable == 1.0
    assert row.hit_ratio < 1


def test_what_an_arm_never_sent_is_not_attainable() -> None:
    """The second question alone is all there is room for: nothing but the head was sent before."""
    chat = workload(conversation(Said(100, 500), Said(900)), max_tokens=2_000)
    plan = Plan([chat], ["half"], [CELLS["anthropic-5m"]])
    (row,) = measured(plan)
    assert [turn.attainable for turn in row.turns] == [0, 600]


@pytest.mark.parametrize("cell", DEFAULT_CELLS)
@pytest.mark.parametrize("reply", [5, 7, 20, 50, 100, 200, 500, 1_000, 2_000])
def test_in_the_script_the_fixed_order_is_never_better(cell: str, reply: int) -> None:
    plan = Plan([script(reply=reply)], ["half", "stitcher"], [CELLS[cell]])
    fixed, stitcher = measured(plan)
    assert stitcher.hit_ratio >= fixed.hit_ratio
    assert stitcher.cost <= fixed.cost
