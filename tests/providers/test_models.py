"""What is known of single models."""

import pytest

from stitcher.providers.models import binds_thinking, context_window


@pytest.mark.parametrize(
    ("model", "window"),
    [
        ("claude-opus-4-5", 200_000),
        ("claude-opus-4-5-20251101", 200_000),  # dated
        ("claude-opus-4-8", 1_000_000),
        ("claude-opus-5-5", 1_000_000),
        ("anthropic/claude-haiku-4-5", 200_000),  # a router's vendor in front
        ("openrouter/anthropic/claude-haiku-4-5", 200_000),
        ("Claude-Haiku-4-5", 200_000),
        ("anthropic/claude-haiku-4.5", 200_000),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", 200_000),
        ("gpt-5", 272_000),
        ("gpt-5-mini", 272_000),
        ("gpt-5.4", 1_050_000),  # the longest name it starts with
        ("gpt-5.4-nano", 1_050_000),
        ("gpt-4o-2024-08-06", 128_000),
        ("o3-mini", 200_000),
        ("gpt-4", None),
        ("llama-3.1-8b", None),
        ("sim-model", None),
        ("", None),
        ("/", None),
    ],
)
def test_context_windows(model: str, window: int | None) -> None:
    assert context_window(model) == window


@pytest.mark.parametrize(
    ("model", "binds"),
    [
        ("claude-opus-5-5", True),
        ("claude-opus-5-5-20260901", True),
        ("anthropic/claude-opus-5.5", True),
        ("anthropic/claude-haiku-5.5", True),
        ("claude-fable-5-1", True),
        ("claude-opus-5", False),
        ("claude-opus-4-8", False),
        ("gpt-5", False),
        ("", False),
    ],
)
def test_models_that_tie_thinking_to_what_came_before(model: str, binds: bool) -> None:
    assert binds_thinking(model) is binds
