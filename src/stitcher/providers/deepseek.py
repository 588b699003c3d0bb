"""DeepSeek's prompt cache on disk, for models that DeepSeek serves.

Source: api-docs.deepseek.com, "Context caching", 2026-11. What is cached is a unit: after A+B, a
request A+B+C reads A+B, but A+C reads nothing. Units also end where requests were found to have a
prefix in common, and at intervals of unpublished size: neither is counted on (`Assumptions`).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from stitcher.providers.models import longest_match
from stitcher.providers.rules import Assumptions, CacheRules, Lifetime, losing

# genai-prices 0.2.3 and litellm 1.110.2 (2026-11-29), which agree. Half of all prices off peak
# leaves the ratios. The most careful for unknown ones is that of the oldest.
_READ: Final[Mapping[str, float]] = {
    "deepseek-": 0.1,
    "deepseek-flash": 0.02,
    "deepseek-v4-flash": 0.02,
    "deepseek-v4-pro": 1 / 30,
}

_RULES: Final = CacheRules(
    "deepseek",
    minimum=0,  # none is published
    read=0.1,
    write=1.0,
    explicit=0,
    implicit=True,
    lookback=0,
    scheme="units",
    # Hours to days, best effort: one hour is counted on.
    lifetimes=(Lifetime("implicit", 3_600, 1.0),),
    # `user_id` parts the cache.
    losses=losing("tools", "model", "tools", "system", "user_id"),
    scope="account",
    visible="seconds later",
    writes_answers=True,
)


def deepseek_rules(name: str, assumed: Assumptions) -> CacheRules:
    """The rules for a model by its bare name."""
    return replace(
        _RULES,
        read=longest_match(_READ, name, 0.1),
        block=assumed.unit_interval or 1,
        assumptions=assumed,
    )
