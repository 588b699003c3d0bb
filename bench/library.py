"""What a turn of the library costs beside one of llmbuffer 0.3.0, by the length of the history.

    python -m bench.library [--quick] [--json]

A turn appends a question, builds the messages with dynamic context of its own, and appends the
answer, with which the turn becomes history. Both libraries take the same turns on the same history,
in interleaved pairs of one process, and what counts is the median of the pairs' ratios. What is
built must be equal, or nothing is measured.

Each round begins with both histories anew and a turn that is not measured, so a history grows by
eight messages at most: from 100 to 108, from 10,000 to 10,008. Time is CPU of this process
(`time.process_time_ns`): nothing waits for anything here, and what else runs on the machine does
not count. Before each turn garbage is collected, and what is left is exempt from collection: each
library pays for the garbage it makes itself, not for walking through the other's history.

Then what `import` takes in new processes, and what a whole request takes, which has no peer.
"""

import argparse
import gc
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from itertools import islice
from statistics import median
from typing import Any, Final

from bench.cores import pin
from bench.library_arms import ARMS, REQUESTS, STATIC, WORKLOADS, Arm, Manager, Workload, turns
from bench.pairs import compared, order
from bench.rig import say

GOAL: Final = 20.0
PER_ROUND: Final = 3  # turns measured on one history

IMPORTS: Final = ("pass", "from stitcher import PromptManager", "import llmbuffer")


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured."""

    rounds: dict[int, int]  # by the messages of history
    imports: int  # of each, in new processes

    @property
    def longest(self) -> int:
        return max(self.rounds)


FULL: Final = Scale({100: 40, 1_000: 20, 10_000: 8}, imports=41)
QUICK: Final = Scale({20: 1, 40: 1}, imports=1)


@dataclass(frozen=True, slots=True)
class Turns:
    """A turn of both: medians in milliseconds of CPU, and the median of the pairs' ratios."""

    workload: str
    arm: str
    messages: int
    ours: float
    theirs: float
    ratio: float  # theirs : ours
    pairs: int


@dataclass(frozen=True, slots=True)
class Import:
    """Milliseconds of CPU that an import adds to an empty process; and of that process."""

    ours: float
    theirs: float
    empty: float
    processes: int  # of each


@dataclass(frozen=True, slots=True)
class Requests:
    """Milliseconds of CPU that `build_request` takes, by messages of history."""

    adapter: str
    model: str
    workload: str
    took: dict[int, float]


@dataclass(frozen=True, slots=True)
class Found:
    """All that came out."""

    turns: list[Turns]
    imports: Import
    requests: list[Requests]


def took(work: Callable[[], object]) -> float:
    """Milliseconds of CPU."""
    gc.collect()
    gc.freeze()
    started = time.process_time_ns()
    work()
    return (time.process_time_ns() - started) / 1e6


def measured(workload: Workload, arm: Arm, messages: int, rounds: int) -> Turns:
    """One way to keep one history, by both."""
    history = workload.history(messages)
    pairs: list[list[float]] = []
    for number in range(rounds):
        kept = arm.both(workload, history)
        first, *others = islice(turns(workload), PER_ROUND + 1)
        built = [each.take(first) for each in kept]
        if built[0] != built[1]:
            raise RuntimeError(f"{workload.name}, {arm.name}: found two prompts, expected one")
        del built
        for n, turn in enumerate(others):
            pair = [0.0, 0.0]
            for which in order(number + n):
                pair[which] = took(partial(kept[which].take, turn))
            pairs.append(pair)
        gc.unfreeze()
    row = compared(workload.name, arm.name, pairs)
    return Turns(row.dialect, row.what, messages, row.short, row.long, row.ratio, row.pairs)


def imports(processes: int) -> Import:
    """What importing adds, the three kinds of processes taking turns."""
    for code in IMPORTS:  # the first import of all writes its bytecode
        _process(code)
    rounds = [[_process(code) for code in IMPORTS] for _ in range(processes)]
    return Import(
        ours=median(ours - empty for empty, ours, _ in rounds),
        theirs=median(theirs - empty for empty, _, theirs in rounds),
        empty=median(empty for empty, *_ in rounds),
        processes=processes,
    )


def _process(code: str) -> float:
    """Milliseconds of CPU of a new interpreter."""
    # Bytecode is there for what is installed, also where this process may write none.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) * 1e3


def requests(workload: Workload, adapter: str, model: str, rounds: dict[int, int]) -> Requests:
    """Whole requests over a history, by its length: of our library alone."""
    found: dict[int, float] = {}
    for messages, count in rounds.items():
        history = workload.history(messages)
        samples: list[float] = []
        for _ in range(count):
            samples += _requests_of_a_round(workload, history, adapter, model)
            gc.unfreeze()
        found[messages] = median(samples)
    return Requests(adapter, model, workload.name, found)


def _requests_of_a_round(
    workload: Workload, history: list[dict[str, Any]], adapter: str, model: str
) -> list[float]:
    library: Any = import_module("stitcher")
    manager = library.PromptManager(
        static_system_prompt=STATIC,
        transition_mode="agent_cycle",
        adapter=getattr(library, adapter)(model=model),
        state={"version": 1, "long_lived": list(history), "short_term": []},
    )
    samples: list[float] = []
    for turn in islice(turns(workload), PER_ROUND + 1):
        manager.append(turn.asked)
        samples.append(took(partial(manager.build_request, turn.context)))
        manager.append(turn.answer)
    return samples[1:]


def measure(scale: Scale) -> Found:
    """Everything, one after the other."""
    rows: list[Turns] = []
    for workload in WORKLOADS:
        for messages, rounds in scale.rounds.items():
            say(f"{workload.name}: {messages:,} messages")
            rows += [measured(workload, arm, messages, rounds) for arm in ARMS]
    say("imports")
    imported = imports(scale.imports)
    asked: list[Requests] = []
    for adapter, model in REQUESTS:
        for workload in WORKLOADS:
            say(f"requests: {adapter}, {workload.name}")
            asked.append(requests(workload, adapter, model, scale.rounds))
    return Found(rows, imported, asked)


def _counts(row: Turns, scale: Scale) -> bool:
    """True where the goal is for this row: the manager in memory, at the longest history."""
    in_memory = any(arm.name == row.arm and arm.kept is Manager for arm in ARMS)
    return in_memory and row.messages == scale.longest


def turns_table(found: Sequence[Turns], scale: Scale) -> str:
    """Markdown; what is short of the goal says so."""
    lines = ["| workload | kept by | messages | llmbuffer : stitcher | stitcher | llmbuffer |"]
    lines.append("|---|---|---|---|---|---|")
    for row in found:
        short = " (short of the goal)" if _counts(row, scale) and row.ratio < GOAL else ""
        times = f"{row.ours:.3f} ms | {row.theirs:.3f} ms"
        where = f"{row.workload} | {row.arm} | {row.messages:,}"
        lines.append(f"| {where} | {row.ratio:.1f}{short} | {times} |")
    return "\n".join(lines)


def requests_table(found: Sequence[Requests], scale: Scale) -> str:
    """Markdown."""
    lengths = " | ".join(f"{messages:,}" for messages in scale.rounds)
    lines = [f"| `build_request` for | history | {lengths} |"]
    lines.append("|---|---|" + "---|" * len(scale.rounds))
    for row in found:
        times = " | ".join(f"{ms:.2f} ms" for ms in row.took.values())
        lines.append(f"| {row.model} | {row.workload} | {times} |")
    return "\n".join(lines)


def summary(found: Found, scale: Scale) -> str:
    """Whether the goal is met, and what the imports take."""
    rows = [row for row in found.turns if _counts(row, scale)]
    met = sum(row.ratio >= GOAL for row in rows)
    took = found.imports
    return (
        f"Goal: the manager {GOAL:.0f} times as fast at {scale.longest:,} messages. "
        f"{'Met' if met == len(rows) else 'Not met'}: in {met} of {len(rows)} rows.\n\n"
        f"Import: `{IMPORTS[1]}` {took.ours:.1f} ms, `{IMPORTS[2]}` {took.theirs:.1f} ms of CPU "
        f"beyond the {took.empty:.1f} ms of an empty process."
    )


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.library", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does it run at all")
    parser.add_argument("--json", action="store_true", help="rows as JSON")
    options = parser.parse_args()
    scale = QUICK if options.quick else FULL
    pin(aside=False)
    found = measure(scale)
    if options.json:
        print(json.dumps(asdict(found), indent=1))
        return
    print(turns_table(found.turns, scale))
    print(f"\n{requests_table(found.requests, scale)}")
    print(f"\n{summary(found, scale)}")


if __name__ == "__main__":
    main()
