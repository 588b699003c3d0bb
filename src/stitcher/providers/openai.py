"""OpenAI's prompt cache: up to GPT-5.5, which finds prefixes by itself, and from GPT-5.6 on, which
writes at boundaries and charges for it.

Source, unless a line says otherwise: developers.openai.com, "Prompt caching", 2026-09-23, and
openai-python 3.54.0 (2026-11-22).
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from stitcher.providers.models import longest_match
from stitcher.providers.rules import Assumptions, CacheRules, Lifetime, Lookup, losing

# genai-prices 0.2.3 and litellm 1.110.2 (2026-11-29), which agree.
_READ: Final[Mapping[str, float]] = {
    "gpt-": 0.1,
    "gpt-6.1": 0.05,
    "gpt-4.1": 0.25,
    "gpt-4o": 0.5,
    "gpt-4": 1.0,
    "gpt-3": 1.0,
    "o1": 0.5,
    "o3": 0.25,
    "o3-mini": 0.5,
    "o4": 0.25,
    "codex": 0.25,
}
# Models with open weights: whoever serves them caches by rules of their own.
_OPEN_WEIGHTS: Final = "gpt-oss"
_OURS: Final = re.compile(r"(gpt-|o\d|codex|chatgpt)")
_VERSION: Final = re.compile(r"gpt-(\d+)(?:\.(\d+))?")
_BOUNDARIES_SINCE: Final = (5, 6)
_LONG_INTERVAL_SINCE: Final = (5, 5)

# Prefix-affecting settings of the guide; the key and the service tier from the reasons that cache
# diagnostics give. `tool_choice` and `allowed_tools` leave the tools as they are. Listed as
# developer messages, tools, history: whatever changes there, all that follows is lost.
_CHANGES: Final = (
    "model",
    "prompt_cache_key",
    "system",
    "parallel_tool_calls",
    "text.format",
    "response_format",  # the same in Chat Completions
    "reasoning.effort",
    "reasoning_effort",  # the same in Chat Completions
    "text.verbosity",
    "verbosity",  # the same in Chat Completions
    "context_management",
)
_LOSSES: Final = (*losing("system", *_CHANGES), *losing("tools", "tools"))
_LOSSES_BY_TIER: Final = (*_LOSSES, *losing("system", "service_tier"))

# The implicit mode looks up message ends and the end of the leading developer messages besides.
_GUIDE: Final = Lookup(first=2, latest=50, message_ends=20, opening=True)
# API reference: "up to the latest 80 breakpoints in the conversation".
_REFERENCE: Final = Lookup(first=0, latest=80, message_ends=20, opening=True)

_BOUNDARIES: Final = CacheRules(
    "openai",
    minimum=1_024,  # visible tokens: OpenAI's own instructions do not count
    read=0.1,
    write=1.25,
    # The latest 3 beside the implicit one; 4 without it.
    explicit=3,
    implicit=True,
    lookback=0,
    scheme="boundaries",
    # "30m" is the least, after the last write or reuse, and the most Chat Completions takes. "12h"
    # is in the types of Responses (openai-python 3.54.0), not in the guide; its price is in litellm
    # alone (1.110.2, 2026-11-29): twice what writing for 30 minutes costs, with every model.
    lifetimes=(Lifetime("30m", 1_800, 1.25), Lifetime("12h", 43_200, 2.5, only="responses")),
    losses=_LOSSES_BY_TIER,
    order=("system", "tools", "messages"),
    scope="organisation",  # and region
    lookup=_GUIDE,
    keep_alive="prewarm",
)
_BLOCKS: Final = CacheRules(
    "openai",
    minimum=1_024,  # "varies by request settings"; 1,024 is what it was when there was a number
    read=0.1,
    write=1.0,
    explicit=0,
    implicit=True,
    lookback=0,
    scheme="blocks",
    # `prompt_cache_retention`: "in_memory" is 5 to 10 idle minutes and an hour at most, "24h"
    # typically 30 minutes. Which one an organisation has cannot be seen: the shortest.
    lifetimes=(Lifetime("implicit", 300, 1.0),),
    losses=_LOSSES_BY_TIER,
    block=128,
    # `cached_tokens` is rounded down to a multiple of 128.
    rounding=128,
    order=("system", "tools", "messages"),
    scope="organisation",  # and region
    # Above that, requests of one prefix and key overflow to other machines.
    requests_per_minute=15,
)


def is_openai(name: str) -> bool:
    """True for the bare names of models that OpenAI serves."""
    return _OURS.match(name) is not None and not name.startswith(_OPEN_WEIGHTS)


def openai_rules(name: str, assumed: Assumptions) -> CacheRules:
    """The rules for a model by its bare name."""
    version = _version(name)
    rules = _with_boundaries(assumed) if version >= _BOUNDARIES_SINCE else _BLOCKS
    if rules.scheme == "blocks":
        # 2,048 tokens for GPT-5.5 and GPT-5.5 pro; others by model, and it is not said how many.
        block = 2_048 if version >= _LONG_INTERVAL_SINCE else assumed.interval
        rules = replace(rules, block=block, visible=assumed.unstated_visibility)
    return replace(
        rules,
        # Models named -pro have no price for reads.
        read=1.0 if "-pro" in name else longest_match(_READ, name, 0.1),
        losses=_LOSSES_BY_TIER if assumed.service_tier_parts else _LOSSES,
        assumptions=assumed,
    )


def _with_boundaries(assumed: Assumptions) -> CacheRules:
    short, long = _BOUNDARIES.lifetimes
    return replace(
        _BOUNDARIES,
        lifetimes=(short, replace(long, write=assumed.write_12h)),
        lookup=_REFERENCE if assumed.latest_80 else _GUIDE,
        visible=assumed.unstated_visibility,
    )


def _version(name: str) -> tuple[int, int]:
    """The version in a model's name, also one not known yet; (0, 0) where it has none."""
    found = _VERSION.match(name)
    return (int(found.group(1)), int(found.group(2) or 0)) if found else (0, 0)
