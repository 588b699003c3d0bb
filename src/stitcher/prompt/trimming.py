"""Trimming a whole conversation to a budget, without memory, and without moving its prefix often.

A window that slides drops a message with every one that comes, so no prompt begins like the one
before and the provider's cache never hits. This one is cut rarely and far, at the same places
however often it is asked.
"""

from collections.abc import Iterable

from stitcher.core.compaction import Budget, Sized, window_start
from stitcher.messages.reading import Message, read
from stitcher.prompt.accepting import accepted
from stitcher.prompt.adapters.openai import OpenAIAdapter
from stitcher.prompt.adapters.provider_adapter import ProviderAdapter
from stitcher.prompt.config import expect_tokens


def trim(
    messages: Iterable[object],
    max_tokens: int,
    *,
    keep: float = 0.5,
    adapter: ProviderAdapter | None = None,
) -> list[Message]:
    """The newest whole turns of a conversation that fit into `max_tokens`, system prompt included.

    `messages` are the whole conversation so far, each time; copies of those that stay come back.
    Below the budget nothing is dropped. When a turn begins that would pass it, the oldest turns go
    until about `keep` of it is left; until it is passed again each prompt begins like the one
    before. The newest turn stays whole. Raises TypeError or ValueError for what is no message and
    for a budget that cannot be used.
    """
    own = [accepted(message) for message in messages]
    start = trimmed_from(own, max_tokens, keep=keep, adapter=adapter)
    return [*own[: _leading(own)], *own[start:]]


def trimmed_from(
    messages: list[Message],
    max_tokens: int,
    *,
    keep: float = 0.5,
    adapter: ProviderAdapter | None = None,
) -> int:
    """Index of the first message behind the system prompt that `trim` keeps."""
    expect_tokens("max_tokens", max_tokens)
    if not 0 <= keep <= 1:
        raise ValueError(f"keep: found {keep}, expected a fraction from 0 to 1")
    count = (adapter or OpenAIAdapter()).count_tokens
    first = _leading(messages)
    head = count(messages[:first]) if first else 0
    if head >= max_tokens:
        raise ValueError(
            f"max_tokens: found {max_tokens:,}, of which the system prompt takes {head:,}; "
            "expected some to be left for messages"
        )
    sizes = [Sized(count([one]), read(one).starts_turn) for one in messages[first:]]
    return first + window_start(sizes, Budget(max_tokens, keep, head, reserve=0))


def _leading(messages: list[Message]) -> int:
    """How many messages the system prompt is."""
    found = (n for n, message in enumerate(messages) if read(message).role != "system")
    return next(found, len(messages))
