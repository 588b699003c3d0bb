"""xAI's prompt cache: by itself, at the ends of messages, on one server.

Source: docs.x.ai, "Prompt caching", 2026-11. Entries may go at any time; the header
`x-grok-conv-id`, or `prompt_cache_key` in Responses, leads a conversation to the server it was on.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from stitcher.providers.models import longest_match
from stitcher.providers.rules import Assumptions, CacheRules, Lifetime, losing

# genai-prices 0.2.3 and litellm 1.110.2 (2026-11-29), which agree.
_READ: Final[Mapping[str, float]] = {
    "grok-": 0.25,
    "grok-4.20": 0.16,
    "grok-4.3": 0.16,
    "grok-4.5": 0.15,
    "grok-build": 0.2,
}

_RULES: Final = CacheRules(
    "xai",
    minimum=0,  # none is published
    read=0.25,
    write=1.0,
    explicit=0,
    implicit=True,
    lookback=0,
    scheme="message_ends",
    # No time is published: five minutes is the shortest that another provider has.
    lifetimes=(Lifetime("implicit", 300, 1.0),),
    losses=losing("tools", "model", "tools", "system", "prompt_cache_key", "x-grok-conv-id"),
)


def xai_rules(name: str, assumed: Assumptions) -> CacheRules:
    """The rules for a model by its bare name."""
    return replace(
        _RULES,
        read=longest_match(_READ, name, 0.25),
        visible=assumed.unstated_visibility,
        assumptions=assumed,
    )
