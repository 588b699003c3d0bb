"""`stitcher sessions`: what is remembered, to be looked at, taken along or forgotten."""

import asyncio
import difflib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from stitcher.cli import running, transcript
from stitcher.cli.console import (
    Column,
    counted,
    emit_json,
    is_fancy,
    is_interactive,
    moment,
    note,
    printable,
    say,
    size,
    table,
)
from stitcher.cli.options import Flags, load, setting_flags
from stitcher.cli.shape import Command, Group
from stitcher.errors import SettingsError, StitcherError
from stitcher.settings import Settings
from stitcher.store.protocol import SessionInfo, SessionKey, Store
from stitcher.wire.entries import MESSAGE_LINES

if TYPE_CHECKING:
    from stitcher.store.jsonl import JsonlStore

app = typer.Typer(cls=Group, invoke_without_command=True, no_args_is_help=False)


Name = Annotated[
    str, typer.Argument(help="Name of the session, as `stitcher sessions` has it.", metavar="NAME")
]
Tenant = Annotated[
    str | None,
    typer.Option(
        "--tenant", help="Whose session, where several have one of that name.", metavar="TENANT"
    ),
]


class NoSuchSession(StitcherError):
    """There is no session of that name."""


def opened(settings: Settings) -> "JsonlStore":
    """The store of a data directory, for reading: it may belong to a running proxy."""
    from stitcher.store.jsonl import JsonlStore

    return JsonlStore(settings.data_dir, read_only=True)


def chosen(store: Store, name: str, tenant: str | None) -> SessionInfo:
    """The one session meant. Raises NoSuchSession with the names that are near."""
    sessions = store.sessions(tenant)
    found = [info for info in sessions if info.key.name == name]
    if len(found) == 1:
        return found[0]
    if found:
        tenants = ", ".join(info.key.tenant for info in found)
        raise SettingsError(f"{name!r} is a session of several tenants; add --tenant ({tenants})")
    names = list(dict.fromkeys(info.key.name for info in sessions))
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    near += [other for other in names if name.lower() in other.lower() and other not in near]
    hint = f"; did you mean {' or '.join(map(_quoted, near[:3]))}?" if near else "."
    raise NoSuchSession(f"there is no session {_quoted(name)}{hint} See: stitcher sessions")


def _quoted(name: str) -> str:
    return repr(name) if len(name) <= 100 else f"{name[:100]!r}…"


def count_messages(store: Store, key: SessionKey) -> int:
    """How many messages were said in a session. A log also holds turns and events."""
    return store.count_lines(key, *MESSAGE_LINES)


@app.callback()
@setting_flags("data_dir")
def list_sessions(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    *,
    flags: Flags,
) -> None:
    """List, show, measure, export or delete the stored sessions."""
    if ctx.invoked_subcommand is not None:
        ctx.obj = flags
        return
    settings = load(flags).resolved.settings
    store = opened(settings)
    counted = [(info, count_messages(store, info.key)) for info in store.sessions()]
    if as_json:
        emit_json([_described(info, messages) for info, messages in counted])
    elif not counted:
        say(f"No sessions yet in {settings.data_dir}.")
    else:
        _print(counted)


def _described(info: SessionInfo, messages: int) -> dict[str, object]:
    return {
        "name": info.key.name,
        "tenant": info.key.tenant,
        "messages": messages,
        "bytes": info.size,
        "files": info.files,
        "last_used": info.used,
    }


def _print(counted: list[tuple[SessionInfo, int]]) -> None:
    columns = [Column("name"), Column("messages", right=True), Column("size", right=True)]
    columns += [Column("last used")]
    rows = [
        [info.key.name, str(messages), size(info.size), moment(info.used)]
        for info, messages in counted
    ]
    if len({info.key.tenant for info, _ in counted}) > 1:
        columns.append(Column("tenant"))
        for row, (info, _) in zip(rows, counted, strict=True):
            row.append(info.key.tenant)
    table(columns, rows)


@app.command(cls=Command)
@setting_flags("data_dir")
def show(
    ctx: typer.Context,
    name: Name,
    tenant: Tenant = None,
    thread: Annotated[
        str | None, typer.Option(help="Only this thread of the session.", metavar="THREAD")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Do not fold long texts.")] = False,
    *,
    flags: Flags,
) -> None:
    """Print a session's messages."""
    store = opened(_settings(ctx, flags))
    said = _read(store, chosen(store, name, tenant))
    threads = list(dict.fromkeys(one.thread for one in said if one.is_message))
    if thread is not None:
        if thread not in threads:
            raise NoSuchSession(f"{name!r} has no thread {thread!r}; it has: {', '.join(threads)}")
        said = [one for one in said if one.thread == thread]
    for one in said:
        _print_message(one, named=len(threads) > 1, full=full)


def _settings(ctx: typer.Context, flags: Flags) -> Settings:
    """The flags of `stitcher sessions` count before and after the name of what is done."""
    outer = ctx.obj if isinstance(ctx.obj, dict) else {}
    given = {key: value for key, value in flags.items() if value is not None}
    return load({**outer, **given}).resolved.settings


def _read(store: Store, info: SessionInfo) -> list[transcript.Said]:
    return transcript.read((line.place, line.data) for line in store.oldest_first(info.key))


def _print_message(one: transcript.Said, *, named: bool, full: bool) -> None:
    if not one.is_message:
        _print_line(f"-- {''.join(part.text for part in one.parts)}", "yellow")
        say()
        return
    marks = [moment(one.time)] if one.time is not None else []
    marks += [f"thread {one.thread}"] if named and one.thread else []
    marks += ["CUT OFF"] if one.cut else []
    marks += [] if one.on_path else ["not on the path"]
    _print_line(f"[{one.role}]{'  ' if marks else ''}{', '.join(marks)}", _STYLES.get(one.role, ""))
    for part in one.parts:
        text = transcript.plain(part)
        _print_line(text if full else transcript.folded(text), "" if part.kind == "text" else "dim")
    say()


_STYLES = {"user": "bold cyan", "assistant": "bold green", "system": "bold magenta"}


def _print_line(text: str, style: str) -> None:
    if style and is_fancy():
        from rich.console import Console
        from rich.text import Text

        Console(soft_wrap=True).print(Text(printable(text), style=style))
    else:
        say(text)


@app.command(cls=Command)
@setting_flags("data_dir")
def cache(
    ctx: typer.Context,
    name: Name,
    tenant: Tenant = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    *,
    flags: Flags,
) -> None:
    """Show what the provider's prompt cache did for a session."""
    from stitcher.cli import cache_report

    store = opened(_settings(ctx, flags))
    info = chosen(store, name, tenant)
    found = cache_report.rows(line.data for line in store.oldest_first(info.key))
    if as_json:
        emit_json(cache_report.as_json(found))
    else:
        cache_report.print_report(name, found)


@app.command(cls=Command)
@setting_flags("data_dir")
def purge(
    ctx: typer.Context,
    name: Name,
    tenant: Tenant = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    *,
    flags: Flags,
) -> None:
    """Delete a session for good."""
    settings = _settings(ctx, flags)
    store = opened(settings)
    info = chosen(store, name, tenant)
    what = f"{name} ({counted(count_messages(store, info.key), 'message')}, {size(info.size)})"
    if not yes and not _agreed(what):
        say("Nothing was deleted.")
        raise typer.Exit(1)
    owner = running.owner(settings.data_dir)
    if owner is not None and owner.url:
        gone = running.purge(owner.url, info.key, settings)
    else:
        gone = asyncio.run(_purge(settings, info))
    if not gone:
        raise NoSuchSession(f"{name!r} was already gone")
    say(f"Deleted {what}.")


def _agreed(what: str) -> bool:
    if not is_interactive():
        raise SettingsError(f"not deleting {what} without being asked to: add --yes")
    return bool(typer.confirm(f"Delete {printable(what)} for good?"))


async def _purge(settings: Settings, info: SessionInfo) -> bool:
    from stitcher.store.jsonl import JsonlStore

    store = JsonlStore(settings.data_dir)
    try:
        return await asyncio.to_thread(store.purge, info.key)
    finally:
        await store.close()


@app.command(cls=Command)
@setting_flags("data_dir")
def export(
    ctx: typer.Context,
    name: Name,
    tenant: Tenant = None,
    form: Annotated[
        Literal["jsonl", "md"],
        typer.Option(
            "--format",
            metavar="jsonl|md",
            help="jsonl: the log's lines, verbatim; md: Markdown to read.",
        ),
    ] = "jsonl",
    output: Annotated[
        Path | None, typer.Option(help="File to write; stdout without it.", metavar="FILE")
    ] = None,
    *,
    flags: Flags,
) -> None:
    """Write a session out, to keep or to read."""
    store = opened(_settings(ctx, flags))
    info = chosen(store, name, tenant)
    if form == "jsonl":
        chunks: Iterator[bytes] = (line.data + b"\n" for line in store.oldest_first(info.key))
    else:
        lines = transcript.to_markdown(name, _read(store, info), moment)
        shown = (printable(line) if output is None and is_fancy() else line for line in lines)
        chunks = (f"{line}\n".encode(errors="replace") for line in shown)
    if output is None:
        for chunk in chunks:
            sys.stdout.buffer.write(chunk)
        sys.stdout.flush()
        return
    handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.writelines(chunks)
    note(f"Wrote {output} ({size(output.stat().st_size)}).")
