"""Durable appends: how long one takes, and how many there are, for 1, 8 and 64 busy sessions.

    python -m bench.append [--seconds 1.5] [--rounds 3] [--dir DIR]

Each session appends a record of 1.5 KB as soon as its last one is acknowledged. First the ways to
make a batch durable, on bare files; then the store itself. Rounds are interleaved and their medians
shown, because disks are noisy: read ratios. The directory has to be on the disk that matters.
"""

import argparse
import asyncio
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import uvloop
from rich.console import Console
from rich.table import Table

from stitcher.store.jsonl import JsonlStore
from stitcher.store.protocol import SessionKey

RECORD = b"x" * 1499
SESSIONS = (1, 8, 64)
POOL_THREADS = 16

Batch = Callable[[Sequence[int]], None]


@dataclass(frozen=True, slots=True)
class Sample:
    """What one run saw."""

    latencies: list[float]  # seconds
    appends: int
    elapsed: float
    processor: float

    def cells(self) -> tuple[float, float, float, float]:
        """p50 and p99 in ms, appends per second, µs of processor time per append."""
        ordered = sorted(self.latencies)
        return (
            ordered[len(ordered) // 2] * 1e3,
            ordered[int(len(ordered) * 0.99)] * 1e3,
            self.appends / self.elapsed,
            self.processor / self.appends * 1e6,
        )


def write_all(files: Sequence[int]) -> None:
    for file in files:
        os.write(file, RECORD + b"\n")


def sync_each(files: Sequence[int]) -> None:
    """Write all, then sync one file after the other."""
    write_all(files)
    for file in files:
        os.fdatasync(file)


@contextmanager
def pooled() -> Iterator[Batch]:
    """Write all, then sync the files from several threads."""
    with ThreadPoolExecutor(POOL_THREADS) as pool:

        def batch(files: Sequence[int]) -> None:
            write_all(files)
            list(pool.map(os.fdatasync, files))

        yield batch


@contextmanager
def journaled(directory: Path) -> Iterator[Batch]:
    """Write all, and the same once more into one shared file; sync that."""
    journal = os.open(directory / "journal", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def batch(files: Sequence[int]) -> None:
        write_all(files)
        os.write(journal, (RECORD + b"\n") * len(files))
        os.fdatasync(journal)

    yield batch
    os.close(journal)


def run_batches(batch: Batch, directory: Path, sessions: int, seconds: float) -> Sample:
    """All sessions append at once, again and again."""
    files = [
        os.open(directory / f"{number}.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for number in range(sessions)
    ]
    batch(files)
    latencies: list[float] = []
    processor, begin = time.process_time(), time.perf_counter()
    while (now := time.perf_counter()) < begin + seconds:
        batch(files)
        latencies.append(time.perf_counter() - now)
    elapsed = time.perf_counter() - begin
    for file in files:
        os.close(file)
    spent = time.process_time() - processor
    return Sample(latencies, len(latencies) * sessions, elapsed, spent)


def run_store(
    durability: Literal["fsync", "os"], directory: Path, sessions: int, seconds: float
) -> Sample:
    """One task per session on uvloop, as the proxy has it."""

    async def session(store: JsonlStore, number: int, until: float, found: list[float]) -> None:
        key = SessionKey("local", f"session {number}")
        while (now := time.perf_counter()) < until:
            await store.append(key, [RECORD])
            found.append(time.perf_counter() - now)

    async def story() -> Sample:
        store = JsonlStore(directory, durability=durability)
        warm: list[float] = []
        await asyncio.gather(
            *(session(store, n, time.perf_counter() + 0.02, warm) for n in range(sessions))
        )
        latencies: list[float] = []
        processor, begin = time.process_time(), time.perf_counter()
        until = begin + seconds
        await asyncio.gather(*(session(store, n, until, latencies) for n in range(sessions)))
        elapsed, spent = time.perf_counter() - begin, time.process_time() - processor
        await store.close()
        return Sample(latencies, len(latencies), elapsed, spent)

    return uvloop.run(story())


def measure(arm: str, directory: Path, sessions: int, seconds: float) -> Sample:
    match arm:
        case "files: sync each":
            return run_batches(sync_each, directory, sessions, seconds)
        case "files: sync each, 16 threads":
            with pooled() as batch:
                return run_batches(batch, directory, sessions, seconds)
        case "files: one shared journal":
            with journaled(directory) as batch:
                return run_batches(batch, directory, sessions, seconds)
        case "store, fsync":
            return run_store("fsync", directory, sessions, seconds)
        case _:
            return run_store("os", directory, sessions, seconds)


ARMS = (
    "files: sync each",
    "files: sync each, 16 threads",
    "files: one shared journal",
    "store, fsync",
    "store, os",
)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure durable appends.")
    parser.add_argument(
        "--seconds", type=float, default=1.5, help="per arm, session count and round"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dir", type=Path, default=Path(tempfile.gettempdir()))
    options = parser.parse_args()
    samples: dict[tuple[int, str], list[tuple[float, float, float, float]]] = {}
    for _ in range(options.rounds):
        for sessions in SESSIONS:
            for arm in ARMS:
                directory = Path(tempfile.mkdtemp(prefix="stitcher-append-", dir=options.dir))
                try:
                    sample = measure(arm, directory, sessions, options.seconds)
                finally:
                    shutil.rmtree(directory)
                samples.setdefault((sessions, arm), []).append(sample.cells())
    table = Table("sessions", "arm", "p50 ms", "p99 ms", "appends/s", "processor µs")
    for (sessions, arm), rounds in samples.items():
        p50, p99, rate, processor = (
            statistics.median(cells) for cells in zip(*rounds, strict=True)
        )
        table.add_row(
            str(sessions), arm, f"{p50:.2f}", f"{p99:.2f}", f"{rate:,.0f}", f"{processor:.0f}"
        )
    Console(width=90).print(table)


if __name__ == "__main__":
    main()
