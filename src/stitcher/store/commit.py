"""Puts a batch of appends of many sessions on the disk, each wholly or not at all.

A batch that touches one file syncs that file. A batch that touches several is written to the
journal as well, and the journal is synced: one sync instead of many. Runs in one thread; knows
nothing of queues or event loops.
"""

import logging
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from stitcher.errors import StoreError
from stitcher.store import disk
from stitcher.store.directory import DataDirectory, log_stats, rolled_files
from stitcher.store.journal import Journal, Record
from stitcher.store.logfile import LogFile, ReadLimits
from stitcher.store.protocol import SessionKey

logger = logging.getLogger("stitcher.store")

OPEN_FILES = 256
JOURNAL_BYTES = 8_000_000  # bounds what a start after a crash has to read
PURGED = ".purged"

Touched = dict[SessionKey, list[int]]  # sessions with pending appends → their places in the batch


class Committer:
    """The open files of a data directory and the order in which they reach the disk."""

    def __init__(
        self,
        directory: DataDirectory,
        limits: ReadLimits,
        *,
        durable: bool,
        roll_bytes: int,
        open_files: int = OPEN_FILES,
    ) -> None:
        self._directory = directory
        self._limits = limits
        self._durable = durable
        self._roll_bytes = roll_bytes
        self._open_files = open_files
        self._open: OrderedDict[SessionKey, LogFile] = OrderedDict()  # least recently used first
        self._journal = Journal(directory)
        self._journaled: set[SessionKey] = (
            set()
        )  # not synced themselves since the journal was empty
        self._rewrite = False  # whether a failed sync may have dropped what the journal still has

    @property
    def is_settled(self) -> bool:
        """True when every file is on the disk itself and the journal is empty."""
        return self._journal.is_empty

    @property
    def wants_checkpoint(self) -> bool:
        return self._journal.length > JOURNAL_BYTES

    def commit(self, batch: Sequence[tuple[SessionKey, bytes]]) -> list[StoreError | None]:
        """Appends everything in order. Where an append is not in the log, its place says why."""
        results: list[StoreError | None] = [None] * len(batch)
        touched: Touched = {}
        try:
            for place, (key, data) in enumerate(batch):
                try:
                    self._log_for(key, touched, results).append(data)
                except OSError as error:
                    results[place] = disk.failure("append to", self._directory.of(key), error)
                except StoreError as error:
                    results[place] = error
                else:
                    touched.setdefault(key, []).append(place)
            self._settle(touched, results)
        except BaseException:
            for key in touched:
                self._open[key].take_back()
            raise
        return results

    def checkpoint(self) -> None:
        """Syncs every file and empties the journal. Raises StoreError."""
        if self.is_settled:
            return
        try:
            if self._rewrite:
                self._journal.restore()
                self._journal.replay()
            for key in self._journaled:
                if log := self._open.get(key):
                    log.sync()
        except OSError as error:
            self._rewrite = True
            raise disk.failure("sync the logs in", self._directory.root, error) from error
        self._journal.reset()
        self._journaled.clear()
        self._rewrite = False

    def set_aside(self, key: SessionKey) -> tuple[bool, Path | None]:
        """Takes a session's directory out of sight: whether it had a log, and where it is now."""
        self.checkpoint()
        if log := self._open.pop(key, None):
            log.close()
        directory = self._directory.of(key)
        if not directory.is_dir():
            return False, None
        had_log = any(stat.st_size for stat in log_stats(directory))
        aside = self._directory.root / PURGED / secrets.token_hex(8)
        try:
            disk.make_directory(aside.parent)
            disk.rename(directory, aside)
            if self._durable:
                _sync_or_undo(directory, aside)
        except OSError as error:
            raise disk.failure("remove", directory, error) from error
        return had_log, aside

    def close(self) -> None:
        """Checkpoints if it can and lets go of every file."""
        try:
            self.checkpoint()
        except StoreError as error:
            logger.warning("%s; it is tried again at the next start", error)
        for log in self._open.values():
            log.close()
        self._open.clear()
        self._journal.close()

    def _log_for(
        self, key: SessionKey, touched: Touched, results: list[StoreError | None]
    ) -> LogFile:
        log = self._open.get(key)
        if log and key not in touched and not log.is_current():
            self._let_go(key)
            log = None
        if log is None:
            log = self._opened(key, touched, results)
        if log.length >= self._roll_bytes:
            self._settle(touched, results)
            self._roll(key, log)
            log = self._open.get(key) or self._opened(key, touched, results)
        self._open.move_to_end(key)
        return log

    def _opened(
        self, key: SessionKey, touched: Touched, results: list[StoreError | None]
    ) -> LogFile:
        if len(self._open) >= self._open_files:
            if self._oldest() in touched:
                self._settle(touched, results)
            if oldest := self._oldest():
                self._let_go(oldest)
        log = LogFile(self._directory.make(key), self._limits, durable=self._durable)
        try:
            if self._durable and (log.length or rolled_files(log.directory)):
                log.sync()  # the journal may only continue what is on the disk
        except OSError:
            log.close()
            raise
        self._open[key] = log
        return log

    def _oldest(self) -> SessionKey | None:
        """The file to close for another one. One with bytes to cut off yet has to stay open."""
        return next((key for key, log in self._open.items() if not log.is_tainted), None)

    def _let_go(self, key: SessionKey) -> None:
        if key in self._journaled:
            self.checkpoint()
        self._open.pop(key).close()

    def _roll(self, key: SessionKey, log: LogFile) -> None:
        """Puts the file away. Where that fails the log goes on in a file that is too large."""
        try:
            if key in self._journaled:
                self.checkpoint()
            del self._open[key]
            log.put_away()
        except (OSError, StoreError) as error:
            logger.warning("%s is not rolled and goes on growing: %s", log.path, error)

    def _settle(self, touched: Touched, results: list[StoreError | None]) -> None:
        """Makes what is pending durable, or takes it back."""
        if not touched:
            return
        logs = {key: self._open[key] for key in touched}
        try:
            if self._durable:
                self._make_durable(logs)
        except StoreError as error:
            for key, log in logs.items():
                log.take_back()
                for place in touched[key]:
                    results[place] = StoreError(*error.args)  # each has its own traceback
        else:
            for log in logs.values():
                log.accept()
        touched.clear()

    def _make_durable(self, logs: dict[SessionKey, LogFile]) -> None:
        if len(logs) == 1 and all(log.entry_durable for log in logs.values()):
            self._journal.restore()
            for log in logs.values():
                try:
                    log.sync()
                except OSError as error:
                    raise disk.failure("sync", log.path, error) from error
        else:
            self._journal.add(Record(key, log.committed, log.pending) for key, log in logs.items())
            self._journaled.update(logs)


def _sync_or_undo(directory: Path, aside: Path) -> None:
    """Makes a removal durable. One that is not must not be followed by a new log of that name."""
    try:
        disk.sync_directory(directory.parent)
    except OSError:
        disk.rename(aside, directory)
        raise
