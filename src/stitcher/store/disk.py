"""The operations on files that keeping a log needs, and what it means when one fails.

Evens out what differs between systems (data syncs, directory syncs, permissions). Knows nothing of
sessions, lines or batches.
"""

import errno
import os
from pathlib import Path

from stitcher.errors import StoreError

DIRECTORY_MODE = 0o700
FILE_MODE = 0o600
_BINARY = getattr(os, "O_BINARY", 0)  # Windows translates newlines without it
_CLOEXEC = getattr(os, "O_CLOEXEC", 0)
_HAS_DIRECTORY_SYNC = os.name != "nt"

_IN_THE_WAY = "A file stands where a directory is needed: move it, or choose another --data-dir"
_FIXES = {
    errno.ENOSPC: "Free space on that disk, or move the log with --data-dir",
    errno.EDQUOT: "Raise the disk quota or free space, or move the log with --data-dir",
    errno.EROFS: "Mount that file system writable, or move the log with --data-dir",
    errno.EACCES: "Give yourself access (chmod u+rwX), or choose another place with --data-dir",
    errno.EPERM: "Give yourself access (chmod u+rwX), or choose another place with --data-dir",
    errno.EIO: "The disk reports an error: see the system log (dmesg) before trusting it again",
    errno.EMFILE: "Too many files are open: raise the limit (ulimit -n)",
    errno.ENFILE: "Too many files are open on this machine: raise the system's limit",
    errno.ENOTDIR: _IN_THE_WAY,
    errno.EEXIST: _IN_THE_WAY,
    errno.EISDIR: "A directory stands where a file is needed: move it away",
    errno.ENOENT: "The directory is gone: create it again, or choose another --data-dir",
}


def failure(doing: str, path: Path, error: OSError) -> StoreError:
    """Says what could not be done where, the system's reason, and what to do about it."""
    number = error.errno or 0
    reason = error.strerror or type(error).__name__
    name = errno.errorcode.get(number, "no error number")
    fix = _FIXES.get(number, "Check that disk, or choose another place with --data-dir")
    return StoreError(f"cannot {doing} {path}: {reason} ({name}){_owner(path, number)}. {fix}")


def _owner(path: Path, number: int) -> str:
    """Names whose file it is when that is likely the reason."""
    if number not in (errno.EACCES, errno.EPERM) or not hasattr(os, "geteuid"):
        return ""
    for place in (path, *path.parents):
        try:
            owner = os.stat(place).st_uid
        except OSError:
            continue  # not there or not to be seen: its parent decides
        return f", {place} belongs to user {owner} and you are {os.geteuid()}"
    return ""


def open_file(path: Path, flags: int) -> int:
    """Opens with private permissions; `flags` as for os.open."""
    return os.open(path, flags | _BINARY | _CLOEXEC, FILE_MODE)


def write(fd: int, data: bytes | memoryview) -> int:
    """One write; may write less than it was given."""
    return os.write(fd, data)


def write_all(fd: int, data: bytes) -> None:
    """Writes everything, in one call where the system allows it."""
    written = write(fd, data)
    while written < len(data):
        count = write(fd, memoryview(data)[written:])
        if count == 0:
            raise OSError(errno.EIO, "the disk takes no more bytes and gives no reason")
        written += count


def read_at(fd: int, offset: int, length: int) -> bytes:
    """Up to `length` bytes from `offset`."""
    os.lseek(fd, offset, os.SEEK_SET)
    return os.read(fd, length)


def sync(fd: int) -> None:
    """Returns when the file's data is on the disk."""
    if hasattr(os, "fdatasync"):
        os.fdatasync(fd)
    else:
        os.fsync(fd)


def sync_length(fd: int) -> None:
    """As `sync`, for a file that became shorter: its new length is on the disk too."""
    os.fsync(fd)


def sync_directory(path: Path) -> None:
    """Returns when the directory's entries are on the disk (Windows has no such call)."""
    if not _HAS_DIRECTORY_SYNC:
        return
    fd = os.open(path, os.O_RDONLY | _CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def truncate(fd: int, length: int) -> None:
    os.ftruncate(fd, length)


def rename(source: Path, target: Path) -> None:
    os.rename(source, target)


def make_directory(path: Path) -> bool:
    """Creates a private directory. False when it is there already."""
    try:
        os.mkdir(path, DIRECTORY_MODE)
    except FileExistsError:
        if path.is_dir():
            return False
        raise
    return True


def make_directories(path: Path) -> None:
    """Creates the directory and what is missing above it, all of it private."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        if path.parent == path:
            break
        path = path.parent
    for directory in reversed(missing):
        if make_directory(directory):
            sync_directory(directory.parent)


def make_private(path: Path, mode: int) -> None:
    """Takes away what group and others may do with a file or directory that is there already."""
    if os.name == "nt" or not os.stat(path).st_mode & 0o077:
        return
    try:
        os.chmod(path, mode)
    except PermissionError:
        pass  # another user's: what it may show is that user's decision
