"""What tokens cost in money: USD per million, by model and time.

The values are in `price_table`, which a command writes (`make prices`) and which is loaded at the
first question. Prices are the list's for the provider's own API: no batches, no priority, no
regional surcharge, no discount.
"""

import re
from calendar import timegm
from collections.abc import Sequence
from typing import Final

from stitcher.providers.listed_price import Dated, Price
from stitcher.providers.models import bare_name, routed_to
from stitcher.providers.usage import CacheUsage

# What may follow a model's name and leaves its price: a date, Bedrock's version, `-latest`.
_VARIANT: Final = re.compile(r"([-@]\d{8}|-\d{4}-\d\d-\d\d|-latest)?(-v\d+(:\d+)?)?$")


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
