"""The shape of a listed price: what tokens cost, from when on, and at which hours."""

from dataclasses import dataclass
from typing import Final

ALWAYS: Final = "1970-01-01"
_DAY: Final = 86_400  # seconds


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens. Where a provider does not charge for a kind, it costs the input's."""

    input: float
    output: float
    read: float  # from the cache
    write: float  # to the cache, for the shorter lifetime
    write_long: float  # to the cache, for the longer lifetime
    above: int | None = None  # tokens; a prompt of more costs `beyond`, all of it and its answer
    beyond: "Price | None" = None

    def of(self, prompt: int) -> "Price":
        """The price for a prompt of so many tokens, cached ones included."""
        if self.above is None or self.beyond is None or prompt <= self.above:
            return self
        return self.beyond


@dataclass(frozen=True, slots=True)
class Dated:
    """A price and from when on it holds, at 0:00 UTC."""

    since: str  # year-month-day
    price: Price
    peak: Price | None = None  # from Monday to Friday, in these hours
    hours: tuple[tuple[int, int], ...] = ()  # from the first, before the second; UTC

    def at(self, seconds: float) -> Price:
        """The price at a time of this period."""
        day, second = divmod(seconds, _DAY)
        weekday = (day + 3) % 7  # 1970-01-01 was a Thursday; Monday is 0
        rush = weekday < 5 and any(start <= second / 3_600 < end for start, end in self.hours)
        return self.peak if rush and self.peak is not None else self.price
