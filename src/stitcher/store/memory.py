"""A store that keeps everything in memory: for tests, and for programs that keep no files."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from stitcher.errors import StoreError
from stitcher.store import lines as log_lines
from stitcher.store.protocol import Line, SessionInfo, SessionKey


@dataclass(slots=True)
class _Log:
    used: float = 0.0
    size: int = 0
    lines: list[Line] = field(default_factory=list)


class MemoryStore:
    """Keeps lines as the files do, as long as the process lives."""

    def __init__(self) -> None:
        self._logs: dict[SessionKey, _Log] = {}
        self._closed = False

    async def append(self, key: SessionKey, lines: Sequence[bytes]) -> None:
        if self._closed:
            raise StoreError("the log is closed: nothing more is written to it")
        if not log_lines.joined(lines):
            return
        log = self._logs.setdefault(key, _Log())
        for line in lines:
            log.lines.append(Line(line, f"memory:{log.size}"))
            log.size += len(line) + 1
        log.used = time.time()

    def newest_first(self, key: SessionKey) -> Iterator[Line]:
        log = self._logs.get(key, _Log())
        for place in range(len(log.lines) - 1, -1, -1):
            yield log.lines[place]

    def oldest_first(self, key: SessionKey) -> Iterator[Line]:
        log = self._logs.get(key, _Log())
        for place in range(len(log.lines)):
            yield log.lines[place]

    def count_lines(self, key: SessionKey, *beginnings: bytes) -> int:
        """See Store."""
        lines = self._logs.get(key, _Log()).lines
        return sum(line.data.startswith(beginnings or (b"",)) for line in lines)

    def exists(self, key: SessionKey) -> bool:
        return key in self._logs

    def sessions(self, tenant: str | None = None) -> list[SessionInfo]:
        found = [
            SessionInfo(key, size=log.size, files=1, used=log.used)
            for key, log in self._logs.items()
            if tenant in (None, key.tenant) and not key.is_reserved
        ]
        return sorted(found, key=lambda info: info.used, reverse=True)

    def names(self, tenant: str) -> list[str]:
        keys = list(self._logs)  # at once: others may append meanwhile
        return [key.name for key in keys if key.tenant == tenant and not key.is_reserved]

    def purge(self, key: SessionKey) -> bool:
        return self._logs.pop(key, None) is not None

    async def close(self) -> None:
        self._closed = True
