"""`stitcher bench`: what conversations cost, by how their requests are laid out."""

import difflib
import json
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from stitcher import __version__
from stitcher.cli.console import Column, is_fancy, note, say, table
from stitcher.cli.options import field_flags
from stitcher.errors import SettingsError

if TYPE_CHECKING:
    from stitcher.benchmark.measure import Plan, Row
    from stitcher.benchmark.report import Sheet

T = TypeVar("T")
Names = list[str] | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for."""

    workload: Annotated[
        Names, typer.Option(help="A workload; may be repeated.", metavar="NAME")
    ] = None
    trace: Annotated[
        list[Path] | None,
        typer.Option(
            help="A file instead: a session of Claude Code or Codex, a Mooncake trace.",
            metavar="PATH",
        ),
    ] = None
    arm: Annotated[
        Names, typer.Option(help="A way to lay out requests; may be repeated.", metavar="NAME")
    ] = None
    cell: Annotated[
        Names, typer.Option(help="A model and a lifetime; may be repeated.", metavar="CELL")
    ] = None
    max_tokens: Annotated[
        int | None,
        typer.Option(min=1, help="The budget (default: each workload's own).", metavar="N"),
    ] = None
    keep: Annotated[
        float,
        typer.Option(min=0, max=1, help="Fraction of the budget a cut leaves.", metavar="N"),
    ] = 0.5
    seed: Annotated[int, typer.Option(help="Another one gives other sizes.", metavar="N")] = 0
    turns: Annotated[bool, typer.Option("--turns", help="Print each request, too.")] = False
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, each request in it.")] = False
    svg: Annotated[
        Path | None, typer.Option(help="Draw pictures into this folder.", metavar="DIR")
    ] = None


@field_flags(Wanted)
def bench(wanted: Wanted) -> None:
    """Count what conversations cost, arm by arm.

    In virtual time, with the simulator's models of the providers' prompt caches: no key, no
    network.
    """
    from stitcher.benchmark.measure import measured

    plan = _plan(wanted)
    progress = _Progress(len(plan.workloads) * len(plan.cells))
    rows = list(measured(plan, progress.step))
    progress.done()
    if wanted.svg is not None:
        _draw(rows, wanted.svg)
    if wanted.as_json:
        from stitcher.benchmark.report import document

        versions = {"stitcher": __version__, "python": platform.python_version()}
        found = document(plan, rows, versions=versions, seed=wanted.seed)
        say(json.dumps(found, ensure_ascii=False))
    else:
        _print(_sheets(plan, rows, wanted), as_markdown=wanted.as_markdown)


def _plan(wanted: Wanted) -> "Plan":
    from stitcher.benchmark.cells import CELLS, DEFAULT_CELLS
    from stitcher.benchmark.measure import ARMS, Plan
    from stitcher.benchmark.traces import traced
    from stitcher.benchmark.workloads import WORKLOADS

    makers = _named("--workload", WORKLOADS, wanted.workload, () if wanted.trace else WORKLOADS)
    workloads = [make(wanted.seed) for make in makers.values()]
    workloads += [traced(path, wanted.seed) for path in wanted.trace or ()]
    arms = _named("--arm", ARMS, wanted.arm, ARMS)
    cells = _named("--cell", CELLS, wanted.cell, DEFAULT_CELLS)
    return Plan(workloads, list(arms), list(cells.values()), wanted.keep, wanted.max_tokens)


def _named(
    flag: str, known: Mapping[str, T], names: Sequence[str] | None, usual: Iterable[str]
) -> dict[str, T]:
    """Those of the names, in their order. Raises SettingsError for one that is not known."""
    chosen = list(usual) if names is None else names
    for name in chosen:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            meant = f"; did you mean {near[0]!r}?" if near else ""
            raise SettingsError(
                f"{flag}: found {name!r}, expected one of {', '.join(known)}{meant}"
            )
    return {name: known[name] for name in chosen}


class _Progress:
    """One line on stderr, where that is a terminal."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._taken = 0
        self._shown = is_fancy(sys.stderr)

    def step(self, what: str) -> None:
        """Says what is being done now."""
        self._taken += 1
        self._say(f"{self._taken}/{self._steps}  {what}")

    def done(self) -> None:
        """Takes the line away."""
        self._say("")

    def _say(self, text: str) -> None:
        if self._shown:
            typer.echo(f"\r\x1b[K{text}", nl=False, err=True)


def _sheets(plan: "Plan", rows: Sequence["Row"], wanted: Wanted) -> Iterable["Sheet"]:
    from stitcher.benchmark.report import cells_sheet, sheets, turn_sheets

    yield cells_sheet(plan.cells)
    yield from sheets(plan, rows)
    if wanted.turns:
        yield from turn_sheets(rows)


def _print(sheets: Iterable["Sheet"], *, as_markdown: bool) -> None:
    from stitcher.benchmark.report import markdown

    for sheet in sheets:
        if as_markdown:
            say(markdown(sheet))
            continue
        columns = [Column(title, right=n >= sheet.words) for n, title in enumerate(sheet.columns)]
        table(columns, sheet.rows, title=sheet.title)
        say()


def _draw(rows: Sequence["Row"], folder: Path) -> None:
    """Three pictures for each workload and provider."""
    from stitcher.benchmark.pictures import pictures

    together: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        together.setdefault((row.workload, row.cell.name), []).append(row)
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: text for each in together.values() for name, text in pictures(each).items()}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    note(f"{len(files)} pictures in {folder}")
