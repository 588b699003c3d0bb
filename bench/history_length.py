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
from typing import get_args

import uvloop

from bench import dialect_change
from bench.chains import Chains, Logs
from bench.clients import HttpClient
from bench.cores import pin
from bench.dialect_change import Changed
from bench.logs import BUDGET, InProcess, copy_log, make_log
from bench.pairs import Compared, compared, order
from bench.rig import Server, say, stitcher_server, upstream_server
from bench.speech import user, words
from bench.talkers import QUESTION, Named, side_by_side
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
    dialects=("openai_responses",),
)


@dataclass(frozen=True, slots=True)
class Found:
    """All that came out."""

    compared: list[Compared]
    changed: list[Changed]
    kilobytes_per_idle_session: dict[int, float]  # by its messages


class Bench:
    """One run: the rooms for data directories, the upstream, how much is measured."""

    def __init__(self, root: Path, scale: Scale, upstream: Server) -> None:
        self._root, self._scale, self._upstream = root, scale, upstream
        self._rooms = 0
        self._flags = ("--max-tokens", str(BUDGET), "--cut", "half")

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
            async with HttpClient(proxy, dialect) as connection:
                for kind, window in (("thin", 0), (f"resends {WINDOW}", WINDOW)):
                    say(f"{dialect}: sessions, {kind}")
                    found += await self._sessions(room, connection, logs, kind, window)
                say(f"{dialect}: resending all")
                found.append(await self._resending(room, connection, logs))
        if dialect == "openai_responses":
            say(f"{dialect}: chains")
            chains = Chains(self.room, self._upstream, self._flags, logs)
            found += await chains.measure(
                (scale.short, scale.long),
                starts=scale.starts,
                sessions=scale.sessions,
                turns=scale.turns,
            )
        return [*found, *await _exchange_cpu(logs, 2 * scale.starts)]

    async def _after_start(self, logs: Logs) -> Compared:
        pairs: list[list[float]] = []
        for number in range(self._scale.starts):
            took = [0.0, 0.0]
            for which in order(number):
                room = self.room()
                copy_log(logs[which], room, "s")
                with stitcher_server(room, self._upstream, *self._flags) as proxy:
                    async with HttpClient(proxy, logs[which].dialect) as connection:
                        took[which] = (await Named(logs[which], "s").ask(connection)).ms
            pairs.append(took)
        return compared(logs[0].dialect, "first request of a new process, thin", pairs)

    async def _sessions(
        self, room: Path, connection: HttpClient, logs: Logs, kind: str, window: int
    ) -> list[Compared]:
        """First requests on untouched sessions, and warm ones after them."""
        cold, warm = list[list[float]](), list[list[float]]()
        for number in range(self._scale.sessions + 1):
            names = [f"window-{window}-{number}-{which}" for which in (0, 1)]
            for log, name in zip(logs, names, strict=True):
                copy_log(log, room, name)
            talkers = (Named(logs[0], names[0], window), Named(logs[1], names[1], window))
            done = await side_by_side(talkers, connection, self._scale.turns + 1, number)
            if number:  # the first pair opens the way
                cold.append([turn.ms for turn in done[0]])
                warm += [[turn.ms for turn in pair] for pair in done[1:]]
        return [
            compared(logs[0].dialect, f"cold session, {kind}", cold),
            compared(logs[0].dialect, f"warm session, {kind}", warm),
        ]

    async def _resending(self, room: Path, connection: HttpClient, logs: Logs) -> Compared:
        """For information: what is proportional to what the client sends, per message of it."""
        pairs = list[list[float]]()
        for number in range(self._scale.resends):
            took = [0.0, 0.0]
            for which, log in enumerate(logs):
                name = f"all-{number}-{which}"
                copy_log(log, room, name)
                talker = Named(log, name, len(log.history))
                await talker.ask(connection)
                turn = await talker.ask(connection)
                took[which] = turn.ms * 1e3 / len(log.history)
            pairs.append(took)
        what = "warm session, resends all, per message"
        return compared(logs[0].dialect, what, pairs, "µs")

    async def changes(self) -> list[Changed]:
        """What it costs to go on over another API."""
        scale, room = self._scale, self.room()
        stored = dialect_change.STORED
        logs = {name: await make_log(room, name, name, stored) for name in get_args(DialectName)}
        room = self.room()
        with stitcher_server(room, self._upstream, *self._flags) as proxy:
            return await dialect_change.measure(
                room, proxy, logs, sessions=scale.sessions, turns=min(scale.turns, 4)
            )

    async def idle(self, length: int) -> float:
        """Kilobytes a session adds to the process, after one thin request each."""
        log = await make_log(self.room(), "idle", "openai_chat", length)
        room, count = self.room(), self._scale.idle
        early = min(20, count)
        for n in range(count + early):
            copy_log(log, room, f"s-{n}")
        with stitcher_server(room, self._upstream, *self._flags) as proxy:
            async with HttpClient(proxy) as connection:
                for n in range(early):  # what the process itself needs to have been busy once
                    await Named(log, f"s-{n}").ask(connection)
                before = proxy.resident()
                for n in range(early, count + early):
                    await Named(log, f"s-{n}").ask(connection)
                return (proxy.resident() - before) / count


async def _exchange_cpu(logs: Logs, rounds: int) -> list[Compared]:
    """CPU of a turn without HTTP and disk: find, read, align, lay out, write down."""
    cold, warm = list[list[float]](), list[list[float]]()
    rng = random.Random(rounds)
    for number in range(rounds):
        took: list[list[float]] = [[], []]
        for which in order(number):
            log = logs[which]
            said = InProcess(log.dialect, log.store)
            for _ in (0, 1):
                asked = user(words(rng, QUESTION))
                started = time.process_time()
                await said.turn(log.folder.name, [asked], "yes")
                took[which].append((time.process_time() - started) * 1e3)
        cold.append([took[0][0], took[1][0]])
        warm.append([took[0][1], took[1][1]])
    dialect = logs[0].dialect
    return [
        compared(dialect, "CPU of a turn without HTTP and disk, cold", cold),
        compared(dialect, "CPU of a turn without HTTP and disk, warm", warm),
    ]


async def measure(root: Path, scale: Scale) -> Found:
    """Everything, one after the other."""
    with upstream_server() as upstream:
        bench = Bench(root, scale, upstream)
        rows = [row for name in scale.dialects for row in await bench.dialect(name)]
        say("changes of dialect")
        changes = await bench.changes()
        say("memory of idle sessions")
        return Found(rows, changes, {n: await bench.idle(n) for n in scale.idle_lengths})


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


def changes_table(found: Sequence[Changed]) -> str:
    """Markdown."""
    lines = [
        "| began over | goes on over | CPU, other : own | own | other | a message | time |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in found:
        cpu = f"{row.ratio:.2f} | {row.own:.2f} ms | {row.other:.2f} ms | {row.each:.0f} µs"
        lines.append(f"| {row.began} | {row.now} | {cpu} | {row.ms_ratio:.2f} |")
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
        found = uvloop.run(measure(Path(root), scale))
    if options.json:
        print(json.dumps(asdict(found), indent=1))
        return
    print(table(found.compared, scale))
    print(f"\n{changes_table(found.changed)}")
    for length, kilobytes in found.kilobytes_per_idle_session.items():
        print(f"\nAn idle session of {length:,} messages holds {kilobytes:.0f} KB of memory.")


if __name__ == "__main__":
    main()
