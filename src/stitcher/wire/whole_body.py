"""An answer that comes as one JSON object: held until it is whole, then passed on as it came."""

from collections.abc import Callable
from dataclasses import dataclass, field

from stitcher.wire.dialect import Received


@dataclass(slots=True)
class WholeBody:
    """A fold for an answer that is not a stream. `read` knows the dialect; it raises nothing."""

    read: Callable[[bytes], Received]
    ended: bool = False
    _parts: list[bytes] = field(default_factory=list)

    def feed(self, chunk: bytes) -> list[bytes]:
        """See `Fold`."""
        self._parts.append(chunk)
        return []

    def close(self) -> list[bytes]:
        """See `Fold`."""
        self.ended = True
        return [b"".join(self._parts)]

    def received(self) -> Received:
        """See `Fold`."""
        return self.read(b"".join(self._parts))
