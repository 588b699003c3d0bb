"""One file that makes the appends of many sessions durable with one sync.

The appends are in their sessions' files already, not yet synced; the journal holds the same bytes
with the place they belong to, and is synced instead. After a loss of power they are written to
their places again. The journal is emptied once the sessions' files are synced themselves. Knows
nothing of queues or of how a session's file is found.

A record is only ever valid for the file it was written about: whoever puts a file away or removes
it must have emptied the journal first.
"""

import contextlib
import logging
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from stitcher.errors import StoreError
from stitcher.store import disk
from stitcher.store.directory import ACTIVE, DataDirectory
from stitcher.store.protocol import SessionKey

logger = logging.getLogger("stitcher.store")

JOURNAL = ".journal"
_MAGIC = b"StJ1"
_START = struct.Struct("<4sI")  # magic, checksum of everything behind it
_FIELDS = struct.Struct("<IIQQ")  # lengths of tenant, name and data; offset
_HEADER_SIZE = _START.size + _FIELDS.size


@dataclass(frozen=True, slots=True)
class Record:
    """These bytes stand at this offset of the session's active file."""

    key: SessionKey
    offset: int
    data: bytes


class Journal:
    """The journal of one data directory. Every failure is a StoreError."""

    def __init__(self, directory: DataDirectory) -> None:
        self.path = directory.root / JOURNAL
        self.length = 0
        self._directory = directory
        self._fd: int | None = None
        self._sound = True  # False while the disk may hold records that were taken back

    @property
    def is_empty(self) -> bool:
        return self.length == 0 and self._sound

    def add(self, records: Iterable[Record]) -> None:
        """On return the records are on the disk; on StoreError none of them counts."""
        self.restore()
        data = b"".join(map(_packed, records))
        try:
            fd = self._opened()
            disk.write_all(fd, data)
            disk.sync(fd)
        except OSError as error:
            self._sound = False
            with contextlib.suppress(StoreError):  # tried again before the next append
                self.restore()
            raise disk.failure("write", self.path, error) from error
        self.length += len(data)

    def restore(self) -> None:
        """Takes back what a failed `add` may have left. Until then nothing may be appended at all:

        such a record, found after a loss of power, would be written over what came after it.
        """
        if not self._sound:
            self._cut(self.length)

    def reset(self) -> None:
        """Empties the journal, durably: every record must be in its place and synced."""
        if self.length or not self._sound:
            self._cut(0)

    def replay(self) -> int:
        """Writes every record to its place, synced there. Returns how many bytes were missing."""
        if not self.path.exists():
            return 0
        missing = 0
        try:
            for key, records in self._grouped().items():
                missing += self._put(key, records)
        except OSError as error:
            raise disk.failure("bring appends back from", self.path, error) from error
        self.length = self.path.stat().st_size
        return missing

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _opened(self) -> int:
        if self._fd is None:
            self._fd = disk.open_file(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            disk.sync_directory(self.path.parent)
        return self._fd

    def _cut(self, length: int) -> None:
        try:
            fd = self._opened()
            disk.truncate(fd, length)
            disk.sync_length(fd)
        except OSError as error:
            raise disk.failure("empty", self.path, error) from error
        self.length = length
        self._sound = True

    def _grouped(self) -> dict[SessionKey, list[Record]]:
        sessions: dict[SessionKey, list[Record]] = {}
        for record in _unpacked(self.path.read_bytes()):
            sessions.setdefault(record.key, []).append(record)
        return sessions

    def _put(self, key: SessionKey, records: list[Record]) -> int:
        directory = self._directory.of(key)
        if records[0].offset == 0:
            directory = self._directory.make(key)
        path = directory / ACTIVE
        if records[0].offset and not path.exists():
            logger.warning("%s is gone: appends to it in %s are left out", path, self.path.name)
            return 0
        fd = disk.open_file(path, os.O_RDWR | os.O_CREAT)
        try:
            missing = sum(_put_record(fd, record, path) for record in records)
            disk.sync(fd)
        finally:
            os.close(fd)
        disk.sync_directory(directory)
        disk.sync_directory(directory.parent)
        return missing


def recover(directory: DataDirectory) -> None:
    """Brings back what a crash left only in the journal. Raises StoreError when it cannot."""
    journal = Journal(directory)
    try:
        missing = journal.replay()
        journal.reset()
    finally:
        journal.close()
    if missing:
        logger.warning(
            "%s: brought back %d bytes that a crash had kept from their files",
            journal.path,
            missing,
        )


def _put_record(fd: int, record: Record, path: Path) -> int:
    length = os.fstat(fd).st_size
    if length < record.offset:
        raise StoreError(
            f"cannot bring appends back into {path}: found {length} bytes, expected at "
            f"least {record.offset}. Restore that file, or move {JOURNAL} away to do without them"
        )
    if disk.read_at(fd, record.offset, len(record.data)) == record.data:
        return 0
    os.lseek(fd, record.offset, os.SEEK_SET)
    disk.write_all(fd, record.data)
    return len(record.data)


def _packed(record: Record) -> bytes:
    tenant = record.key.tenant.encode("utf-8", "surrogatepass")
    name = record.key.name.encode("utf-8", "surrogatepass")
    fields = _FIELDS.pack(len(tenant), len(name), len(record.data), record.offset)
    head = b"".join((fields, tenant, name))
    checksum = zlib.crc32(record.data, zlib.crc32(head))
    return b"".join((_START.pack(_MAGIC, checksum), head, record.data))


def _unpacked(data: bytes) -> Iterator[Record]:
    """The records up to the first that is not whole."""
    start = 0
    while start + _HEADER_SIZE <= len(data):
        magic, checksum = _START.unpack_from(data, start)
        tenant, name, length, offset = _FIELDS.unpack_from(data, start + _START.size)
        body = start + _HEADER_SIZE
        end = body + tenant + name + length
        if magic != _MAGIC or end > len(data):
            return
        if zlib.crc32(data[start + _START.size : end]) != checksum:
            return
        key = SessionKey(
            data[body : body + tenant].decode("utf-8", "surrogatepass"),
            data[body + tenant : body + tenant + name].decode("utf-8", "surrogatepass"),
        )
        yield Record(key, offset, data[body + tenant + name : end])
        start = end
