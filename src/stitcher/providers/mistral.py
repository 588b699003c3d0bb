"""Mistral's prompt cache: in blocks of 64 tokens, for requests that share a `prompt_cache_key`.

Source: docs.mistral.ai, "Prompt caching", 2026-10. Lifetime and scope are not published.
"""

from dataclasses import replace
from typing import Final

from stitcher.providers.rules import Assumptions, CacheRules, Lifetime, losing

_NAMES: Final = (
    "mistral",
    "ministral",
    "codestral",
    "devstral",
    "magistral",
    "pixtral",
    "open-mistral",
    "open-mixtral",
)

_RULES: Final = CacheRules(
    "mistral",
    minimum=64,
    # genai-prices 0.2.3 and litellm 1.110.2 (2026-11-29).
    read=0.1,
    write=1.0,
    explicit=0,
    implicit=True,
    lookback=0,
    scheme="blocks",
    # No time is published: five minutes is the shortest that another provider has.
    lifetimes=(Lifetime("implicit", 300, 1.0),),
    losses=losing("tools", "model", "tools", "system", "prompt_cache_key"),
    block=64,
    rounding=64,
)


def is_mistral(name: str) -> bool:
    """True for the bare names of models that are Mistral's."""
    return name.startswith(_NAMES)


def mistral_rules(assumed: Assumptions) -> CacheRules:
    """The rules for all models: they do not differ."""
    return replace(_RULES, visible=assumed.unstated_visibility, assumptions=assumed)
