"""When it pays to read a prompt's beginning only so that the provider does not let go of it. Pure.

Nobody knows whether the next request comes in a minute or never. It is the question of renting or
buying skis: to pay for reading until that has cost as much as the rewrite it avoids, and then to
stop, never costs twice what knowing the future would (Karlin, Manasse, Rudolph and Sleator,
"Competitive snoopy caching", 1988). With a read price r and a write price w that is (w-r)/r
readings: 11 at a tenth and 1.25, 24 at a twentieth.
"""

from dataclasses import dataclass
from typing import Final

from stitcher.core.ledger import Held

_DAY: Final = 86_400  # seconds
_PART: Final = 0.1  # of a lifetime that is left when an entry is read again,
_MOST: Final = 60.0  # seconds at most
# Three times a tenth is a little more than 0.3 where numbers are binary.
_NOISE: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Stake:
    """What it costs to keep a prompt's beginning, and what it costs when it is gone. USD."""

    ping: float  # a request that reads it and generates nothing
    rewrite: float  # what the next request pays more

    def pays(self, spent: float) -> bool:
        """True while one more, with what this gap has cost so far, costs at most a rewrite."""
        return self.ping > 0 and spent + self.ping <= self.rewrite * (1 + _NOISE)


@dataclass(frozen=True, slots=True)
class Spending:
    """What was spent in a day of UTC."""

    day: int = 0
    pings: int = 0
    usd: float = 0.0

    def at(self, now: float) -> "Spending":
        """The same, or nothing yet of another day."""
        today = int(now // _DAY)
        return self if self.day == today else Spending(today)

    def affords(self, usd: float, *, limit: float) -> bool:
        """True while that much more stays within a limit."""
        return self.usd + usd <= limit

    def plus(self, usd: float, *, pings: int = 0) -> "Spending":
        """With more of it, on the same day."""
        return Spending(self.day, self.pings + pings, self.usd + usd)


def due(entry: Held) -> float:
    """When an entry has to be read again: a margin before it expires, for the way there."""
    return expires(entry) - min(_PART * entry.lifetime, _MOST)


def expires(entry: Held) -> float:
    """When the provider may let go of it.

    Anthropic, "Prompt caching", 2026-08-21: a lifetime is "measured from the start of the request
    that writes or reads the cache entry, not from the end of its response".
    """
    return entry.used + entry.lifetime


def at_stake(held: tuple[Held, ...]) -> int:
    """Tokens that are written again once the newest entry is gone.

    What stands before an entry of a longer lifetime is still read then.
    """
    if not held:
        return 0
    newest = held[0]
    longer = (entry.tokens for entry in held if entry.lifetime > newest.lifetime)
    return max(0, newest.tokens - max(longer, default=0))
