"""What the rest of the program asks of a store, and nothing about how it is kept.

A store keeps, for each session, an append-only sequence of lines. It does not know what a line
means: entries are made and read in `core/log.py` and `wire/`. A line is JSON without a newline.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

RESERVED = "\0"
"""How the names of the program's own logs begin: they are kept like sessions, but are none.

No client can ask for one: a name with a NUL in it is refused where it comes in.
"""


@dataclass(frozen=True, slots=True)
class SessionKey:
    """Names one session of one tenant. Two tenants never share a session."""

    tenant: str
    name: str

    @property
    def is_reserved(self) -> bool:
        """True for a log of the program's own, which is never listed."""
        return self.name.startswith(RESERVED)


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """What can be said of a session without reading it whole."""

    key: SessionKey
    size: int  # bytes on disk
    files: int
    used: float  # last append, seconds since the epoch


@dataclass(frozen=True, slots=True)
class Line:
    """One complete line and where it stands, for reports that must name a place."""

    data: bytes  # without the newline
    place: str  # "<file>:<byte offset>"


class Store(Protocol):
    """Append-only lines per session. Reading is synchronous and lazy: run it off the event loop."""

    async def append(self, key: SessionKey, lines: Sequence[bytes]) -> None:
        """Adds the lines, in order and together; on return they are durable.

        Raises StoreError when they could not be written: then none of them is in the log.
        """
        ...

    def newest_first(self, key: SessionKey) -> Iterator[Line]:
        """Yields complete lines from the newest to the oldest. An unknown session yields none."""
        ...

    def oldest_first(self, key: SessionKey) -> Iterator[Line]:
        """Yields complete lines in the order they were appended."""
        ...

    def exists(self, key: SessionKey) -> bool:
        """True when the session has a log."""
        ...

    def sessions(self, tenant: str | None = None) -> list[SessionInfo]:
        """All sessions, or one tenant's, most recently used first. None of the reserved logs."""
        ...

    def names(self, tenant: str) -> list[str]:
        """The names of a tenant's sessions in any order, without a look at what is in them.

        Among them may be one whose log was never begun. None of the reserved logs.
        """
        ...

    def count_lines(self, key: SessionKey, *beginnings: bytes) -> int:
        """How many lines of a session's log begin with one of these; all lines, without any."""
        ...

    def purge(self, key: SessionKey) -> bool:
        """Removes a session's log for good. False when there was none."""
        ...

    async def close(self) -> None:
        """Waits for what is being written, then lets go of files and locks."""
        ...
