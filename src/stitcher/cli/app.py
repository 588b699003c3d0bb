"""The command line as a whole: which commands there are.

Refuses to know what any of them does.
"""

import sys
from typing import Annotated, Any

import typer

from stitcher import __version__
from stitcher.cli import (
    bench,
    config,
    demo,
    init,
    integrate,
    sessions,
    simulate,
    start,
    status,
    verify,
)
from stitcher.cli.console import say
from stitcher.cli.shape import Command, Group

_ORDER = (
    "init",
    "start",
    "status",
    "sessions",
    "config",
    "integrate",
    "verify",
    "simulate",
    "demo",
    "bench",
)


class _Commands(Group):
    def list_commands(self, ctx: Any) -> list[str]:
        return list(_ORDER)


app = typer.Typer(
    name="stitcher",
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"stitcher {__version__}")
        raise typer.Exit


@app.callback()
def stitcher(
    ctx: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """The memory between any LLM client and any LLM API.

    First: stitcher init, then stitcher start, then stitcher integrate.
    """
    if ctx.invoked_subcommand is None:
        say(ctx.get_help())


app.command("init", cls=Command)(init.init)
app.command("start", cls=Command)(start.start)
app.command("status", cls=Command)(status.status)
app.add_typer(sessions.app, name="sessions")
app.add_typer(config.app, name="config")
app.command("integrate", cls=Command)(integrate.integrate)
app.command("verify", cls=Command)(verify.verify)
app.command("simulate", cls=Command)(simulate.simulate)
app.command("demo", cls=Command)(demo.demo)
app.command("bench", cls=Command)(bench.bench)


def main() -> None:
    """The entry point `stitcher`."""
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding lacks is shown escaped instead of failing.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    app()


if __name__ == "__main__":
    main()
