"""The state of a conversation: a plain JSON value, to be kept wherever the application likes.

    {"version": 1, "long_lived": [message, ...], "short_term": [message, ...]}

A keyed context message carries a tag, `{"_stitcher": {"context_key": "world"}}`, which no provider
is shown. With `dynamic_placement="priced"` the state also says where dynamic context stands:
`"dynamic": [{"after": 4, "content": "..."}]`, `after` being the number of messages before it;
`"passing": true` marks what is likely to change before it is read again. For Claude it says what
was thought under a prompt that has changed since (`prompt.bound_thinking`). A state saved by
llmbuffer is one of these.
"""

import json
from typing import Any, Final

from stitcher.messages.reading import Message
from stitcher.prompt.accepting import copied, expect_message

State = dict[str, Any]

VERSION: Final = 1
TAG: Final = "_stitcher"
LLMBUFFER_TAG: Final = "_llmbuffer"

_TAGS: Final = (TAG, LLMBUFFER_TAG)
_ZONES: Final = ("long_lived", "short_term")


def new_state(initial_context: str | None = None, context_key: str = "context") -> State:
    """A conversation in which nothing was said yet.

    `initial_context` is durable context that stands in the prompt from its first request on, as if
    `append_context` had said it under `context_key`. Raises TypeError if either is no text.
    """
    long_lived = [] if initial_context is None else [keyed(initial_context, context_key)]
    return {"version": VERSION, "long_lived": long_lived, "short_term": []}


def keyed(content: str, key: str) -> Message:
    """A message of durable context. Raises TypeError if either is no text."""
    for name, value in (("context", content), ("context_key", key)):
        if not isinstance(value, str):
            raise TypeError(f"{name}: found a {type(value).__name__}, expected a string")
    return {"role": "system", "content": content, TAG: {"context_key": key}}


def context_key(message: Message) -> str | None:
    """The key of a message of durable context; None for any other."""
    for tag in _TAGS:
        found = message.get(tag)
        if isinstance(found, dict) and isinstance(found.get("context_key"), str):
            return str(found["context_key"])
    return None


def as_sent(message: Message) -> Message:
    """The message as a provider is shown it, without a tag."""
    return {key: value for key, value in message.items() if key not in _TAGS}


def with_messages(
    state: State, *, long_lived: list[Message], short_term: list[Message] | None = None
) -> State:
    """The state with other messages; the current turn stays the same list where it is not given."""
    current = state["short_term"] if short_term is None else short_term
    return {**state, "long_lived": long_lived, "short_term": current}


def expect_state(state: object) -> State:
    """The state itself if it is one, its messages unseen. Raises TypeError, ValueError."""
    if not isinstance(state, dict):
        raise TypeError(
            f"found a state of type {type(state).__name__}, expected a dict as new_state() makes it"
        )
    version = state.get("version")
    if version != VERSION or isinstance(version, bool):
        raise ValueError(f"found a state of version {version!r}, expected {VERSION}")
    for zone in _ZONES:
        if zone not in state:
            raise ValueError(f"found a state without {zone!r}, expected a list of messages there")
        if not isinstance(state[zone], list):
            found = type(state[zone]).__name__
            raise TypeError(f"state[{zone!r}]: found a {found}, expected a list of messages")
    return state


def expect_messages(state: object) -> State:
    """The state itself if its messages are dicts, unseen further. Raises TypeError, ValueError."""
    found = expect_state(state)
    for zone in _ZONES:
        if not set(map(type, found[zone])) <= {dict}:
            odd = next(n for n, one in enumerate(found[zone]) if not isinstance(one, dict))
            kind = type(found[zone][odd]).__name__
            raise TypeError(f"state[{zone!r}][{odd}]: found a {kind}, expected a message")
    return found


def validate_state(state: object) -> State:
    """The state itself if all of it is one. Raises TypeError, ValueError."""
    found = expect_state(state)
    for zone in _ZONES:
        for n, message in enumerate(found[zone]):
            try:
                expect_message(message)
            except (TypeError, ValueError) as error:
                raise type(error)(f"state[{zone!r}][{n}]: {error}") from None
    _expect_dynamic(found)
    _expect_thinking(found)
    return found


def _expect_dynamic(state: State) -> None:
    if "dynamic" not in state:
        return
    blocks, messages = state["dynamic"], sum(len(state[zone]) for zone in _ZONES)
    good = isinstance(blocks, list) and all(
        isinstance(block, dict)
        and isinstance(block.get("content"), str)
        and type(block.get("after")) is int
        and 0 <= block["after"] <= messages
        for block in blocks
    )
    if not good:
        raise ValueError(
            "state['dynamic']: expected a list of "
            f'{{"after": 0 to {messages}, "content": "..."}}, found something else'
        )


def _expect_thinking(state: State) -> None:
    if "thinking" not in state:
        return
    found, messages = state["thinking"], sum(len(state[zone]) for zone in _ZONES)
    good = (
        isinstance(found, dict)
        and isinstance(found.get("under"), str)
        and type(found.get("stale_before")) is int
        and 0 <= found["stale_before"] <= messages
    )
    if not good:
        raise ValueError(
            f'state[\'thinking\']: expected {{"under": "...", "stale_before": 0 to {messages}}}, '
            "found something else"
        )


def copy_state(state: State) -> State:
    """A copy that shares nothing that could be changed."""
    copy: State = copied(state, "state")
    return copy


def dumps(state: State, **json_settings: Any) -> str:
    """The state as JSON text; `json_settings` go to `json.dumps`. Raises TypeError, ValueError."""
    return written(validate_state(state), **json_settings)


def written(state: State, **json_settings: Any) -> str:
    """A state that is known to be one, as JSON text."""
    return json.dumps(state, **{"allow_nan": False, **json_settings})


def loads(payload: str | bytes) -> State:
    """The state that `dumps` wrote. Raises TypeError, ValueError."""
    try:
        state = json.loads(payload)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"found no JSON ({error}), expected what dumps() writes") from None
    return validate_state(state)
