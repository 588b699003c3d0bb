"""The figures that the README gives are those that the benchmark comes to."""

import re
from pathlib import Path

import pytest

from stitcher.benchmark.cells import CELLS
from stitcher.benchmark.measure import Plan, measured
from stitcher.benchmark.workloads import WORKLOADS

README = (Path(__file__).parents[2] / "README.md").read_text()
ARMS = ("direct", "sliding", "half", "stitcher")
ROWS = {
    ("a chat with pauses", "Claude, 5 minutes"): ("gaps", "anthropic-5m"),
    ("an agent, 600 requests", "GPT from 5.6 on"): ("agent", "openai"),
    ("four weeks with a companion", "Claude, 1 hour"): ("companion", "anthropic-1h"),
    ("600 turns without a pause", "GPT-4.1"): ("steady", "reader-0.25"),
}


def table() -> dict[tuple[str, str], list[str]]:
    """The rows under "What it saves"."""
    _, _, after = README.partition("## What it saves")
    lines = re.findall(r"^\| (.+) \|$", after.partition("\n## ")[0], re.MULTILINE)
    cells = [line.split(" | ") for line in lines[1:]]
    return {(row[0], row[1]): row[2:] for row in cells}


def test_every_row_is_checked() -> None:
    assert table().keys() == ROWS.keys()


@pytest.mark.parametrize("said", ROWS)
def test_what_it_saves(said: tuple[str, str]) -> None:
    name, cell = ROWS[said]
    rows = measured(Plan([WORKLOADS[name](0)], ARMS, [CELLS[cell]]))
    assert [f"{row.over_optimum:.2f}" for row in rows] == table()[said]
