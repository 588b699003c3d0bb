"""What each function that changes a state does, hooks still to be called: sync or async.

Every function of `stitcher.functional` and every method of `PromptManager` that may call a hook is
one of these, run one way or the other (`hook_calls`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from stitcher.messages.reading import Message
from stitcher.prompt.accepting import accepted
from stitcher.prompt.assembly import static_prompt
from stitcher.prompt.compaction import compacted
from stitcher.prompt.config import PromptConfig, configured, expect_tokens
from stitcher.prompt.hook_calls import Steps
from stitcher.prompt.state import State, expect_messages, expect_state, keyed
from stitcher.prompt.transitions import appended, transitioned


def append(
    state: State, messages: Iterable[object], config: object, settings: Mapping[str, object]
) -> Steps[State]:
    whole = configured(config, settings, first="transition_mode")
    new = [accepted(message) for message in each(messages)]
    return (yield from added(expect_state(state), new, whole))


def append_context(
    state: State, content: str, key: str | None, config: object, settings: Mapping[str, object]
) -> Steps[State]:
    whole = configured(config, settings, first="transition_mode")
    new = keyed(content, whole.context_key if key is None else key)
    return (yield from added(expect_state(state), [new], whole))


def added(state: State, messages: list[Message], config: PromptConfig) -> Steps[State]:
    """The state with messages of ours, compacted where that is due."""
    grown = yield from appended(state, messages, config)
    return (yield from compacted(grown, config))


def transition(state: State, config: object, settings: Mapping[str, object]) -> Steps[State]:
    whole = configured(config, settings, first="transition_mode")
    moved = yield from transitioned(expect_state(state), whole)
    return (yield from compacted(moved, whole))


def compact(state: State, config: object, settings: Mapping[str, object]) -> Steps[State]:
    whole = configured(config, settings, first="max_tokens")
    if whole.effective_compaction_threshold is None:
        raise ValueError("found no budget, expected max_tokens or compaction_threshold")
    return (yield from compacted(expect_messages(state), whole))


def compact_for_request(
    state: State,
    request_budget: int,
    reserved_tokens: int,
    config: object,
    settings: Mapping[str, object],
) -> Steps[State]:
    whole = configured(config, settings, first="static_system_prompt")
    budget = history_budget(request_budget, reserved_tokens, whole)
    return (yield from compacted(expect_messages(state), replace(whole, max_tokens=budget)))


def history_budget(request_budget: int, reserved_tokens: int, config: PromptConfig) -> int:
    """Tokens a request leaves for long-lived history. Raises TypeError, ValueError."""
    expect_tokens("request_budget", request_budget)
    expect_tokens("reserved_tokens", reserved_tokens)
    static = static_prompt(config)
    static_tokens = config.adapter.count_tokens(static) if static else 0
    left = request_budget - static_tokens - reserved_tokens
    if left <= 0:
        raise ValueError(
            f"found a request_budget of {request_budget:,} tokens, of which the static system "
            f"prompt takes {static_tokens:,} and reserved_tokens {reserved_tokens:,}; expected "
            "some to be left for history"
        )
    return left


def each(messages: object) -> Iterable[object]:
    """What was given as several messages. Raises TypeError for what is one, or none."""
    if isinstance(messages, str | bytes | dict) or not isinstance(messages, Iterable):
        raise TypeError(f"found a {type(messages).__name__}, expected a list of messages")
    return messages
