"""The provider cells: one model's prices, lifetime and way of caching each.

Prices as multiples come from `stitcher.providers.caching`; what is here is what that does not say.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from stitcher.core.economics import Prices
from stitcher.providers.caching import cache_rules
from stitcher.simulator.cache import AUTOMATIC_TTL, HOUR

Regime = Literal["look-back", "breakpoints", "everywhere"]
"""How a prompt is written and found: Anthropic's, OpenAI's since GPT-5.6, OpenAI's before."""

_FIVE_MINUTES: Final = 300
_LONG_WRITE: Final = 2.0  # Anthropic, "Prompt caching", 2026-08-21: one-hour writes, base input 1


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


def _cell(
    name: str,
    model: str,
    regime: Regime,
    dollars: float,
    *,
    lifetime: int,
) -> Cell:
    rules = cache_rules(model)
    write = _LONG_WRITE if regime == "look-back" and lifetime == HOUR else rules.write
    rounding = 128 if regime == "everywhere" else 1
    prices = Prices(rules.read, write)
    return Cell(name, model, regime, prices, rules.minimum, lifetime, rounding, dollars)


# Dollars: genai-prices 0.2.3 and litellm 1.109.1, which agree, for 2026-11-22.
_ALL: Final = (
    _cell("anthropic-5m", "claude-opus-5", "look-back", 5.0, lifetime=_FIVE_MINUTES),
    _cell("anthropic-1h", "claude-opus-5", "look-back", 5.0, lifetime=HOUR),
    _cell("openai", "gpt-6-sol", "breakpoints", 2.0, lifetime=AUTOMATIC_TTL),
    _cell("reader-0.25", "gpt-4.1", "everywhere", 2.0, lifetime=AUTOMATIC_TTL),
    _cell("reader-0.05", "claude-sonnet-5-5", "look-back", 2.0, lifetime=_FIVE_MINUTES),
    _cell("reader-0.025", "claude-fable-5-2", "look-back", 8.0, lifetime=_FIVE_MINUTES),
    _cell("reader-0.5", "gpt-4o", "everywhere", 2.5, lifetime=AUTOMATIC_TTL),
)
CELLS: Final[Mapping[str, Cell]] = {cell.name: cell for cell in _ALL}
DEFAULT_CELLS: Final = ("anthropic-5m", "anthropic-1h", "openai", "reader-0.25")
