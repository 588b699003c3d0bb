"""What providers report of a prompt and its cache, read from what they call it."""

from collections.abc import Mapping
from typing import Any

import anthropic.types
import openai.types
import openai.types.responses
import pytest
from anthropic.types.cache_creation import CacheCreation
from hypothesis import given
from hypothesis import strategies as st
from openai.types.completion_usage import PromptTokensDetails
from openai.types.responses.response_usage import (
    InputTokensDetails,
    InputTokensDetailsCacheWriteTokensDetails,
    OutputTokensDetails,
)

from stitcher.providers.usage import CacheUsage, cache_usage, input_tokens, said_tokens


def test_anthropic_counts_the_cached_beside_the_input() -> None:
    usage = anthropic.types.Usage(
        input_tokens=10,
        cache_read_input_tokens=1_000,
        cache_creation_input_tokens=300,
        cache_creation=CacheCreation(ephemeral_5m_input_tokens=200, ephemeral_1h_input_tokens=100),
        output_tokens=5,
    )
    told = usage.model_dump()
    assert cache_usage(told) == CacheUsage(read=1_000, written=300, plain=10, written_long=100)
    assert input_tokens(told) == 1_310


def test_anthropic_without_a_word_on_caches() -> None:
    usage = anthropic.types.Usage(input_tokens=10, output_tokens=5)
    assert cache_usage(usage.model_dump()) is None


def test_openai_responses_counts_all_within_the_input() -> None:
    usage = openai.types.responses.ResponseUsage(
        input_tokens=3_000,
        input_tokens_details=InputTokensDetails(
            cached_tokens=2_000,
            cache_write_tokens=700,
            cache_write_tokens_details=InputTokensDetailsCacheWriteTokensDetails(
                ttl_12h_tokens=500, ttl_30m_tokens=200
            ),
        ),
        output_tokens=1,
        output_tokens_details=OutputTokensDetails(reasoning_tokens=0),
        total_tokens=3_001,
    )
    told = usage.model_dump()
    assert cache_usage(told) == CacheUsage(read=2_000, written=700, plain=300, written_long=500)
    assert input_tokens(told) == 3_000


def test_openai_chat() -> None:
    details = PromptTokensDetails(cached_tokens=2_000, cache_write_tokens=700)
    usage = openai.types.CompletionUsage(
        prompt_tokens=3_000,
        prompt_tokens_details=details,
        completion_tokens=1,
        total_tokens=3_001,
    )
    assert cache_usage(usage.model_dump()) == CacheUsage(read=2_000, written=700, plain=300)


def test_openai_chat_without_details() -> None:
    usage = openai.types.CompletionUsage(prompt_tokens=30, completion_tokens=1, total_tokens=31)
    assert cache_usage(usage.model_dump()) is None


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        pytest.param(
            {"prompt_tokens": 90, "prompt_cache_hit_tokens": 64, "prompt_cache_miss_tokens": 26},
            CacheUsage(64, 0, 26),
            id="DeepSeek",
        ),
        pytest.param({"prompt_tokens": 90, "cached_tokens": 64}, CacheUsage(64, 0, 26), id="Kimi"),
        pytest.param(
            {
                "prompt_token_count": 90,
                "cached_content_token_count": 64,
                "prompt_tokens_details": [],
            },
            CacheUsage(64, 0, 26),
            id="Gemini's SDK",
        ),
        pytest.param(
            {"promptTokenCount": 90, "cachedContentTokenCount": 64},
            CacheUsage(64, 0, 26),
            id="Gemini",
        ),
        pytest.param(
            {"total_input_tokens": 90, "total_cached_tokens": 64},
            CacheUsage(64, 0, 26),
            id="Gemini's Interactions",
        ),
        pytest.param(
            {"timings": {"cache_n": 64, "prompt_n": 26}}, CacheUsage(64, 0, 26), id="llama.cpp"
        ),
        pytest.param(
            {"prompt_tokens": 90, "timings": {"cache_n": 64, "prompt_n": 26}},
            CacheUsage(64, 0, 26),
            id="llama.cpp as OpenAI",
        ),
        pytest.param(
            {"prompt_tokens": 90, "prompt_tokens_details": {"cached_tokens": 64}},
            CacheUsage(64, 0, 26),
            id="xAI, Mistral, Groq, vLLM, SGLang",
        ),
        pytest.param(
            {
                "inputTokens": 10,
                "cacheReadInputTokens": 64,
                "cacheWriteInputTokens": 16,
                "cacheDetails": [
                    {"ttl": "1h", "inputTokens": 6},
                    {"ttl": "5m", "inputTokens": 10},
                ],
            },
            CacheUsage(64, 16, 10, 6),
            id="Bedrock",
        ),
        pytest.param(
            {
                "prompt_tokens": 90,
                "prompt_tokens_details": {"cached_tokens": 64},
                "cache_read_input_tokens": 64,
                "cache_creation_input_tokens": 16,
            },
            CacheUsage(64, 16, 10),
            id="LiteLLM",
        ),
    ],
)
def test_what_others_report(usage: Mapping[str, object], expected: CacheUsage) -> None:
    assert cache_usage(usage) == expected
    assert input_tokens(usage) == 90


@pytest.mark.parametrize(
    "usage",
    [
        pytest.param({"prompt_eval_count": 90, "eval_count": 3}, id="Ollama counts no cache"),
        pytest.param({"prompt_tokens": 90, "prompt_tokens_details": None}, id="vLLM, no flag"),
        pytest.param({"prompt_tokens": 90, "prompt_tokens_details": {}}, id="nothing detailed"),
        pytest.param({"cached_tokens": 64}, id="no total"),
        pytest.param({"prompt_tokens": 90, "cached_tokens": "64"}, id="not a number"),
        pytest.param({"prompt_tokens": 90, "cached_tokens": True}, id="not a count"),
        pytest.param({}, id="nothing"),
    ],
)
def test_nothing_is_made_up(usage: Mapping[str, object]) -> None:
    assert cache_usage(usage) is None


def test_counts_that_do_not_add_up_are_cut_to_the_total() -> None:
    details = {"cached_tokens": 120, "cache_write_tokens": 7}
    assert cache_usage({"prompt_tokens": 90, "prompt_tokens_details": details}) == CacheUsage(
        90, 0, 0
    )
    assert cache_usage({"prompt_tokens": 90, "cached_tokens": -3}) == CacheUsage(0, 0, 90)


COUNTS = st.integers(0, 10**7)


@st.composite
def usages(draw: st.DrawFn) -> dict[str, Any]:
    """Usage with any of the fields that any provider has, in any company."""
    flat = [
        "input_tokens",
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
        "inputTokens",
        "cacheReadInputTokens",
        "cacheWriteInputTokens",
        "prompt_tokens",
        "prompt_token_count",
        "promptTokenCount",
        "prompt_eval_count",
        "prompt_cache_hit_tokens",
        "cached_tokens",
        "cached_content_token_count",
        "cachedContentTokenCount",
    ]
    nested = {
        "prompt_tokens_details": ("cached_tokens", "cache_write_tokens"),
        "input_tokens_details": ("cached_tokens", "cache_write_tokens"),
        "cache_creation": ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"),
        "timings": ("cache_n", "prompt_n"),
    }
    usage: dict[str, Any] = draw(
        st.fixed_dictionaries({}, optional=dict.fromkeys(flat, COUNTS | st.none()))
    )
    for name, fields in nested.items():
        details = st.fixed_dictionaries({}, optional=dict.fromkeys(fields, COUNTS | st.none()))
        if draw(st.booleans()):
            usage[name] = draw(details | st.none())
    return usage


@given(usages())
def test_the_parts_are_the_whole(usage: dict[str, Any]) -> None:
    found = cache_usage(usage)
    if found is not None:
        assert found.read + found.written + found.plain == input_tokens(usage)
        assert min(found.read, found.written, found.plain, found.written_long) >= 0
        assert found.written_long <= found.written


@given(usage=usages())
def test_a_usage_of_one_api_is_read_as_it_says(usage: dict[str, Any]) -> None:
    """Whatever else is in it: a count of what was read is never lost where there is a total."""
    total = input_tokens(usage)
    if total is not None and usage.get("cached_tokens") is not None:
        assert cache_usage(usage) is not None


@pytest.mark.parametrize(
    ("usage", "said"),
    [
        ({"completion_tokens": 7}, 7),
        ({"completion_tokens": 7, "completion_tokens_details": {"reasoning_tokens": 0}}, 7),
        ({"output_tokens": 7, "output_tokens_details": None}, 7),
        ({"output_tokens": 7, "output_tokens_details": {"reasoning_tokens": 2}}, None),
        ({"completion_tokens": "7"}, None),
        ({}, None),
    ],
)
def test_an_answer_is_as_long_as_the_next_prompt_has_it(
    usage: dict[str, Any], said: int | None
) -> None:
    """Reasoning is not in it, and stands before what is said: then nothing can be told."""
    assert said_tokens(usage) == said
