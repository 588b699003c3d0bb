"""The cells: prices as the providers' rules have them."""

import pytest

from stitcher.benchmark.cells import CELLS, DEFAULT_CELLS
from stitcher.core.economics import Prices


@pytest.mark.parametrize(
    ("name", "prices", "lifetime", "minimum"),
    [
        ("anthropic-5m", Prices(0.1, 1.25), 300, 512),
        ("anthropic-1h", Prices(0.1, 2.0), 3_600, 512),
        ("openai", Prices(0.1, 1.25), 1_800, 1_024),
        ("reader-0.25", Prices(0.25, 1.0), 300, 1_024),
        ("gemini", Prices(0.1, 1.0), 300, 4_096),
        ("reader-0.05", Prices(0.05, 1.25), 300, 512),
        ("reader-0.025", Prices(0.025, 1.25), 300, 512),
        ("reader-0.5", Prices(0.5, 1.0), 300, 1_024),
    ],
)
def test_a_cell_has_its_models_prices(
    name: str, prices: Prices, lifetime: int, minimum: int
) -> None:
    cell = CELLS[name]
    assert (cell.prices, cell.lifetime, cell.minimum) == (prices, lifetime, minimum)


@pytest.mark.parametrize(
    ("name", "regime", "rounding", "dollars"),
    [
        ("anthropic-5m", "look-back", 1, 5),
        ("openai", "breakpoints", 1, 2),
        ("reader-0.25", "intervals", 128, 2),
        ("gemini", "prefixes", 1, 0.75),
    ],
)
def test_a_cell_caches_as_its_model_does(
    name: str, regime: str, rounding: int, dollars: float
) -> None:
    cell = CELLS[name]
    assert (cell.regime, cell.rounding, cell.dollars) == (regime, rounding, dollars)


def test_the_usual_ones_are_there() -> None:
    assert set(DEFAULT_CELLS) <= set(CELLS)
