"""What the two kinds of `stitcher bench` share: names that are chosen, progress, tables.

Knows nothing of what is measured.
"""

import difflib
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import typer

from stitcher.cli.console import Column, is_fancy, say, table
from stitcher.errors import SettingsError

if TYPE_CHECKING:
    from stitcher.benchmark.report import Sheet

T = TypeVar("T")


def named(
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


class Progress:
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


def printed(sheets: Iterable["Sheet"], *, as_markdown: bool) -> None:
    """Prints tables."""
    from stitcher.benchmark.report import markdown

    for sheet in sheets:
        if as_markdown:
            say(markdown(sheet))
            continue
        columns = [Column(title, right=n >= sheet.words) for n, title in enumerate(sheet.columns)]
        table(columns, sheet.rows, title=sheet.title)
        say()
