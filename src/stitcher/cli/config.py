"""`stitcher config`: what is in force and where it came from; changes to the file."""

import difflib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from stitcher.cli import config_file, running
from stitcher.cli.console import Column, emit_json, is_interactive, note, say, table
from stitcher.cli.options import Configuration, Flags, load, setting_flags
from stitcher.cli.shape import Command, Group
from stitcher.errors import SettingsError
from stitcher.settings import SETTINGS, Setting, parsed

HIDDEN = "***"

app = typer.Typer(cls=Group, invoke_without_command=True, no_args_is_help=False)


@app.callback()
@setting_flags(*SETTINGS)
def show(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    *,
    flags: Flags,
) -> None:
    """Print the settings and where they come from, or change them.

    Flags given here are shown as `stitcher start` would take them.
    """
    if ctx.invoked_subcommand is not None:
        return
    loaded = load(flags)
    if as_json:
        emit_json(described(loaded))
        return
    sources = loaded.resolved.sources
    columns = (Column("setting"), Column("value"), Column("source"))
    rows = [(name, shown(loaded, name), sources[name]) for name in SETTINGS]
    table(columns, rows)


def described(loaded: Configuration) -> dict[str, Any]:
    """The settings in force for JSON, keys hidden."""
    sources = loaded.resolved.sources
    return {
        "file": str(loaded.path),
        "settings": {
            name: {"value": _json_value(loaded, row), "source": sources[name]}
            for name, row in SETTINGS.items()
        },
    }


def shown(loaded: Configuration, name: str) -> str:
    """One setting's value for people, keys hidden."""
    value = _json_value(loaded, SETTINGS[name])
    if isinstance(value, bool):
        return "true" if value else "false"
    return "-" if value is None else str(value)


def _json_value(loaded: Configuration, row: Setting) -> object:
    value = getattr(loaded.resolved.settings, row.name)
    if row.secret:
        return HIDDEN if value else None
    return str(value) if isinstance(value, Path) else value


@app.command("set", cls=Command)
def set_value(
    key: Annotated[
        str, typer.Argument(help="Name of the setting, as `stitcher config` has it.", metavar="KEY")
    ],
    value: Annotated[
        str | None,
        typer.Argument(
            help="The value. Left out for a key: it is asked for, or read from stdin.",
            metavar="VALUE",
        ),
    ] = None,
) -> None:
    """Write one setting into the configuration file."""
    row = known(key)
    text = value if value is not None else _asked(row)
    meant = parsed(row, text, row.name)
    path = config_file.location(os.environ)
    values = config_file.read(path)
    if meant is None:
        values.pop(row.name, None)
    else:
        values[row.name] = text.strip() if isinstance(meant, Path) else meant
    config_file.write(path, values)
    say(f"{row.name} = {HIDDEN if row.secret else values.get(row.name)}  (in {path})")
    _after_change(row, os.environ)


@app.command(cls=Command)
def unset(
    key: Annotated[
        str, typer.Argument(help="Name of the setting, as `stitcher config` has it.", metavar="KEY")
    ],
) -> None:
    """Remove one setting from the configuration file."""
    path = config_file.location(os.environ)
    values = config_file.read(path)
    name = key.replace("-", "_")
    if name not in values:
        known(key)
        say(f"{name} is not in {path}: nothing to remove")
        return
    del values[name]
    config_file.write(path, values)
    say(f"{name} removed from {path}")
    if name in SETTINGS:
        _after_change(SETTINGS[name], os.environ)


@app.command(cls=Command)
def path() -> None:
    """Print where the configuration file is."""
    say(str(config_file.location(os.environ)))


def known(key: str) -> Setting:
    """The setting of that name, written with dashes or underscores."""
    name = key.strip().lower().replace("-", "_")
    if name in SETTINGS:
        return SETTINGS[name]
    near = difflib.get_close_matches(name, list(SETTINGS), n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(SETTINGS)}"
    raise SettingsError(f"{key!r} is not a setting; {hint}")


def _asked(row: Setting) -> str:
    if not row.secret:
        raise SettingsError(f"{row.name}: no value given, expected {row.expected}")
    if is_interactive():
        return str(typer.prompt(row.name, hide_input=True))
    text = sys.stdin.readline().strip()
    if not text:
        raise SettingsError(f"{row.name}: nothing on stdin, expected the key on its first line")
    return text


def _after_change(row: Setting, environ: Mapping[str, str]) -> None:
    if environ.get(row.env, "").strip():
        note(f"stitcher: note: {row.env} is set in the environment and has priority over the file")
    if row.name != "model" and running.owner(load({}).resolved.settings.data_dir) is not None:
        note("stitcher: note: the proxy that is running takes it when it is started again")
