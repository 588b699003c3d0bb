"""Whether a long conversation costs more than a short one: 20,000 stored messages beside 100.

    python -m bench.history_length [--quick] [--json]

Both logs are what a thin client's turns leave behind (all of the short one, the newest 1,000 of the
long one; what is older was handed over in pieces), with a budget that both of them fill, so that
the same number of messages is put back and only the length of the log differs. Every sample
of the one is followed by its twin of the other; what counts is the median of their ratios. A cold
session is one its proxy has not touched yet. The files are in the page cache: this measures the
program, not the disk.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import get_args

import uvloop

from bench.logs import BUDGET, InProcess, Log, copy_log, make_log
from bench.rig import (
    Client,
    Server,
    assistant,
    pin,
    say,
    stitcher_server,
    upstream_server,
    user,
    words,
    written,
)
from stitcher.ports import DialectName

GOAL = 1.3
WINDOW = 20  # messages a windowed client resends


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured."""

    long: int
    starts: int  # pairs of new processes
    sessions: int  # pairs of untouched sessions
    turns: int  # warm requests on each
    idle: int  # sessions kept in memory
    idle_lengths: tuple[int, ...]  # their messages
    resends: int
    short: int = 100
    dialects: tuple[DialectName, ...] = get_args(DialectName)


FULL = Scale(
    20_000, starts=9, sessions=12, turns=12, idle=200, idle_lengths=(100, 2_000), resends=2
)
QUICK = Scale(
    120,
    starts=1,
    sessions=1,
    turns=1,
    idle=1,
    idle_lengths=(20,),
    resends=1,
    dialects=("anthropic",),
)


# ── clients ──────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Turn:
    """What one request took, and what became of it."""

    ms: float
    restored: int
    sent: int  # bytes that reached the upstream


class Talker:
    """A client with one conversation, which resends so many of its newest messages."""

    def __init__(self, log: Log, session: str, window: int) -> None:
        self._dialect, self._session, self._window = log.dialect, session, window
        self._kept = log.history[-window:] if window else ()
        self._rng = random.Random(session)

    async def ask(self, connection: Client) -> Turn:
        asked = user(words(self._rng, 1_500))
        body = written([*self._kept, asked], self._dialect, stream=False)
        reply = await connection.post(body, session=self._session, dialect=self._dialect)
        state = reply.headers.get("x-stitcher-status", "none")
        assert (reply.status, state) in ((200, "stitched"), (200, "passthrough")), reply
        if self._window:
            self._kept = (*self._kept, asked, assistant())[-self._window :]
        headers = reply.headers
        return Turn(
            reply.total * 1e3, int(headers["x-stitcher-restored"]), int(headers["x-received"])
        )


# ── measurements ─────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Compared:
    """The short and the long log at the same work: medians, and the median of pairs' ratios."""

    dialect: str
    what: str
    unit: str
    short: float
    long: float
    ratio: float
    pairs: int


def compared(log: Log, what: str, pairs: Sequence[Sequence[float]], unit: str = "ms") -> Compared:
    """Sums up pairs of (short, long)."""
    return Compared(
        log.dialect,
        what,
        unit,
        short=median(pair[0] for pair in pairs),
        long=median(pair[1] for pair in pairs),
        ratio=median(pair[1] / pair[0] for pair in pairs),
        pairs=len(pairs),
    )


Logs = tuple[Log, Log]


class Bench:
    """One run: the rooms for data directories, the upstream, how much is measured."""

    def __init__(self, root: Path, scale: Scale, upstream: Server) -> None:
        self._root, self._scale, self._upstream = root, scale, upstream
        self._rooms = 0
        self._flags = ("--max-tokens", str(BUDGET))

    def room(self) -> Path:
        """A new data directory."""
        self._rooms += 1
        room = self._root / f"room-{self._rooms}"
        room.mkdir()
        return room

    async def dialect(self, dialect: DialectName) -> list[Compared]:
        """All that is compared in one dialect."""
        scale, room = self._scale, self.room()
        say(f"{dialect}: making logs")
        short = await make_log(room, "short", dialect, scale.short)
        long = await make_log(room, "long", dialect, scale.long, like=short.restored)
        logs = (short, long)
        say(f"{dialect}: {len(short.history)} and {len(long.history)} messages; starting proxies")
        found = [await self._after_start(logs)]
        room = self.room()
        with stitcher_server(room, self._upstream, *self._flags) as proxy:
            async with Client(proxy) as connection:
                for kind, window in (("thin", 0), (f"resends {WINDOW}", WINDOW)):
                    say(f"{dialect}: sessions, {kind}")
                    found += await self._sessions(room, connection, logs, kind, window)
                say(f"{dialect}: resending all")
                found.append(await self._resending(room, connection, logs))
        return [*found, *await _exchange_cpu(logs, 2 * scale.starts)]

    async def _after_start(self, logs: Logs) -> Compared:
        pairs: list[list[float]] = []
        for number in range(self._scale.starts):
            took = [0.0, 0.0]
            for which in _order(number):
                room = self.room()
                copy_log(logs[which], room, "s")
                with stitcher_server(room, self._upstream, *self._flags) as proxy:
                    async with Client(proxy) as connection:
                        turn = await Talker(logs[which], "s", 0).ask(connection)
                took[which] = turn.ms
            pairs.append(took)
        return compared(logs[0], "first request of a new process, thin", pairs)

    async def _sessions(
        self, room: Path, connection: Client, logs: Logs, kind: str, window: int
    ) -> list[Compared]:
        """First requests on untouched sessions, and warm ones after them."""
        cold, warm = list[list[float]](), list[list[float]]()
        for number in range(self._scale.sessions + 1):
            names = [f"window-{window}-{number}-{which}" for which in (0, 1)]
            for log, name in zip(logs, names, strict=True):
                copy_log(log, room, name)
            talkers = [Talker(logs[which], names[which], window) for which in (0, 1)]
            for turn in range(self._scale.turns + 1):
                done: dict[int, Turn] = {}
                for which in _order(number + turn):
                    done[which] = await talkers[which].ask(connection)
                assert done[0].restored == done[1].restored, done
                assert abs(done[0].sent / done[1].sent - 1) < 0.05, done
                if number:  # the first pair opens the way
                    (warm if turn else cold).append([done[0].ms, done[1].ms])
        return [
            compared(logs[0], f"cold session, {kind}", cold),
            compared(logs[0], f"warm session, {kind}", warm),
        ]

    async def _resending(self, room: Path, connection: Client, logs: Logs) -> Compared:
        """For information: what is proportional to what the client sends, per message of it."""
        pairs = list[list[float]]()
        for number in range(self._scale.resends):
            took = [0.0, 0.0]
            for which, log in enumerate(logs):
                name = f"all-{number}-{which}"
                copy_log(log, room, name)
                talker = Talker(log, name, len(log.history))
                await talker.ask(connection)
                turn = await talker.ask(connection)
                took[which] = turn.ms * 1e3 / len(log.history)
            pairs.append(took)
        return compared(logs[0], "warm session, resends all, per message", pairs, "µs")

    async def idle(self, length: int) -> float:
        """Kilobytes a session adds to the process, after one thin request each."""
        log = await make_log(self.room(), "idle", "openai_chat", length)
        room, count = self.room(), self._scale.idle
        early = min(20, count)
        for n in range(count + early):
            copy_log(log, room, f"s-{n}")
        with stitcher_server(room, self._upstream, *self._flags) as proxy:
            async with Client(proxy) as connection:
                for n in range(early):  # what the process itself needs to have been busy once
                    await Talker(log, f"s-{n}", 0).ask(connection)
                before = proxy.resident()
                for n in range(early, count + early):
                    await Talker(log, f"s-{n}", 0).ask(connection)
                return (proxy.resident() - before) / count


def _order(number: int) -> tuple[int, int]:
    return (0, 1) if number % 2 else (1, 0)


async def _exchange_cpu(logs: Logs, rounds: int) -> list[Compared]:
    """CPU of a turn without HTTP and disk: find, read, align, lay out, write down."""
    cold, warm = list[list[float]](), list[list[float]]()
    rng = random.Random(rounds)
    for number in range(rounds):
        took: list[list[float]] = [[], []]
        for which in _order(number):
            log = logs[which]
            said = InProcess(log.dialect, log.store)
            for _ in (0, 1):
                asked = user(words(rng, 1_500))
                started = time.process_time()
                await said.turn(log.folder.name, [asked], "yes")
                took[which].append((time.process_time() - started) * 1e3)
        cold.append([took[0][0], took[1][0]])
        warm.append([took[0][1], took[1][1]])
    return [
        compared(logs[0], "CPU of a turn without HTTP and disk, cold", cold),
        compared(logs[0], "CPU of a turn without HTTP and disk, warm", warm),
    ]


async def measure(root: Path, scale: Scale) -> tuple[list[Compared], dict[int, float]]:
    """What is compared, and kilobytes per idle session by its messages."""
    with upstream_server() as upstream:
        bench = Bench(root, scale, upstream)
        found = [row for name in scale.dialects for row in await bench.dialect(name)]
        say("memory of idle sessions")
        return found, {n: await bench.idle(n) for n in scale.idle_lengths}


def table(found: Sequence[Compared], scale: Scale) -> str:
    """Markdown; what is beyond the goal says so."""
    lines = [
        f"| dialect | what | {scale.long:,} : {scale.short} | {scale.short} | {scale.long:,} |"
    ]
    lines.append("|---|---|---|---|---|")
    for row in found:
        beyond = " (beyond the goal)" if row.ratio > GOAL else ""
        times = f"{row.short:.2f} {row.unit} | {row.long:.2f} {row.unit}"
        lines.append(f"| {row.dialect} | {row.what} | {row.ratio:.2f}{beyond} | {times} |")
    return "\n".join(lines)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.history_length", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does it run at all")
    parser.add_argument("--json", action="store_true", help="rows as JSON")
    options = parser.parse_args()
    scale = QUICK if options.quick else FULL
    pin(aside=True)
    with tempfile.TemporaryDirectory() as root:
        found, memory = uvloop.run(measure(Path(root), scale))
    if options.json:
        rows = [asdict(row) for row in found]
        print(json.dumps({"compared": rows, "kilobytes_per_idle_session": memory}, indent=1))
        return
    print(table(found, scale))
    for length, kilobytes in memory.items():
        print(f"\nAn idle session of {length:,} messages holds {kilobytes:.0f} KB of memory.")


if __name__ == "__main__":
    main()
