"""Whose prompt cache a model is in: finds the rules for a model's name.

Every provider's rules are in the module of its name. An unknown model of a known family has its
family's most careful values: a breakpoint too many costs nothing, a read price too high moves
nothing too early. Engines that one runs oneself cannot be told by a model: `engines` has theirs.
"""

from dataclasses import replace
from functools import lru_cache
from typing import Final

from stitcher.providers.anthropic import anthropic_rules
from stitcher.providers.deepseek import deepseek_rules
from stitcher.providers.gemini import gemini_rules
from stitcher.providers.groq import groq_rules
from stitcher.providers.mistral import is_mistral, mistral_rules
from stitcher.providers.models import bare_name, routed_to
from stitcher.providers.openai import is_openai, openai_rules
from stitcher.providers.rules import CAREFUL, Assumptions, CacheRules, Lifetime, losing
from stitcher.providers.xai import xai_rules

__all__ = ["CacheRules", "cache_rules"]

# Whoever serves it may charge for writes and keep entries for the shortest time any provider does.
_UNKNOWN: Final = CacheRules(
    "other",
    minimum=0,
    read=0.1,
    write=1.25,
    explicit=0,
    implicit=True,
    lookback=0,
    scheme="prefix",
    lifetimes=(Lifetime("implicit", 300, 1.25),),
    losses=losing("tools", "model", "tools", "system"),
)


# Clients name their models in requests: only so many names are kept.
@lru_cache(maxsize=256)
def cache_rules(model: str, assumed: Assumptions = CAREFUL) -> CacheRules:
    """The rules for a model, by its own name or by what a router calls it."""
    name = bare_name(model)
    if routed_to(model, "groq"):
        return groq_rules(assumed)
    if name.startswith("claude"):
        return anthropic_rules(name, assumed, bedrock="anthropic.claude" in model.lower())
    if is_openai(name):
        return openai_rules(name, assumed)
    if name.startswith("gemini"):
        return gemini_rules(name, assumed)
    if name.startswith("deepseek-"):
        return deepseek_rules(name, assumed)
    if name.startswith("grok"):
        return xai_rules(name, assumed)
    if is_mistral(name):
        return mistral_rules(assumed)
    return replace(_UNKNOWN, visible=assumed.unstated_visibility, assumptions=assumed)
