"""The implicit prompt cache of Gemini models; caches made by hand (`cachedContents`) are not used.

Source: ai.google.dev, "Context caching", 2026-11: on since 2.5, without a guarantee. It names
minimums and nothing else; Vertex AI lists 6,144 for some models of generation 3.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from stitcher.providers.models import longest_match
from stitcher.providers.rules import Assumptions, CacheRules, Lifetime, losing

_MINIMUM: Final[Mapping[str, int]] = {"gemini-": 4_096, "gemini-2": 2_048}
# genai-prices 0.2.3 and litellm 1.110.2 (2026-11-29), which agree.
_READ: Final[Mapping[str, float]] = {"gemini-": 0.1, "gemini-4": 0.05, "gemini-1": 0.25}

_RULES: Final = CacheRules(
    "gemini",
    minimum=4_096,
    read=0.1,
    write=1.0,
    explicit=0,
    implicit=True,
    lookback=0,
    scheme="prefix",
    # Undocumented: five minutes is the shortest that another provider has.
    lifetimes=(Lifetime("implicit", 300, 1.0),),
    losses=losing("tools", "model", "tools", "system"),
)


def gemini_rules(name: str, assumed: Assumptions) -> CacheRules:
    """The rules for a model by its bare name."""
    return replace(
        _RULES,
        minimum=longest_match(_MINIMUM, name, 4_096),
        read=longest_match(_READ, name, 0.1),
        visible=assumed.unstated_visibility,
        assumptions=assumed,
    )
