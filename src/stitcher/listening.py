"""Listens to an answer on its way to the client and never stands in that way.

A provider may send what no reader foresaw. Then the rest of the answer goes on as it comes, and
is not remembered: a lost memory is better than a broken stream.
"""

import logging
from dataclasses import dataclass, field

from stitcher.ports import Answer
from stitcher.wire.dialect import Fold, Received

log = logging.getLogger("stitcher.listening")

_LONGEST_ERROR = 1 << 20  # bytes of a provider's error that are read before it is handed on
_NOTHING = Received(None, (), False, None, None)


@dataclass(slots=True)
class Listener:
    """A `Fold` that gives up where the one inside fails."""

    fold: Fold
    gave_up: bool = False
    _held: bytearray = field(default_factory=bytearray)  # fed, and not given back yet

    def feed(self, chunk: bytes) -> list[bytes]:
        """See `Fold`."""
        self._held += chunk
        if self.gave_up:
            return self._all()
        try:
            given = self.fold.feed(chunk)
        except Exception as error:  # noqa: BLE001 - the edge: any fault of a reader's ends here
            return self._give_up(error)
        if given:
            del self._held[: self._held.rfind(given[-1]) + len(given[-1])]
        return given

    def close(self) -> list[bytes]:
        """See `Fold`."""
        if self.gave_up:
            return self._all()
        try:
            return self.fold.close()
        except Exception as error:  # noqa: BLE001 - as above
            return self._give_up(error)

    @property
    def ended(self) -> bool:
        """See `Fold`."""
        return not self.gave_up and self.fold.ended

    def received(self) -> Received:
        """See `Fold`."""
        if self.gave_up:
            return _NOTHING
        try:
            return self.fold.received()
        except Exception as error:  # noqa: BLE001 - as above
            self._give_up(error)
            return _NOTHING

    def _give_up(self, error: Exception) -> list[bytes]:
        log.warning("an answer is not remembered: %s while it was read", type(error).__name__)
        self.gave_up = True
        return self._all()

    def _all(self) -> list[bytes]:
        held = bytes(self._held)
        self._held.clear()
        return [held] if held else []


def is_stream(answer: Answer) -> bool:
    """True for server-sent events, by what the answer says of itself."""
    kinds = (value for name, value in answer.headers if name.lower() == "content-type")
    return next(kinds, "").lower().startswith("text/event-stream")


async def read_error(answer: Answer) -> bytes:
    """An error's body; what is longer than any error is left unread."""
    parts: list[bytes] = []
    size = 0
    async for chunk in answer.chunks():
        parts.append(chunk)
        size += len(chunk)
        if size > _LONGEST_ERROR:
            break
    return b"".join(parts)
