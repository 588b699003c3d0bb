"""What a request reads of a prefix cache and writes to it, and the contract of all the caches.

Knows no cache in particular.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from stitcher.simulator.prefix_chain import Link


class Mark(NamedTuple):
    """A prefix that a request writes; `paid` when it is billed as written."""

    hash: bytes
    ttl: int
    paid: bool = True


@dataclass(frozen=True, slots=True)
class Reading:
    """What one request reads and will write; hand it to `settle` when its answer begins.

    `written_5m` and `written_1h` are what is billed as written, with the shorter and the longer of
    the provider's lifetimes: OpenAI's are 30 minutes and 12 hours. Both are 0 where writing costs
    nothing.
    """

    scope: str
    start: float
    total: int
    read: int
    written_5m: int = 0
    written_1h: int = 0
    pending: tuple[Mark, ...] = ()
    links: tuple[Link, ...] = ()
    slot: int = -1

    @property
    def written(self) -> int:
        return self.written_5m + self.written_1h

    @property
    def plain(self) -> int:
        return self.total - self.read - self.written


class Cache(Protocol):
    """A provider's prefix cache. The time is passed in; `scope` is whom entries belong to."""

    def begin(self, scope: str, links: Sequence[Link], minimum: int, start: float) -> Reading:
        """What a request that starts now reads; `minimum` is the shortest prefix cached."""

    def settle(self, reading: Reading, now: float, grown: Sequence[Link] = ()) -> None:
        """Writes what the request leaves, once its answer has begun.

        `grown` is the request's chain with the answer at its end, for the caches that keep the
        answer too.
        """
