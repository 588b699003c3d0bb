"""What the proxy adds to a request, beside a bare pass-through of the same stack and its ancestor.

    python -m bench.overhead [--quick] [--json]

One upstream that answers a constant, one light client, and between them nothing, a pass-through
of the same libraries (aiohttp server and client, uvloop), Stitcher in its modes, or stitcher-proxy
0.1.0. What is between has a core of its own where there are two. Arms take turns within every
round; ratios are made within a round, and their median is what is printed.
"""

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from statistics import median

import uvloop

from bench.rig import (
    ANSWER,
    CHUNKS,
    Client,
    Reply,
    Server,
    ancestor_server,
    assistant,
    bare_server,
    pin,
    say,
    stitcher_server,
    upstream_server,
    user,
    words,
    written,
)

# ── the load ─────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Cell:
    """What is asked, and by how many at once."""

    size: int  # bytes of the request
    stream: bool
    clients: int

    def __str__(self) -> str:
        kind = f"stream of {CHUNKS} chunks" if self.stream else "JSON"
        return f"{self.size // 1000} KB, {kind}, {self.clients} at once"


@dataclass(frozen=True, slots=True)
class Arm:
    """What stands between client and upstream, and how the client remembers."""

    name: str
    server: Server
    habit: str = "new"  # a session for each request; "resend"; or "thin" after `stored` messages
    stored: int = 0
    mode: str = "stitch"


_numbers = count(1)


class _Conversation:
    """What one client sends, request after request."""

    def __init__(self, arm: Arm, cell: Cell) -> None:
        self._arm, self._cell = arm, cell
        self._rng = random.Random(next(_numbers))
        self._begin()

    def _begin(self) -> None:
        self.session = f"bench-{next(_numbers)}"
        self._kept: list[bytes] = []
        if self._arm.habit == "resend":  # 1.5 KB a message: as much as the cell says
            self._kept = self._history(self._cell.size // 3_000 * 2)
            self._longest = len(self._kept) + 32

    def _history(self, length: int) -> list[bytes]:
        said = [words(self._rng, 1_500) for _ in range(length)]
        return [assistant(text) if n % 2 else user(text) for n, text in enumerate(said)]

    def seed(self) -> bytes | None:
        """What must have been said before anything is measured."""
        if not self._arm.stored:
            return None
        opening = [*self._history(self._arm.stored - 2), user("go on")]
        return written(opening, stream=False)

    def next(self) -> bytes:
        """The next request's body."""
        if self._arm.habit == "new":
            self.session = f"bench-{next(_numbers)}"
            return written(
                [user(words(self._rng, self._cell.size - 130))], stream=self._cell.stream
            )
        if self._arm.habit == "thin":
            return written(
                [user(words(self._rng, self._cell.size - 130))], stream=self._cell.stream
            )
        if len(self._kept) > self._longest:
            self._begin()
        self._kept.append(user(words(self._rng, 500)))
        body = written(self._kept, stream=self._cell.stream)
        said = "word " * (CHUNKS - 1) if self._cell.stream else ANSWER
        self._kept.append(assistant(said))
        return body


@dataclass(frozen=True, slots=True)
class Sample:
    """One arm in one cell in one round: milliseconds, and requests per second."""

    total: float  # median
    first: float  # median, until the first byte
    cpu: float  # of the process in between, per request
    rate: float


async def run(arm: Arm, cell: Cell, seconds: float) -> Sample:
    """Asks for so long, at least once on each connection."""
    replies: list[Reply] = []
    least = 2 if cell.clients == 1 else 1

    async def ask(client: Client, said: _Conversation) -> None:
        asked = 0
        while asked < least or time.perf_counter() < end:
            body = said.next()
            reply = await client.post(body, session=said.session, mode=arm.mode)
            state = reply.headers.get("x-stitcher-status", "")
            if reply.status != 200 or state.startswith(("bypass", "error")):
                raise RuntimeError(f"{arm.name}: {reply.status} {state} {reply.body[:200]!r}")
            replies.append(reply)
            asked += 1

    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(Client(arm.server)) for _ in range(cell.clients)]
        conversations = [_Conversation(arm, cell) for _ in clients]
        for client, said in zip(clients, conversations, strict=True):
            if (seed := said.seed()) is not None:
                await client.post(seed, session=said.session)
                await client.post(said.next(), session=said.session)  # the first cut, if one is due
        used, started = arm.server.cpu(), time.perf_counter()
        end = started + seconds
        async with asyncio.TaskGroup() as group:
            for client, said in zip(clients, conversations, strict=True):
                group.create_task(ask(client, said))
        elapsed, used = time.perf_counter() - started, arm.server.cpu() - used
    return Sample(
        total=median(reply.total for reply in replies) * 1e3,
        first=median(reply.first for reply in replies) * 1e3,
        cpu=used * 1e3 / len(replies),
        rate=len(replies) / elapsed,
    )


# ── rounds and report ────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Row:
    """One arm in one cell: medians over the rounds, ratios to the reference of the same round."""

    cell: str
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


def table(found: Sequence[Row], reference: str) -> str:
    """The rows of one cell, as Markdown: ratios first, what they are made of behind them."""
    lines = [
        f"**{found[0].cell}** (× {reference})",
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


_SIZES = (1_000, 100_000)


def cells(*, quick: bool) -> list[Cell]:
    """What is asked of every arm."""
    if quick:
        return [Cell(1_000, False, 2), Cell(12_000, True, 1)]
    return [Cell(size, stream, n) for size in _SIZES for stream in (False, True) for n in (1, 16)]


@dataclass(frozen=True, slots=True)
class Servers:
    """All that is measured, running."""

    upstream: Server
    bare: Server
    fsync: Server
    os: Server
    ancestor: Server | None

    def arms(self, cell: Cell) -> list[Arm]:
        """Each request in a session of its own; where it is long enough, also one resent."""
        found = [
            Arm("direct", self.upstream),
            Arm("bare", self.bare),
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
        found = [Arm("direct", self.upstream), Arm("bare", self.bare)]
        for name, server in (("stitch, fsync", self.fsync), ("0.1.0", self.ancestor)):
            if server is not None:
                found += [Arm(f"{name}, {n} stored", server, "thin", n) for n in lengths]
        return found


@contextmanager
def serving(root: Path) -> Iterator[Servers]:
    """Everything, each on a data directory of its own."""
    rooms = {name: root / name for name in ("fsync", "os", "ancestor")}
    for room in rooms.values():
        room.mkdir()
    with ExitStack() as stack:
        upstream = stack.enter_context(upstream_server())
        start = stack.enter_context
        ancestor = None
        if find_spec("stitcher_proxy") is None:
            say("stitcher-proxy 0.1.0 is not installed (make .venv/.stamps/clients): left out")
        else:
            ancestor = start(ancestor_server(rooms["ancestor"], upstream))
        yield Servers(
            upstream,
            start(bare_server(upstream)),
            start(stitcher_server(rooms["fsync"], upstream)),
            start(stitcher_server(rooms["os"], upstream, "--durability", "os")),
            ancestor,
        )


async def measure(root: Path, *, quick: bool) -> list[Row]:
    """All cells in every round, so that a busy minute is everybody's."""
    times = (1, 0.02) if quick else (4, 0.3)
    found: dict[str, list[dict[str, Sample]]] = {}
    with serving(root) as servers:
        work = {str(cell): (cell, servers.arms(cell)) for cell in cells(quick=quick)}
        for turn in range(times[0]):
            for name, (cell, arms) in work.items():
                say(f"round {turn + 1} of {times[0]}: {name}")
                found.setdefault(name, []).append(await _round(arms, cell, turn, times[1]))
        history = Cell(1_000, False, 1)
        for turn in range(1 if quick else 2):
            name = f"{history}, thin"
            say(f"round {turn + 1}: {name}, with history")
            arms = servers.with_history((20,) if quick else (100, 1_000))
            found.setdefault(name, []).append(await _round(arms, history, turn, times[1]))
    return [row for name, rounds in found.items() for row in rows(name, rounds, "bare")]


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
        print(table([row for row in found if row.cell == cell], "bare"))


if __name__ == "__main__":
    main()
