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
class Zones:
    """What was said, as it is sent."""

    long_lived: list[Message]
    short_term: list[Message]
    markers: int | None = None  # cache breakpoints of the application's own; None: not counted


@dataclass(frozen=True, slots=True)
class Placed:
    """Dynamic context that has a place in the history, now and in the request before."""

    now: Sequence[dict[str, Any]] = ()
    before: Sequence[dict[str, Any]] = ()

    @classmethod
    def of(cls, before: State, now: State) -> "Placed":
        """What two states say."""
        return cls(now.get("dynamic", ()), before.get("dynamic", ()))

    @property
    def common(self) -> int | None:
        """Messages before what was taken out, context included; None where nothing was."""
        for n, block in enumerate(self.before):
            if n >= len(self.now) or self.now[n] != block:
                return int(block["after"]) + n
        return None


@dataclass(frozen=True, slots=True)
class Assembled:
    """A prompt, and where its zones end."""

    messages: list[Message]
    static: int  # messages of the static system prompt: one or none
    prefix: int  # messages that stay: the static prompt and the long-lived history
    dynamic: int | None = None  # index of the dynamic context of this request alone
    held: int | None = None  # index of the newest context that has a place in the history
    passing: bool = False  # the last message is context that will hardly be read again
    common: int | None = None  # index of the last message before context that was taken out
    contexts: Sequence[int] = ()  # indices of all dynamic context, which the history has not
    markers: int | None = None  # as in `Zones`

    @property
    def boundaries(self) -> list[int]:
        """The last message of each stable stretch: static prompt, long-lived history."""
        ends = [self.static - 1] if self.static else []
        return [*ends, self.prefix - 1] if self.prefix > self.static else ends

    def layout(self, stale: int = 0) -> Layout:
        """What an adapter must be told of it: also which of it is thought no longer valid.

        `stale` counts messages of the history.
        """
        thinking_from = self.static + stale
        for at in self.contexts:
            thinking_from += at <= thinking_from
        return Layout(
            history_end=self.prefix - 1 if self.prefix > self.static else None,
            dynamic=self.dynamic,
            held=self.held,
            passing=self.passing,
            common=self.common,
            thinking_from=max(thinking_from, self.dynamic or 0),
            markers=self.markers,
        )


def assembled_from(
    zones: Zones, config: PromptConfig, dynamic: str | None, placed: Placed
) -> Assembled:
    """The prompt of what was said, with dynamic context where the configuration wants it."""
    if config.dynamic_placement == "priced":
        return _with_placed(zones, config, placed)
    messages = static_prompt(config)
    static = len(messages)
    messages += zones.long_lived
    prefix = len(messages)
    if not dynamic:
        messages += zones.short_term
        return Assembled(messages, static, prefix, markers=zones.markers)
    # Results whose calls are history already (a state may come from elsewhere) stay with them.
    said = enumerate(zones.short_term)
    ahead = next((n for n, one in said if not read(one).answers), len(zones.short_term))
    messages += zones.short_term[:ahead]
    at = len(messages)
    messages.append(dynamic_message(dynamic, config))
    messages += zones.short_term[ahead:]
    return Assembled(messages, static, prefix, at, contexts=(at,), markers=zones.markers)


def _with_placed(zones: Zones, config: PromptConfig, placed: Placed) -> Assembled:
    """The same history with dynamic context where it was placed (`prompt.placement`)."""
    messages = static_prompt(config)
    static, done = len(messages), 0
    contexts: list[int] = []
    prefix = static + len(zones.long_lived)
    history = [*zones.long_lived, *zones.short_term]
    for block in placed.now:
        messages += history[done : block["after"]]
        done = block["after"]
        prefix += done <= len(zones.long_lived)
        contexts.append(len(messages))
        messages.append(dynamic_message(block["content"], config))
    messages += history[done:]
    common = None if placed.common is None else static + placed.common - 1
    held = contexts[-1] if contexts else None
    passing = held == len(messages) - 1 and bool(placed.now[-1].get("passing"))
    return Assembled(
        messages,
        static,
        prefix,
        held=held,
        passing=passing,
        common=common,
        contexts=contexts,
        markers=zones.markers,
    )


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
