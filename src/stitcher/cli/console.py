"""How the command line prints: rich on a terminal, plain and stable when piped.

Everything a user reads goes through here, so that no command decides on its own what a pipe gets.
Refuses to know what it prints about.
"""

import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any

import typer

_KEEP = frozenset("\n\t")


def is_fancy(stream: IO[str] | None = None) -> bool:
    """True when the stream is a terminal that can do more than plain text."""
    stream = stream or sys.stdout
    return stream.isatty() and os.environ.get("TERM", "") != "dumb"


def is_interactive() -> bool:
    """True when somebody is there to answer a question."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()


def printable(text: str) -> str:
    """The text with control characters made visible: stored text must not drive the terminal."""
    if text.isprintable():
        return text
    return "".join(c if c in _KEEP or c.isprintable() else ascii(c)[1:-1] for c in text)


def say(text: str = "") -> None:
    """A line on stdout, flushed: whoever reads the pipe sees it now."""
    typer.echo(printable(text))
    sys.stdout.flush()


def note(text: str) -> None:
    """A line on stderr, beside the output."""
    typer.echo(printable(text), err=True)


def heading(text: str) -> None:
    """A title on a terminal, a plain line in a pipe."""
    if is_fancy():
        from rich.console import Console
        from rich.text import Text

        Console().print(Text(printable(text), style="bold"))
    else:
        say(text)


def emit_json(value: Any) -> None:
    """The value as indented JSON on stdout."""
    say(json.dumps(value, indent=2, ensure_ascii=False))


@dataclass(frozen=True, slots=True)
class Column:
    """A column's title; numbers stand at its right edge."""

    title: str
    right: bool = False


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], *, title: str = "") -> None:
    """A table: drawn on a terminal; in a pipe a header and rows, columns two spaces apart."""
    cells = [[_cell(value) for value in row] for row in rows]
    if is_fancy():
        _draw(columns, cells, title)
        return
    if title:
        say(title)
    lines = [[column.title for column in columns], *cells]
    widths = [max(len(line[at]) for line in lines) for at in range(len(columns))]
    for line in lines:
        padded = (
            value.rjust(width) if column.right else value.ljust(width)
            for value, width, column in zip(line, widths, columns, strict=True)
        )
        say("  ".join(padded).rstrip())


def _cell(value: str) -> str:
    return printable(value).replace("\n", "\\n").replace("\t", "\\t")


def _draw(columns: Sequence[Column], rows: Sequence[Sequence[str]], title: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(
        title=Text(title) if title else None,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
    )
    for column in columns:
        drawn.add_column(
            column.title,
            justify="right" if column.right else "left",
            overflow="fold",
            no_wrap=column.right,
        )
    for row in rows:
        drawn.add_row(*(Text(value) for value in row))
    Console().print(drawn)


def markdown(text: str) -> None:
    """Markdown, rendered on a terminal, as it is in a pipe."""
    if not is_fancy():
        say(text.rstrip("\n"))
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(printable(text)))


def width() -> int:
    """How wide a line may be: the terminal's, or any in a pipe."""
    return shutil.get_terminal_size().columns if is_fancy() else 1000


def size(count: int) -> str:
    """A number of bytes as people say it."""
    value, unit = float(count), "B"
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    return f"{count} B" if unit == "B" else f"{value:.1f} {unit}"


def counted(count: int, noun: str) -> str:
    """A number of things: `1 message`, `2 messages`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def moment(seconds: float) -> str:
    """A point in time on this machine's clock."""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def ago(seconds: float) -> str:
    """A length of time in its largest unit."""
    for length, name in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= length:
            return counted(int(seconds // length), name)
    return counted(max(0, int(seconds)), "second")
