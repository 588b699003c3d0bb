"""Where things are in a data directory: session key ↔ directory, and the log files in it.

    <data_dir>/<session>/active.jsonl            sessions of the tenant "local"
    <data_dir>/<session>/active.001.jsonl …      rolled, a higher number is newer
    <data_dir>/<session>/name                    the full name, where it is too long for a component
    <data_dir>/@<tenant>/<session>/…             sessions of other tenants ("@" starts no component)

stitcher-proxy 0.1.0 used the session's name as it was; such a directory goes on being used. Every
directory belongs to exactly one name, so no two sessions can meet in one. Finds and makes
directories; never opens a log.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from stitcher.store import disk
from stitcher.store.names import component, is_hashed, name_of
from stitcher.store.protocol import SessionKey

LOCAL = "local"
ACTIVE = "active.jsonl"
_ROLLED = re.compile(r"active\.([0-9]+)\.jsonl")
_SESSION_NAME = "name"
_TENANT_NAME = ".name"  # no session's component starts with a dot
_TENANT_MARK = "@"


def is_log(file: str) -> bool:
    """True for the names a session's log files have."""
    return file == ACTIVE or _ROLLED.fullmatch(file) is not None


def rolled_files(directory: Path) -> list[tuple[int, Path]]:
    """The rolled files with their numbers, oldest first. None where there is no directory."""
    try:
        entries = os.listdir(directory)
    except FileNotFoundError:
        return []
    numbered = [(match, directory / match[0]) for match in map(_ROLLED.fullmatch, entries) if match]
    return sorted((int(match[1]), path) for match, path in numbered)


def next_rolled(directory: Path) -> Path:
    """The name under which the active file is put away next."""
    newest = max((number for number, _ in rolled_files(directory)), default=0)
    return directory / f"active.{newest + 1:03d}.jsonl"


def log_stats(directory: Path) -> list[os.stat_result]:
    """What the file system knows of each log file in the directory."""
    while True:
        try:
            with os.scandir(directory) as entries:
                return [entry.stat() for entry in entries if is_log(entry.name)]
        except FileNotFoundError:
            if not directory.exists():
                return []  # otherwise a file was rolled between its listing and its stat
        except NotADirectoryError:
            return []


class DataDirectory:
    """The directories of all sessions below one root."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def of(self, key: SessionKey) -> Path:
        """The session's directory, whether it is there or not."""
        if key.tenant != LOCAL:
            return self._tenant(key.tenant) / component(key.name)
        encoded = component(key.name)
        if encoded != key.name and self._has_plain(key.name):
            return self.root / key.name
        return self.root / encoded

    def make(self, key: SessionKey) -> Path:
        """The session's directory, made if it was missing."""
        directory = self.of(key)
        if key.tenant != LOCAL:
            if disk.make_directory(directory.parent):
                disk.sync_directory(self.root)
            _keep_name(directory.parent, _TENANT_NAME, key.tenant, component(key.tenant))
        if not disk.make_directory(directory):
            disk.make_private(directory, disk.DIRECTORY_MODE)
        _keep_name(directory, _SESSION_NAME, key.name, directory.name)
        return directory

    def all(self, tenant: str | None = None) -> Iterator[tuple[SessionKey, Path]]:
        """The directories that are there, each with the session it belongs to."""
        if tenant in (None, LOCAL):
            yield from self._sessions(LOCAL, self.root)
        if tenant is None:
            for name, directory in self._tenants():
                yield from self._sessions(name, directory)
        elif tenant != LOCAL:
            yield from self._sessions(tenant, self._tenant(tenant))

    def _tenant(self, tenant: str) -> Path:
        return self.root / (_TENANT_MARK + component(tenant))

    def _tenants(self) -> Iterator[tuple[str, Path]]:
        for directory in _subdirectories(self.root):
            encoded = directory.name.removeprefix(_TENANT_MARK)
            if encoded != directory.name:
                tenant = _name_of(encoded, directory, _TENANT_NAME)
                if tenant != LOCAL and self._tenant(tenant) == directory:
                    yield tenant, directory

    def _sessions(self, tenant: str, parent: Path) -> Iterator[tuple[SessionKey, Path]]:
        for directory in _subdirectories(parent):
            key = SessionKey(tenant, _name_of(directory.name, directory, _SESSION_NAME))
            # A name that is its own component has no other directory: paths are slow to make.
            if key.name == directory.name == component(key.name) or self.of(key) == directory:
                yield key, directory

    def _has_plain(self, name: str) -> bool:
        """Whether stitcher-proxy 0.1.0 left a directory of exactly this name, with a log in it.

        The listing is compared because a file system that folds case finds "chat" for "Chat". A
        name that reads as another name's component is left to that one.
        """
        if not name or name in (".", "..") or not {"/", "\\", "\0"}.isdisjoint(name):
            return False
        directory = self.root / name
        try:
            if not directory.is_dir() or _name_of(name, directory, _SESSION_NAME) != name:
                return False
            return bool(log_stats(directory)) and name in os.listdir(self.root)
        except (OSError, ValueError):  # too long, or not a name this file system can have
            return False


def _subdirectories(parent: Path) -> list[Path]:
    try:
        with os.scandir(parent) as entries:
            return [parent / entry.name for entry in entries if entry.is_dir()]
    except FileNotFoundError:
        return []


def _name_of(encoded: str, directory: Path, file: str) -> str:
    """The one name a directory belongs to: the kept one, the decoded one, or its own."""
    if is_hashed(encoded):
        try:
            name = (directory / file).read_bytes().decode("utf-8", "surrogatepass")
        except (OSError, UnicodeError):
            return encoded
        return name if component(name) == encoded else encoded
    decoded = name_of(encoded)
    return encoded if decoded is None else decoded


def _keep_name(directory: Path, file: str, name: str, encoded: str) -> None:
    """Writes a long name down inside its directory."""
    if not is_hashed(encoded) or _name_of(encoded, directory, file) == name:
        return
    fd = disk.open_file(directory / file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        disk.write_all(fd, name.encode("utf-8", "surrogatepass"))
        disk.sync(fd)
    finally:
        os.close(fd)
