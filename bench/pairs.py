"""Two kinds of the same work, taken in turns, and what is made of their figures.

It knows nothing of what the work is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Compared:
    """The short and the long one at the same work: medians, and the median of pairs' ratios."""

    dialect: str
    what: str
    unit: str
    short: float
    long: float
    ratio: float
    pairs: int


def compared(
    dialect: str, what: str, pairs: Sequence[Sequence[float]], unit: str = "ms"
) -> Compared:
    """Sums up pairs of (short, long)."""
    return Compared(
        dialect,
        what,
        unit,
        short=median(pair[0] for pair in pairs),
        long=median(pair[1] for pair in pairs),
        ratio=median(pair[1] / pair[0] for pair in pairs),
        pairs=len(pairs),
    )


def order(number: int) -> tuple[int, int]:
    """Which of the two goes first in a round."""
    return (0, 1) if number % 2 else (1, 0)
