"""What a live run measured, as tables, notes and one JSON document."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from stitcher.benchmark.live.measure import Bound, Measured, Plan, Row
from stitcher.benchmark.report import Sheet, described

_NONE: Final = "-"
_COLUMNS: Final = (
    "arm",
    "requests",
    "tokens",
    "read",
    "written",
    "plain",
    "hit",
    "USD input",
    "answers",
    "USD all",
    "median s",
)


def sheets(plan: Plan, found: Measured) -> Iterator[Sheet]:
    """One table for each workload."""
    for workload in plan.workloads:
        own = [row for row in found.rows if row.workload == workload.name]
        title = (
            f"{workload.name}: {workload.about} ({plan.provider.name}, {plan.model},"
            f" budget {plan.budget(workload):,})"
        )
        yield Sheet(title, _COLUMNS, 1, [_cells(row) for row in own])


def _cells(row: Row) -> list[str]:
    counts = (len(row.answers), row.tokens, row.read, row.written, row.plain)
    return [
        row.arm,
        *(f"{one:,}" for one in counts),
        f"{row.hit_ratio:.1%}",
        _dollars(row.input_dollars),
        f"{row.answered:,}",
        _dollars(row.dollars),
        f"{row.seconds:.2f}",
    ]


def _dollars(amount: float | None) -> str:
    return _NONE if amount is None else f"{amount:,.5f}"


def turn_sheets(found: Measured) -> Iterator[Sheet]:
    """One table for each row of those: its requests."""
    columns = ("request", "read", "written", "plain", "answer", "s")
    for row in found.rows:
        lines = [
            [
                str(n),
                *(f"{part:,}" for part in (one.usage.read, one.usage.written, one.usage.plain)),
                f"{one.answered:,}",
                f"{one.seconds:.2f}",
            ]
            for n, one in enumerate(row.answers, 1)
        ]
        yield Sheet(f"{row.workload}, {row.arm}", columns, 0, lines)


def notes(plan: Plan, found: Measured, most: Bound) -> list[str]:
    """What must be known to read the figures."""
    waited = (
        f"Gaps were waited for, at most {plan.longest_gap:g} s each."
        if plan.longest_gap > 0
        else "No gap of the workload was waited for."
    )
    said = [
        "Figures are the provider's. History is the workload's own replies, not what the model"
        f" said, so that all arms ask the same. {waited}"
    ]
    rules = plan.provider.adapter(plan.model).rules
    if rules.minimum > most.longest:
        said.append(
            f"No prompt is long enough: {plan.model} caches none of fewer than {rules.minimum:,}"
            f" tokens, and the longest here has about {most.longest:,} (try --workload tools)."
        )
    if rules.visible == "seconds later" and plan.longest_gap <= 0:
        said.append(
            "This provider takes seconds to cache a prompt: without --gaps the next one may be too"
            " early to read it."
        )
    if not found.told and any(row.answers for row in found.rows):
        said.append("No answer said anything of the cache: that is counted as nothing read.")
    if plan.price is None and plan.provider.key_name is not None:
        said.append(f"The price of {plan.model} is not known.")
    return said


def document(
    plan: Plan, found: Measured, *, versions: Mapping[str, str], noted: Sequence[str]
) -> dict[str, Any]:
    """All there is, for a program: also every request of every row."""
    return {
        "versions": dict(versions),
        "live": True,
        "provider": plan.provider.name,
        "model": plan.model,
        "seed": plan.seed,
        "keep": plan.keep,
        "max_tokens": plan.max_tokens,
        "longest_gap": plan.longest_gap,
        "workloads": [described(one, plan.budget(one)) for one in plan.workloads],
        "notes": list(noted),
        "failure": found.failure,
        "rows": [_row(row) for row in found.rows],
        "turns": [_turns(row) for row in found.rows],
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "workload": row.workload,
        "arm": row.arm,
        "requests": len(row.answers),
        "tokens": row.tokens,
        "read": row.read,
        "written": row.written,
        "plain": row.plain,
        "hit_ratio": row.hit_ratio,
        "input_dollars": row.input_dollars,
        "answered": row.answered,
        "dollars": row.dollars,
        "median_seconds": row.seconds,
    }


def _turns(row: Row) -> dict[str, Any]:
    """A row's requests, one list for each figure."""
    return {
        "workload": row.workload,
        "arm": row.arm,
        "read": [one.usage.read for one in row.answers],
        "written": [one.usage.written for one in row.answers],
        "plain": [one.usage.plain for one in row.answers],
        "answered": [one.answered for one in row.answers],
        "seconds": [one.seconds for one in row.answers],
    }
