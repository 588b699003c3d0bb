"""Healing what an application brings: tool calls without results, results without calls.

A provider refuses a prompt for either, and a conversation that has one is stuck for good. What the
model was told stays: a call that nothing answers is answered, saying so, and a result that stands
elsewhere goes where it belongs. Only what answers nothing at all is left out.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, Literal

from stitcher.core.pairing import Round, alone, rounds
from stitcher.messages.reading import Form, Message, Spoken, read
from stitcher.messages.results import Result, answering, missing, results_of, without_results
from stitcher.prompt.accepting import accepted

NO_RESULT: Final = "[There is no result: the call was interrupted.]"
"""What a call that nothing answered is answered with."""

Done = Literal["answered", "moved", "dropped"]

_SAID: Final[dict[Done, str]] = {
    "answered": "tool call {!r} had no result; one that says so was added",
    "moved": "the result of tool call {!r} stood elsewhere; it was moved to its call",
    "dropped": "a result of tool call {!r}, which is not called or has one, was left out",
}


@dataclass(frozen=True, slots=True)
class Repair:
    """One thing that was done."""

    done: Done
    index: int  # of the message in the list that was brought: the call's, or the result's
    tool_call_id: str

    def __str__(self) -> str:
        return f"messages[{self.index}]: {_SAID[self.done].format(self.tool_call_id)}"


@dataclass(frozen=True, slots=True)
class Repaired:
    """Messages that any provider takes, and what was done to make them so."""

    messages: list[Message]
    repairs: tuple[Repair, ...]

    def __iter__(self) -> Iterator[Any]:
        """For `messages, repairs = repair(messages)`."""
        return iter((self.messages, self.repairs))


def repair(messages: Iterable[object]) -> Repaired:
    """Messages in which every tool call has its one result, right after it.

    They may be of any API, also mixed. What is brought is not changed; what needs nothing comes
    back equal. Raises TypeError or ValueError for what is no message.
    """
    brought = [accepted(message) for message in messages]
    said = [read(message) for message in brought]
    if not alone(said):
        return Repaired(brought, ())
    mending = _Mending(brought, said)
    made = list(mending.messages())
    return Repaired(made, tuple(sorted(mending.repairs, key=lambda one: one.index)))


_Place = tuple[int, int]  # a result: the message it is in, and which of that message's it is


class _Mending:
    """Gives every call its result, then writes the conversation down anew."""

    def __init__(self, brought: Sequence[Message], said: Sequence[Spoken]) -> None:
        self.repairs: list[Repair] = []
        self._brought = brought
        self._said = said
        self._rounds = list(rounds(said))
        self._of: dict[tuple[int, str], _Place] = {}  # (message, call) → its result
        self._taken: set[_Place] = set()
        for one in self._rounds:
            for call in self._calls(one):
                place = self._result(call[1], one)
                if place is not None:
                    self._of[call] = place
                    self._taken.add(place)

    def messages(self) -> Iterator[Message]:
        """The conversation as it has to be."""
        at = 0
        for one in self._rounds:
            yield from self._brought[at : one.start]
            yield from self._brought[one.start : one.answers]
            yield from self._answers(one)
            at = one.end
        yield from self._brought[at:]

    def _calls(self, one: Round) -> list[tuple[int, str]]:
        return [(n, id) for n in range(one.start, one.answers) for id in self._said[n].calls]

    def _result(self, id: str, one: Round) -> _Place | None:
        """The first result after a call that no earlier call has, unless it was called again."""
        for n in range(one.answers, len(self._said)):
            if n >= one.end and id in self._said[n].calls:
                return None
            for k, answered in enumerate(self._said[n].answers):
                if answered == id and (n, k) not in self._taken:
                    return n, k
        return None

    def _answers(self, one: Round) -> Iterator[Message]:
        """The results of a round's calls, and what else its answering messages say."""
        calls = self._calls(one)
        there = [(n, k) for n in range(one.answers, one.end) for k in self._places(n)]
        if len(calls) == len(there) and {self._of.get(call) for call in calls} == set(there):
            yield from self._brought[one.answers : one.end]
            return
        found = [self._found(one, n, id) for n, id in calls]
        for form, group in groupby(found, key=lambda pair: pair[0]):
            yield from answering([result for _, result in group], form)
        for n, k in there:
            if (n, k) not in self._taken:
                self.repairs.append(Repair("dropped", n, self._said[n].answers[k]))
        rests = (without_results(self._brought[n]) for n in range(one.answers, one.end))
        yield from (rest for rest in rests if rest is not None)

    def _places(self, n: int) -> range:
        return range(len(self._said[n].answers))

    def _found(self, one: Round, n: int, id: str) -> tuple[Form, Result]:
        """A call's result, and the form it is in."""
        place = self._of.get((n, id))
        if place is None:
            self.repairs.append(Repair("answered", n, id))
            return self._said[n].form, missing(self._brought[n], id, NO_RESULT)
        at, k = place
        if not one.answers <= at < one.end:
            self.repairs.append(Repair("moved", at, id))
        return self._said[at].form, results_of(self._brought[at])[k]
