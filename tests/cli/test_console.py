"""What a terminal gets and what a pipe gets."""

import io
import re
import sys

import pytest

from stitcher.cli import console
from stitcher.cli.console import Column
from tests.cli.conftest import Command
from tests.cli.terminal import on_terminal, without_codes


def test_a_piped_table_is_aligned_and_plain(capsys: pytest.CaptureFixture[str]) -> None:
    columns = (Column("name"), Column("n", right=True))
    console.table(columns, [["a", "10"], ["long name", "1"], ["x\x1b[31m\ny", "2"]], title="T")
    assert capsys.readouterr().out == (
        "T\nname           n\na             10\nlong name      1\nx\\x1b[31m\\ny   2\n"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünï 日 👩", "plain ünï 日 👩"),
        ("a\nb\tc", "a\nb\tc"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x00\x07\x9b", "\\x00\\x07\\x9b"),
        ("a\u202eb", "a\\u202eb"),
        ("\ud800", "\\ud800"),
        ("\r", "\\r"),
    ],
)
def test_stored_text_cannot_drive_the_terminal(text: str, shown: str) -> None:
    assert console.printable(text) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (5_300_000, "5.3 MB"), (10**16, "10000.0 TB")],
)
def test_sizes(count: int, shown: str) -> None:
    assert console.size(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-3, "0 seconds"),
        (1, "1 second"),
        (59.9, "59 seconds"),
        (60, "1 minute"),
        (7300, "2 hours"),
        (86_400, "1 day"),
    ],
)
def test_lengths_of_time(seconds: float, shown: str) -> None:
    assert console.ago(seconds) == shown


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_only_a_capable_terminal_is_fancy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert console.is_fancy(Terminal())
    assert not console.is_fancy(io.StringIO())
    monkeypatch.setenv("TERM", "dumb")
    assert not console.is_fancy(Terminal())


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_terminal_gets_drawings_and_colours_unless_it_wants_none(stitcher: Command) -> None:
    drawn = on_terminal(["config"])
    assert "───" in drawn
    assert "\x1b[" in drawn
    helped = on_terminal(["--help"], NO_COLOR="1")
    assert "╭" in helped
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", helped)
    plain = on_terminal(["config"], TERM="dumb")
    assert plain == without_codes(plain)
    assert plain.isascii()
