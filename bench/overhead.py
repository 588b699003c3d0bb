"""What the proxy adds to a request, beside a bare pass-through of the same stack and its ancestor.

    python -m bench.overhead [--quick] [--json]

One upstream that answers a constant, one light client, and between them nothing, a pass-through
of the same libraries (aiohttp server and client, uvloop), Stitcher in its modes, or stitcher-proxy
0.1.0. What is between has a core of its own where there are two. Arms take turns within every
round; ratios are made within a round, and their median is what is printed.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Final

import uvloop

from bench.cores import pin
from bench.load import Arm, Cell, Sample, run
from bench.rig import (
    Server,
    ancestor_server,
    bare_server,
    say,
    stitcher_server,
    upstream_server,
    websocket_upstream_server,
)

# ── rounds and report ────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Row:
    """One arm in one cell: medians over the rounds, ratios to the reference of the same round."""

    cell: str
    reference: str
    arm: str
    total: float
    first: float
    cpu: float
    rate: float
    total_ratio: float
    first_ratio: float
    cpu_ratio: float
    rate_ratio: float
    added: float  # milliseconds over direct


def rows(cell: str, rounds: Sequence[Mapping[str, Sample]], reference: str) -> list[Row]:
    """Sums up one cell; the first arm is the direct one."""
    direct = next(iter(rounds[0]))

    def over(arm: str, of: Callable[[Sample], float]) -> float:
        return median(of(found[arm]) / of(found[reference]) for found in rounds)

    return [
        Row(
            cell=cell,
            reference=reference,
            arm=arm,
            total=median(found[arm].total for found in rounds),
            first=median(found[arm].first for found in rounds),
            cpu=median(found[arm].cpu for found in rounds),
            rate=median(found[arm].rate for found in rounds),
            total_ratio=over(arm, lambda sample: sample.total),
            first_ratio=over(arm, lambda sample: sample.first),
            cpu_ratio=over(arm, lambda sample: sample.cpu),
            rate_ratio=over(arm, lambda sample: sample.rate),
            added=median(found[arm].first - found[direct].first for found in rounds),
        )
        for arm in rounds[0]
    ]


def table(found: Sequence[Row]) -> str:
    """The rows of one cell, as Markdown: ratios first, what they are made of behind them."""
    lines = [
        f"**{found[0].cell}** (× {found[0].reference})",
        "",
        "| arm | to first byte | p50 | CPU | req/s | added ms | p50 ms | CPU ms | req/s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in found:
        ratios = (row.first_ratio, row.total_ratio, row.cpu_ratio, row.rate_ratio)
        shown = " | ".join(f"{ratio:.2f}" for ratio in ratios)
        lines.append(
            f"| {row.arm} | {shown} | {row.added:.2f} | {row.total:.2f} | {row.cpu:.2f}"
            f" | {row.rate:.0f} |"
        )
    return "\n".join([*lines, ""])


# ── arms ─────────────────────────────────────────────────────────────────────────────────

_SIZES = (1_000, 100_000)
_RESPONSES: Final = "openai_responses"
_BARE: Final = "bare"
_OVER_HTTP: Final = "stitch over HTTP"


def cells(*, quick: bool) -> list[Cell]:
    """What is asked of every arm."""
    if quick:
        return [Cell(1_000, False, 2), Cell(12_000, True, 1)]
    return [Cell(size, stream, n) for size in _SIZES for stream in (False, True) for n in (1, 16)]


@dataclass(frozen=True, slots=True)
class Work:
    """A cell by its name, the arms in it, and the one that they are put beside."""

    name: str
    cell: Cell
    arms: Sequence[Arm]
    reference: str = _BARE


@dataclass(frozen=True, slots=True)
class Servers:
    """All that is measured, running."""

    upstream: Server
    websocket_upstream: Server
    bare: Server
    fsync: Server
    os: Server
    websocket: Server  # before the upstream that speaks it, too
    ancestor: Server | None

    def arms(self, cell: Cell) -> list[Arm]:
        """Each request in a session of its own; where it is long enough, also one resent."""
        found = [
            Arm("direct", self.upstream),
            Arm(_BARE, self.bare),
            Arm("off", self.fsync, mode="off"),
            Arm("stitch, os", self.os),
            Arm("stitch, fsync", self.fsync),
        ]
        if cell.size >= 10_000:
            found.append(Arm("stitch, resends", self.fsync, habit="resend"))
        if self.ancestor is not None:
            found.append(Arm("0.1.0", self.ancestor))
        return found

    def with_history(self, lengths: Sequence[int]) -> list[Arm]:
        """Thin sessions that have something to be put back."""
        found = [Arm("direct", self.upstream), Arm(_BARE, self.bare)]
        for name, server in (("stitch, fsync", self.fsync), ("0.1.0", self.ancestor)):
            if server is not None:
                found += [Arm(f"{name}, {n} stored", server, "thin", n) for n in lengths]
        return found

    def responses(self) -> list[Arm]:
        """Over the Responses API; an answer that is not to be stored has no place in the index."""
        return [
            Arm("direct", self.upstream, dialect=_RESPONSES),
            Arm(_BARE, self.bare, dialect=_RESPONSES),
            Arm("off", self.fsync, mode="off", dialect=_RESPONSES),
            Arm("stitch, os", self.os, dialect=_RESPONSES),
            Arm("stitch, fsync", self.fsync, dialect=_RESPONSES),
            Arm("stitch, fsync, store false", self.fsync, dialect=_RESPONSES, store=False),
            Arm("stitch, fsync, Chat Completions", self.fsync),
        ]

    def over_websocket(self) -> list[Arm]:
        """Chains of a few turns over both, up to an upstream that speaks both or HTTP alone."""

        def arm(name: str, server: Server, mode: str = "stitch", *, websocket: bool) -> Arm:
            return Arm(name, server, "chain", mode=mode, dialect=_RESPONSES, websocket=websocket)

        return [
            arm("direct over HTTP", self.upstream, websocket=False),
            arm("bare over HTTP", self.bare, websocket=False),
            arm(_OVER_HTTP, self.fsync, websocket=False),
            arm("direct over WebSocket", self.websocket_upstream, websocket=True),
            arm("off, WebSocket to WebSocket", self.websocket, "off", websocket=True),
            arm("stitch, WebSocket to HTTP", self.fsync, websocket=True),
            arm("stitch, WebSocket to WebSocket", self.websocket, websocket=True),
        ]

    def work(self, *, quick: bool) -> list[Work]:
        """All that is asked in every round."""
        small = [Cell(1_000, stream, 1) for stream in (False, True)]
        history = Cell(1_000, False, 1)
        lengths = (20,) if quick else (100, 1_000)
        return [
            *(Work(str(cell), cell, self.arms(cell)) for cell in cells(quick=quick)),
            *(Work(f"Responses API, {cell}", cell, self.responses()) for cell in small),
            Work(f"a chain's turn, {small[1]}", small[1], self.over_websocket(), _OVER_HTTP),
            Work(f"{history}, thin", history, self.with_history(lengths)),
        ]


# ── rounds ───────────────────────────────────────────────────────────────────────────────


@contextmanager
def serving(root: Path) -> Iterator[Servers]:
    """Everything, each on a data directory of its own."""
    rooms = {name: root / name for name in ("fsync", "os", "websocket", "ancestor")}
    for room in rooms.values():
        room.mkdir()
    with ExitStack() as stack:
        start = stack.enter_context
        upstream, speaking = start(upstream_server()), start(websocket_upstream_server())
        ancestor = None
        if find_spec("stitcher_proxy") is None:
            say("stitcher-proxy 0.1.0 is not installed (make .venv/.stamps/clients): left out")
        else:
            ancestor = start(ancestor_server(rooms["ancestor"], upstream))
        yield Servers(
            upstream,
            speaking,
            start(bare_server(upstream)),
            start(stitcher_server(rooms["fsync"], upstream)),
            start(stitcher_server(rooms["os"], upstream, "--durability", "os")),
            start(stitcher_server(rooms["websocket"], speaking)),
            ancestor,
        )


async def measure(root: Path, *, quick: bool) -> list[Row]:
    """All cells in every round, so that a busy minute is everybody's."""
    rounds, seconds = (1, 0.02) if quick else (4, 0.3)
    found: dict[str, list[dict[str, Sample]]] = {}
    with serving(root) as servers:
        work = servers.work(quick=quick)
        for turn in range(rounds):
            for each in work:
                say(f"round {turn + 1} of {rounds}: {each.name}")
                done = await _round(each.arms, each.cell, turn, seconds)
                found.setdefault(each.name, []).append(done)
    return [row for each in work for row in rows(each.name, found[each.name], each.reference)]


async def _round(arms: Sequence[Arm], cell: Cell, turn: int, seconds: float) -> dict[str, Sample]:
    """Every arm once, beginning with another one each time."""
    first = turn % len(arms)
    took = {arm.name: await run(arm, cell, seconds) for arm in [*arms[first:], *arms[:first]]}
    return {arm.name: took[arm.name] for arm in arms}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.overhead", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does it run at all")
    parser.add_argument("--json", action="store_true", help="rows as JSON")
    options = parser.parse_args()
    pin(aside=True)
    with tempfile.TemporaryDirectory() as root:
        found = uvloop.run(measure(Path(root), quick=options.quick))
    if options.json:
        print(json.dumps([asdict(row) for row in found], indent=1))
        return
    for cell in dict.fromkeys(row.cell for row in found):
        print(table([row for row in found if row.cell == cell]))


if __name__ == "__main__":
    main()
