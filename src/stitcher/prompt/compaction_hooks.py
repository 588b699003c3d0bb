"""Ready compaction hooks: how a history becomes shorter.

A compaction hook takes `(messages, target_tokens, adapter)` and returns the messages that stay,
oldest first. None of these changes what it is given, and none parts a tool call from its result.
"""

from collections.abc import Awaitable, Callable, Sequence
from inspect import iscoroutinefunction
from typing import Any

from stitcher.core.compaction import newest
from stitcher.messages.reading import Message, read
from stitcher.prompt.adapters.provider_adapter import ProviderAdapter
from stitcher.prompt.measuring import Measured, measured

Compaction = Callable[[list[Message], int, ProviderAdapter], Any]
Summarise = Callable[[list[Message]], str | Awaitable[str]]


def truncation_compaction_hook(
    messages: list[Message], target_tokens: int, adapter: ProviderAdapter
) -> list[Message]:
    """The newest messages that fit: whole turns, the oldest left out. The default.

    Of a turn that is too large by itself, its opening and its newest tool rounds stay.
    """
    sized = measured(messages, adapter)
    return [messages[n] for n in newest(sized, target_tokens)]


def keep_first_user_message(hook: Compaction = truncation_compaction_hook) -> Compaction:
    """A compaction hook that keeps what the user said first, and lets `hook` shorten the rest.

    The task of a long conversation usually stands there. Async where `hook` is.
    """

    def parts(
        messages: list[Message], target_tokens: int, adapter: ProviderAdapter
    ) -> tuple[list[Message], list[Message], int]:
        first = next((n for n, one in enumerate(messages) if read(one).starts_turn), None)
        if first is None:
            return [], messages, target_tokens
        room = max(0, target_tokens - adapter.count_tokens([messages[first]]))
        return [messages[first]], [*messages[:first], *messages[first + 1 :]], room

    def keep(messages: list[Message], target_tokens: int, adapter: ProviderAdapter) -> Any:
        kept, rest, room = parts(messages, target_tokens, adapter)
        return [*kept, *hook(rest, room, adapter)]

    async def keep_later(
        messages: list[Message], target_tokens: int, adapter: ProviderAdapter
    ) -> list[Message]:
        kept, rest, room = parts(messages, target_tokens, adapter)
        return [*kept, *await hook(rest, room, adapter)]

    return keep_later if _is_async(hook) else keep


def summarise(summary: Summarise, *, keep_tokens: int | None = None) -> Compaction:
    """A compaction hook that replaces the older messages by a summary of them.

    `summary` takes those messages and returns a text; the hook is async where it is. The newest
    messages stay as they are: `keep_tokens` of them, or half of what is aimed at.
    """

    def cut(messages: list[Message], target_tokens: int, adapter: ProviderAdapter) -> int:
        room = target_tokens // 2 if keep_tokens is None else min(keep_tokens, target_tokens)
        return _whole_turns(measured(messages, adapter), room)

    def compact(messages: list[Message], target_tokens: int, adapter: ProviderAdapter) -> Any:
        start = cut(messages, target_tokens, adapter)
        return [*_told(summary(messages[:start])), *messages[start:]] if start else messages

    async def compact_later(
        messages: list[Message], target_tokens: int, adapter: ProviderAdapter
    ) -> list[Message]:
        start = cut(messages, target_tokens, adapter)
        if not start:
            return messages
        told: Any = summary(messages[:start])
        return [*_told(await told), *messages[start:]]

    return compact_later if _is_async(summary) else compact


def _is_async(function: Callable[..., object]) -> bool:
    """True for what has to be awaited, a function or an object that is called like one."""
    return iscoroutinefunction(function) or iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - not whether it can be called, but how
    )


def _whole_turns(sized: Sequence[Measured], room: int) -> int:
    """Where the newest turns begin that fit; the end where not even one does."""
    kept, start = 0, len(sized)
    for n in range(len(sized) - 1, -1, -1):
        kept += sized[n].tokens
        if kept > room:
            break
        if sized[n].starts_turn:
            start = n
    return start


def _told(summary: object) -> list[Message]:
    if not isinstance(summary, str):
        raise TypeError(f"found a summary of type {type(summary).__name__}, expected a string")
    return [{"role": "system", "content": f"Summary of the conversation so far:\n{summary}"}]
