"""What was received: every request byte for byte, in order of arrival, for tests to read.

Knows nothing of dialects. Safe to read from a thread other than the server's.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

_CREDENTIALS = frozenset({"authorization", "x-api-key", "api-key", "cookie", "proxy-authorization"})


@dataclass(frozen=True, slots=True)
class Received:
    """One request. `status` is None while under way and 0 when it ended without an answer."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes
    decoded: bytes
    status: int | None
    usage: dict[str, Any] | None
    at: float
    index: int

    def header(self, name: str) -> str | None:
        """The first header of that name, whatever its case."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    def shown(self) -> dict[str, Any]:
        """The request as JSON can carry it, with credentials masked."""
        return {
            "index": self.index,
            "method": self.method,
            "path": self.path,
            "headers": [
                [name, "***" if name.lower() in _CREDENTIALS else value]
                for name, value in self.headers
            ],
            "status": self.status,
            "usage": self.usage,
            "at": self.at,
            "body": self.decoded.decode("utf-8", "replace"),
        }


class Entry:
    """The place of one request in the record while it is being answered."""

    __slots__ = ("received",)

    def __init__(self, received: Received) -> None:
        self.received = received


class Recorder:
    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._arrived = threading.Condition()

    @property
    def requests(self) -> list[Received]:
        with self._arrived:
            return [entry.received for entry in self._entries]

    def add(
        self, method: str, path: str, headers: Sequence[tuple[str, str]], body: bytes, at: float
    ) -> Entry:
        with self._arrived:
            index = len(self._entries)
            entry = Entry(Received(method, path, list(headers), body, body, None, None, at, index))
            self._entries.append(entry)
            self._arrived.notify_all()
        return entry

    def update(self, entry: Entry, **changes: Any) -> None:
        with self._arrived:
            entry.received = replace(entry.received, **changes)

    def clear(self) -> None:
        with self._arrived:
            self._entries.clear()

    def wait_for(self, count: int, timeout: float) -> None:
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self._entries) >= count, timeout):
                raise TimeoutError(
                    f"{len(self._entries)} requests arrived within {timeout} s, expected {count}"
                )
