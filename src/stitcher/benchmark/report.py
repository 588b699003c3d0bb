"""What was measured, as tables and as one JSON document. Decides nothing about how they look."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any, Final

from stitcher.benchmark.cells import Cell
from stitcher.benchmark.conversation import Workload
from stitcher.benchmark.measure import OPTIMUM, Plan, Row, Turn

_NONE: Final = "-"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: its columns, of which so many of the first are words, the others numbers."""

    title: str
    columns: Sequence[str]
    words: int
    rows: Sequence[Sequence[str]]


def sheets(plan: Plan, rows: Sequence[Row]) -> Iterator[Sheet]:
    """One table for each workload, and the summary of all."""
    for workload in plan.workloads:
        own = [row for row in rows if row.workload == workload.name]
        yield Sheet(
            _title(plan, workload), _COLUMNS, 2, [[*map(str, _cells(row).values())] for row in own]
        )
    yield Sheet(
        "Cost over optimum, all workloads",
        ("provider", "arm", "mean", "worst", "in"),
        2,
        [
            [cell, arm, f"{fmean(over):.3f}", f"{max(over):.3f}", worst]
            for (cell, arm), (over, worst) in _overs(rows).items()
        ],
    )


def _title(plan: Plan, workload: Workload) -> str:
    note = f"; {workload.note}" if workload.note else ""
    budget = f"budget {plan.budget(workload):,}, keep {plan.keep:g}"
    return f"{workload.name}: {workload.about} ({budget}{note})"


def _cells(row: Row) -> dict[str, str]:
    """A row's columns, as they are printed."""
    kept = row.kept
    over = row.over_optimum
    return {
        "provider": row.cell.name,
        "arm": row.arm,
        "tokens": f"{row.tokens:,}",
        "read": f"{row.read:,}",
        "written": f"{row.written:,}",
        "plain": f"{row.plain:,}",
        "hit": f"{row.hit_ratio:.1%}",
        "of attainable": f"{row.of_attainable:.1%}",
        "cost": f"{row.cost:,.0f}",
        "USD": f"{row.dollars:,.4f}" if row.dollars < 1 else f"{row.dollars:,.2f}",
        "x optimum": _NONE if over is None else f"{over:.3f}",
        "kept, mean": _NONE if kept is None else f"{kept[0]:,.0f}",
        "kept, min": _NONE if kept is None else f"{kept[1]:,}",
        "cuts": f"{row.cuts:,}",
    }


_COLUMNS: Final = (
    "provider",
    "arm",
    "tokens",
    "read",
    "written",
    "plain",
    "hit",
    "of attainable",
    "cost",
    "USD",
    "x optimum",
    "kept, mean",
    "kept, min",
    "cuts",
)


def _overs(rows: Sequence[Row]) -> Mapping[tuple[str, str], tuple[list[float], str]]:
    """For each cell and arm: cost over optimum in every workload, and where it is worst."""
    found: dict[tuple[str, str], list[tuple[float, str]]] = {}
    for row in rows:
        if row.arm != OPTIMUM and row.over_optimum is not None:
            found.setdefault((row.cell.name, row.arm), []).append((row.over_optimum, row.workload))
    return {key: ([over for over, _ in all_], max(all_)[1]) for key, all_ in found.items()}


def turn_sheets(rows: Sequence[Row]) -> Iterator[Sheet]:
    """One table for each row of those: its requests."""
    columns = ("request", "tokens", "read", "written", "plain", "kept", "cost", "cut")
    for row in rows:
        title = f"{row.workload}, {row.cell.name}, {row.arm}"
        yield Sheet(
            title, columns, 0, [_turn_cells(n, turn) for n, turn in enumerate(row.turns, 1)]
        )


def _turn_cells(n: int, turn: Turn) -> list[str]:
    counts = (turn.tokens, turn.read, turn.written, turn.plain, turn.kept)
    return [str(n), *(f"{one:,}" for one in counts), f"{turn.cost:,.1f}", turn.why or ""]


def markdown(sheet: Sheet) -> str:
    """A table in Markdown, under its title."""
    sides = [":---" if n < sheet.words else "---:" for n in range(len(sheet.columns))]
    lines = [sheet.columns, sides, *sheet.rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"### {sheet.title}\n\n{table}\n"


def described(workload: Workload, max_tokens: int) -> dict[str, Any]:
    """A workload, for a program."""
    return {
        "name": workload.name,
        "about": workload.about,
        "note": workload.note,
        "max_tokens": max_tokens,
        "conversations": len(workload.conversations),
        "requests": workload.requests,
    }


def document(
    plan: Plan, rows: Sequence[Row], *, versions: Mapping[str, str], seed: int
) -> dict[str, Any]:
    """All there is, for a program: also every request of every row."""
    return {
        "versions": dict(versions),
        "seed": seed,
        "keep": plan.keep,
        "max_tokens": plan.max_tokens,
        "workloads": [described(one, plan.budget(one)) for one in plan.workloads],
        "providers": [asdict(cell) for cell in plan.cells],
        "rows": [_row(row) for row in rows],
        "turns": [_turns(row) for row in rows],
    }


def _row(row: Row) -> dict[str, Any]:
    kept = row.kept
    return {
        "workload": row.workload,
        "provider": row.cell.name,
        "arm": row.arm,
        "max_tokens": row.max_tokens,
        "requests": len(row.turns),
        "tokens": row.tokens,
        "read": row.read,
        "written": row.written,
        "plain": row.plain,
        "hit_ratio": row.hit_ratio,
        "of_attainable": row.of_attainable,
        "cost": row.cost,
        "dollars": row.dollars,
        "over_optimum": row.over_optimum,
        "kept_mean": None if kept is None else kept[0],
        "kept_min": None if kept is None else kept[1],
        "cuts": row.cuts,
    }


def _turns(row: Row) -> dict[str, Any]:
    """A row's requests, one list for each figure."""
    names = ("read", "written", "plain", "attainable", "kept", "cost", "why")
    named = {"workload": row.workload, "provider": row.cell.name, "arm": row.arm}
    return {**named, **{name: [getattr(turn, name) for turn in row.turns] for name in names}}


def cells_sheet(cells: Sequence[Cell]) -> Sheet:
    """What each provider asks for."""
    columns = ("provider", "model", "read", "write", "lifetime", "minimum", "USD per MTok")
    return Sheet(
        "Providers: prices of a token read and written, a plain one 1",
        columns,
        2,
        [
            [
                cell.name,
                cell.model,
                f"{cell.prices.read:g}",
                f"{cell.prices.write:g}",
                f"{cell.lifetime:,} s",
                f"{cell.minimum:,}",
                f"{cell.dollars:g}",
            ]
            for cell in cells
        ],
    )
