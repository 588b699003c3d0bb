"""`stitcher simulate`: a provider on this machine, for trying things without a key."""

import asyncio
import contextlib
from typing import Annotated

import typer

from stitcher.cli.console import say
from stitcher.errors import SettingsError


def simulate(
    host: Annotated[str, typer.Option(help="Address to listen on.", metavar="HOST")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 takes a free one.", metavar="N")
    ] = 8082,
) -> None:
    """Start the simulated provider.

    It speaks Chat Completions, Responses and Anthropic Messages on this machine: no key, no
    network.
    """
    if not 0 <= port <= 65_535:
        raise SettingsError(f"--port: found {port}, expected a port between 0 and 65535")
    from stitcher.simulator.serve import run

    with contextlib.suppress(KeyboardInterrupt):  # how it is stopped
        asyncio.run(run(host, port, announce))


def announce(url: str) -> None:
    """The lines that say it runs, and how to put the proxy before it."""
    say(f"The simulated provider is listening on {url}")
    say(f"  stitcher start --upstream {url} --upstream-anthropic {url}")
