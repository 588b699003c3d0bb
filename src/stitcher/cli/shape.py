"""The command line's own click classes: one-sentence errors, plain help in a pipe.

Refuses to know any command.
"""

import errno
import os
import sys
from typing import Any, Final, cast

import typer
from typer.core import TyperCommand, TyperGroup

from stitcher.cli.console import is_fancy, note
from stitcher.errors import SettingsError, StitcherError

# typer carries its own copy of click and exports no name for the errors of wrong usage.
_WrongUsage: Final = cast(type[Exception], typer.BadParameter.__bases__[0])


class Command(TyperCommand):
    """A command whose help is drawn only on a terminal."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self.rich_markup_mode = "rich" if is_fancy() else None
        super().format_help(ctx, formatter)


class Group(TyperGroup):
    """A group of commands; every failure is one sentence on stderr and an exit code."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self.rich_markup_mode = "rich" if is_fancy() else None
        super().format_help(ctx, formatter)

    def main(self, *args: Any, **extra: Any) -> Any:
        """Runs the command; leaves with 0, 1 (failure), 2 (usage or settings) or the command's."""
        extra["standalone_mode"] = False
        try:
            code = super().main(*args, **extra)
        except _WrongUsage as error:
            self._leave(_usage_message(error), 2)
        except SettingsError as error:
            self._leave(str(error), 2)
        except StitcherError as error:
            self._leave(str(error), 1)
        except (typer.Abort, KeyboardInterrupt):
            self._leave("stopped before it was finished", 130)
        except OSError as error:
            if error.errno == errno.EPIPE:  # `stitcher sessions | head` has read enough
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                sys.exit(1)
            self._leave(_os_message(error), 1)
        sys.exit(code if isinstance(code, int) else 0)

    def _leave(self, message: str, code: int) -> None:
        if message:
            note(f"stitcher: {message}")
        sys.exit(code)


def _usage_message(error: Exception) -> str:
    text = str(cast(Any, error).format_message()).strip()
    if not text:  # help was asked for by giving nothing, and has been shown
        return ""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "stitcher"
    return f"{text.rstrip('.')}. See: {path} --help"


def _os_message(error: OSError) -> str:
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason
