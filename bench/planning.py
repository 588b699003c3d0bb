"""What planning for the provider's cache adds to a request of 1,000 messages.

    python -m bench.planning [--quick] [--json]

A thin session of each kind of cache, and its next request. Only what is planned for the cache is
timed, over and over, each time as if the request had just been read: whether the window is cut,
where breakpoints stand, what to expect, and what is known once the answer came. Not in it: reading
the request, putting messages back, and splicing the body.

Time is CPU of this process. Beside each sample runs a loop that never changes: where that takes
longer the machine is busy, and the ratio to it moves less. A round's figures are medians; printed
is the round with the least.
"""

import argparse
import gc
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from statistics import median
from typing import Final

from bench.cores import pin
from bench.planning_session import Captured, Session, answered
from bench.rig import say
from stitcher.cache_plan import Sent, carried_after, foreseen, openais, with_breakpoints
from stitcher.forecast import state_after
from stitcher.ports import DialectName
from stitcher.window import Kept, keep

GOAL: Final = 100.0  # microseconds
MODELS: Final[Sequence[tuple[str, DialectName]]] = (
    ("claude-opus-5", "anthropic"),
    ("gpt-6", "openai_chat"),
    ("gpt-5.4", "openai_chat"),
)
STEPS: Final = ("cut", "breakpoints", "forecast", "state")


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured."""

    messages: int
    rounds: int
    samples: int  # a round


FULL: Final = Scale(messages=1_000, rounds=60, samples=200)
QUICK: Final = Scale(messages=20, rounds=1, samples=5)


@dataclass(frozen=True, slots=True)
class Planned:
    """Microseconds of CPU, by step and together, and those of the loop beside it."""

    model: str
    messages: int
    steps: dict[str, float]
    total: float
    reference: float

    @property
    def ratio(self) -> float:
        return self.total / self.reference


@dataclass(frozen=True, slots=True)
class Found:
    """All that came out."""

    load: tuple[float, float, float]  # of the machine, over 1, 5 and 15 minutes, when it began
    planned: list[Planned]


def reference() -> int:
    """The loop that never changes."""
    total = 0
    for n in range(2_000):
        total += n
    return total


def marked(captured: Captured) -> Sent:
    """The request with all that it is marked with; its body is not built."""
    case = captured.case
    made = with_breakpoints(case, captured.pieces, ours=True)
    return Sent(made.pieces, case.call.body, made.head or openais(case, made.pieces)[0])


def timed(captured: Captured) -> list[float]:
    """Microseconds of each step, without what asking the clock takes; the loop's last."""
    case, now = captured.case, captured.case.terms.now
    clock = time.process_time_ns
    at = [clock(), clock()]
    kept: Kept = keep(case, captured.path)
    at.append(clock())
    sent = marked(captured)
    at.append(clock())
    made = foreseen(case, kept, sent, captured.tokens)
    at.append(clock())
    carried = carried_after(case, kept)
    at.append(clock())
    answer = answered(made, now)
    at.append(clock())
    state_after(made, case.state, carried, answer, sent_at=now)
    at.append(clock())
    reference()
    at.append(clock())
    if kept.cut is not None or not made.prediction.read:
        raise RuntimeError(f"{case.call.model}: found a cut or nothing to read, expected neither")
    itself, *steps = [(after - before) / 1e3 for before, after in pairwise(at)]
    cut, breakpoints, forecast, before, _, after, loop = (step - itself for step in steps)
    return [cut, breakpoints, forecast, before + after, loop]


def round_of(captured: Captured, samples: int) -> list[float]:
    """Medians of so many samples: of each step, of all together, and of the loop."""
    gc.collect()
    gc.freeze()
    rows = [timed(captured.anew()) for _ in range(samples)]
    gc.unfreeze()
    *steps, loop = (median(column) for column in zip(*rows, strict=True))
    return [*steps, median(sum(row[:-1]) for row in rows), loop]


def measure(scale: Scale) -> Found:
    """All models in turn, round by round; of each the round with the least."""
    load = os.getloadavg()
    say(f"sessions of {scale.messages:,} messages")
    captured = [Session(*which, scale.messages).held().captured() for which in MODELS]
    rounds: list[list[list[float]]] = [[] for _ in captured]
    for number in range(scale.rounds):
        say(f"round {number + 1} of {scale.rounds}")
        for request, found in zip(captured, rounds, strict=True):
            found.append(round_of(request, scale.samples))
    planned: list[Planned] = []
    for (model, _), found in zip(MODELS, rounds, strict=True):
        *steps, total, loop = min(found, key=lambda medians: medians[-2])
        by_step = dict(zip(STEPS, steps, strict=True))
        planned.append(Planned(model, scale.messages, by_step, total, loop))
    return Found(load, planned)


def table(found: Found) -> str:
    """Markdown; what is short of the goal says so."""
    lines = [f"| model | {' | '.join(STEPS)} | together | × loop |", "|---" * 7 + "|"]
    for row in found.planned:
        steps = " | ".join(f"{row.steps[step]:.0f} µs" for step in STEPS)
        short = " (short of the goal)" if row.total >= GOAL else ""
        lines.append(f"| {row.model} | {steps} | {row.total:.0f} µs{short} | {row.ratio:.2f} |")
    load = ", ".join(f"{one:.1f}" for one in found.load)
    loops = ", ".join(f"{row.reference:.0f}" for row in found.planned)
    return "\n".join([*lines, "", f"Load {load}; the loop took {loops} µs."])


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.planning", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does it run at all")
    parser.add_argument("--json", action="store_true", help="rows as JSON")
    options = parser.parse_args()
    pin(aside=False)
    found = measure(QUICK if options.quick else FULL)
    if options.json:
        rows = [asdict(row) | {"ratio": row.ratio} for row in found.planned]
        print(json.dumps({"load": found.load, "planned": rows}, indent=1))
        return
    print(table(found))


if __name__ == "__main__":
    main()
