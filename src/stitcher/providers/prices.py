"""What tokens cost in money: USD per million, by model and time.

The values are in `price_table`, which a command writes (`make prices`) and which is loaded at the
first question. Prices are the list's for the provider's own API: no batches, no priority, no
regional surcharge, no discount.
"""

import re
from calendar import timegm
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from stitcher.providers.models import bare_name, routed_to
from stitcher.providers.usage import CacheUsage

ALWAYS: Final = "1970-01-01"
_DAY: Final = 86_400  # seconds
# What may follow a model's name and leaves its price: a date, Bedrock's version, `-latest`.
_VARIANT: Final = re.compile(r"([-@]\d{8}|-\d{4}-\d\d-\d\d|-latest)?(-v\d+(:\d+)?)?$")


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


def price(model: str, at: float) -> Price | None:
    """What a model's tokens cost at a time in seconds since 1970; None for one not in the table.

    A name is known with a date behind it, never by its beginning: what is called alike may cost
    ten times as much.
    """
    from stitcher.providers.price_table import PRICES

    name = bare_name(model)
    if routed_to(model, "groq"):
        name = f"groq/{name}"
    dated = PRICES.get(name) or PRICES.get(_VARIANT.sub("", name))
    return None if dated is None else _current(dated, at).at(at)


def cost(usage: CacheUsage, output_tokens: int, price: Price) -> float:
    """USD for one request and its answer."""
    paid = price.of(usage.read + usage.written + usage.plain)
    return (
        usage.plain * paid.input
        + usage.read * paid.read
        + (usage.written - usage.written_long) * paid.write
        + usage.written_long * paid.write_long
        + output_tokens * paid.output
    ) / 1_000_000


def _current(dated: Sequence[Dated], at: float) -> Dated:
    begun = [one for one in dated if _midnight(one.since) <= at]
    return begun[-1] if begun else dated[0]


def _midnight(date: str) -> int:
    year, month, day = map(int, date.split("-"))
    return timegm((year, month, day, 0, 0, 0))
