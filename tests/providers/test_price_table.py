"""The table against the list it is made from, worked out by that list's own package."""

from datetime import UTC, datetime
from typing import Any

import pytest
from scripts.price_models import GENAI_NAMES, NOT_IN_GENAI, PROVIDERS

from stitcher.providers.price_table import PRICES, READ
from stitcher.providers.prices import cost, price
from stitcher.providers.usage import CacheUsage
from tests.end_to_end.presence import client_package

MODELS = [
    (provider, name)
    for provider, (_, names) in PROVIDERS.items()
    for name in names
    if name not in NOT_IN_GENAI
]
LENGTHS = (1_000, 100_000, 250_000, 900_000)
# Whom genai-prices has prices for writing of.
TIMES_WRITTEN = {"anthropic": 2, "openai": 1}


def day(date: str, hour: int) -> datetime:
    return datetime.fromisoformat(date).replace(hour=hour, tzinfo=UTC)


@pytest.mark.clients
@pytest.mark.parametrize(("provider", "name"), MODELS)
def test_costs_are_those_of_genai_prices(provider: str, name: str) -> None:
    genai: Any = client_package("genai_prices")
    ours = f"groq/{name}" if provider == "groq" else name
    days = {"2026-11-25", *(dated.since for dated in PRICES[ours] if dated.since > READ)}
    writes = TIMES_WRITTEN.get(provider, 0)
    for date in sorted(days):
        # On weekends it charges DeepSeek's price of working hours, unlike litellm.
        at = day(date, 2) if day(date, 2).weekday() < 5 else day(date, 12)
        for tokens in LENGTHS:
            found = price(ours, at.timestamp())
            assert found is not None
            written = tokens // 4 if writes and found.write != found.input else 0
            long = tokens // 8 if writes == 2 else 0
            usage = CacheUsage(tokens // 2, written, tokens - tokens // 2 - written, long)
            counted = genai.Usage(
                input_tokens=tokens,
                cache_read_tokens=usage.read,
                cache_write_tokens=written or None,
                cache_write_1h_tokens=long or None,
                output_tokens=300,
            )
            theirs = genai.calc_price(
                counted,
                model_ref=GENAI_NAMES.get(name, name),
                provider_id=provider,
                genai_request_timestamp=at,
            )
            assert cost(usage, 300, found) == pytest.approx(float(theirs.total_price))
