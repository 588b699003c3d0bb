"""Where and when the window is cut, and what is condensed at a cut.

The one place that decides it. A window only grows, so that the prompt prefix stays put, until it is
cut back to a fraction of the budget, on a turn boundary: when the budget would be passed, when the
cache is cold anyway, or when its surplus has cost as much to read as the cut costs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from stitcher.core.economics import Prices, cut_pays
from stitcher.core.pairing import Speaks, joints, last_joint

T = TypeVar("T")

Policy = Literal["auto", "half", "never"]
"""When a window is cut: by its price, when the budget would be passed, or only where it must be."""

Why = Literal["full", "cold", "priced"]
"""The reason for a cut."""

_SHORTEST_WORTH_CONDENSING = 400  # tokens; below that a stub saves less than it confuses


@dataclass(frozen=True, slots=True)
class Budget:
    """What a request may become through us, in tokens."""

    limit: int  # head, history, new messages and the answer together
    keep: float  # fraction of the room that a cut leaves at least
    head: int  # tools and system prompt
    reserve: int  # room for the answer

    @property
    def room(self) -> int:
        """Tokens left for messages."""
        return max(0, self.limit - self.head - self.reserve)

    @property
    def guaranteed(self) -> int:
        """Tokens of the newest messages that a cut leaves, where turns allow it."""
        return int(self.room * self.keep)


@dataclass(frozen=True, slots=True)
class Load:
    """What a conversation's requests carry, as far as a cut depends on it. In tokens."""

    tokens: int  # of the messages of the request that is due
    requests: int = 0  # before it
    held: int = 0  # carried beyond the guarantee since the last cut, summed over those requests
    cold: bool = False  # no cache holds the prompt's beginning any more
    in_tool_loop: bool = False  # the request brings results, and no question


@dataclass(frozen=True, slots=True)
class Sized:
    """What a cut needs to know of one message."""

    tokens: int
    starts_turn: bool


@dataclass(frozen=True, slots=True)
class Window:
    """What is left of a conversation: the messages from `start` on.

    Those before `since` were there when it was last cut; 0 where it never was.
    """

    start: int
    since: int


class Measured(Speaks, Protocol):
    """What must be known of a message to leave out others."""

    @property
    def tokens(self) -> int: ...

    @property
    def starts_turn(self) -> bool: ...


def reserve_for(requested: int | None, limit: int) -> int:
    """Room kept for the answer: what the client asks for, but never more than a quarter.

    Clients ask for the most a model can say (128,000 from Claude Code, 64,000 from LangChain),
    which is often the whole budget and rarely what comes.
    """
    return min(requested or 4096, limit // 4)


def cut_due(history: int, budget: Budget) -> bool:
    """True when the messages no longer fit."""
    return history > budget.room


def why_cut(load: Load, budget: Budget, prices: Prices, policy: Policy = "auto") -> Why | None:
    """Why the window is cut before this request, or None where it only grows.

    It is full when the messages no longer fit. A cold cache lets the surplus go for nothing, as all
    is written again; a warm one when keeping it has cost as much as letting it go. Inside a tool
    loop only a full window is cut.
    """
    if cut_due(load.tokens, budget):
        return "full"
    guaranteed = budget.guaranteed
    surplus = load.tokens - guaranteed
    if policy != "auto" or load.in_tool_loop or surplus <= 0:
        return None
    if load.cold:
        return "cold"
    pays = cut_pays(
        kept=guaranteed,
        surplus=surplus,
        held=load.held,
        requests=load.requests,
        prices=prices,
    )
    return "priced" if pays else None


def cut(messages: Sequence[Sized], budget: Budget) -> int:
    """Index of the first message kept: whole turns, newest first.

    At least `keep` of the room is left where turns allow it, never more than the room; the newest
    turn stays whole even where it does not fit, because a tool call is never parted from its
    result.
    """
    boundaries = [n for n, message in enumerate(messages) if message.starts_turn]
    if not boundaries:
        return 0
    wanted = budget.room * budget.keep
    kept = 0
    start = boundaries[-1]
    for n in range(len(messages) - 1, -1, -1):
        kept += messages[n].tokens
        if not messages[n].starts_turn:
            continue
        if kept > budget.room and n != boundaries[-1]:
            break
        start = n
        if kept >= wanted:
            break
    return start


def window(messages: Sequence[Sized], budget: Budget) -> Window:
    """What is left after every cut that was due while the conversation grew.

    Each cut depends on the messages up to it alone: whoever has a whole conversation, and no memory
    of earlier requests, cuts it where it was cut before. A cut is looked for when a turn begins.
    """
    start, since, tokens = 0, 0, 0
    for n, message in enumerate(messages):
        tokens += message.tokens
        if not (message.starts_turn and cut_due(tokens, budget)):
            continue
        left_out = cut(messages[start : n + 1], budget)
        if left_out:
            start, since = start + left_out, n
            tokens = sum(one.tokens for one in messages[start : n + 1])
    return Window(start, since)


def newest(messages: Sequence[Measured], room: int) -> list[int]:
    """Indices of the newest messages that fit into `room` tokens: whole turns, oldest left out.

    Of a turn that is too large by itself, what opens it stays and as many of its newest rounds as
    fit, the last one in any case: a call is never parted from its result.
    """
    sizes = [Sized(message.tokens, message.starts_turn) for message in messages]
    start = cut(sizes, Budget(limit=room, keep=1.0, head=0, reserve=0))
    left = room - sum(size.tokens for size in sizes[start:])
    if left >= 0:
        return list(range(start, len(messages)))
    opening = [start] if sizes and sizes[start].starts_turn else []
    last = last_joint(messages)
    places = [n for n in joints(messages) if start + len(opening) <= n <= last]
    at = start + len(opening)
    for n in places:
        if left >= 0:
            break
        left += sum(size.tokens for size in sizes[at:n])
        at = n
    return [*opening, *range(at, len(messages))]


def repeats(
    replies: Sequence[tuple[str, T, int]], near_identical: Callable[[T, T], bool]
) -> tuple[tuple[str, str], ...]:
    """Older replies that say what a newer one says again, oldest first.

    `replies` are (chain, what is compared, tokens), oldest first. The result pairs the older
    chain with the newest it repeats; the newest itself always stays.
    """
    found: list[tuple[str, str]] = []
    kept: list[tuple[str, T]] = []  # newest first
    for name, text, tokens in reversed(replies):
        if tokens < _SHORTEST_WORTH_CONDENSING:
            continue
        twin = next((newer for newer, other in kept if near_identical(text, other)), None)
        if twin is None:
            kept.append((name, text))
        else:
            found.append((name, twin))
    found.reverse()
    return tuple(found)
