"""What an arm makes of a request: a prompt of blocks, and where it would be marked for the cache.

Also what every arm is told and keeps to: the budget, and where a window may begin.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from stitcher.benchmark.cells import Cell
from stitcher.benchmark.conversation import Block, Conversation
from stitcher.core.compaction import Budget, Why, reserve_for


@dataclass(frozen=True, slots=True)
class Prompt:
    """One request, laid out."""

    blocks: Sequence[Block]  # the head first
    history: int  # tokens of what was said, in it
    stable: Sequence[int] = ()  # ends worth a breakpoint besides head and tail, most wanted first
    lasting: bool = True  # the last block will stand there in the next request
    why: Why | None = None  # the window was cut before this request


@dataclass(frozen=True, slots=True)
class Setting:
    """What an arm knows besides the conversation so far."""

    cell: Cell
    max_tokens: int
    keep: float

    def budget(self, conversation: Conversation, n: int) -> Budget:
        """What request n may become; head and context count before any message."""
        context = conversation.requests[n].context
        beside = conversation.head.tokens + (context.tokens if context else 0)
        reserve = reserve_for(None, self.max_tokens)
        return Budget(self.max_tokens, self.keep, beside, reserve)

    def cold(self, conversation: Conversation, n: int) -> bool:
        """True where request n comes too late for what the one before it had cached."""
        if n == 0:
            return True
        requests = conversation.requests
        return requests[n].at >= requests[n - 1].at + self.cell.lifetime


Arm = Callable[[Conversation, Setting], Iterator[Prompt]]
"""Lays out the requests of a conversation, one after the other."""


def plain(conversation: Conversation, start: int, n: int, why: Why | None = None) -> Prompt:
    """Head, the messages from `start` on, and the context of request n at the very end.

    The context is no part of what stays: the breakpoint stands in front of it.
    """
    blocks = [conversation.head, *conversation.messages[start : 2 * n + 1]]
    context = conversation.requests[n].context
    history = conversation.history(start, n)
    if context is None:
        return Prompt(blocks, history, why=why)
    return Prompt([*blocks, context], history, (len(blocks) - 1,), lasting=False, why=why)
