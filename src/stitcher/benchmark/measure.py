"""Runs workloads by arms over provider cells, and adds up what came out.

Everything is counted in virtual time: the same seed gives the same figures anywhere.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import fmean
from typing import Final

from stitcher.benchmark.arms import direct, half, naive, sliding
from stitcher.benchmark.billing import bills
from stitcher.benchmark.cells import Cell
from stitcher.benchmark.conversation import Block, Conversation, Workload
from stitcher.benchmark.hindsight import optimum
from stitcher.benchmark.prompt import Arm, Setting
from stitcher.benchmark.stitcher_arm import stitched
from stitcher.core.compaction import Why

OPTIMUM: Final = "optimum"
ARMS: Final[Mapping[str, Arm]] = {
    "direct": direct,
    "naive": naive,
    "sliding": sliding,
    "half": half,
    "stitcher": stitched,
    OPTIMUM: optimum,
}


@dataclass(frozen=True, slots=True)
class Turn:
    """One request of one arm. Tokens; the cost in prices of a plain input token."""

    read: int
    written: int
    plain: int
    attainable: int  # tokens that a request before had sent: what a perfect cache would read
    kept: int  # tokens of what was said, in the prompt
    guaranteed: bool  # as much as the guarantee had been said by then
    cost: float
    why: Why | None

    @property
    def tokens(self) -> int:
        return self.read + self.written + self.plain


@dataclass(frozen=True, slots=True)
class Row:
    """What one arm came to over one workload in one cell."""

    workload: str
    cell: Cell
    arm: str
    max_tokens: int
    turns: Sequence[Turn]
    optimum: float | None = None  # what the optimum costs

    @property
    def tokens(self) -> int:
        return sum(turn.tokens for turn in self.turns)

    @property
    def read(self) -> int:
        return sum(turn.read for turn in self.turns)

    @property
    def written(self) -> int:
        return sum(turn.written for turn in self.turns)

    @property
    def plain(self) -> int:
        return sum(turn.plain for turn in self.turns)

    @property
    def cost(self) -> float:
        return sum(turn.cost for turn in self.turns)

    @property
    def dollars(self) -> float:
        return self.cost * self.cell.dollars / 1e6

    @property
    def hit_ratio(self) -> float:
        """Of all input tokens, those read from the cache."""
        return _share(self.read, self.tokens)

    @property
    def of_attainable(self) -> float:
        """Of the tokens that had been sent before, those read from the cache."""
        return _share(self.read, sum(turn.attainable for turn in self.turns))

    @property
    def over_optimum(self) -> float | None:
        return None if not self.optimum else self.cost / self.optimum

    @property
    def kept(self) -> tuple[float, int] | None:
        """Mean and least tokens of history, once the guarantee had been said; None where never."""
        kept = [turn.kept for turn in self.turns if turn.guaranteed]
        return (fmean(kept), min(kept)) if kept else None

    @property
    def cuts(self) -> int:
        return sum(turn.why is not None for turn in self.turns)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured."""

    workloads: Sequence[Workload]
    arms: Sequence[str]
    cells: Sequence[Cell]
    keep: float = 0.5
    max_tokens: int | None = None  # None: each workload's own

    def budget(self, workload: Workload) -> int:
        return self.max_tokens or workload.max_tokens


def measured(plan: Plan, told: Callable[[str], None] = lambda _: None) -> Iterator[Row]:
    """The rows, workload by workload and cell by cell; `told` hears what is being done."""
    for workload in plan.workloads:
        for cell in plan.cells:
            told(f"{workload.name}, {cell.name}")
            setting = Setting(cell, plan.budget(workload), plan.keep)
            best = run(workload, OPTIMUM, setting)
            for arm in plan.arms:
                turns = best if arm == OPTIMUM else run(workload, arm, setting)
                yield Row(
                    workload.name, cell, arm, setting.max_tokens, turns, sum(t.cost for t in best)
                )


def run(workload: Workload, arm: str, setting: Setting) -> list[Turn]:
    """Every request of a workload by one arm."""
    each = (_conversation(one, ARMS[arm], setting) for one in workload.conversations)
    return list(chain.from_iterable(each))


def _conversation(conversation: Conversation, arm: Arm, setting: Setting) -> Iterator[Turn]:
    prompts = list(arm(conversation, setting))
    sent: set[Block] = set()
    for n, bill in enumerate(bills(conversation, prompts, setting.cell)):
        prompt, guaranteed = prompts[n], setting.budget(conversation, n).guaranteed
        new = sum(block.tokens for block in prompt.blocks if block not in sent)
        sent.update(prompt.blocks)
        yield Turn(
            bill.read,
            bill.written,
            bill.plain,
            attainable=bill.tokens - new,
            kept=prompt.history,
            guaranteed=conversation.history(0, n) >= guaranteed,
            cost=bill.cost(setting.cell),
            why=prompt.why,
        )
