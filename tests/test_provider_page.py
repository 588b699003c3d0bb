"""The page on providers says what the code goes by."""

from typing import get_args

import pytest
from scripts.provider_page import PAGE, REGIMES, page

from stitcher.providers.caching import cache_rules
from stitcher.providers.engines import Engine
from stitcher.providers.price_table import PRICES
from stitcher.providers.rules import CacheRules, Family, Scheme


def test_the_page_is_up_to_date() -> None:
    found = PAGE.read_text(encoding="utf-8")
    assert found == page(), "run: python -m scripts.provider_page"


def test_every_family_and_scheme_is_on_the_page() -> None:
    assert {rules.family for rules in REGIMES.values()} == set(get_args(Family))
    assert {rules.scheme for rules in REGIMES.values()} == set(get_args(Scheme))
    for engine in get_args(Engine):
        assert engine in PAGE.read_text(encoding="utf-8").lower()


@pytest.mark.parametrize("model", PRICES)
def test_a_model_differs_from_the_one_that_stands_for_it_in_nothing_but_the_table(
    model: str,
) -> None:
    alike = [one for one in REGIMES.values() if regime(one) == regime(cache_rules(model))]
    assert len(alike) == 1


def regime(rules: CacheRules) -> tuple[object, ...]:
    return (rules.family, rules.scheme, rules.block, rules.lifetimes, rules.losses)
