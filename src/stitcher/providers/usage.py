"""What a provider says it counted: how many input tokens, and what the prompt cache did for them.

Anthropic and Bedrock count cached tokens beside `input_tokens`, everyone else within the total
(openai-python 3.54.0, anthropic 2.12.0 and google-genai 3.4.0, types of 2026-11-22; Bedrock's
`TokenUsage`, 2026-11). Of Anthropic's `iterations` (compaction) nothing is read: they were prompts
of their own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_Path = tuple[str, ...]

# Beside the input tokens, not within them: what is read, what is written.
_BESIDE: Final[Mapping[str, tuple[str, str]]] = {
    "input_tokens": ("cache_read_input_tokens", "cache_creation_input_tokens"),
    "inputTokens": ("cacheReadInputTokens", "cacheWriteInputTokens"),  # Bedrock Converse
}
# Whole totals, one API each: OpenAI chat, Gemini in both spellings and by its Interactions, Ollama.
_TOTALS: Final = (
    "prompt_tokens",
    "prompt_token_count",
    "promptTokenCount",
    "total_input_tokens",
    "prompt_eval_count",
)
# Tokens read. LiteLLM gives Anthropic's names beside OpenAI's, with the same counts.
_READ: Final[tuple[_Path, ...]] = (
    ("prompt_tokens_details", "cached_tokens"),  # OpenAI chat and who follows it
    ("input_tokens_details", "cached_tokens"),  # OpenAI Responses
    ("prompt_cache_hit_tokens",),  # DeepSeek
    ("cached_tokens",),  # Kimi and others
    ("cached_content_token_count",),  # Gemini
    ("cachedContentTokenCount",),
    ("total_cached_tokens",),  # Gemini, Interactions
    ("timings", "cache_n"),  # llama.cpp, in its answer beside `usage`
    *((read,) for read, _ in _BESIDE.values()),
)
# Tokens written. OpenAI from GPT-5.6 on; OpenRouter for everyone.
_WRITTEN: Final[tuple[_Path, ...]] = (
    ("prompt_tokens_details", "cache_write_tokens"),
    ("input_tokens_details", "cache_write_tokens"),
    *((written,) for _, written in _BESIDE.values()),
)
# Of those written, the ones for the longer of two lifetimes.
_WRITTEN_LONG: Final[tuple[_Path, ...]] = (
    ("cache_creation", "ephemeral_1h_input_tokens"),
    ("input_tokens_details", "cache_write_tokens_details", "ttl_12h_tokens"),
    ("prompt_tokens_details", "cache_write_tokens_details", "ttl_12h_tokens"),
)
_OUTPUT: Final[tuple[_Path, ...]] = (("completion_tokens",), ("output_tokens",))
_REASONING: Final[tuple[_Path, ...]] = (
    ("completion_tokens_details", "reasoning_tokens"),
    ("output_tokens_details", "reasoning_tokens"),
)


@dataclass(frozen=True, slots=True)
class CacheUsage:
    """A prompt's tokens, by what the cache did. All of them: `read + written + plain`."""

    read: int
    written: int  # for whichever lifetime
    plain: int  # neither read nor written
    written_long: int = 0  # of `written`, those for the longer lifetime: 1 hour, 12 hours


def input_tokens(usage: Mapping[str, object]) -> int | None:
    """Input tokens of a request, cached ones included; None where the usage says nothing of them.

    `usage` is the object a provider reports, as a mapping.
    """
    total = _first(usage, ((name,) for name in _TOTALS))
    if total is not None:
        return total
    for name, cached in _BESIDE.items():
        own = _whole(usage.get(name))
        if own is not None:
            return own + sum(_whole(usage.get(each)) or 0 for each in cached)
    computed = _at(usage, ("timings", "prompt_n"))
    return None if computed is None else computed + (_at(usage, ("timings", "cache_n")) or 0)


def cache_usage(usage: Mapping[str, object]) -> CacheUsage | None:
    """What the cache did for a request; None where the usage says nothing of caching.

    A provider that leaves the count out when it is none (vLLM, Mistral) says nothing then. Counts
    that do not add up are cut to the total: a bill may not come out below nothing.
    """
    total = input_tokens(usage)
    read, written = _first(usage, _READ), _first(usage, _WRITTEN)
    if total is None or (read is None and written is None):
        return None
    read = _within(read, total)
    written = _within(written, total - read)
    long = _within(_first(usage, _WRITTEN_LONG) or _bedrock_hour(usage), written)
    return CacheUsage(read, written, total - read - written, long)


def said_tokens(usage: Mapping[str, object]) -> int | None:
    """Output tokens of an answer as the next prompt has them; None where that cannot be told.

    Reasoning is output that no later prompt has, and it stands before what is said.
    """
    if any(_at(usage, path) for path in _REASONING):
        return None
    return _first(usage, _OUTPUT)


def _bedrock_hour(usage: Mapping[str, object]) -> int:
    """Tokens written for an hour, in Bedrock's list of what was written for how long."""
    details = usage.get("cacheDetails")
    if not isinstance(details, Sequence):
        return 0
    hours = [one for one in details if isinstance(one, Mapping) and one.get("ttl") == "1h"]
    return sum(_whole(one.get("inputTokens")) or 0 for one in hours)


def _first(usage: Mapping[str, object], paths: Iterable[_Path]) -> int | None:
    found = (_at(usage, path) for path in paths)
    return next((count for count in found if count is not None), None)


def _at(usage: Mapping[str, object], path: _Path) -> int | None:
    found: object = usage
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return _whole(found)


def _within(count: int | None, most: int) -> int:
    return max(0, min(count or 0, most))


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
