"""How many input tokens a provider says it counted, read from the usage it reports.

Anthropic counts cached tokens beside `input_tokens`, everyone else within the total
(openai-python 3.54.0, anthropic 2.12.0 and google-genai 3.4.0, types of 2026-11-22).
"""

from collections.abc import Mapping
from typing import Final

# Beside `input_tokens`, not within it.
_CACHED_BESIDE: Final = ("cache_creation_input_tokens", "cache_read_input_tokens")
# Whole totals, one API each: OpenAI chat, Gemini in both spellings, Ollama.
_TOTALS: Final = ("prompt_tokens", "prompt_token_count", "promptTokenCount", "prompt_eval_count")


def input_tokens(usage: Mapping[str, object]) -> int | None:
    """Input tokens of a request, cached ones included; None where the usage says nothing of them.

    `usage` is the object a provider reports, as a mapping.
    """
    totals = (_whole(usage.get(name)) for name in _TOTALS)
    total = next((found for found in totals if found is not None), None)
    if total is not None:
        return total
    own = _whole(usage.get("input_tokens"))
    cached = [_whole(usage.get(name)) or 0 for name in _CACHED_BESIDE]
    return None if own is None else own + sum(cached)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
