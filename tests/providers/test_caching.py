"""What is known of models' prompt caches."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.providers.caching import cache_rules
from stitcher.providers.engines import engine_rules
from stitcher.providers.rules import CAREFUL, CacheRules, Lifetime, Lookup

ONE_OF_EACH = (
    "claude-opus-5-5",
    "gpt-6.1-sol",
    "gpt-5.5",
    "gpt-4o",
    "gemini-3.8-flash",
    "deepseek-flash",
    "grok-4.7",
    "mistral-large-4",
    "groq/openai/gpt-oss-120b",
    "llama-3.1-8b",
)


def test_the_shortest_prefix_that_is_read_is_a_whole_step() -> None:
    assert cache_rules("gpt-5.5").shortest == 2_048
    assert cache_rules("gpt-5.4").shortest == 1_024
    assert cache_rules("claude-opus-5-5").shortest == 512


@pytest.mark.parametrize(
    ("model", "minimum", "read"),
    [
        ("claude-opus-5-5", 512, 0.05),
        ("claude-opus-5", 512, 0.1),
        ("claude-sonnet-5-5", 512, 0.05),
        ("claude-sonnet-5", 1_024, 0.1),
        ("claude-sonnet-4-20250514", 1_024, 0.1),
        ("claude-opus-4-1", 1_024, 0.1),
        ("claude-opus-4-7", 2_048, 0.1),
        ("claude-haiku-4-5-20251001", 4_096, 0.1),
        ("claude-fable-5-1", 512, 0.025),
        ("us.anthropic.claude-opus-4-6-v1:0", 4_096, 0.1),
        ("anthropic/claude-haiku-5.5", 512, 0.1),
        ("claude-of-tomorrow", 512, 0.1),
        ("claude-3-5-haiku-20241022", 2_048, 0.1),
    ],
)
def test_claude(model: str, minimum: int, read: float) -> None:
    rules = cache_rules(model)
    assert (rules.family, rules.minimum, rules.read) == ("anthropic", minimum, read)
    assert (rules.write, rules.explicit, rules.lookback) == (1.25, 4, 20)
    assert not rules.implicit


@pytest.mark.parametrize(
    ("model", "read", "write", "explicit"),
    [
        ("gpt-6.1-sol", 0.05, 1.25, 3),
        ("gpt-6", 0.1, 1.25, 3),
        ("gpt-5.6-luna", 0.1, 1.25, 3),
        ("gpt-5.10", 0.1, 1.25, 3),  # a version, not a decimal number
        ("gpt-7", 0.1, 1.25, 3),
        ("gpt-5.5", 0.1, 1.0, 0),
        ("gpt-5", 0.1, 1.0, 0),
        ("gpt-5-pro", 1.0, 1.0, 0),
        ("gpt-4.1-mini", 0.25, 1.0, 0),
        ("openai/gpt-4o", 0.5, 1.0, 0),
        ("gpt-4-turbo", 1.0, 1.0, 0),
        ("o3", 0.25, 1.0, 0),
        ("o3-mini", 0.5, 1.0, 0),
    ],
)
def test_openai_before_and_after_breakpoints(
    model: str, read: float, write: float, explicit: int
) -> None:
    rules = cache_rules(model)
    assert (rules.family, rules.minimum, rules.implicit) == ("openai", 1_024, True)
    assert (rules.read, rules.write, rules.explicit) == (read, write, explicit)


@pytest.mark.parametrize(
    ("model", "minimum", "read"),
    [("gemini-3.8-flash", 4_096, 0.1), ("gemini-2.5-pro", 2_048, 0.1), ("gemini-4", 4_096, 0.05)],
)
def test_gemini(model: str, minimum: int, read: float) -> None:
    rules = cache_rules(model)
    assert (rules.family, rules.minimum, rules.read) == ("gemini", minimum, read)
    assert rules.explicit == 0


def test_an_unknown_model_is_marked_nowhere_and_moved_with_care() -> None:
    rules = cache_rules("llama-3.1-8b")
    assert (rules.family, rules.explicit, rules.write) == ("other", 0, 1.25)


@pytest.mark.parametrize(
    ("model", "family", "read", "scheme", "block"),
    [
        ("deepseek-flash", "deepseek", 0.02, "units", 1),
        ("deepseek/deepseek-v4-pro", "deepseek", 1 / 30, "units", 1),
        ("deepseek-of-tomorrow", "deepseek", 0.1, "units", 1),
        ("grok-4.7", "xai", 0.25, "message_ends", 1),
        ("x-ai/grok-4.5", "xai", 0.15, "message_ends", 1),
        ("mistral-large-4", "mistral", 0.1, "blocks", 64),
        ("mistralai/devstral-medium-latest", "mistral", 0.1, "blocks", 64),
        ("groq/openai/gpt-oss-120b", "groq", 0.5, "prefix", 1),
        ("groq/llama-3.3-70b-versatile", "groq", 0.5, "prefix", 1),
        ("gpt-oss-120b", "other", 0.1, "prefix", 1),  # open weights: served by anyone
    ],
)
def test_others(model: str, family: str, read: float, scheme: str, block: int) -> None:
    rules = cache_rules(model)
    assert (rules.family, rules.read, rules.scheme, rules.block) == (family, read, scheme, block)
    assert rules.explicit == 0


@pytest.mark.parametrize("model", ONE_OF_EACH)
def test_lifetimes_are_shortest_first_and_the_first_is_what_writing_costs(model: str) -> None:
    rules = cache_rules(model)
    seconds = [one.seconds for one in rules.lifetimes]
    assert seconds == sorted(seconds)
    assert rules.write == rules.lifetimes[0].write
    assert rules.assumptions == CAREFUL


def test_lifetimes() -> None:
    assert cache_rules("claude-opus-5-5").lifetimes == (
        Lifetime("5m", 300, 1.25),
        Lifetime("1h", 3_600, 2.0),
    )
    assert cache_rules("gpt-5.6-sol").lifetimes == (
        Lifetime("30m", 1_800, 1.25),
        Lifetime("12h", 43_200, 2.5, only="responses"),
    )
    assert [one.seconds for one in cache_rules("gpt-5.5").lifetimes] == [300]
    assert [one.seconds for one in cache_rules("deepseek-flash").lifetimes] == [3_600]


@pytest.mark.parametrize(
    ("change", "lost"),
    [
        ("model", ("tools", "system", "messages")),
        ("tools", ("tools", "system", "messages")),
        ("speed", ("system", "messages")),
        ("web_search", ("system", "messages")),
        ("system", ("system", "messages")),
        ("tool_choice", ("messages",)),
        ("images", ("messages",)),
        ("thinking", ("messages",)),
        ("max_tokens", ()),
    ],
)
def test_what_a_change_loses_at_anthropic(change: str, lost: tuple[str, ...]) -> None:
    """The table of the documentation, 2026-08-21."""
    assert cache_rules("claude-opus-5").lost_by(change) == lost


def test_what_a_change_loses_at_openai() -> None:
    rules = cache_rules("gpt-6.1-sol")
    assert rules.lost_by("reasoning.effort") == ("system", "tools", "messages")
    assert rules.lost_by("tools") == ("tools", "messages")
    assert rules.lost_by("tool_choice") == ()  # allowed tools leave the list as it is


def test_openai_before_boundaries_works_in_blocks() -> None:
    old, last = cache_rules("gpt-5.4"), cache_rules("gpt-5.5-pro")
    assert (old.scheme, old.block, old.rounding) == ("blocks", 128, 128)
    assert (last.scheme, last.block, last.rounding) == ("blocks", 2_048, 128)
    assert old.keep_alive is None
    assert old.requests_per_minute == 15


def test_openai_looks_up_so_many_boundaries() -> None:
    rules = cache_rules("gpt-6-sol")
    assert rules.scheme == "boundaries"
    assert rules.lookup == Lookup(first=2, latest=50, message_ends=20, opening=True)
    assert rules.keep_alive == "prewarm"


def test_anthropic_keeps_alive_from_the_start_of_a_request() -> None:
    rules = cache_rules("claude-fable-5-1")
    assert (rules.scheme, rules.keep_alive) == ("breakpoints", "max_tokens=0")
    assert (rules.counted_from, rules.visible) == ("request start", "response start")
    assert not rules.writes_answers


def test_engines() -> None:
    assert (engine_rules("vllm").scheme, engine_rules("vllm").block) == ("blocks", 16)
    for name in ("vllm", "sglang", "llama.cpp", "ollama"):
        rules = engine_rules(name)
        assert (rules.scope, rules.visible, rules.writes_answers) == (
            "engine",
            "once computed",
            True,
        )
        assert rules.lifetimes[0].seconds == 300


@pytest.mark.parametrize(
    ("model", "assumed", "field", "careful", "otherwise"),
    [
        ("claude-mythos-preview", {"lower_minimums": True}, "minimum", 2_048, 512),
        (
            "us.anthropic.claude-opus-4-7-v1:0",
            {"lower_minimums": True},
            "minimum",
            4_096,
            2_048,
        ),
        ("gpt-5.4", {"interval": 1_024}, "block", 128, 1_024),
        ("deepseek-flash", {"unit_interval": 64}, "block", 1, 64),
        ("gemini-4", {"unstated_visibility": "response end"}, "visible", "response start", ...),
        ("gpt-6", {"unstated_visibility": "response end"}, "visible", "response start", ...),
        ("gpt-6", {"latest_80": True}, "lookup", Lookup(2, 50, 20, True), Lookup(0, 80, 20, True)),
    ],
)
def test_assumptions_can_be_turned(
    model: str, assumed: dict[str, Any], field: str, careful: object, otherwise: object
) -> None:
    if otherwise is ...:
        (otherwise,) = assumed.values()
    turned = replace(CAREFUL, **assumed)
    assert getattr(cache_rules(model), field) == careful
    assert getattr(cache_rules(model, turned), field) == otherwise
    assert cache_rules(model, turned).assumptions == turned


def test_assumptions_of_what_a_change_loses_and_of_a_price() -> None:
    first = replace(CAREFUL, settings_before_head=True)
    assert cache_rules("claude-opus-5", first).lost_by("thinking") == (
        "tools",
        "system",
        "messages",
    )
    assert cache_rules("claude-opus-5", first).lost_by("tool_choice") == ("messages",)
    together = replace(CAREFUL, service_tier_parts=False)
    assert cache_rules("gpt-6").lost_by("service_tier") == ("system", "tools", "messages")
    assert cache_rules("gpt-6", together).lost_by("service_tier") == ()
    assert cache_rules("gpt-6", replace(CAREFUL, write_12h=1.5)).lifetimes[1].write == 1.5


@given(st.one_of(st.text(max_size=30), st.sampled_from(ONE_OF_EACH)))
def test_every_name_has_rules_that_hold_together(model: str) -> None:
    rules = cache_rules(model)
    assert rules == cache_rules.__wrapped__(model)
    assert 0 < rules.read <= rules.write == rules.lifetimes[0].write
    assert rules.minimum >= 0
    assert rules.block >= 1
    assert (rules.scheme == "boundaries") == (rules.lookup is not None)
    assert (rules.scheme == "breakpoints") == (rules.lookback > 0)
    assert {loss.tier for loss in rules.losses} <= set(rules.order)
    assert rules.lost_by("model") == rules.order


def test_rules_are_plain_values() -> None:
    """So that they can be compared and kept, and handed on where providers are not known."""
    assert isinstance(hash(cache_rules("claude-opus-5-5")), int)
    assert isinstance(cache_rules("claude-opus-5-5"), CacheRules)
    assert cache_rules("gpt-6") is cache_rules("gpt-6")
