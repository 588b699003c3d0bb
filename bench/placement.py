"""What the place of dynamic context costs: the library's two, and others beside them.

    python -m bench.placement [--json]

Five conversations with dynamic context, each request of which is counted, not timed: the same comes
out everywhere. First by the rule of llmbuffer's own benchmark (`bench.prefix_count`), whose sizes
the first conversation has; what was seen before is read, the rest is written, at each model's
prices. The library decides by those of the model that its adapter names. "Best in hindsight" knows
how the conversation goes on. Then the library's whole requests, under the providers' own rules
(`bench.placement_caches`).

    naive          static prompt and context in one message in front
    fixed          behind the long-lived history (`dynamic_placement="fixed"`, the default)
    held           before the question that it came with, until it changes; then taken out
    held, behind   the same, behind the question
    very tail      at the very end of every request
    priced         `dynamic_placement="priced"`
"""

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from bench import placement_caches
from bench.placement_arms import (
    Placement,
    Prompt,
    by_manager,
    held,
    held_behind,
    naive,
    staying,
    tail,
)
from bench.placement_caches import Billed
from bench.placement_hindsight import cheapest
from bench.placement_workloads import Workload, workloads
from bench.prefix_count import Counted, counted
from bench.rig import say
from stitcher.core.economics import Prices
from stitcher.providers.caching import cache_rules

MODELS: Final = ("claude-haiku-4-5", "claude-opus-5-5", "gpt-4o", "gpt-5.5", "gpt-6")


@dataclass(frozen=True, slots=True)
class Row:
    """One arm at one model's prices; the cost in prices of a plain input token."""

    workload: str
    requests: int
    changes: int
    arm: str
    model: str
    tokens: int
    cached: int
    ratio: float  # cached : tokens
    cost: float
    beside_fixed: float  # cost : cost of the arm "fixed"


@dataclass(frozen=True, slots=True)
class Found:
    """All that came out."""

    placed: list[Row]
    billed: list[Billed]


def _by(placement: Placement) -> Callable[[Workload, str], Iterator[Prompt]]:
    return lambda workload, model: by_manager(workload, placement, model)


def _best(workload: Workload, model: str) -> Iterator[Prompt]:
    return staying(workload, cheapest(workload, _prices(model)))


def _prices(model: str) -> Prices:
    rules = cache_rules(model)
    return Prices(rules.read, rules.write)


ARMS: Final[dict[str, Callable[[Workload, str], Iterable[Prompt]]]] = {
    "naive": lambda workload, _: naive(workload),
    "fixed": _by("fixed"),
    "held": lambda workload, _: held(workload),
    "held, behind": lambda workload, _: held_behind(workload),
    "very tail": lambda workload, _: tail(workload),
    "priced": _by("priced"),
    "best in hindsight": _best,
}


def rows_of(workload: Workload) -> list[Row]:
    """Every arm at every model's prices."""
    found: list[Row] = []
    for model in MODELS:
        requests = {arm: counted(make(workload, model)) for arm, make in ARMS.items()}
        fixed = _cost(requests["fixed"], _prices(model))
        for arm, each in requests.items():
            tokens, cached = sum(one.total for one in each), sum(one.cached for one in each)
            cost = _cost(each, _prices(model))
            found.append(
                Row(
                    workload.name,
                    len(each),
                    workload.changes,
                    arm,
                    model,
                    tokens,
                    cached,
                    ratio=cached / tokens,
                    cost=cost,
                    beside_fixed=cost / fixed,
                )
            )
    return found


def _cost(requests: Sequence[Counted], prices: Prices) -> float:
    return sum(
        (one.total - one.cached) * prices.write + one.cached * prices.read for one in requests
    )


def measure() -> Found:
    """Everything, one after the other."""
    placed: list[Row] = []
    for workload in workloads("chat"):
        say(workload.name)
        placed += rows_of(workload)
    say("under the providers' own rules")
    return Found(placed, placement_caches.measure())


def placed_tables(found: Sequence[Row]) -> str:
    """Markdown, a table for each workload; models for which an arm does the same share a line."""
    tables: list[str] = []
    for name in dict.fromkeys(row.workload for row in found):
        rows = [row for row in found if row.workload == name]
        lines = [f"{name}: {rows[0].requests} requests, {rows[0].changes} contexts\n"]
        lines.append(f"| arm | cached | tokens | of them cached | {' | '.join(MODELS)} |")
        lines.append("|---|---|---|---|" + "---|" * len(MODELS))
        lines += [line for arm in ARMS for line in _lines([row for row in rows if row.arm == arm])]
        tables.append("\n".join(lines))
    return "\n\n".join(tables)


def _lines(rows: Sequence[Row]) -> Iterator[str]:
    """The lines of one arm."""
    for tokens, cached in dict.fromkeys((row.tokens, row.cached) for row in rows):
        same = {row.model: row for row in rows if (row.tokens, row.cached) == (tokens, cached)}
        costs = (
            f"{same[model].cost:,.0f} ({same[model].beside_fixed:.2f})" if model in same else ""
            for model in MODELS
        )
        ratio = f"{cached / tokens:.1%}"
        yield f"| {rows[0].arm} | {ratio} | {tokens:,} | {cached:,} | {' | '.join(costs)} |"


def billed_table(found: Sequence[Billed]) -> str:
    """Markdown; beside each cost how many times that of the arm "fixed" it is."""
    lines = ["| workload | model | arm | read | tokens | read | written | plain | cost |"]
    lines.append("|---|---|---|---|---|---|---|---|---|")
    fixed = {(row.workload, row.model): row.cost for row in found if row.arm == "fixed"}
    for row in found:
        beside = row.cost / fixed[row.workload, row.model]
        tokens = f"{row.tokens:,} | {row.read:,} | {row.written:,} | {row.plain:,}"
        what = f"{row.workload} | {row.model} | {row.arm} | {row.read / row.tokens:.1%}"
        lines.append(f"| {what} | {tokens} | {row.cost:,.0f} ({beside:.2f}) |")
    return "\n".join(lines)


def accepted(found: Sequence[Billed]) -> str:
    """Whether the providers' rules took every request."""
    refused = [message for row in found for message in row.refused]
    said = f"Refused: {len(refused)} of {sum(row.requests for row in found)} requests."
    return "\n".join([said, *sorted(set(refused))])


def main() -> None:
    """Counts and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.placement", description=__doc__)
    parser.add_argument("--json", action="store_true", help="rows as JSON")
    options = parser.parse_args()
    found = measure()
    if options.json:
        print(json.dumps(asdict(found), indent=1))
        return
    print(f"{placed_tables(found.placed)}\n\n{billed_table(found.billed)}")
    print(f"\n{accepted(found.billed)}")


if __name__ == "__main__":
    main()
