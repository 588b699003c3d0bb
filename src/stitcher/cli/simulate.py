"""`stitcher simulate`: a provider on this machine, for trying things without a key."""

import asyncio
import contextlib
import time
from pathlib import Path
from typing import Annotated

import typer

from stitcher.cli.console import say
from stitcher.errors import SettingsError


def simulate(
    host: Annotated[str, typer.Option(help="Address to listen on.", metavar="HOST")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 takes a free one.", metavar="N")
    ] = 8082,
    still: Annotated[
        bool,
        typer.Option(
            "--still-clock",
            help='Cache entries grow old only by POST /simulator/clock {"advance": SECONDS}.',
        ),
    ] = False,
    ollama_log: Annotated[
        Path | None,
        typer.Option(
            help="Append what Ollama would log of its cache, for llama-sim and ollama-sim models.",
            metavar="FILE",
        ),
    ] = None,
) -> None:
    """Start the simulated provider.

    It speaks Chat Completions, Responses and Anthropic Messages on this machine: no key, no
    network. Its prompt caches count as the providers' do: Claude, OpenAI, DeepSeek (`deepseek-*`),
    Gemini (`gemini-*`), and engines (`vllm-sim`, `sglang-sim`, `llama-sim`, `ollama-sim`).
    """
    if not 0 <= port <= 65_535:
        raise SettingsError(f"--port: found {port}, expected a port between 0 and 65535")
    from stitcher.simulator import virtual_clock
    from stitcher.simulator.serve import run

    clock = virtual_clock.still if still else time.monotonic
    with contextlib.suppress(KeyboardInterrupt):  # how it is stopped
        asyncio.run(run(host, port, announce, clock=clock, engine_log=ollama_log))


def announce(url: str) -> None:
    """The lines that say it runs, and how to put the proxy before it."""
    say(f"The simulated provider is listening on {url}")
    say(f"  stitcher start --upstream {url} --upstream-anthropic {url}")
