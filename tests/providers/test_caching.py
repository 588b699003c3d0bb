"""What is known of models' prompt caches."""

import pytest

from stitcher.providers.caching import cache_rules


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
