"""A conversation as a benchmark sees it: sizes and times, no text.

Knows nothing of how a request is laid out, of caches or of prices.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A piece of prompt that is sent whole or not at all; the same one is the same object."""

    key: bytes
    tokens: int


@dataclass(frozen=True, slots=True)
class Request:
    """One request: what was said since the answer before, and the answer that follows."""

    at: float  # seconds
    said: Block  # a question, or the results of tools
    starts_turn: bool  # it is a question
    reply: Block
    seconds: float = 5.0  # until the answer has ended
    context: Block | None = None  # dynamic context that holds now


@dataclass(frozen=True)
class Conversation:
    """Requests under one static head (tools and system prompt).

    Its messages are numbered: request n asks with messages 0 to 2n, and is answered by 2n + 1.
    """

    head: Block
    requests: Sequence[Request]

    @cached_property
    def messages(self) -> list[Block]:
        """All that was said, questions and answers in turn."""
        return [block for each in self.requests for block in (each.said, each.reply)]

    @cached_property
    def _upto(self) -> list[int]:
        return [0, *accumulate(block.tokens for block in self.messages)]

    def begins_turn(self, n: int) -> bool:
        """True where request n is a question, or the first there is."""
        return n == 0 or self.requests[n].starts_turn

    @cached_property
    def _first_result(self) -> int:
        later = (n for n in range(len(self.requests)) if not self.begins_turn(n))
        return next(later, len(self.requests))

    def calls_tools(self, n: int) -> bool:
        """True where results of tools came with request n or with one before it."""
        return n >= self._first_result

    def turns_until(self, n: int) -> list[int]:
        """The messages that begin a turn, up to request n, newest first."""
        return self._turns[: bisect_right(self._turns, 2 * n)][::-1]

    def next_change(self, n: int) -> int:
        """The first request after n in which another context holds."""
        return self._changes[bisect_right(self._changes, n)]

    @cached_property
    def _turns(self) -> list[int]:
        return [2 * n for n in range(len(self.requests)) if self.begins_turn(n)]

    @cached_property
    def _changes(self) -> list[int]:
        contexts = [each.context for each in self.requests]
        changed = (n for n in range(1, len(contexts)) if contexts[n] is not contexts[n - 1])
        return [*changed, len(contexts)]

    def history(self, start: int, n: int) -> int:
        """Tokens of the messages that request n asks with, where message `start` is the first."""
        return self._upto[2 * n + 1] - self._upto[start]


@dataclass(frozen=True, slots=True)
class Workload:
    """Conversations under a name, and the budget that they are measured with."""

    name: str
    about: str  # one line
    max_tokens: int
    conversations: Sequence[Conversation] = field(repr=False)
    note: str = ""  # what was left out of it

    @property
    def requests(self) -> int:
        return sum(len(one.requests) for one in self.conversations)

    @property
    def has_context(self) -> bool:
        return any(each.context for one in self.conversations for each in one.requests)
