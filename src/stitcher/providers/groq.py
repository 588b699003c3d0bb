"""Groq's prompt cache: by itself, in volatile memory, at half the price.

Source: console.groq.com, "Prompt caching", 2026-11: cached data "automatically expires after 2
hours without use"; hits are "not guaranteed".
"""

from dataclasses import replace
from typing import Final

from stitcher.providers.rules import Assumptions, CacheRules, Lifetime, losing

_RULES: Final = CacheRules(
    "groq",
    minimum=0,  # none is published
    read=0.5,
    write=1.0,
    explicit=0,
    implicit=True,
    lookback=0,
    scheme="prefix",
    # Two hours is when it ends at the latest; nothing says how long memory lasts before that.
    lifetimes=(Lifetime("implicit", 300, 1.0),),
    losses=losing("tools", "model", "tools", "system"),
)


def groq_rules(assumed: Assumptions) -> CacheRules:
    """The rules for all models: they do not differ."""
    return replace(_RULES, visible=assumed.unstated_visibility, assumptions=assumed)
