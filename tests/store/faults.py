"""Disks that fail on purpose: at the n-th operation, or by losing what was not synced."""

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stitcher.store import disk

OPERATIONS = (
    "open_file",
    "write",
    "sync",
    "sync_length",
    "sync_directory",
    "truncate",
    "rename",
    "make_directory",
)


class FailingDisk:
    """Lets `healthy` operations pass, then fails one of them, or all from then on."""

    def __init__(self, healthy: int, error: int, *, lasting: bool, short: bool = False) -> None:
        self.left = healthy
        self.error = error
        self.lasting = lasting
        self.short = short  # whether a failing write writes half of its bytes first
        self.failures = 0
        self.armed = True

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in OPERATIONS:
            monkeypatch.setattr(disk, name, self._wrapped(name, getattr(disk, name)))

    def _wrapped(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def operation(*arguments: Any) -> Any:
            if not self.armed:
                return real(*arguments)
            if self.left > 0:
                self.left -= 1
                return real(*arguments)
            if self.failures and not self.lasting:
                return real(*arguments)
            self.failures += 1
            if name == "write" and self.short:
                fd, data = arguments
                os.write(fd, bytes(data)[: len(data) // 2])
            raise OSError(self.error, os.strerror(self.error))

        return operation


class PowerLoss:
    """Follows what reached the disk, as strictly as POSIX allows, to show it after a power loss.

    A file's bytes are there once it was synced, a name once its directory was. `left_after` writes
    what is left: what was synced, plus, at random, parts of what was not.
    """

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self._bytes: dict[int, bytes] = {}
        self._entries: dict[int, dict[str, tuple[int, bool]]] = {}
        for name in ("sync", "sync_length"):
            self._follow(monkeypatch, name, self._synced)
        self._follow(monkeypatch, "sync_directory", self._synced_directory)
        self._synced_directory(root)

    def left_after(self, target: Path, rng: random.Random) -> None:
        self._write_directory(self.root.stat().st_ino, self._live(self.root), target, rng)

    def _follow(
        self, monkeypatch: pytest.MonkeyPatch, name: str, note: Callable[[Any], None]
    ) -> None:
        real = getattr(disk, name)

        def operation(subject: Any) -> None:
            real(subject)
            note(subject)

        monkeypatch.setattr(disk, name, operation)

    def _synced(self, fd: int) -> None:
        with open(f"/proc/self/fd/{fd}", "rb") as file:
            self._bytes[os.fstat(fd).st_ino] = file.read()

    def _synced_directory(self, path: Path) -> None:
        self._entries[path.stat().st_ino] = self._live(path)

    def _live(self, path: Path) -> dict[str, tuple[int, bool]]:
        with os.scandir(path) as found:
            return {entry.name: (entry.inode(), entry.is_dir()) for entry in found}

    def _find(self, inode: int) -> Path | None:
        for directory, _, files in os.walk(self.root):
            place = Path(directory)
            if place.stat().st_ino == inode:
                return place
            for file in files:
                if (place / file).stat().st_ino == inode:
                    return place / file
        return None

    def _write_directory(
        self, inode: int, live: dict[str, tuple[int, bool]], target: Path, rng: random.Random
    ) -> None:
        target.mkdir()
        # All or nothing: a rename never leaves both names behind.
        entries = live if rng.random() < 0.5 else self._entries.get(inode, {})
        for name, (child, is_directory) in entries.items():
            place = self._find(child)
            if is_directory:
                below = self._live(place) if place else {}
                self._write_directory(child, below, target / name, rng)
            else:
                content = self._content(child, place, rng)
                (target / name).write_bytes(content)

    def _content(self, inode: int, place: Path | None, rng: random.Random) -> bytes:
        synced = self._bytes.get(inode, b"")
        now = place.read_bytes() if place else b""
        if not now.startswith(synced):
            return rng.choice([synced, now])
        unsynced = now[len(synced) :]
        kept = unsynced[: rng.randint(0, len(unsynced))]
        return synced + (bytes(len(kept)) if rng.random() < 0.2 else kept)
