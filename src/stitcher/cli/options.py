"""Command-line flags made from the settings table, and the settings in force for a command.

No default and no check is repeated here: a flag that was not given says nothing.
"""

import functools
import inspect
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

from stitcher.cli import config_file
from stitcher.cli.console import note
from stitcher.settings import SETTINGS, Resolved, Setting, resolve

Flags = Mapping[str, object]
T = TypeVar("T")


def setting_flags(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command a flag for each setting; it receives those given as `flags`."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [p for p in inspect.signature(command).parameters.values() if p.name != "flags"]

        @functools.wraps(command)
        def called(**given: Any) -> None:
            flags = {name: given.pop(name) for name in names}
            command(**given, flags=flags)

        parameters = [*own, *(_parameter(SETTINGS[name]) for name in names)]
        called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        called.__annotations__ = {p.name: p.annotation for p in parameters}
        del called.__wrapped__  # typer would read the flags of the function inside
        return called

    return decorate


def field_flags(shape: type[T]) -> Callable[[Callable[[T], None]], Callable[..., None]]:
    """Gives a command a flag for each field of a dataclass; it receives one of these."""

    def decorate(command: Callable[[T], None]) -> Callable[..., None]:
        hints = get_type_hints(shape, include_extras=True)

        @functools.wraps(command)
        def called(**given: Any) -> None:
            command(shape(**given))

        parameters = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=parameter.default,
                annotation=hints[name],
            )
            for name, parameter in inspect.signature(shape).parameters.items()
        ]
        called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        called.__annotations__ = {p.name: p.annotation for p in parameters}
        del called.__wrapped__  # typer would read the parameter of the function inside
        return called

    return decorate


def _parameter(row: Setting) -> inspect.Parameter:
    given: Any = bool if row.type is bool else str
    option = typer.Option(row.flag, help=help_text(row), metavar=metavar(row), show_default=False)
    return inspect.Parameter(
        row.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[given | None, option],
    )


def metavar(row: Setting) -> str | None:
    """What stands for the value in the help text."""
    if row.type is bool:
        return None
    if row.choices:
        return "|".join(row.choices)
    kinds = {int: "N", float: "N", Path: "DIR"}
    return kinds.get(row.type, "URL" if row.name.startswith("upstream") else "TEXT")


def help_text(row: Setting) -> str:
    """The setting's doc line with its default, where it has one."""
    return row.doc if row.default is None else f"{row.doc} (default: {shown_default(row)})"


def shown_default(row: Setting) -> str:
    """The default as it would be typed."""
    if isinstance(row.default, bool):
        return "true" if row.default else "false"
    return "" if row.default is None else str(row.default)


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings in force and the file some of them came from."""

    resolved: Resolved
    path: Path
    file: Mapping[str, Any]


def load(flags: Flags) -> Configuration:
    """Reads the environment and the file; says on stderr what it found and could not use."""
    path = config_file.location(os.environ)
    file = config_file.read(path)
    resolved = resolve(flags, os.environ, file, file_name=str(path))
    for warning in resolved.warnings:
        note(f"stitcher: warning: {warning}")
    holds_key = any(file.get(name) for name, row in SETTINGS.items() if row.secret)
    if holds_key and config_file.readable_by_others(path):
        note(f"stitcher: warning: {path} holds a key and others can read it: chmod 600 {path}")
    return Configuration(resolved, path, file)
