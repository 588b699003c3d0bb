"""The ledger beside the simulated caches: on every request of every workload they count the same.

It never sees a cache. It is told the ends of each prompt, when it was sent and when its answer
began: none of the providers measured here writes what it answers. Below the workloads, small
conversations made by hypothesis: they go cold, are cut and change their context at any moment.
"""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.benchmark.billing import Bill, begins, bills, chained
from stitcher.benchmark.cells import CELLS, DEFAULT_CELLS, Cell
from stitcher.benchmark.conversation import Conversation, Workload
from stitcher.benchmark.measure import ARMS
from stitcher.benchmark.prompt import Setting
from stitcher.benchmark.traces import traced
from stitcher.benchmark.workloads import WORKLOADS
from stitcher.core.ledger import End, Finding, Ledger, Prediction
from stitcher.providers.caching import cache_rules
from stitcher.simulator.prefix_chain import Link
from tests.benchmark.made import cells, small
from tests.benchmark.sessions import CLAUDE_CODE, CODEX, Line, written
from tests.benchmark.test_mooncake import LINES

PLAYED: Final = ("direct", "half", "stitcher")

Counted = tuple[int, dict[int, int], int]
"""Tokens read, written by lifetime, and plain."""


def finding(cell: Cell) -> Finding:
    """How the cell's provider finds what it holds."""
    return Finding(
        cache_rules(cell.model).lookback,
        cell.minimum,
        block=cell.rounding,
        computed=1 if cell.regime == "prefixes" else 0,
        free=not cell.marks,
    )


def end(link: Link, cell: Cell) -> End:
    """Where a request marks nothing, the provider writes at every end."""
    lifetime = (link.ttl or 0) if cell.marks else cell.lifetime
    return End(link.hash.hex(), link.tokens, link.position, lifetime, link.readable)


def predictions(conversation: Conversation, arm: str, setting: Setting) -> Iterator[Prediction]:
    """What the ledger says of each request, before it is sent."""
    cell, ledger = setting.cell, Ledger()
    prompts = ARMS[arm](conversation, setting)
    how = finding(cell)
    for request, links in zip(conversation.requests, chained(prompts, cell), strict=True):
        ends = [end(link, cell) for link in links]
        yield ledger.predict(ends, how, request.at)
        ledger = ledger.sent(ends, how, now=request.at, answered=begins(request))


def billed(bill: Bill, cell: Cell) -> Counted:
    return bill.read, {cell.lifetime: bill.written} if bill.written else {}, bill.plain


def disagreements(
    conversation: Conversation, arm: str, setting: Setting
) -> list[tuple[int, Counted, Counted]]:
    """The requests that the two count differently: which, as foreseen, as billed."""
    told = [(p.read, p.written, p.plain) for p in predictions(conversation, arm, setting)]
    prompts = ARMS[arm](conversation, setting)
    found = [billed(bill, setting.cell) for bill in bills(conversation, prompts, setting.cell)]
    numbered = enumerate(zip(told, found, strict=True))
    return [(n, foreseen, counted) for n, (foreseen, counted) in numbered if foreseen != counted]


def over(workload: Workload, arm: str, cell: Cell) -> list[tuple[int, Counted, Counted]]:
    setting = Setting(cell, workload.max_tokens, 0.5)
    each = (disagreements(one, arm, setting) for one in workload.conversations)
    return list(chain.from_iterable(each))


# Prices move no other arm: for these one cell of each kind of cache and lifetime is enough.
KINDS: Final = (*DEFAULT_CELLS, "gemini")
CASES: Final = [
    (name, cell, arm)
    for name in WORKLOADS
    for cell in CELLS
    for arm in PLAYED
    if arm == "stitcher" or cell in KINDS
]


@pytest.mark.parametrize(("name", "cell", "arm"), CASES)
def test_every_request_of_a_workload_costs_what_the_ledger_said(
    name: str, cell: str, arm: str
) -> None:
    assert not over(WORKLOADS[name](0), arm, CELLS[cell])


@pytest.mark.parametrize("lines", [CLAUDE_CODE, CODEX, LINES], ids=["claude", "codex", "mooncake"])
def test_so_does_every_request_of_a_session_file(tmp_path: Path, lines: list[Line]) -> None:
    workload = traced(written(tmp_path / "mine.jsonl", lines))
    for cell in CELLS.values():
        for arm in PLAYED:
            assert not over(workload, arm, cell)


@given(
    conversation=small(12, contexts=("", "a", "b")),
    cell=cells,
    arm=st.sampled_from(["direct", "naive", "sliding", "half", "stitcher"]),
)
def test_so_does_every_request_of_any_small_conversation(
    conversation: Conversation, cell: Cell, arm: str
) -> None:
    assert not disagreements(conversation, arm, Setting(cell, 2_000, 0.5))
