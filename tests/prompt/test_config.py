"""The settings: each has a default, a check, and one meaning wherever it is given."""

from typing import Any

import pytest

from stitcher import (
    AnthropicAdapter,
    OpenAIAdapter,
    PromptConfig,
    PromptManager,
    TransitionMode,
    functional,
    new_state,
)
from stitcher.prompt.config import configured


def test_the_defaults() -> None:
    config = PromptConfig()
    assert config.static_system_prompt == ""
    assert config.transition_mode is TransitionMode.NONE
    assert isinstance(config.adapter, OpenAIAdapter)
    assert (config.max_tokens, config.compaction_hook, config.initial_context) == (None,) * 3
    assert (config.dynamic_system_role, config.context_key) == ("system", "context")
    assert config.dynamic_placement == "fixed"


@pytest.mark.parametrize(
    ("settings", "threshold", "target"),
    [
        ({}, None, None),
        ({"max_tokens": 8_000}, 8_000, 4_000),
        ({"max_tokens": 8_000, "compaction_threshold": 7_000}, 7_000, 4_000),
        ({"max_tokens": 8_000, "compaction_threshold": 3_000}, 3_000, 1_500),
        ({"max_tokens": 8_000, "post_compaction_token_threshold": 100}, 8_000, 100),
        ({"compaction_threshold": 500}, 500, 250),
        ({"max_tokens": 0}, 0, 0),
    ],
)
def test_when_history_is_compacted_and_to_what(
    settings: dict[str, Any], threshold: int | None, target: int | None
) -> None:
    config = PromptConfig(**settings)
    assert config.effective_compaction_threshold == threshold
    assert config.effective_post_compaction_target == target


@pytest.mark.parametrize("mode", ["agent_cycle", TransitionMode.AGENT_CYCLE])
def test_a_mode_may_be_named(mode: TransitionMode | str) -> None:
    assert PromptConfig(transition_mode=mode).transition_mode is TransitionMode.AGENT_CYCLE


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({"max_tokens": -1}, ValueError, "max_tokens: found -1, expected a number of tokens"),
        ({"max_tokens": 1.5}, TypeError, "max_tokens: found a float, expected a whole number"),
        ({"max_tokens": True}, TypeError, "max_tokens: found a bool"),
        ({"max_tokens": "8k"}, TypeError, "max_tokens: found a str"),
        ({"compaction_threshold": -5}, ValueError, "compaction_threshold: found -5"),
        ({"post_compaction_token_threshold": -5}, ValueError, "found -5"),
        (
            {"max_tokens": 100, "post_compaction_token_threshold": 200},
            ValueError,
            "found 200 tokens, expected at most the 100",
        ),
        ({"transition_mode": "weekly"}, ValueError, "'weekly', expected one of 'none', 'manual'"),
        ({"dynamic_placement": "left"}, ValueError, "expected 'fixed' or 'priced'"),
        ({"static_system_prompt": None}, TypeError, "static_system_prompt: found a NoneType"),
        ({"context_key": 7}, TypeError, "context_key: found a int"),
        ({"initial_context": 7}, TypeError, "initial_context: found a int"),
        ({"adapter": "claude"}, TypeError, "adapter: found a str, expected a ProviderAdapter"),
        ({"compaction_hook": "shorten"}, TypeError, "compaction_hook: found a str, expected a fun"),
    ],
)
def test_what_cannot_be_used_says_what_was_found(
    settings: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        PromptConfig(**settings)
    with pytest.raises(error, match=says):
        PromptManager(**settings)


def test_an_unknown_setting_is_named_beside_those_there_are() -> None:
    odd: dict[str, Any] = {"max_token": 5}
    with pytest.raises(TypeError, match=r"found the settings max_token, .* max_tokens, "):
        PromptManager(**odd)
    with pytest.raises(TypeError, match="found the settings max_token"):
        functional.build_messages(new_state(), **odd)


def test_keywords_win_over_a_configuration() -> None:
    config = PromptConfig(max_tokens=100, static_system_prompt="Be brief.")
    manager = PromptManager(config, max_tokens=200)
    assert (manager.max_tokens, manager.static_system_prompt) == (200, "Be brief.")
    assert config.max_tokens == 100


def test_a_configuration_may_be_the_one_setting_that_matters() -> None:
    assert configured("manual", {}, first="transition_mode").transition_mode == "manual"
    assert configured(80, {}, first="max_tokens").max_tokens == 80
    with pytest.raises(TypeError, match="config: found a dict, expected a PromptConfig"):
        configured({}, {}, first="max_tokens")
    with pytest.raises(TypeError, match="config: found a int"):
        configured(80, {"max_tokens": 90}, first="max_tokens")


def test_a_managers_settings_can_be_read_and_changed() -> None:
    manager = PromptManager(static_system_prompt="Be brief.")
    manager.max_tokens = 10_000
    manager.adapter = AnthropicAdapter()
    assert manager.config.max_tokens == 10_000
    assert manager.adapter.name == "anthropic"
    with pytest.raises(ValueError, match="found -1"):
        manager.max_tokens = -1
    assert manager.max_tokens == 10_000
