"""`stitcher bench --provider`: the same conversations, sent with a key of one's own.

A key comes from the environment and is shown nowhere. Before anything is sent that costs, it says
what it may cost at most, and asks.
"""

import asyncio
import json
import os
import platform
import secrets
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import typer

from stitcher import __version__
from stitcher.cli.bench_console import Progress, named, printed
from stitcher.cli.console import is_interactive, note, say
from stitcher.errors import SettingsError, StitcherError

if TYPE_CHECKING:
    from stitcher.benchmark.conversation import Workload
    from stitcher.benchmark.live.measure import Bound, Measured, Plan
    from stitcher.benchmark.live.ollama_log import OllamaLog
    from stitcher.benchmark.live.providers import Provider
    from stitcher.cli.bench_flags import Wanted

_USUAL: Final = ("script",)


class BrokenOff(StitcherError):
    """The run ended before all was sent."""


def bench_live(wanted: "Wanted") -> None:
    """Sends what was asked for, and prints what the provider counted."""
    from stitcher.benchmark.live.measure import bound
    from stitcher.benchmark.live.providers import PROVIDERS
    from stitcher.benchmark.live.report import notes

    (provider,) = named("--provider", PROVIDERS, [wanted.provider or ""], ()).values()
    key, log = _key(provider), _log(provider, wanted)
    plan = _plan(provider, wanted)
    progress = Progress(plan.requests)
    most = bound(plan, progress.step)
    progress.done()
    _agreed(plan, most, wanted)
    found = _sent(plan, wanted.base_url or provider.base_url, key, log)
    _shown(plan, found, notes(plan, found, most), wanted)
    if found.failure is not None:
        asked = sum(len(row.answers) for row in found.rows)
        raise BrokenOff(f"{found.failure} (after {asked} of {plan.requests} requests)")


def _key(provider: "Provider") -> str | None:
    name = provider.key_name
    if name is None:
        return None
    key = os.environ.get(name, "").strip()
    if not key:
        raise SettingsError(
            f"--provider {provider.name}: found no {name} in the environment, expected your key"
        )
    return key


def _log(provider: "Provider", wanted: "Wanted") -> "OllamaLog | None":
    from stitcher.benchmark.live.ollama_log import WHERE, OllamaLog

    if provider.key_name is not None:
        if wanted.ollama_log is not None:
            raise SettingsError("--ollama-log: expected it only with --provider ollama")
        return None
    if wanted.ollama_log is None:
        raise SettingsError(
            f"--provider {provider.name}: found no --ollama-log, expected the log of its server, as"
            f" its answers do not say what was cached. {WHERE}"
        )
    return OllamaLog(wanted.ollama_log)


def _plan(provider: "Provider", wanted: "Wanted") -> "Plan":
    from stitcher.benchmark.live.measure import Plan
    from stitcher.benchmark.live.requests import ARMS

    model = wanted.model or provider.model
    if model is None:
        raise SettingsError(
            f"--provider {provider.name}: found no --model, expected one that `ollama list` names"
        )
    return Plan(
        provider,
        model,
        _workloads(wanted),
        list(named("--arm", ARMS, wanted.arm, ARMS)),
        run=secrets.token_hex(4),
        price=provider.price(model, time.time()),
        seed=wanted.seed,
        keep=wanted.keep,
        max_tokens=wanted.max_tokens,
        max_dollars=wanted.max_usd,
        longest_gap=wanted.gaps,
    )


def _workloads(wanted: "Wanted") -> "list[Workload]":
    from stitcher.benchmark.traces import traced
    from stitcher.benchmark.workloads import WORKLOADS

    usual = () if wanted.trace else _USUAL
    makers = named("--workload", WORKLOADS, wanted.workload, usual).values()
    return [
        *(make(wanted.seed) for make in makers),
        *(traced(path, wanted.seed) for path in wanted.trace or ()),
    ]


def _agreed(plan: "Plan", most: "Bound", wanted: "Wanted") -> None:
    """Returns where the run may cost what it may. Raises SettingsError, or Abort for a no."""
    if plan.window is not None and most.longest > plan.window:
        note(
            f"the longest prompt has about {most.longest:,} tokens, {plan.model} takes"
            f" {plan.window:,}: it may be refused (only direct has no budget)"
        )
    if plan.provider.key_name is None:
        return
    what = f"{plan.requests} requests to {plan.provider.name}, {plan.model}"
    if most.dollars is None:
        note(f"{what}: the price of this model is not known, nor what they will cost")
    else:
        note(f"{what}: at most about {most.dollars:.4f} USD, less what the cache saves")
        if most.dollars > plan.max_dollars:
            raise SettingsError(
                f"--max-usd: found {plan.max_dollars:g}, expected {most.dollars:.4f} or more for"
                " this run; or choose fewer --arm, a shorter --workload, a cheaper --model"
            )
    if wanted.yes:
        return
    if not is_interactive():
        raise SettingsError("found nobody to ask whether it may cost that, expected --yes")
    typer.confirm("Send them?", abort=True, err=True)


def _sent(plan: "Plan", base_url: str, key: str | None, log: "OllamaLog | None") -> "Measured":
    from stitcher.benchmark.live.asking import Line
    from stitcher.benchmark.live.measure import measured

    async def run(told: Callable[[str], None]) -> "Measured":
        async with Line(plan.provider, base_url, key, log) as line:
            return await measured(plan, line.ask, told=told)

    progress = Progress(plan.requests)
    try:
        return asyncio.run(run(progress.step))
    finally:
        progress.done()


def _shown(plan: "Plan", found: "Measured", noted: Sequence[str], wanted: "Wanted") -> None:
    from stitcher.benchmark.live.report import document, sheets, turn_sheets

    if wanted.as_json:
        versions = {"stitcher": __version__, "python": platform.python_version()}
        made = document(plan, found, versions=versions, noted=noted)
        say(json.dumps(made, ensure_ascii=False))
        return
    printed(sheets(plan, found), as_markdown=wanted.as_markdown)
    if wanted.turns:
        printed(turn_sheets(found), as_markdown=wanted.as_markdown)
    for text in noted:
        say(f"- {text}" if wanted.as_markdown else text)
