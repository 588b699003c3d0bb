"""How a failure leaves the program."""

import errno

import pytest
import typer
from typer.testing import CliRunner

from stitcher.cli.shape import Command, Group
from stitcher.errors import DataDirLocked, SettingsError


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (SettingsError("port: found x"), 2, "stitcher: port: found x\n"),
        (DataDirLocked("in use"), 1, "stitcher: in use\n"),
        (typer.BadParameter("no such thing."), 2, "stitcher: Invalid value: no such thing. See: "),
        (typer.Exit(3), 3, ""),
        (typer.Abort(), 130, "stitcher: stopped before it was finished\n"),
        (KeyboardInterrupt(), 130, ""),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), 1, "/x: Permission denied\n"),
        (OSError("odd"), 1, "stitcher: odd\n"),
    ],
)
def test_every_failure_is_a_sentence_and_a_code(
    error: BaseException, code: int, message: str
) -> None:
    app = typer.Typer(cls=Group)

    @app.callback()
    def root() -> None:
        """A group with one command stays a group."""

    @app.command(cls=Command)
    def fail() -> None:
        raise error

    result = CliRunner().invoke(app, ["fail"], prog_name="stitcher")
    assert result.exit_code == code
    assert message in result.stderr
    assert len(result.stderr.splitlines()) <= 1


def test_a_fault_of_ours_is_not_hidden() -> None:
    app = typer.Typer(cls=Group)

    @app.command(cls=Command)
    def fail() -> None:
        raise ZeroDivisionError

    assert isinstance(CliRunner().invoke(app, []).exception, ZeroDivisionError)
