"""The messages of one request, in order: what stays first, what changes last.

    [static system][long-lived history][dynamic context][current turn]

Nothing is copied here: the messages are the state's own, without the tags that no provider is
shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stitcher.messages.reading import Message, read
from stitcher.prompt.adapters.provider_adapter import ProviderAdapter
from stitcher.prompt.config import PromptConfig
from stitcher.prompt.layout import Layout
from stitcher.prompt.state import LLMBUFFER_TAG, TAG, State, as_sent


@dataclass(frozen=True, slots=True)
class Assembled:
    """A prompt, and where its zones end."""

    messages: list[Message]
    static: int  # messages of the static system prompt: one or none
    prefix: int  # messages that stay: the static prompt and the long-lived history
    dynamic: int | None  # index of the dynamic context of this request alone

    @property
    def boundaries(self) -> list[int]:
        """The last message of each stable stretch: static prompt, long-lived history."""
        ends = [self.static - 1] if self.static else []
        return [*ends, self.prefix - 1] if self.prefix > self.static else ends

    def layout(self, thinking_from: int = 0) -> Layout:
        """What an adapter must be told of it."""
        history_end = self.prefix - 1 if self.prefix > self.static else None
        if self.dynamic is not None:
            thinking_from = max(thinking_from, self.dynamic)
        return Layout(history_end, self.dynamic, thinking_from)


def assembled(
    long_lived: Sequence[Message],
    short_term: Sequence[Message],
    config: PromptConfig,
    dynamic_system_prompt: str | None = None,
) -> Assembled:
    """The documented order; the messages as they are sent."""
    messages = static_prompt(config)
    static = len(messages)
    messages += long_lived
    prefix = len(messages)
    at = None
    if dynamic_system_prompt:
        # Results whose calls are history already (a state may come from elsewhere) stay with them.
        answers = next((n for n, one in enumerate(short_term) if not read(one).answers), None)
        ahead = len(short_term) if answers is None else answers
        messages += short_term[:ahead]
        at = len(messages)
        messages.append(dynamic_message(dynamic_system_prompt, config))
        messages += short_term[ahead:]
    else:
        messages += short_term
    return Assembled(messages, static, prefix, at)


def placed(
    long_lived: Sequence[Message],
    short_term: Sequence[Message],
    config: PromptConfig,
    blocks: Sequence[dict[str, Any]],
) -> Assembled:
    """The same history with dynamic context where it was placed (`prompt.placement`)."""
    messages = static_prompt(config)
    static, done, prefix = len(messages), 0, len(messages) + len(long_lived)
    history = [*long_lived, *short_term]
    for block in blocks:
        messages += history[done : block["after"]]
        done = block["after"]
        prefix += done <= len(long_lived)
        messages.append(dynamic_message(block["content"], config))
    messages += history[done:]
    return Assembled(messages, static, prefix, None)


def static_prompt(config: PromptConfig) -> list[Message]:
    """The static system prompt as messages: one, or none where it says nothing."""
    text = config.static_system_prompt
    return [{"role": "system", "content": text}] if text else []


def dynamic_message(text: str, config: PromptConfig) -> Message:
    """Dynamic context as a message."""
    return {"role": config.dynamic_system_role, "content": text}


def sent(messages: Sequence[Message]) -> list[Message]:
    """The messages as a provider is shown them. Raises TypeError for one that is no dict."""
    if not set(map(type, messages)) <= {dict}:
        n, odd = next((n, one) for n, one in enumerate(messages) if not isinstance(one, dict))
        raise TypeError(f"messages[{n}]: found a {type(odd).__name__}, expected a dict")
    # Written out: a history is long, and hardly any of its messages carries a tag.
    return [
        as_sent(message) if TAG in message or LLMBUFFER_TAG in message else message
        for message in messages
    ]


def metadata(prompt: Assembled, adapter: ProviderAdapter) -> dict[str, Any]:
    """The predicted layout of the provider's cache; tokens counted before markers.

    `boundaries` are indices into the messages, the rest are numbers of messages and tokens.
    """
    prefix_tokens = adapter.count_tokens(prompt.messages[: prompt.prefix])
    total_tokens = adapter.count_tokens(prompt.messages)
    return {
        "boundaries": prompt.boundaries,
        "prefix_message_count": prompt.prefix,
        "prefix_tokens": prefix_tokens,
        "suffix_tokens": total_tokens - prefix_tokens,
        "total_tokens": total_tokens,
    }


def prefix_of(state: State, config: PromptConfig) -> tuple[Message, ...]:
    """What of the prompt stays: the static system prompt and the long-lived history."""
    return (*static_prompt(config), *sent(state["long_lived"]))
