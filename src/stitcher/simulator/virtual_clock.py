"""The provider's time, which can be moved on: an hour passes in no time.

It is only ever used for how old cache entries are; a stream's pauses are real.
"""

import math
from collections.abc import Callable


class VirtualClock:
    """Another clock's time and what it was advanced by."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ahead = 0.0

    def __call__(self) -> float:
        return self._clock() + self._ahead

    def advance(self, seconds: float) -> None:
        """Raises ValueError for a time that cannot pass."""
        if not (math.isfinite(seconds) and seconds >= 0):
            raise ValueError(f"seconds: found {seconds}, expected a number of at least 0")
        self._ahead += seconds


def still() -> float:
    """A clock that stands, so that time passes only when it is told to."""
    return 0.0
