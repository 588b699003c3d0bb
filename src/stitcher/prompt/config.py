"""The settings of a conversation's prompt, each once, and the shapes of the hooks.

The same names are taken by `PromptConfig(...)`, by `PromptManager(...)` and by every function of
`stitcher.functional`, so a setting says the same thing everywhere.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, Literal, TypedDict

from stitcher.messages.reading import Message
from stitcher.prompt.adapters.openai import OpenAIAdapter
from stitcher.prompt.adapters.provider_adapter import ProviderAdapter

CompactionHook = Callable[
    [list[Message], int, ProviderAdapter], Sequence[Message] | Awaitable[Sequence[Message]]
]
"""`(messages, target_tokens, adapter)` → the messages that are kept, of at most so many tokens."""

TransitionHook = Callable[[list[Message]], Sequence[Message] | Awaitable[Sequence[Message]]]
"""`(messages)` → what of them becomes history for good."""

ContextConsolidationHook = Callable[[str, list[Message]], str | Awaitable[str]]
"""`(key, messages)` → the context that all messages of a key say together, oldest first."""

DynamicPlacement = Literal["fixed", "priced"]


class TransitionMode(StrEnum):
    """When messages leave the current turn and become history that stays."""

    NONE = "none"
    """At once."""

    MANUAL = "manual"
    """When `transition()` is called."""

    AGENT_CYCLE = "agent_cycle"
    """A whole cycle at once, when an assistant message without tool calls ends it."""


class Settings(TypedDict, total=False):
    """The settings as keywords; `PromptConfig` says what each is."""

    static_system_prompt: str
    transition_mode: TransitionMode | str
    adapter: ProviderAdapter
    max_tokens: int | None
    compaction_threshold: int | None
    post_compaction_token_threshold: int | None
    compaction_hook: CompactionHook | None
    transition_hook: TransitionHook | None
    context_consolidation_hook: ContextConsolidationHook | None
    dynamic_system_role: str
    dynamic_placement: DynamicPlacement
    initial_context: str | None
    context_key: str


@dataclass(frozen=True)
class PromptConfig:
    """How a conversation's prompt is laid out and kept within its budget.

    Raises TypeError or ValueError for a value that cannot be used.
    """

    static_system_prompt: str = ""
    """Instructions that never change; first in every prompt."""

    transition_mode: TransitionMode | str = TransitionMode.NONE
    """When messages become long-lived history."""

    adapter: ProviderAdapter = field(default_factory=OpenAIAdapter)
    """Counts tokens, marks the prompt for the provider's cache, makes its requests."""

    max_tokens: int | None = None
    """Budget of the long-lived history in tokens; None for no budget."""

    compaction_threshold: int | None = None
    """Tokens of long-lived history above which it is compacted; `max_tokens` by default."""

    post_compaction_token_threshold: int | None = None
    """Tokens it is compacted to; half of `max_tokens` by default."""

    compaction_hook: CompactionHook | None = None
    """Makes history shorter; by default the oldest turns are left out."""

    transition_hook: TransitionHook | None = None
    """Changes messages for the last time before they become history that stays."""

    context_consolidation_hook: ContextConsolidationHook | None = None
    """Makes one text of a durable context and its updates; by default one after the other."""

    dynamic_system_role: str = "system"
    """Role of the message that holds `dynamic_system_prompt`."""

    dynamic_placement: DynamicPlacement = "fixed"
    """`fixed`: behind the long-lived history. `priced`: where it costs least."""

    initial_context: str | None = None
    """Durable context that a new conversation begins with."""

    context_key: str = "context"
    """The key of `initial_context`, and of `append_context` without one."""

    def __post_init__(self) -> None:
        _expect_text(self, "static_system_prompt", "dynamic_system_role", "context_key")
        if self.initial_context is not None:
            _expect_text(self, "initial_context")
        object.__setattr__(self, "transition_mode", _mode(self.transition_mode))
        if self.dynamic_placement not in ("fixed", "priced"):
            raise ValueError(
                f"dynamic_placement: found {self.dynamic_placement!r}, expected 'fixed' or 'priced'"
            )
        if not hasattr(self.adapter, "count_tokens"):
            raise TypeError(
                f"adapter: found a {type(self.adapter).__name__}, expected a ProviderAdapter"
            )
        for name in ("max_tokens", "compaction_threshold", "post_compaction_token_threshold"):
            if (value := getattr(self, name)) is not None:
                expect_tokens(name, value)
        for name in ("compaction_hook", "transition_hook", "context_consolidation_hook"):
            _expect_hook(name, getattr(self, name))
        self._expect_room()

    def _expect_room(self) -> None:
        target, threshold = (
            self.post_compaction_token_threshold,
            self.effective_compaction_threshold,
        )
        if target is not None and threshold is not None and target > threshold:
            raise ValueError(
                f"post_compaction_token_threshold: found {target:,} tokens, expected at most the "
                f"{threshold:,} at which compaction begins"
            )

    @property
    def effective_compaction_threshold(self) -> int | None:
        """Tokens of long-lived history above which it is compacted; None for never."""
        if self.compaction_threshold is not None:
            return self.compaction_threshold
        return self.max_tokens

    @property
    def effective_post_compaction_target(self) -> int | None:
        """Tokens it is compacted to; None where it never is."""
        if self.post_compaction_token_threshold is not None:
            return self.post_compaction_token_threshold
        threshold = self.effective_compaction_threshold
        whole = threshold if self.max_tokens is None else self.max_tokens
        if whole is None or threshold is None:
            return None
        half = whole // 2
        return half if half <= threshold else threshold // 2


def configured(config: object, settings: Mapping[str, object], *, first: str) -> PromptConfig:
    """The configuration that a caller gave: whole, as keywords, or both, the keywords winning.

    `first` names the setting that may stand in the place of a configuration, as a text or a number.
    Raises TypeError, ValueError.
    """
    unknown = settings.keys() - _NAMES
    if unknown:
        raise TypeError(
            f"found the settings {', '.join(sorted(unknown))}, expected some of "
            f"{', '.join(sorted(_NAMES))}"
        )
    given: dict[str, Any] = dict(settings)
    if config is None:
        return PromptConfig(**given)
    if isinstance(config, PromptConfig):
        return replace(config, **given) if given else config
    if isinstance(config, str | int) and not isinstance(config, bool) and first not in given:
        return PromptConfig(**{**given, first: config})
    raise TypeError(f"config: found a {type(config).__name__}, expected a PromptConfig")


def expect_tokens(name: str, value: object) -> None:
    """Raises TypeError or ValueError unless the value is a number of tokens."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name}: found a {type(value).__name__}, expected a whole number")
    if value < 0:
        raise ValueError(f"{name}: found {value}, expected a number of tokens, 0 or more")


def _expect_text(config: PromptConfig, *names: str) -> None:
    for name in names:
        value = getattr(config, name)
        if not isinstance(value, str):
            raise TypeError(f"{name}: found a {type(value).__name__}, expected a string")


def _mode(value: str) -> TransitionMode:
    try:
        return TransitionMode(value)
    except ValueError:
        expected = ", ".join(repr(mode.value) for mode in TransitionMode)
        raise ValueError(f"transition_mode: found {value!r}, expected one of {expected}") from None


def _expect_hook(name: str, value: object) -> None:
    if value is not None and not callable(value):
        raise TypeError(f"{name}: found a {type(value).__name__}, expected a function")


_NAMES = frozenset(one.name for one in fields(PromptConfig))
