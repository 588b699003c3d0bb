"""Anthropic's prompt cache.

Source, unless a line says otherwise: platform.claude.com, "Prompt caching" and "Tool use with
prompt caching", copies of 2026-08-21 and later.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from stitcher.providers.models import longest_match
from stitcher.providers.rules import Assumptions, CacheRules, Lifetime, Loss, losing

# The page of 2026-08-21; later models from litellm 1.110.2, `prompt_cache_min_tokens`, 2026-11-29.
# Fable and Mythos 5.2 stand in no list (2026-11-22): taken for what 5 and 5.1 are.
_MINIMUM: Final[Mapping[str, int]] = {
    "claude-": 512,
    "claude-3": 1_024,  # docs.litellm.ai, "Prompt Caching", 2026-10-07
    "claude-3-5-haiku": 2_048,
    "claude-fable-5": 512,
    "claude-mythos-5": 512,
    "claude-opus-5": 512,
    "claude-sonnet-5-5": 512,
    "claude-haiku-5-5": 512,
    "claude-opus-4-8": 1_024,
    "claude-sonnet-5": 1_024,
    "claude-sonnet-4": 1_024,
    "claude-opus-4": 1_024,
    "claude-opus-4-7": 2_048,
    "claude-mythos-preview": 2_048,
    "claude-haiku-3-5": 2_048,
    "claude-haiku-4-5": 4_096,
    "claude-opus-4-6": 4_096,
    "claude-opus-4-5": 4_096,
}
# litellm 1.110.2 (2026-11-29) against the page.
_LOWER_MINIMUM: Final[Mapping[str, int]] = {"claude-mythos-preview": 512}
# "Same minimum on every platform" (Anthropic) against the page of Bedrock (2026-10-01).
_BEDROCK_MINIMUM: Final[Mapping[str, int]] = {"claude-opus-4-7": 4_096}

# Prices: genai-prices 0.2.3 and litellm 1.110.2 (2026-11-29), which agree. Reads cost less than a
# tenth from Opus 5.5 and Fable 5.1 on.
_READ: Final[Mapping[str, float]] = {
    "claude-": 0.1,
    "claude-opus-5-5": 0.05,
    "claude-sonnet-5-5": 0.05,
    "claude-fable-5-1": 0.025,
    "claude-fable-5-2": 0.025,
    "claude-mythos-5-1": 0.025,
    "claude-mythos-5-2": 0.025,
}
# "expire after a minimum of 5 minutes", "measured from the start of the request that writes or
# reads the cache entry, not from the end of its response"; reading renews either for nothing.
_LIFETIMES: Final = (Lifetime("5m", 300, 1.25), Lifetime("1h", 3_600, 2.0))

_SETTINGS: Final = ("thinking", "output_config.effort")
# The table "What invalidates the cache", and "Cache diagnostics" (2026-08-21): the last line's are
# named there as changing the prompt; in which tier is not said, and taken for the messages.
_LOSSES: Final[tuple[Loss, ...]] = (
    *losing("tools", "model", "tools"),
    *losing("system", "system", "speed", "web_search", "web_fetch", "citations"),
    *losing("messages", "tool_choice", "tool_choice.disable_parallel_tool_use", "images"),
    *losing("messages", *_SETTINGS),
    *losing("messages", "context_management", "output_format", "anthropic-beta"),
)
_SETTINGS_FIRST: Final = (
    *losing("tools", *_SETTINGS),
    *(loss for loss in _LOSSES if loss.change not in _SETTINGS),
)

_RULES: Final = CacheRules(
    "anthropic",
    minimum=512,
    read=0.1,
    write=1.25,
    explicit=4,
    implicit=False,
    # The breakpoint itself is the first of the 20.
    lookback=20,
    scheme="breakpoints",
    lifetimes=_LIFETIMES,
    losses=_LOSSES,
    # Per organisation on Bedrock and Google Cloud.
    scope="workspace",
    # "a cache entry only becomes available after the first response begins"
    visible="response start",
    counted_from="request start",
    # "Request 2 caches its request content (not the response)"
    writes_answers=False,
    # Not with stream, thinking of type enabled, a format for the output, a forced tool, or a batch.
    keep_alive="max_tokens=0",
)


def anthropic_rules(name: str, assumed: Assumptions, *, bedrock: bool = False) -> CacheRules:
    """The rules for a model by its bare name."""
    minimum = longest_match(_MINIMUM, name, 512)
    if assumed.lower_minimums:
        minimum = longest_match(_LOWER_MINIMUM, name, minimum)
    elif bedrock:
        minimum = longest_match(_BEDROCK_MINIMUM, name, minimum)
    return replace(
        _RULES,
        minimum=minimum,
        read=longest_match(_READ, name, 0.1),
        losses=_SETTINGS_FIRST if assumed.settings_before_head else _LOSSES,
        assumptions=assumed,
    )
