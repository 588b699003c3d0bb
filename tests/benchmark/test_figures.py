"""What the benchmark comes to: the goals that are held, and the figures that the README gives.

Everything is counted in virtual time, so a figure is the same on any machine.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

import pytest

from stitcher.benchmark.cells import CELLS, DEFAULT_CELLS
from stitcher.benchmark.measure import Plan, Row, measured
from stitcher.benchmark.workloads import WORKLOADS

README = (Path(__file__).parents[2] / "README.md").read_text()
ARMS = ("direct", "sliding", "half", "stitcher")
FIT = ("script", "tools")  # into their budgets, all of them
SAID = {
    ("a chat with pauses", "Claude, 5 minutes"): ("gaps", "anthropic-5m"),
    ("an agent, 600 requests", "GPT from 5.6 on"): ("agent", "openai"),
    ("four weeks with a companion", "Claude, 1 hour"): ("companion", "anthropic-1h"),
    ("600 turns without a pause", "GPT-4.1"): ("steady", "reader-0.25"),
}

Rows = dict[tuple[str, str, str], Row]  # by workload, cell and arm


@pytest.fixture(scope="module")
def rows() -> Rows:
    """Every usual cell of every workload, and what it is held against there."""
    found: Rows = {}
    for name, make in WORKLOADS.items():
        for cell in DEFAULT_CELLS:
            arms = ["half", "stitcher"]
            if name in FIT or (name, cell) in SAID.values():
                arms += ["direct", "sliding"]
            for row in measured(Plan([make(0)], arms, [CELLS[cell]])):
                found[name, cell, row.arm] = row
    return found


def by_arm(rows: Rows, arm: str) -> Iterator[Row]:
    return (row for row in rows.values() if row.arm == arm)


def over(row: Row) -> float:
    assert row.over_optimum is not None
    return row.over_optimum


@pytest.mark.timeout(400)
def test_it_costs_little_more_than_the_cheapest_there_is(rows: Rows) -> None:
    """At most 1.05 on average over the workloads, in each provider's prices, and 1.12 at worst."""
    for cell in DEFAULT_CELLS:
        costs = [over(row) for row in by_arm(rows, "stitcher") if row.cell.name == cell]
        assert len(costs) == len(WORKLOADS)
        assert fmean(costs) <= 1.05
        assert max(costs) <= 1.12


def test_it_is_nowhere_dearer_than_what_is_simpler(rows: Rows) -> None:
    """By more than 1 %: than cutting to a half, and than sending all where that fits."""
    for row in by_arm(rows, "stitcher"):
        half = rows[row.workload, row.cell.name, "half"]
        assert row.cost <= 1.01 * half.cost, (row.workload, row.cell.name)
        if row.workload in FIT:
            direct = rows[row.workload, row.cell.name, "direct"]
            assert max(turn.tokens for turn in direct.turns) <= row.max_tokens
            assert row.cost <= 1.01 * direct.cost, (row.workload, row.cell.name)


def test_the_script_is_read_from_the_cache(rows: Rows) -> None:
    """At least 89 % of it; where what is read is whole steps of 128 tokens, all that can be."""
    for row in by_arm(rows, "stitcher"):
        if row.workload != "script":
            continue
        if row.cell.rounding == 1:
            assert row.hit_ratio >= 0.89
        else:
            assert over(row) == pytest.approx(1.0)


def test_tool_loops_read_what_can_be_read(rows: Rows) -> None:
    for row in by_arm(rows, "stitcher"):
        if row.workload in ("tools", "agent"):
            assert row.of_attainable >= 0.95


def table() -> dict[tuple[str, str], list[str]]:
    """The rows under "What it saves"."""
    _, _, after = README.partition("## What it saves")
    lines = re.findall(r"^\| (.+) \|$", after.partition("\n## ")[0], re.MULTILINE)
    cells = [line.split(" | ") for line in lines[1:]]
    return {(row[0], row[1]): row[2:] for row in cells}


def test_the_readme_gives_these_figures(rows: Rows) -> None:
    assert table().keys() == SAID.keys()
    for said, where in SAID.items():
        assert table()[said] == [f"{over(rows[*where, arm]):.2f}" for arm in ARMS]
    costs = [over(row) for row in by_arm(rows, "stitcher")]
    assert f"{fmean(costs):.2f} on average, {max(costs):.2f} at most" in README
