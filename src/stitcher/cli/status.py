"""`stitcher status`: whether a proxy runs on the data directory, and what it would do."""

import time
from typing import Annotated, Any

import typer

from stitcher.cli import running
from stitcher.cli.config import shown
from stitcher.cli.console import ago, emit_json, heading, moment, say
from stitcher.cli.options import Configuration, Flags, load, setting_flags
from stitcher.cli.sessions import opened

NOT_RUNNING = 3  # what service managers answer for a stopped service (LSB init scripts)

_BRIEF = ("upstream", "upstream_anthropic", "max_tokens", "keep", "mode", "durability", "tenancy")


@setting_flags("data_dir")
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    *,
    flags: Flags,
) -> None:
    """Show whether the proxy runs, its sessions and settings."""
    loaded = load(flags)
    found = examine(loaded)
    if as_json:
        emit_json(found)
    else:
        _print(loaded, found)
    if not found["running"]:
        raise typer.Exit(NOT_RUNNING)


def examine(loaded: Configuration) -> dict[str, Any]:
    """What there is to say, for people and programs alike."""
    settings = loaded.resolved.settings
    owner = running.owner(settings.data_dir)
    found: dict[str, Any] = {"running": owner is not None}
    if owner is not None:
        found |= {"pid": owner.pid, "host": owner.host, "started": owner.started, "url": owner.url}
        found |= _asked(loaded, owner.url)
    found["sessions"] = len(opened(settings).sessions())
    found["data_dir"] = str(settings.data_dir)
    found["config_file"] = str(loaded.path)
    found["settings"] = {name: shown(loaded, name) for name in _BRIEF}
    return found


def _asked(loaded: Configuration, url: str | None) -> dict[str, Any]:
    """What the proxy says of itself. Where it keeps tenants apart, it may not count for us."""
    if not url:
        return {}
    settings = loaded.resolved.settings
    try:
        running.check_answering(url, settings)
        stats = running.stats(url, settings)
    except running.NotAnswering as error:
        return {"answers": False, "problem": str(error)}
    return {"answers": True, "stats": stats}


def _print(loaded: Configuration, found: dict[str, Any]) -> None:
    if found["running"]:
        _print_running(found)
    else:
        heading("Not running. Start it: stitcher start")
    settings = loaded.resolved.settings
    say(f"  sessions       {found['sessions']}")
    say(f"  conversations  {found['data_dir']}")
    if found["running"]:
        heading("Configured (flags given to the running proxy are not among it)")
    say(f"  upstreams      {settings.upstream} (OpenAI), {settings.upstream_anthropic} (Anthropic)")
    say(f"  budget         {settings.max_tokens:,} tokens, keeping {settings.keep:.0%} at a cut")
    say(f"  mode           {settings.mode}, durability {settings.durability}")
    say(f"  settings       {found['config_file']} (all of them: stitcher config)")


def _print_running(found: dict[str, Any]) -> None:
    heading(f"Running: {found['url'] or 'address not known yet'}")
    since = ago(time.time() - found["started"])
    say(f"  since          {moment(found['started'])} ({since})")
    say(f"  process        {found['pid']} on {found['host']}")
    if problem := found.get("problem"):
        say(f"  problem        {problem}")
    stats = found.get("stats", {})
    if mode := stats.get("mode"):
        say(f"  mode           {mode}, {stats.get('requests', 0)} requests so far")
    if kept := stats.get("keep_alive"):
        spent = f"{kept['pings']} requests, ${kept['usd']:.2f} of ${kept['limit']:.2f} today (UTC)"
        say(f"  keep-alive     {spent}")
