"""How many tokens a text is, roughly, and how far off that was.

Estimates are made once per message and kept with it; they are corrected per model by the ratio of
reported to estimated usage. Exact counts are not needed: a budget is kept with a margin, and cost
is read from what the provider reports.
"""

from dataclasses import dataclass
from typing import Final

# Bytes of UTF-8 per token on mixed prose, code and JSON. Measured offline with o200k (3.4 to 4.5)
# and with a reconstruction of Claude's vocabularies (2.1 to 2.8 from Opus 4.7 on), 2026-11-22.
# The careful end is taken: a first guess that is too high cuts early, one too low is refused.
# Gemini says about four characters (ai.google.dev, "Understand and count tokens", 2026-11).
BYTES_PER_TOKEN: Final = {
    "openai_chat": 3.6,
    "openai_responses": 3.6,
    "anthropic": 2.8,
    "gemini": 3.6,
}

# OpenAI cookbook for the gpt-4o era: 3 tokens a message; Claude frames a message in about as many.
TOKENS_PER_MESSAGE: Final = 4

_FASTEST_CHANGE: Final = 0.5  # weight of the newest observation


_TENTHS: Final = {name: round(10 * bytes_) for name, bytes_ in BYTES_PER_TOKEN.items()}
_OTHERS: Final = 30  # tenths of a byte


def estimate(size: int, dialect: str) -> int:
    """Tokens in `size` bytes of text, rounded up."""
    return -(-10 * size // _TENTHS.get(dialect, _OTHERS))


@dataclass(frozen=True, slots=True)
class Calibration:
    """Reported tokens per estimated token of one model."""

    ratio: float = 1.0
    seen: int = 0

    def observe(self, *, estimated: int, reported: int) -> "Calibration":
        """Takes in what a provider counted for a request we had estimated."""
        if estimated <= 0 or reported <= 0:
            return self
        ratio = reported / estimated
        if not 0.1 < ratio < 10:  # a usage that speaks of something else
            return self
        weight = max(_FASTEST_CHANGE, 1 / (self.seen + 1))
        return Calibration(self.ratio + weight * (ratio - self.ratio), self.seen + 1)

    def apply(self, estimated: int) -> int:
        """The estimate, corrected."""
        return round(estimated * self.ratio)
