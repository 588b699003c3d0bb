"""The library as pure functions over a JSON state.

Each takes a state and either a `PromptConfig` or just the settings it uses as keywords, and returns
a new state; none touches what it is given. States share the messages they have in common, and so
do the messages built from them: a message is a value, copy one before you change it.

Where a hook is async, await the function of the same name that begins with an `a`.
"""

from collections.abc import Iterable
from typing import Any, Literal, Unpack, overload

from stitcher.messages.reading import Message, Tool
from stitcher.prompt import steps
from stitcher.prompt.assembly import prefix_of
from stitcher.prompt.bound_thinking import stale_before
from stitcher.prompt.compaction import compacted
from stitcher.prompt.config import PromptConfig, Settings, TransitionMode, configured
from stitcher.prompt.hook_calls import arun, run
from stitcher.prompt.placement import with_dynamic
from stitcher.prompt.sending import assemble, finished, requested
from stitcher.prompt.state import State, expect_messages, expect_state

Mode = PromptConfig | TransitionMode | str | None
"""A configuration, or the transition mode alone."""

Budget = PromptConfig | int | None
"""A configuration, or `max_tokens` alone."""

Prompt = PromptConfig | str | None
"""A configuration, or the static system prompt alone."""


def append_message(
    state: State, message: object, config: Mode = None, **settings: Unpack[Settings]
) -> State:
    """The state with one more message: a dict of any provider's, or an SDK's object for one.

    Uses `transition_mode` and `transition_hook`, and compacts where a budget is set. Raises
    TypeError or ValueError for what is no message, HookError.
    """
    return run(steps.append(state, [message], config, settings))


def append_messages(
    state: State, messages: Iterable[object], config: Mode = None, **settings: Unpack[Settings]
) -> State:
    """The state with several more messages; all of them, or none where one cannot be used."""
    return run(steps.append(state, messages, config, settings))


def append_context(
    state: State,
    content: str,
    key: str | None = None,
    config: Mode = None,
    **settings: Unpack[Settings],
) -> State:
    """The state with more durable context under a key: an update of what was said under it before.

    It stands where it is said; compaction makes one text of all that a key says.
    """
    return run(steps.append_context(state, content, key, config, settings))


def transition(state: State, config: Mode = None, **settings: Unpack[Settings]) -> State:
    """The state with the current turn made history. Uses `transition_hook`. Raises HookError.

    Tool calls whose results are still to come stay in the current turn.
    """
    return run(steps.transition(state, config, settings))


def compact(state: State, config: Budget = None, **settings: Unpack[Settings]) -> State:
    """The state with its long-lived history compacted, if it is over its budget.

    Uses `max_tokens`, `compaction_threshold`, `post_compaction_token_threshold`, `compaction_hook`,
    `context_consolidation_hook` and `adapter`. The very state where nothing is due. Raises
    ValueError without a budget, HookError.
    """
    return run(steps.compact(state, config, settings))


def maybe_compact(state: State, config: Budget = None, **settings: Unpack[Settings]) -> State:
    """As `compact`; the very state where there is no budget."""
    return run(compacted(expect_messages(state), configured(config, settings, first="max_tokens")))


def compact_for_request(
    state: State,
    request_budget: int,
    config: Prompt = None,
    *,
    reserved_tokens: int = 0,
    **settings: Unpack[Settings],
) -> State:
    """The state compacted so that a whole request fits into `request_budget` tokens.

    The history may be what the static system prompt and `reserved_tokens` leave. Reserve the most
    that dynamic context, current turn and answer take: a budget that followed them would cut the
    history in one turn and not in the next. Raises ValueError where nothing is left for history.
    """
    return run(steps.compact_for_request(state, request_budget, reserved_tokens, config, settings))


@overload
def build_messages(
    state: State,
    config: Prompt = None,
    *,
    dynamic_system_prompt: str | None = None,
    apply_cache_markers: bool = True,
    with_metadata: Literal[False] = False,
    **settings: Unpack[Settings],
) -> list[Message]: ...


@overload
def build_messages(
    state: State,
    config: Prompt = None,
    *,
    dynamic_system_prompt: str | None = None,
    apply_cache_markers: bool = True,
    with_metadata: Literal[True],
    **settings: Unpack[Settings],
) -> tuple[list[Message], dict[str, Any]]: ...


def build_messages(
    state: State,
    config: Prompt = None,
    *,
    dynamic_system_prompt: str | None = None,
    apply_cache_markers: bool = True,
    with_metadata: bool = False,
    **settings: Unpack[Settings],
) -> list[Message] | tuple[list[Message], dict[str, Any]]:
    """The messages of one request: static system, long-lived, dynamic context, current turn.

    Uses `static_system_prompt`, `dynamic_system_role`, `dynamic_placement` and `adapter`. With
    metadata: where the stable stretches end (`boundaries`), how many messages stay
    (`prefix_message_count`), and tokens (`prefix_tokens`, `suffix_tokens`, `total_tokens`).
    """
    whole = configured(config, settings, first="static_system_prompt")
    prompt = assemble(expect_state(state), whole, dynamic_system_prompt)
    return finished(prompt, whole, markers=apply_cache_markers, told=with_metadata)


def build_request(
    state: State,
    config: Prompt = None,
    *,
    dynamic_system_prompt: str | None = None,
    tools: Iterable[Tool] = (),
    parameters: dict[str, Any] | None = None,
    **settings: Unpack[Settings],
) -> dict[str, Any]:
    """The whole request, as the adapter's provider takes it: `create(**request)`.

    `parameters` are the adapter's own (`model`, `max_tokens`) and the provider's. Raises ValueError
    for what the provider would refuse, TypeError for an adapter that makes no requests.
    """
    whole = configured(config, settings, first="static_system_prompt")
    prompt = assemble(expect_state(state), whole, dynamic_system_prompt)
    return requested(prompt, whole, prompt.layout(stale_before(state)), tools, parameters or {})


def place_dynamic(
    state: State,
    dynamic_system_prompt: str | None,
    config: PromptConfig | None = None,
    **settings: Unpack[Settings],
) -> State:
    """The state with dynamic context in its place, for `dynamic_placement="priced"`.

    It stays there in all later prompts until another takes its place. Uses `adapter`, by whose
    prices it is decided, and the budget.
    """
    whole = configured(config, settings, first="static_system_prompt")
    return with_dynamic(expect_state(state), dynamic_system_prompt, whole)


def cache_prefix(
    state: State, config: Prompt = None, **settings: Unpack[Settings]
) -> tuple[Message, ...]:
    """What of the prompt stays the same from request to request until the next compaction."""
    return prefix_of(
        expect_state(state), configured(config, settings, first="static_system_prompt")
    )


async def aappend_message(
    state: State, message: object, config: Mode = None, **settings: Unpack[Settings]
) -> State:
    """`append_message` with async hooks."""
    return await arun(steps.append(state, [message], config, settings))


async def aappend_messages(
    state: State, messages: Iterable[object], config: Mode = None, **settings: Unpack[Settings]
) -> State:
    """`append_messages` with async hooks."""
    return await arun(steps.append(state, messages, config, settings))


async def aappend_context(
    state: State,
    content: str,
    key: str | None = None,
    config: Mode = None,
    **settings: Unpack[Settings],
) -> State:
    """`append_context` with async hooks."""
    return await arun(steps.append_context(state, content, key, config, settings))


async def atransition(state: State, config: Mode = None, **settings: Unpack[Settings]) -> State:
    """`transition` with async hooks."""
    return await arun(steps.transition(state, config, settings))


async def acompact(state: State, config: Budget = None, **settings: Unpack[Settings]) -> State:
    """`compact` with async hooks."""
    return await arun(steps.compact(state, config, settings))


async def acompact_for_request(
    state: State,
    request_budget: int,
    config: Prompt = None,
    *,
    reserved_tokens: int = 0,
    **settings: Unpack[Settings],
) -> State:
    """`compact_for_request` with async hooks."""
    return await arun(
        steps.compact_for_request(state, request_budget, reserved_tokens, config, settings)
    )
