"""The provider cells: one model's prices, and one lifetime and way of having its prompts cached.

Rules and prices are `stitcher.providers`'; a cell only says which of them are measured together.
"""

from calendar import timegm
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from stitcher.core.economics import Prices
from stitcher.providers.caching import CacheRules, cache_rules
from stitcher.providers.prices import price

Regime = Literal["look-back", "breakpoints", "intervals", "prefixes"]
"""How prompts are found: Anthropic's way, OpenAI's since GPT-5.6 and before, Gemini's."""

_PRICED: Final = timegm((2026, 11, 22, 12, 0, 0))  # the same dollars on any day


@dataclass(frozen=True, slots=True)
class Cell:
    """A model, and one way to have its prompts cached."""

    name: str
    model: str
    regime: Regime
    prices: Prices
    minimum: int  # tokens of the shortest prefix that is written
    lifetime: int  # seconds
    rounding: int  # what is read is a multiple of so many tokens
    dollars: float  # of a million plain input tokens

    @property
    def marks(self) -> bool:
        """True where a request says what is written."""
        return self.regime in ("look-back", "breakpoints")


def _cell(name: str, model: str, lifetime: str) -> Cell:
    rules, dollars = cache_rules(model), price(model, _PRICED)
    assert dollars is not None, model
    (chosen,) = (one for one in rules.lifetimes if one.name == lifetime)
    return Cell(
        name,
        model,
        _regime(rules),
        Prices(rules.read, chosen.write),
        rules.minimum,
        chosen.seconds,
        rules.rounding,
        dollars.input,
    )


def _regime(rules: CacheRules) -> Regime:
    if rules.lookback:
        return "look-back"
    if rules.explicit:
        return "breakpoints"
    return "intervals" if rules.rounding > 1 else "prefixes"


_ALL: Final = (
    _cell("anthropic-5m", "claude-opus-5", "5m"),
    _cell("anthropic-1h", "claude-opus-5", "1h"),
    _cell("openai", "gpt-6-sol", "30m"),
    _cell("reader-0.25", "gpt-4.1", "implicit"),
    _cell("reader-0.5", "gpt-4o", "implicit"),
    _cell("gemini", "gemini-3.8-flash", "implicit"),
    _cell("reader-0.05", "claude-sonnet-5-5", "5m"),
    _cell("reader-0.025", "claude-fable-5-2", "5m"),
)
CELLS: Final[Mapping[str, Cell]] = {cell.name: cell for cell in _ALL}
DEFAULT_CELLS: Final = ("anthropic-5m", "anthropic-1h", "openai", "reader-0.25")
