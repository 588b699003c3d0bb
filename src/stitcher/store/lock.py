"""Who owns a data directory: one process at a time, by an operating-system lock.

The lock goes away with its process, however that ends. A small file beside it says who holds it,
for people and for `stitcher status`; it proves nothing by itself. Knows nothing of logs.
"""

import contextlib
import json
import os
import socket
import time
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from stitcher.errors import DataDirLocked, StoreError
from stitcher.store import disk

LOCK = ".lock"
OWNER = ".owner.json"
_PATIENCE = 0.5  # seconds; whoever only asks for the owner holds the lock for a moment


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that owns a data directory."""

    pid: int
    host: str
    started: float  # seconds since the epoch
    url: str | None  # where it can be spoken to, once it listens


class DataDirLock:
    """The lock of one data directory, which it creates if it is missing."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self._lock = FileLock(
            data_dir / LOCK, timeout=_PATIENCE, mode=disk.FILE_MODE, thread_local=False
        )
        self._owner: Owner | None = None

    def acquire(self) -> None:
        """Raises DataDirLocked when another process has it, StoreError when it cannot be had."""
        try:
            disk.make_directories(self.data_dir)
            self._lock.acquire()
        except Timeout:
            raise DataDirLocked(_occupied(self.data_dir)) from None
        except OSError as error:
            raise disk.failure("use the data directory", self.data_dir, error) from error
        try:
            self._publish(Owner(os.getpid(), socket.gethostname(), time.time(), None))
        except StoreError:
            self._lock.release()
            raise

    def set_url(self, url: str) -> None:
        """Lets others know where the owner listens."""
        if self._owner is None:
            raise StoreError(f"{self.data_dir} is not locked by this process: acquire it first")
        self._publish(replace(self._owner, url=url))

    def release(self) -> None:
        """Lets go. Nothing happens when it is not held."""
        if self._owner is None:
            return
        self._owner = None
        with contextlib.suppress(OSError):  # it proves nothing; the lock does
            (self.data_dir / OWNER).unlink()
        self._lock.release()

    def _publish(self, owner: Owner) -> None:
        path = self.data_dir / OWNER
        new = path.with_name(f"{OWNER}.new")
        try:
            fd = disk.open_file(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            try:
                disk.write_all(fd, json.dumps(asdict(owner)).encode())
            finally:
                os.close(fd)
            os.replace(new, path)
        except OSError as error:
            raise disk.failure("write", path, error) from error
        self._owner = owner


def owner(data_dir: Path) -> Owner | None:
    """The process that owns the directory now. None when nobody does. Creates nothing."""
    path = data_dir / LOCK
    if not path.exists():
        return None
    lock = FileLock(path, timeout=0, mode=disk.FILE_MODE, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        return _published(data_dir)
    except OSError as error:
        raise disk.failure("ask who owns", data_dir, error) from error
    lock.release()
    return None


def _published(data_dir: Path) -> Owner:
    """What the owner says of itself; it may not have said it yet."""
    try:
        return Owner(**json.loads((data_dir / OWNER).read_bytes()))
    except (OSError, ValueError, TypeError):
        return Owner(0, "unknown", (data_dir / LOCK).stat().st_mtime, None)


def _occupied(data_dir: Path) -> str:
    found = _published(data_dir)
    since = datetime.fromtimestamp(found.started).astimezone().isoformat(" ", "seconds")
    where = f" at {found.url}" if found.url else ""
    return (
        f"the data directory {data_dir} is in use by process {found.pid} on {found.host}{where}, "
        f"since {since}. Stop that process, or start this one with another --data-dir"
    )
