"""From a state to what is sent: the messages, with markers and metadata, or a whole request."""

from collections.abc import Iterable, Mapping
from typing import Any

from stitcher.messages.reading import Message, Tool
from stitcher.prompt.accepting import duplicate
from stitcher.prompt.assembly import Assembled, Placed, Zones, assembled_from, metadata, sent
from stitcher.prompt.config import PromptConfig
from stitcher.prompt.layout import Layout
from stitcher.prompt.state import State


def assemble(state: State, config: PromptConfig, dynamic: str | None) -> Assembled:
    """The prompt of a state; the messages of the current turn are copies. Raises TypeError."""
    expect_dynamic(dynamic)
    before, state = state, with_context(state, dynamic, config)
    current = [duplicate(message) for message in sent(state["short_term"])]
    zones = Zones(sent(state["long_lived"]), current)
    return assembled_from(zones, config, dynamic, Placed.of(before, state))


def with_context(state: State, dynamic: str | None, config: PromptConfig) -> State:
    """The state with dynamic context placed in it, where the configuration wants it placed."""
    if config.dynamic_placement != "priced":
        return state
    from stitcher.prompt.placement import with_dynamic  # of use to few: imported when it is

    return with_dynamic(state, dynamic, config)


def expect_dynamic(dynamic: object) -> None:
    """Raises TypeError for what is no dynamic context."""
    if dynamic is not None and not isinstance(dynamic, str):
        found = type(dynamic).__name__
        raise TypeError(f"dynamic_system_prompt: found a {found}, expected a string")


def finished(
    prompt: Assembled, config: PromptConfig, *, markers: bool, told: bool
) -> list[Message] | tuple[list[Message], dict[str, Any]]:
    """The messages, with the provider's markers and with metadata where they are asked for."""
    about = metadata(prompt, config.adapter) if told else None
    messages = prompt.messages
    if markers:
        messages = config.adapter.mark(messages, prompt.boundaries, taken=prompt.markers)
    return messages if about is None else (messages, about)


def requested(
    prompt: Assembled,
    config: PromptConfig,
    layout: Layout,
    tools: Iterable[Tool],
    parameters: Mapping[str, Any],
) -> dict[str, Any]:
    """The adapter's request for a prompt."""
    build = getattr(config.adapter, "build_request", None)
    if build is None:
        raise TypeError(
            f"{type(config.adapter).__name__} makes no requests, expected an adapter with "
            "build_request(), such as AnthropicAdapter; build_messages() works with any"
        )
    request: dict[str, Any] = build(prompt.messages, layout=layout, tools=list(tools), **parameters)
    return request
