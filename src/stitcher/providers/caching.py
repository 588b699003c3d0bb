"""What providers' prompt caches do and ask for, by model: minimums, prices, breakpoints.

A model is found by the longest name it starts with. An unknown model has its family's most careful
values: a breakpoint too many costs nothing, a read price too high moves nothing too early.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from stitcher.providers.models import bare_name

T = TypeVar("T")

Family = Literal["anthropic", "openai", "gemini", "other"]


@dataclass(frozen=True, slots=True)
class CacheRules:
    """How one model's prompt cache works, as far as whoever lays out a prompt must know."""

    family: Family
    minimum: int  # tokens of the shortest prefix that is cached
    read: float  # price of a token read, in prices of a plain input token
    write: float  # price of a token written (5 minutes or 30, the provider's shortest lifetime)
    explicit: int  # breakpoints that a request may set itself; 0 where it cannot
    implicit: bool  # the provider sets one by itself, near the prompt's end
    lookback: int  # positions walked back from a breakpoint; 0 where that is not how it reads


# platform.claude.com, "Prompt caching", 2026-08-21, with litellm 1.109.1 and genai-prices 0.2.3 for
# what came later (2026-11-22). Reads cost less than a tenth from Opus 5.5 and Fable 5.1 on.
_CLAUDE_MINIMUM: Final[Mapping[str, int]] = {
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
    "claude-3-5-haiku": 2_048,
    "claude-haiku-4-5": 4_096,
    "claude-opus-4-6": 4_096,
    "claude-opus-4-5": 4_096,
}
_CLAUDE_READ: Final[Mapping[str, float]] = {
    "claude-": 0.1,
    "claude-opus-5-5": 0.05,
    "claude-sonnet-5-5": 0.05,
    "claude-fable-5-1": 0.025,
    "claude-fable-5-2": 0.025,
    "claude-mythos-5-1": 0.025,
    "claude-mythos-5-2": 0.025,
}
# developers.openai.com, "Prompt caching", 2026-09-23, and openai-python 3.54.0; prices as above.
_OPENAI_READ: Final[Mapping[str, float]] = {
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
_OPENAI: Final = re.compile(r"(gpt-|o\d|codex|chatgpt)")
_VERSION: Final = re.compile(r"gpt-(\d+)(?:\.(\d+))?")
_BREAKPOINTS_SINCE: Final = (5, 6)
# ai.google.dev, "Context caching", 2026-11: implicit caching, on since 2.5.
_GEMINI_MINIMUM: Final[Mapping[str, int]] = {"gemini-": 4_096, "gemini-2": 2_048}
_GEMINI_READ: Final[Mapping[str, float]] = {"gemini-": 0.1, "gemini-4": 0.05, "gemini-1": 0.25}


def cache_rules(model: str) -> CacheRules:
    """The rules for a model, by its own name or by what a router calls it."""
    name = bare_name(model)
    if name.startswith("claude"):
        minimum = _longest(_CLAUDE_MINIMUM, name, 512)
        read = _longest(_CLAUDE_READ, name, 0.1)
        return CacheRules("anthropic", minimum, read, 1.25, explicit=4, implicit=False, lookback=20)
    if _OPENAI.match(name):
        read = 1.0 if "-pro" in name else _longest(_OPENAI_READ, name, 0.1)
        if _has_breakpoints(name):
            # "up to the latest 3 explicit breakpoints" beside the implicit one.
            return CacheRules("openai", 1_024, read, 1.25, explicit=3, implicit=True, lookback=0)
        return CacheRules("openai", 1_024, read, 1.0, explicit=0, implicit=True, lookback=0)
    if name.startswith("gemini"):
        minimum = _longest(_GEMINI_MINIMUM, name, 4_096)
        read = _longest(_GEMINI_READ, name, 0.1)
        return CacheRules("gemini", minimum, read, 1.0, explicit=0, implicit=True, lookback=0)
    return CacheRules("other", 0, 0.1, 1.25, explicit=0, implicit=True, lookback=0)


def _has_breakpoints(name: str) -> bool:
    """True from GPT-5.6 on, also for versions that are not known yet."""
    version = _VERSION.match(name)
    if version is None:
        return False
    return (int(version.group(1)), int(version.group(2) or 0)) >= _BREAKPOINTS_SINCE


def _longest(table: Mapping[str, T], name: str, unknown: T) -> T:
    known = [prefix for prefix in table if name.startswith(prefix)]
    return table[max(known, key=len)] if known else unknown
