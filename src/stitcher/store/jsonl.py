"""The store that keeps lines in files anybody can read and grep: the `Store` over a data directory.

Brings together where files are (directory), how they are read (lines), how they are written
(writer) and who may write them (lock).
"""

import asyncio
import contextlib
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from stitcher.errors import StoreError
from stitcher.store import disk, lines
from stitcher.store.commit import PURGED, Committer
from stitcher.store.directory import ACTIVE, DataDirectory, log_stats, rolled_files
from stitcher.store.journal import recover
from stitcher.store.lock import DataDirLock
from stitcher.store.logfile import FileIdentity, ReadLimits
from stitcher.store.protocol import Line, SessionInfo, SessionKey
from stitcher.store.writer import Writer

logger = logging.getLogger("stitcher.store")

ROLL_BYTES = 5_000_000

_Reader = Callable[[BinaryIO, int], Iterator[tuple[int, bytes]]]


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """A session's files at one moment: those rolled by then, and the active one, held open."""

    rolled: list[Path]  # oldest first
    active: BinaryIO | None
    path: Path  # of the active one
    end: int  # how far the active one may be read


class JsonlStore:
    """Sessions as JSONL files below a data directory.

    Unless `read_only`, the constructor takes the directory's lock (DataDirLocked when another
    process has it) and brings back what a loss of power left in the journal. A read-only store
    works beside the process that writes, and sees what is complete on the disk.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        durability: Literal["fsync", "os"] = "fsync",
        read_only: bool = False,
        roll_bytes: int = ROLL_BYTES,
    ) -> None:
        self._directory = DataDirectory(data_dir.expanduser())
        self._limits = ReadLimits()
        self._counts: dict[
            tuple[Path, tuple[bytes, ...]], tuple[int, int, int]
        ] = {}  # end, mtime in ns, lines
        self._gaps: set[Path] = set()  # missing rolled files that were reported
        self._lock: DataDirLock | None = None
        self._writer: Writer | None = None
        if read_only:
            return
        self._lock = DataDirLock(self._directory.root)
        self._lock.acquire()
        try:
            recover(self._directory)
            _remove_leftovers(self._directory.root / PURGED)
        except BaseException:
            self._lock.release()
            raise
        self._committer = Committer(
            self._directory, self._limits, durable=durability == "fsync", roll_bytes=roll_bytes
        )
        self._writer = Writer(self._committer)

    def set_url(self, url: str) -> None:
        """Lets other processes know where the owner of this data directory listens."""
        if self._lock is None:
            raise StoreError("a store opened for reading has no address to publish")
        self._lock.set_url(url)

    async def append(self, key: SessionKey, lines: Sequence[bytes]) -> None:
        """See Store. Cancelling the call does not cancel the append."""
        data = _joined(lines)
        writer = self._writable()
        if data:
            await writer.append(key, data)

    def newest_first(self, key: SessionKey) -> Iterator[Line]:
        with self._snapshot(key) as found:
            if found.active:
                yield from _placed(lines.newest_first, found.active, found.path, found.end)
            for path in reversed(found.rolled):
                yield from _rolled_lines(lines.newest_first, path)

    def oldest_first(self, key: SessionKey) -> Iterator[Line]:
        with self._snapshot(key) as found:
            for path in found.rolled:
                yield from _rolled_lines(lines.oldest_first, path)
            if found.active:
                yield from _placed(lines.oldest_first, found.active, found.path, found.end)

    def count_lines(self, key: SessionKey, *beginnings: bytes) -> int:
        """See Store. Files that did not change are counted once."""
        total = 0
        with self._snapshot(key) as found:
            for path in found.rolled:
                with _opened(path) as file:
                    if file:
                        total += self._count(
                            path, file, os.fstat(file.fileno()).st_size, beginnings
                        )
            if found.active:
                total += self._count(found.path, found.active, found.end, beginnings)
        return total

    def exists(self, key: SessionKey) -> bool:
        directory = self._directory.of(key)
        try:
            return any(stat.st_size for stat in log_stats(directory))
        except OSError as error:
            raise disk.failure("read", directory, error) from error

    def sessions(self, tenant: str | None = None) -> list[SessionInfo]:
        found = []
        try:
            for key, directory in self._directory.all(tenant):
                if key.is_reserved:
                    continue
                stats = [stat for stat in log_stats(directory) if stat.st_size]
                if stats:
                    size = sum(stat.st_size for stat in stats)
                    used = max(stat.st_mtime for stat in stats)
                    found.append(SessionInfo(key, size=size, files=len(stats), used=used))
        except OSError as error:
            raise disk.failure("list", self._directory.root, error) from error
        return sorted(found, key=lambda info: info.used, reverse=True)

    def names(self, tenant: str) -> list[str]:
        try:
            keys = [key for key, _ in self._directory.all(tenant)]
        except OSError as error:
            raise disk.failure("list", self._directory.root, error) from error
        return [key.name for key in keys if not key.is_reserved]

    def purge(self, key: SessionKey) -> bool:
        """See Store. Waits for what is being written, so call it off the event loop."""
        writer = self._writable()
        had_log, aside = writer.call(lambda: self._committer.set_aside(key))
        if aside is not None:
            _remove(aside)
        return had_log

    async def close(self) -> None:
        if self._writer is not None:
            await asyncio.to_thread(self._writer.close)
        if self._lock is not None:
            self._lock.release()

    def _writable(self) -> Writer:
        if self._writer is None:
            raise StoreError(
                f"{self._directory.root} was opened for reading: nothing can be changed"
            )
        return self._writer

    @contextlib.contextmanager
    def _snapshot(self, key: SessionKey) -> Iterator[_Snapshot]:
        """Opens the active file before it lists the rolled ones: if it is rolled in between, it is
        found among them by its identity, and neither it nor what is newer is read again."""
        directory = self._directory.of(key)
        path = directory / ACTIVE
        with _opened(path) as active:
            try:
                identity, end = (
                    (None, 0) if active is None else self._limits.end_of(active.fileno())
                )
                numbered = rolled_files(directory)
                rolled = [file for _, file in numbered]
                if identity is not None and identity != _identity(path):
                    path, rolled = _up_to(identity, path, rolled)
            except OSError as error:
                raise disk.failure("read", directory, error) from error
            self._report_gaps(directory, [number for number, _ in numbered])
            yield _Snapshot(rolled, active, path, end)

    def _report_gaps(self, directory: Path, numbers: list[int]) -> None:
        if len(numbers) == (numbers[-1] if numbers else 0) or directory in self._gaps:
            return
        self._gaps.add(directory)
        present = set(numbers)
        missing = next(number for number in range(1, numbers[-1]) if number not in present)
        logger.warning(
            "%s: active.%03d.jsonl is missing; what was in it is skipped", directory, missing
        )

    def _count(self, path: Path, file: BinaryIO, end: int, beginnings: tuple[bytes, ...]) -> int:
        modified = os.fstat(file.fileno()).st_mtime_ns
        known = self._counts.get((path, beginnings))
        if known and known[:2] == (end, modified):
            return known[2]
        try:
            count = lines.count(file, end, beginnings or (b"",))
        except OSError as error:
            raise disk.failure("read", path, error) from error
        self._counts[(path, beginnings)] = (end, modified, count)
        return count


def _joined(of: Sequence[bytes]) -> bytes:
    return lines.joined(of)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO | None]:
    """The file for reading; None where it is not there (any more)."""
    try:
        file = open(path, "rb", buffering=0)  # noqa: SIM115  (closed below)
    except FileNotFoundError:
        yield None
        return
    except OSError as error:
        raise disk.failure("read", path, error) from error
    with file:
        yield file


def _placed(read: _Reader, file: BinaryIO, path: Path, end: int) -> Iterator[Line]:
    try:
        for offset, data in read(file, end):
            yield Line(data, f"{path}:{offset}")
    except OSError as error:
        raise disk.failure("read", path, error) from error


def _rolled_lines(read: _Reader, path: Path) -> Iterator[Line]:
    with _opened(path) as file:
        if file:
            yield from _placed(read, file, path, os.fstat(file.fileno()).st_size)


def _up_to(identity: FileIdentity, path: Path, rolled: list[Path]) -> tuple[Path, list[Path]]:
    """Where a file that was the active one is now, and the files older than it."""
    for at, file in enumerate(rolled):
        if _identity(file) == identity:
            return file, rolled[:at]
    return path, rolled


def _identity(path: Path) -> FileIdentity | None:
    try:
        stat = os.stat(path)
    except FileNotFoundError:
        return None
    return FileIdentity(stat.st_dev, stat.st_ino)


def _remove_leftovers(path: Path) -> None:
    """What a purge did not get done is no reason not to start."""
    try:
        _remove(path)
    except StoreError as error:
        logger.warning("%s", error)


def _remove(path: Path) -> None:
    """Removes a directory that is out of sight already."""
    try:
        if path.is_symlink():
            path.unlink()
        elif path.exists():
            shutil.rmtree(path)
    except OSError as error:
        raise disk.failure("remove", path, error) from error
