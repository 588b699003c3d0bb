"""`stitcher bench`: what conversations cost, by how their requests are laid out."""

import json
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stitcher import __version__
from stitcher.cli.bench_console import Progress, named, printed
from stitcher.cli.bench_flags import Wanted
from stitcher.cli.console import note, say
from stitcher.cli.options import field_flags
from stitcher.errors import SettingsError

if TYPE_CHECKING:
    from stitcher.benchmark.measure import Plan, Row
    from stitcher.benchmark.report import Sheet

# Flags that say something of one kind of run only.
_LIVE: Final = ("model", "base_url", "ollama_log", "max_usd", "gaps", "yes")
_VIRTUAL: Final = ("cell", "svg")


@field_flags(Wanted)
def bench(wanted: Wanted) -> None:
    """Count what conversations cost, arm by arm.

    In virtual time, with the simulator's models of the providers' prompt caches: no key, no
    network. With --provider the conversations are sent to it, with your own key: its figures, at
    its prices.
    """
    live = wanted.provider is not None
    _expect_none_of(wanted, _VIRTUAL if live else _LIVE, "without" if live else "with")
    if live:
        from stitcher.cli.bench_live import bench_live

        bench_live(wanted)
    else:
        _virtual(wanted)


def _expect_none_of(wanted: Wanted, flags: Iterable[str], when: str) -> None:
    usual = Wanted()
    for name in flags:
        if getattr(wanted, name) != getattr(usual, name):
            flag = f"--{name.replace('_', '-')}"
            raise SettingsError(f"{flag}: expected it only {when} --provider")


def _virtual(wanted: Wanted) -> None:
    from stitcher.benchmark.measure import measured

    plan = _plan(wanted)
    progress = Progress(len(plan.workloads) * len(plan.cells))
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
        printed(_sheets(plan, rows, wanted), as_markdown=wanted.as_markdown)


def _plan(wanted: Wanted) -> "Plan":
    from stitcher.benchmark.cells import CELLS, DEFAULT_CELLS
    from stitcher.benchmark.measure import ARMS, Plan
    from stitcher.benchmark.traces import traced
    from stitcher.benchmark.workloads import WORKLOADS

    makers = named("--workload", WORKLOADS, wanted.workload, () if wanted.trace else WORKLOADS)
    workloads = [make(wanted.seed) for make in makers.values()]
    workloads += [traced(path, wanted.seed) for path in wanted.trace or ()]
    arms = named("--arm", ARMS, wanted.arm, ARMS)
    cells = named("--cell", CELLS, wanted.cell, DEFAULT_CELLS)
    return Plan(workloads, list(arms), list(cells.values()), wanted.keep, wanted.max_tokens)


def _sheets(plan: "Plan", rows: Sequence["Row"], wanted: Wanted) -> Iterable["Sheet"]:
    from stitcher.benchmark.report import cells_sheet, sheets, turn_sheets

    yield cells_sheet(plan.cells)
    yield from sheets(plan, rows)
    if wanted.turns:
        yield from turn_sheets(rows)


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
