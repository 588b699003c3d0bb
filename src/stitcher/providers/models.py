"""What is known of single models: context windows and what they tie their thinking to.

A model is found by the longest name it starts with, so dated variants need no line of their own.
An unknown model has no known window: the caller's budget stands in for it.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, TypeVar

T = TypeVar("T")
U = TypeVar("U")

# Tokens. genai-prices 0.2.3 and litellm 1.109.1 as of 2026-11-22, which agree; litellm alone for
# the context windows.
_CONTEXT_WINDOWS: Final = {
    "claude-fable-5": 1_000_000,
    "claude-mythos-5": 1_000_000,
    "claude-opus-5": 1_000_000,
    "claude-opus-4-8": 1_000_000,
    "claude-opus-4-7": 1_000_000,
    "claude-opus-4-6": 1_000_000,
    "claude-opus-4-5": 200_000,
    "claude-sonnet-5": 1_000_000,
    "claude-sonnet-4-6": 1_000_000,
    "claude-sonnet-4-5": 200_000,
    "claude-haiku-5-5": 1_000_000,
    "claude-haiku-4-5": 200_000,
    "gpt-6": 922_000,
    "gpt-5.6": 922_000,
    "gpt-5.5": 1_050_000,
    "gpt-5.4": 1_050_000,
    "gpt-5": 272_000,
    "gpt-4.1": 1_000_000,
    "gpt-4o": 128_000,
    "o3": 200_000,
}

# "Preserved thinking" (platform.claude.com, read 2026-10): a thinking block is bound to system,
# tools and every earlier message; leaving out something earlier is refused or drops the thinking.
_BINDS_THINKING: Final = (
    "claude-fable-5-1",
    "claude-opus-5-5",
    "claude-sonnet-5-5",
    "claude-haiku-5-5",
)

# "Mid-conversation system messages" (platform.claude.com, read 2026-10): these take a message of
# role `system` after a user's. Not Sonnet 5.
_TAKES_SYSTEM_MIDWAY: Final = (
    "claude-opus-4-8",
    "claude-opus-5",
    "claude-sonnet-5-5",
    "claude-fable-5",
    "claude-mythos-5",
)


# Clients name their models in requests: only so many names are kept.
@lru_cache(maxsize=256)
def context_window(model: str) -> int | None:
    """Tokens the model takes in and gives out together, or None for a model we do not know."""
    return longest_match(_CONTEXT_WINDOWS, bare_name(model), None)


def binds_thinking(model: str) -> bool:
    """True for models whose signed thinking is refused once something before it has changed."""
    return bare_name(model).startswith(_BINDS_THINKING)


def takes_system_midway(model: str) -> bool:
    """True for models that take a system message in the middle of a conversation."""
    return bare_name(model).startswith(_TAKES_SYSTEM_MIDWAY)


def bare_name(model: str) -> str:
    """The provider's own name, without what routers and clouds make of it.

    `anthropic/claude-opus-5.5` at OpenRouter, `us.anthropic.claude-opus-5-5-v1:0` at Bedrock.
    """
    name = model.rpartition("/")[2].lower()
    _, found, variant = name.partition("claude-")
    return found + variant.replace(".", "-") if found else name


def routed_to(model: str, provider: str) -> bool:
    """True where the name says which provider serves the model: `groq/openai/gpt-oss-120b`."""
    return provider in model.lower().split("/")[:-1]


def longest_match(table: Mapping[str, T], name: str, unknown: U) -> T | U:
    """What a table says of the longest of its names that the name starts with."""
    known = [prefix for prefix in table if name.startswith(prefix)]
    return table[max(known, key=len)] if known else unknown
