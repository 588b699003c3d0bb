"""`stitcher integrate`: the exact lines that point a client at this proxy."""

import difflib
from typing import Annotated

import typer

from stitcher.addresses import upstream_base, url_of
from stitcher.cli.console import Column, emit_json, markdown, say, table
from stitcher.cli.guides import TARGETS, page
from stitcher.cli.options import Flags, load, setting_flags
from stitcher.errors import SettingsError


@setting_flags("host", "port")
def integrate(
    target: Annotated[
        str | None,
        typer.Argument(help="The client; without it, all of them are listed.", metavar="TARGET"),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            help="Where clients reach the proxy, if not at its own host and port.", metavar="URL"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="List as JSON.")] = False,
    *,
    flags: Flags,
) -> None:
    """Show how to point a client at Stitcher."""
    settings = load(flags).resolved.settings
    if url is not None:
        try:
            url = upstream_base(url)
        except ValueError as expected:
            raise SettingsError(f"--url: found {url!r}, expected {expected}") from None
    if target is None:
        _list(as_json=as_json, base=url or url_of(settings.host, settings.port))
        return
    if target not in TARGETS:
        near = difflib.get_close_matches(target.lower(), list(TARGETS), n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(TARGETS)}"
        raise SettingsError(f"{target!r} is not a client with a guide; {hint}")
    text = page(target, settings, url=url)
    if as_json:
        emit_json(
            {"target": target, "url": url or url_of(settings.host, settings.port), "guide": text}
        )
    else:
        markdown(text)


def _list(*, as_json: bool, base: str) -> None:
    if as_json:
        emit_json([{"target": name, "client": client} for name, client in TARGETS.items()])
        return
    table((Column("target"), Column("client")), list(TARGETS.items()))
    say(f"Show one: stitcher integrate TARGET   (for the proxy at {base})")
