"""One session's active file, open for appending: repair, append, take back, put away.

A file holds whole appends only. A line left unfinished by a crash is moved into a file beside it
before the first append; an append that fails is cut off again. Knows nothing of batches, threads or
when data must be on the disk.
"""

import contextlib
import logging
import os
import threading
from pathlib import Path
from typing import NamedTuple

from stitcher.store import disk, lines
from stitcher.store.directory import ACTIVE, next_rolled

logger = logging.getLogger("stitcher.store")


class FileIdentity(NamedTuple):
    """The same file under whatever name."""

    device: int
    inode: int


class ReadLimits:
    """How far readers may read the files that are just being appended to.

    Bytes become visible when their append is acknowledged, so that nobody reads what a failing disk
    takes back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: dict[FileIdentity, int] = {}

    def hold(self, file: FileIdentity, end: int) -> None:
        """Nothing at or behind `end` is to be read for now."""
        with self._lock:
            self._ends[file] = end

    def release(self, file: FileIdentity) -> None:
        """The file may be read to its end."""
        with self._lock:
            self._ends.pop(file, None)

    def end_of(self, fd: int) -> tuple[FileIdentity, int]:
        """The file's identity and how far it may be read."""
        with self._lock:
            stat = os.fstat(fd)
            identity = FileIdentity(stat.st_dev, stat.st_ino)
            return identity, min(stat.st_size, self._ends.get(identity, stat.st_size))


class LogFile:
    """The active file of one session. Its errors are OSErrors as the system raises them."""

    def __init__(self, directory: Path, limits: ReadLimits, *, durable: bool) -> None:
        self.directory = directory
        self.path = directory / ACTIVE
        self._path = str(self.path)
        self.entry_durable = False  # whether the directories above are known to be on the disk
        self._limits = limits
        self._durable = durable
        self.fd = disk.open_file(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        try:
            disk.make_private(self.path, disk.FILE_MODE)
            stat = os.fstat(self.fd)
            self._identity = FileIdentity(stat.st_dev, stat.st_ino)
            self.length = self.committed = stat.st_size
            self.is_tainted = False  # whether bytes behind `length` are still to be cut off
            self._cut_unfinished_line()
        except BaseException:
            os.close(self.fd)
            raise
        self._pending: list[bytes] = []

    @property
    def pending(self) -> bytes:
        """What was appended since the last `accept`, at offset `committed`."""
        return b"".join(self._pending)

    def is_current(self) -> bool:
        """False when somebody removed, replaced or changed the file behind our back."""
        try:
            stat = os.stat(self._path)
        except FileNotFoundError:
            return False
        same_file = (stat.st_dev, stat.st_ino) == self._identity
        return same_file and (self.is_tainted or stat.st_size == self.length)

    def append(self, data: bytes) -> None:
        """Writes the data behind what is there, wholly or not at all."""
        if self.is_tainted:
            self._shorten(self.length)
        if not self._pending:
            self._limits.hold(self._identity, self.committed)
        try:
            disk.write_all(self.fd, data)
        except OSError:
            self._cut_back(self.length)
            if not self._pending:
                self._release()
            raise
        self._pending.append(data)
        self.length += len(data)

    def accept(self) -> None:
        """What is pending stays, and may be read."""
        self.committed = self.length
        self._pending.clear()
        self._release()

    def take_back(self) -> None:
        """What is pending goes away again."""
        self._pending.clear()
        self._cut_back(self.committed)
        self._release()

    def sync(self) -> None:
        """Returns when the file is on the disk, and can be found there."""
        disk.sync(self.fd)
        if not self.entry_durable:
            with contextlib.suppress(FileNotFoundError):  # removed behind our back: nothing to find
                disk.sync_directory(self.directory)
                disk.sync_directory(self.directory.parent)
            self.entry_durable = True

    def put_away(self) -> None:
        """Gives the file its number; the next one opened here is a new one."""
        os.close(self.fd)
        disk.rename(self.path, next_rolled(self.directory))

    def close(self) -> None:
        if self.is_tainted:
            self._cut_back(self.length)
        if self.is_tainted:
            logger.error(
                "%s: what follows byte %d belongs to an append that failed and could not be "
                "cut off",
                self.path,
                self.length,
            )
        self._limits.release(self._identity)
        os.close(self.fd)

    def _release(self) -> None:
        if self.is_tainted:
            self._limits.hold(self._identity, self.length)
        else:
            self._limits.release(self._identity)

    def _cut_back(self, length: int) -> None:
        self.length = length
        try:
            self._shorten(length)
        except OSError:
            self.is_tainted = True  # readers stop before it; the next append tries again

    def _shorten(self, length: int) -> None:
        """Cuts the file, durably: what is appended next must not meet the old bytes on the disk."""
        disk.truncate(self.fd, length)
        if self._durable:
            disk.sync_length(self.fd)
        self.is_tainted = False

    def _cut_unfinished_line(self) -> None:
        """Moves a line without its newline, left by a crash, into a file of its own."""
        with open(self.fd, "rb", buffering=0, closefd=False) as file:
            finished = lines.finished_length(file, self.length)
            if finished == self.length:
                return
            file.seek(finished)
            unfinished = file.read(self.length - finished)
        saved = _save_unfinished(self.directory, unfinished)
        self._shorten(finished)
        self.length = self.committed = finished
        logger.warning(
            "%s: cut off an unfinished last line of %d bytes at byte %d, kept in %s",
            self.path,
            len(unfinished),
            finished,
            saved.name,
        )


def _save_unfinished(directory: Path, data: bytes) -> Path:
    number = 1
    while (path := directory / f"torn.{number}").exists():
        number += 1
    fd = disk.open_file(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        disk.write_all(fd, data)
        disk.sync(fd)
    except OSError:
        os.close(fd)
        os.unlink(path)
        raise
    os.close(fd)
    return path
