"""Which tool results belong to which calls: the one rule, for whoever must not part them.

Providers want the results of a call right after it: Anthropic in the next message, OpenAI in the
messages that follow. Only where an answer is several items may the rest of it stand in between.
Knows nothing of what is done about those that stand alone.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from stitcher.core.role import Role


class Speaks(Protocol):
    """What must be known of a message to pair it."""

    @property
    def role(self) -> Role: ...

    @property
    def calls(self) -> tuple[str, ...]:
        """Ids of the tool calls it makes."""
        ...

    @property
    def answers(self) -> tuple[str, ...]:
        """Ids of the tool calls it answers."""
        ...

    @property
    def is_item(self) -> bool:
        """True for one of several items that an answer may be, as over the Responses API."""
        ...


@dataclass(frozen=True, slots=True)
class Round:
    """A stretch of messages that call and the results that follow: `[start, answers, end)`.

    Either part may be empty: calls without results, or results without a call.
    """

    start: int
    answers: int  # the first message that answers; `end` where none does
    end: int


@dataclass(frozen=True, slots=True)
class Alone:
    """A call without its result, or a result without its call."""

    kind: Literal["call", "result"]
    index: int  # of the message
    id: str


def rounds(said: Sequence[Speaks]) -> Iterator[Round]:
    """The rounds of a conversation, in order. What calls and answers nothing is in none."""
    at = 0
    while at < len(said):
        one = said[at]
        if not one.calls and not one.answers:  # nearly all there are
            at += 1
            continue
        answers = at
        if one.calls:
            answers += 1
            while one.is_item and answers < len(said) and said[answers].role == "assistant":
                answers += 1
        end = answers
        while end < len(said) and said[end].answers:
            end += 1
        end = max(end, at + 1)
        yield Round(at, answers, end)
        at = end


def alone(said: Sequence[Speaks]) -> list[Alone]:
    """Calls and results that have no other half, or have it somewhere else, in order.

    Each call has one result; of more the first count.
    """
    found: list[Alone] = []
    for one in rounds(said):
        calls = [(n, id) for n in range(one.start, one.answers) for id in said[n].calls]
        results = [(n, id) for n in range(one.answers, one.end) for id in said[n].answers]
        found += [Alone("call", n, id) for n, id in _unmatched(calls, results)]
        found += [Alone("result", n, id) for n, id in _unmatched(results, calls)]
    return found


def _unmatched(
    halves: Sequence[tuple[int, str]], others: Sequence[tuple[int, str]]
) -> Iterator[tuple[int, str]]:
    left = Counter(id for _, id in others)
    for n, id in halves:
        left[id] -= 1
        if left[id] < 0:
            yield n, id


def joints(said: Sequence[Speaks]) -> list[int]:
    """Indices before which the conversation can be cut.

    No call is parted from its result there, and no item of an answer from the one before it: OpenAI
    refuses a call without the reasoning that led to it.
    """
    inside = {n for one in rounds(said) for n in range(one.start + 1, one.end)}
    return [n for n in range(len(said)) if n not in inside and not _goes_on(said, n)]


def last_joint(said: Sequence[Speaks]) -> int:
    """Index at which the last round, or the last thing said, begins; notes behind it aside."""
    last = next((n for n in range(len(said) - 1, -1, -1) if said[n].role != "system"), 0)
    return max((n for n in joints(said) if n <= last), default=0)


def _goes_on(said: Sequence[Speaks], n: int) -> bool:
    """True for an item of the answer that the one before it is of."""
    return n > 0 and said[n - 1].is_item and said[n - 1].role == "assistant" == said[n].role


def loop_is_open(said: Sequence[Speaks]) -> bool:
    """True while a tool loop goes on: the last thing said, notes aside, is a call or a result."""
    last = next((one for one in reversed(said) if one.role != "system"), None)
    return last is not None and bool(last.calls or last.answers)
