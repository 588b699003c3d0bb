"""Trimming a whole conversation to a budget, without memory, and without moving its prefix often.

A window that slides drops a message with every one that comes, so no prompt begins like the one
before and the provider's cache never hits. This one is cut rarely and far, at the same places
however often it is asked. So it counts messages as they were counted at first, whatever an adapter
has observed since.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stitcher.core.compaction import Budget, Sized, window
from stitcher.messages.anthropic.message import without_thinking
from stitcher.messages.reading import Message, read
from stitcher.prompt.accepting import accepted
from stitcher.prompt.adapters.openai import OpenAIAdapter
from stitcher.prompt.adapters.provider_adapter import ProviderAdapter
from stitcher.prompt.config import expect_tokens
from stitcher.providers.models import binds_thinking


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
    before. The newest turn stays whole. With an adapter for a model that binds thinking to its
    prompt, what was thought before a cut goes. Raises TypeError or ValueError for what is no
    message and for a budget that cannot be used.
    """
    own = [accepted(message) for message in messages]
    left = left_of(own, TrimBudget(max_tokens, keep, adapter or OpenAIAdapter()))
    unbound = map(without_thinking, own[left.start : left.bound_from])
    return [*own[: left.system], *unbound, *own[left.bound_from :]]


@dataclass(frozen=True, slots=True)
class TrimBudget:
    """What a conversation is trimmed to. Raises TypeError or ValueError if that cannot be used."""

    max_tokens: int
    keep: float
    adapter: ProviderAdapter

    def __post_init__(self) -> None:
        expect_tokens("max_tokens", self.max_tokens)
        if self.max_tokens == 0:
            raise ValueError("max_tokens: found 0, expected some to be left for messages")
        if not 0 <= self.keep <= 1:
            raise ValueError(f"keep: found {self.keep}, expected a fraction from 0 to 1")

    def tokens(self, message: Message) -> int:
        """Tokens of a message, the same each time."""
        if self.adapter.counts_by_message:
            return self.adapter.message_tokens(message)
        return self.adapter.count_tokens([message])

    def beside(self, head: int, what: str = "the system prompt takes") -> Budget:
        """What messages may have beside a head of so many tokens. Raises ValueError if nothing."""
        if head >= self.max_tokens:
            raise ValueError(
                f"max_tokens: found {self.max_tokens:,}, of which {what} {head:,}; "
                "expected some to be left for messages"
            )
        return Budget(self.max_tokens, self.keep, head, reserve=0)

    @property
    def binds_thinking(self) -> bool:
        """True where what was thought before a cut would be refused."""
        return binds_thinking(self.adapter.model or "")


@dataclass(frozen=True, slots=True)
class Left:
    """What a trimmed conversation keeps: `[:system]`, and all from `start` on."""

    system: int
    start: int
    bound_from: int
    """Of these, the thinking before this message is bound to a prompt that has been cut since."""


def left_of(messages: Sequence[Message], budget: TrimBudget) -> Left:
    """What is left of a conversation. Raises ValueError where its system prompt takes all."""
    said = [read(message) for message in messages]
    system = next((n for n, one in enumerate(said) if one.role != "system"), len(said))
    head = sum(map(budget.tokens, messages[:system]))
    sizes = [
        Sized(budget.tokens(message), one.starts_turn)
        for message, one in zip(messages[system:], said[system:], strict=True)
    ]
    kept = window(sizes, budget.beside(head))
    since = max(kept.start, kept.since) if budget.binds_thinking else kept.start
    return Left(system, system + kept.start, system + since)
