"""`stitcher verify`: reads every log and derives every identity anew."""

from typing import Annotated

import typer

from stitcher.cli.console import Column, counted, emit_json, say, table
from stitcher.cli.options import Flags, load, setting_flags
from stitcher.cli.sessions import chosen, opened


@setting_flags("data_dir")
def verify(
    name: Annotated[
        str | None, typer.Argument(help="A session; without it, all of them.", metavar="NAME")
    ] = None,
    tenant: Annotated[
        str | None, typer.Option("--tenant", help="Whose session.", metavar="TENANT")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    *,
    flags: Flags,
) -> None:
    """Check every stored line and identity."""
    from stitcher.verify import verify as examine

    store = opened(load(flags).resolved.settings)
    infos = store.sessions(tenant) if name is None else [chosen(store, name, tenant)]
    reports = [(info.key, examine(store, info.key)) for info in infos]
    found = sum(len(report.problems) for _, report in reports)
    if as_json:
        emit_json(
            [
                {
                    "session": key.name,
                    "tenant": key.tenant,
                    "lines": report.lines,
                    "messages": report.messages,
                    "problems": [{"place": p.place, "found": p.found} for p in report.problems],
                }
                for key, report in reports
            ]
        )
    elif not reports:
        say("There are no sessions.")
    else:
        columns = (
            Column("session"),
            Column("lines", right=True),
            Column("messages", right=True),
            Column("result"),
        )
        rows = [
            (key.name, str(report.lines), str(report.messages), _verdict(len(report.problems)))
            for key, report in reports
        ]
        table(columns, rows)
        for _, report in reports:
            for problem in report.problems:
                say(f"{problem.place}: {problem.found}")
    if found:
        raise typer.Exit(1)


def _verdict(problems: int) -> str:
    return counted(problems, "problem") if problems else "ok"
