"""The flags of `stitcher bench`, of both its ways: counted here, and asked of a provider."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

Names = list[str] | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for."""

    workload: Annotated[
        Names, typer.Option(help="A workload; may be repeated.", metavar="NAME")
    ] = None
    trace: Annotated[
        list[Path] | None,
        typer.Option(
            help="A file instead: a session of Claude Code or Codex, a Mooncake trace.",
            metavar="PATH",
        ),
    ] = None
    arm: Annotated[
        Names, typer.Option(help="A way to lay out requests; may be repeated.", metavar="NAME")
    ] = None
    cell: Annotated[
        Names, typer.Option(help="A model and a lifetime; may be repeated.", metavar="CELL")
    ] = None
    provider: Annotated[
        str | None,
        typer.Option(
            help="Send them to this one: anthropic, openai, gemini, deepseek, ollama.",
            metavar="NAME",
        ),
    ] = None
    model: Annotated[
        str | None,
        typer.Option(help="The provider's model (default: a cheap one).", metavar="NAME"),
    ] = None
    base_url: Annotated[
        str | None, typer.Option(help="Where the provider is instead.", metavar="URL")
    ] = None
    ollama_log: Annotated[
        Path | None, typer.Option(help="The log of Ollama's server.", metavar="FILE")
    ] = None
    max_usd: Annotated[
        float, typer.Option(min=0, help="What sending them may cost at most.", metavar="N")
    ] = 1.0
    gaps: Annotated[
        float,
        typer.Option(min=0, help="Wait for gaps, at most so many seconds each.", metavar="N"),
    ] = 0.0
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before it costs.")] = False
    max_tokens: Annotated[
        int | None,
        typer.Option(min=1, help="The budget (default: each workload's own).", metavar="N"),
    ] = None
    keep: Annotated[
        float,
        typer.Option(min=0, max=1, help="Fraction of the budget a cut leaves.", metavar="N"),
    ] = 0.5
    seed: Annotated[int, typer.Option(help="Another one gives other sizes.", metavar="N")] = 0
    turns: Annotated[bool, typer.Option("--turns", help="Print each request, too.")] = False
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, each request in it.")] = False
    svg: Annotated[
        Path | None, typer.Option(help="Draw pictures into this folder.", metavar="DIR")
    ] = None
