"""Compacting the long-lived history: when it is due, what of it may go, and by whose hand.

An open tool loop is never cut into: the turn that it belongs to stays as it is, unless that turn
alone is more than the budget; then all but its newest round may go.
"""

from collections.abc import Sequence

from stitcher.core.pairing import last_joint, loop_is_open
from stitcher.messages.reading import Message, read
from stitcher.prompt.accepting import duplicate
from stitcher.prompt.bound_thinking import rewritten
from stitcher.prompt.checking import checked
from stitcher.prompt.compaction_hooks import truncation_compaction_hook
from stitcher.prompt.config import PromptConfig
from stitcher.prompt.consolidation import consolidated
from stitcher.prompt.hook_calls import HookCall, Steps
from stitcher.prompt.state import State, with_messages


def compacted(state: State, config: PromptConfig, *, tokens: int | None = None) -> Steps[State]:
    """The state with its long-lived history compacted; the very state where that is not due.

    `tokens` is the history's count where it is known already. Raises HookError.
    """
    threshold = config.effective_compaction_threshold
    target = config.effective_post_compaction_target
    history: list[Message] = state["long_lived"]
    if threshold is None or target is None:
        return state
    if (config.adapter.count_tokens(history) if tokens is None else tokens) <= threshold:
        return state
    end = _compactable(history, config, threshold)
    if end == 0:
        return state
    blocks, rest = yield from consolidated(history[:end], config.context_consolidation_hook)
    # New objects: who follows a history knows by its last message that it has only grown.
    newest = [dict(message) for message in history[end:]]
    stays = [*blocks, *newest]
    kept: list[Message] = []
    if rest:
        room = max(0, target - config.adapter.count_tokens(stays))
        kept = yield from _shortened(rest, room, config)
        if config.compaction_hook is None and _begins_turn(newest):
            # The newest turn is the open one, and stays: none before it has to.
            kept = kept if config.adapter.count_tokens(kept) <= room else []
    made = with_messages(state, long_lived=[*blocks, *kept, *newest])
    # Dynamic context is placed anew: the prompt has moved anyway.
    made = {key: value for key, value in made.items() if key != "dynamic"}
    return rewritten(made, config, start=0)


def _compactable(history: Sequence[Message], config: PromptConfig, threshold: int) -> int:
    """How many of the messages may be compacted: all but an open tool loop and what opened it."""
    said = [read(message) for message in history]
    if not loop_is_open(said):
        return len(history)
    start = next((n for n in range(len(said) - 1, -1, -1) if said[n].starts_turn), 0)
    if config.adapter.count_tokens(history[start:]) <= threshold:
        return start
    return last_joint(said)


def _begins_turn(messages: Sequence[Message]) -> bool:
    return bool(messages) and read(messages[0]).starts_turn


def _shortened(messages: list[Message], room: int, config: PromptConfig) -> Steps[list[Message]]:
    call = HookCall(
        "compaction_hook",
        config.compaction_hook or truncation_compaction_hook,
        ([duplicate(message) for message in messages], room, config.adapter),
    )
    given = yield call
    return checked(call, given, messages)
