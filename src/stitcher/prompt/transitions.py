"""How messages enter a conversation, and when they leave the current turn and become history."""

from collections import deque
from collections.abc import Sequence

from stitcher.core.pairing import alone, rounds
from stitcher.messages.reading import Message, read
from stitcher.prompt.accepting import duplicate
from stitcher.prompt.bound_thinking import rewritten
from stitcher.prompt.checking import checked
from stitcher.prompt.config import PromptConfig, TransitionMode
from stitcher.prompt.hook_calls import HookCall, Steps
from stitcher.prompt.state import State, with_messages


def appended(state: State, messages: Sequence[Message], config: PromptConfig) -> Steps[State]:
    """The state with messages of ours (`accepted`) at its end. Raises HookError."""
    if config.transition_mode is TransitionMode.NONE:
        return with_messages(state, long_lived=[*state["long_lived"], *messages])
    done = 0
    if config.transition_mode is TransitionMode.AGENT_CYCLE:
        for n in range(len(messages)):
            if _ends_cycle(messages, n):
                state = _behind(state, messages[done : n + 1])
                state = yield from transitioned(state, config)
                done = n + 1
    return _behind(state, messages[done:])


def _behind(state: State, messages: Sequence[Message]) -> State:
    """The state with messages at the end of the current turn."""
    return {**state, "short_term": [*state["short_term"], *messages]} if messages else state


def _ends_cycle(messages: Sequence[Message], n: int) -> bool:
    """True for an assistant's last word: it calls no tool, and the same answer does not go on.

    Over the Responses API an answer is several items, and its calls may follow what it says.
    """
    if not read(messages[n]).ends_cycle:
        return False
    return n + 1 == len(messages) or read(messages[n + 1]).role != "assistant"


def transitioned(state: State, config: PromptConfig) -> Steps[State]:
    """The state with the current turn moved into the long-lived history. Raises HookError.

    Calls whose results are still to come stay where these will be: what is sent between the two
    zones must not come between them.
    """
    current: list[Message] = state["short_term"]
    end = _closed(current)
    moved, rest = current[:end], current[end:]
    history: list[Message] = state["long_lived"]
    if not moved or config.transition_hook is None:
        return with_messages(state, long_lived=[*history, *moved], short_term=rest)
    copies = [duplicate(message) for message in moved]
    call = HookCall("transition_hook", config.transition_hook, (copies,))
    given = yield call
    made = checked(call, given, moved)
    state = with_messages(state, long_lived=[*history, *made], short_term=rest)
    if made == moved:
        return state
    pairs = enumerate(zip(moved, made, strict=False))
    same = next((n for n, (before, now) in pairs if before != now), min(len(moved), len(made)))
    start = len(history) + same
    return rewritten(_with_context_before(state, start), config, start=start)


def _closed(messages: Sequence[Message]) -> int:
    """How many of the messages come before an answer whose calls wait for their results."""
    said = [read(message) for message in messages]
    waiting = {one.index for one in alone(said) if one.kind == "call"}
    last = next(iter(deque(rounds(said), maxlen=1)), None)
    # Whatever else comes after a round has ended it: then nobody waits for its results.
    if last is None or last.end < len(said) or waiting.isdisjoint(range(last.start, last.answers)):
        return len(said)
    start = last.start
    while start > 0 and said[start - 1].role == "assistant":
        start -= 1  # reasoning, which a provider wants before the call it led to
    return start


def _with_context_before(state: State, end: int) -> State:
    """The state without the dynamic context that stood among messages which have changed."""
    blocks = state.get("dynamic")
    if not blocks:
        return state
    return {**state, "dynamic": [block for block in blocks if block["after"] <= end]}
