"""What tokens cost: the table, its dates and steps, and that our cache rules agree with it."""

from calendar import timegm
from dataclasses import replace
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.providers.caching import cache_rules
from stitcher.providers.listed_price import ALWAYS, Dated, Price
from stitcher.providers.price_table import PRICES, READ
from stitcher.providers.prices import cost, price
from stitcher.providers.usage import CacheUsage


def utc(year: int, month: int, day: int, hour: int = 0) -> int:
    return timegm((year, month, day, hour, 0, 0))


THEN = utc(2026, 11, 25)  # a Wednesday
CURRENT = [
    pytest.param(model, dated, id=f"{model} {dated.since}")
    for model, all_dated in PRICES.items()
    for n, dated in enumerate(all_dated)
    if n + 1 == len(all_dated) or all_dated[n + 1].since > READ
]


@pytest.mark.parametrize(("model", "dated"), CURRENT)
def test_the_cache_rules_are_the_ratios_of_the_prices(model: str, dated: Dated) -> None:
    """Rules and prices are written in two places: this is what holds them together."""
    rules = cache_rules(model)
    shorter, longer = rules.lifetimes[0], rules.lifetimes[-1]
    for each in (dated.price, dated.price.beyond, dated.peak):
        if each is not None:
            assert isclose(each.read, rules.read * each.input, rel_tol=1e-6)
            assert isclose(each.write, shorter.write * each.input, rel_tol=1e-6)
            assert isclose(each.write_long, longer.write * each.input, rel_tol=1e-6)


def test_every_family_is_in_the_table() -> None:
    families = {cache_rules(model).family for model in PRICES}
    assert families == {"anthropic", "openai", "gemini", "deepseek", "xai", "mistral", "groq"}


@pytest.mark.parametrize("model", PRICES)
def test_the_table_is_in_order(model: str) -> None:
    dates = [dated.since for dated in PRICES[model]]
    assert dates == sorted(set(dates))
    assert dates[0] == ALWAYS
    for dated in PRICES[model]:
        steps = (dated.price.above is None, dated.price.beyond is None)
        assert steps[0] == steps[1]
        assert bool(dated.hours) == (dated.peak is not None)


@pytest.mark.parametrize(
    ("model", "known_as"),
    [
        ("claude-opus-5-5-20260901", "claude-opus-5-5"),
        ("claude-opus-4-5@20251101", "claude-opus-4-5"),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5"),
        ("anthropic/claude-haiku-5.5", "claude-haiku-5-5"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("openai/gpt-6.1-sol", "gpt-6.1-sol"),
        ("mistral-small-latest", "mistral-small-latest"),
        ("groq/openai/gpt-oss-120b", "groq/gpt-oss-120b"),
    ],
)
def test_models_by_other_names(model: str, known_as: str) -> None:
    assert price(model, THEN) == PRICES[known_as][-1].price


@pytest.mark.parametrize(
    "model",
    [
        "gpt-5.9",  # begins like gpt-5
        "gpt-4o-audio-preview",
        "gpt-oss-120b",  # of whom?
        "llama-3.1-8b",
        "",
        "/",
    ],
)
def test_no_price_is_made_up(model: str) -> None:
    assert price(model, THEN) is None


def test_prices_change_at_midnight() -> None:
    before, after = Price(2, 10, 0.1, 2, 2), Price(4, 20, 0.2, 4, 4)
    change = utc(2026, 12, 1)
    assert price("gemini-4-argon", change - 1) == before
    assert price("gemini-4-argon", change) == after
    assert price("gemini-4-argon", -1.0) == before


@pytest.mark.parametrize(
    ("at", "rate"),
    [
        (utc(2026, 11, 25, 0), 0.66),
        (utc(2026, 11, 25, 1), 1.32),
        (utc(2026, 11, 25, 4) - 1, 1.32),
        (utc(2026, 11, 25, 4), 0.66),
        (utc(2026, 11, 25, 9), 1.32),
        (utc(2026, 11, 25, 10), 0.66),
        (utc(2026, 11, 27, 9), 1.32),  # Friday
        (utc(2026, 11, 28, 9), 0.66),  # Saturday
        (utc(2026, 11, 29, 9), 0.66),  # Sunday
        (utc(2026, 11, 30, 9), 1.32),  # Monday
        (utc(2026, 8, 14, 9), 0.435),  # before there were such hours
    ],
)
def test_deepseek_costs_more_in_the_hours_of_work(at: int, rate: float) -> None:
    found = price("deepseek-v4-pro", at)
    assert found is not None
    assert found.input == rate


def test_a_long_prompt_costs_more_altogether() -> None:
    found = price("claude-haiku-5-5", THEN)
    assert found is not None
    at_most = CacheUsage(read=90_000, written=0, plain=10_000)
    more = CacheUsage(read=90_000, written=0, plain=10_001)
    assert cost(at_most, 1_000_000, found) == pytest.approx(0.0009 + 0.001 + 0.5)
    assert cost(more, 1_000_000, found) == pytest.approx(0.0045 + 0.0050005 + 2.5)


def test_a_request_of_every_kind_of_token() -> None:
    found = price("claude-opus-5", THEN)
    assert found is not None
    usage = CacheUsage(read=1_000_000, written=300_000, plain=200_000, written_long=100_000)
    dollars = 0.5 + 0.2 * 6.25 + 0.1 * 10 + 0.2 * 5 + 0.01 * 25
    assert cost(usage, 10_000, found) == pytest.approx(dollars)


TOKENS = st.integers(0, 200_000)


@given(st.sampled_from(sorted(PRICES)), TOKENS, TOKENS, TOKENS, TOKENS)
def test_what_was_read_never_costs_more_than_what_was_not(
    model: str, read: int, written: int, plain: int, output: int
) -> None:
    found = price(model, THEN)
    assert found is not None
    usage = CacheUsage(read, written, plain)
    missed = replace(usage, read=0, plain=plain + read)
    assert 0 <= cost(usage, output, found) <= cost(missed, output, found) + 1e-12
