"""The window of a conversation as it grows and is cut, by the rules of `core.compaction`.

The arms that cut by turns move one of these on from request to request. Knows nothing of caches.
"""

from dataclasses import dataclass

from stitcher.benchmark.conversation import Conversation
from stitcher.core.compaction import Budget, Load, Policy, Sized, Why, cut, why_cut
from stitcher.core.economics import Prices


@dataclass(frozen=True, slots=True)
class Window:
    """What is left of a conversation before one of its requests."""

    start: int = 0  # first message
    held: int = 0  # carried beyond the guarantee since the last cut: tokens times requests
    why: Why | None = None  # it was cut just now


@dataclass(frozen=True, slots=True)
class Due:
    """The request that a window is to be made for."""

    n: int
    budget: Budget
    prices: Prices
    cold: bool = False
    beside: int = 0  # tokens that a cut would take out besides messages


def moved_on(window: Window, conversation: Conversation, due: Due, policy: Policy) -> Window:
    """The window of request `due.n`, from that of the request before."""
    n, budget = due.n, due.budget
    tokens = conversation.history(window.start, n) + due.beside
    load = Load(tokens, n, window.held, due.cold, not conversation.begins_turn(n))
    why = why_cut(load, budget, due.prices, policy)
    start, held = window.start, window.held
    if why is not None:
        start += cut(_sized(conversation, start, n), budget)
        moves = start > window.start or due.beside > 0
        why, held = (why, 0) if moves else (None, held)
        tokens = conversation.history(start, n) + (0 if why else due.beside)
    return Window(start, held + max(0, tokens - budget.guaranteed), why)


def _sized(conversation: Conversation, start: int, n: int) -> list[Sized]:
    """The messages of request n from `start` on; answers begin no turn."""
    return [
        Sized(block.tokens, at % 2 == 0 and conversation.begins_turn(at // 2))
        for at, block in enumerate(conversation.messages[start : 2 * n + 1], start)
    ]
