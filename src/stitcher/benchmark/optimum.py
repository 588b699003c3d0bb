"""The cheapest windows of a conversation, found by whoever knows how it goes on.

Dynamic programming over all cuts: what the requests from n on cost depends on the window of the
request before alone, and on nothing else that was decided. It keeps to what every arm has to keep
to: a window is cut where a turn begins, before a request that begins one, unless the messages no
longer fit; a cut leaves whole turns of at least `keep` of the room where turns allow it.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from stitcher.benchmark.conversation import Conversation
from stitcher.benchmark.prompt import Setting

_Choice = tuple[float, int]  # what the requests from here on cost, and the window that costs it


@dataclass(frozen=True, slots=True)
class Windows:
    """The first message of each request's window, and what all requests cost without context."""

    starts: Sequence[int]
    cost: float  # in prices of a plain input token


def cheapest_windows(conversation: Conversation, setting: Setting) -> Windows:
    """The windows of least cost: backwards from the last request, forwards along the choices."""
    search = _Search(conversation, setting)
    steps: list[Mapping[int, _Choice]] = []
    later: Mapping[int, _Choice] = {}
    for n in range(len(conversation.requests) - 1, -1, -1):
        later = search.request(n, later)
        steps.append(later)
    starts: list[int] = []
    for step in reversed(steps):
        starts.append(step[starts[-1] if starts else 0][1])
    return Windows(starts, later[0][0] if later else 0.0)


def legal_starts(conversation: Conversation, setting: Setting, n: int) -> list[int]:
    """Where the window of request n may begin after a cut, newest first.

    With whole turns: of at least the guarantee and at most the room; where no number of turns is
    both, with as many as fit; with the newest turn in any case.
    """
    budget = setting.budget(conversation, n)
    wanted = budget.room * budget.keep
    found: list[int] = []
    enough = False
    for start in conversation.turns_until(n):
        tokens = conversation.history(start, n)
        if found and tokens > budget.room:
            break
        if not enough:
            found.clear()
        found.append(start)
        enough = enough or tokens >= wanted
    return found


class _Search:
    def __init__(self, conversation: Conversation, setting: Setting) -> None:
        self._of = conversation
        self._setting = setting
        requests = range(len(conversation.requests))
        self._rooms = [setting.budget(conversation, n).room for n in requests]

    def request(self, n: int, later: Mapping[int, _Choice]) -> dict[int, _Choice]:
        """The best choice for request n, by the window of the one before it."""
        cuts = self._cuts(n, later)
        best = list(accumulate(cuts, min))  # of so many of the newest
        order = [-start for _, start in cuts]
        found: dict[int, _Choice] = {}
        for before in self._before(n):
            options: list[_Choice] = []
            fits = self._fits(before, n)
            if self._of.begins_turn(n) or not fits:
                newer = bisect_left(order, -before)
                options = [best[newer - 1]] if newer else []
            if fits or not options:
                options.append(self._choice(n, before, before, later))
            found[before] = min(options)
        return found

    def _cuts(self, n: int, later: Mapping[int, _Choice]) -> list[_Choice]:
        """What it costs to cut before request n, by where the window then begins."""
        starts = legal_starts(self._of, self._setting, n)
        return [self._choice(n, -1, start, later) for start in starts]

    def _choice(self, n: int, before: int, start: int, later: Mapping[int, _Choice]) -> _Choice:
        rest = later[start][0] if later else 0.0
        return self._cost(n, before, start) + rest, start

    def _cost(self, n: int, before: int, start: int) -> float:
        """Of request n; `before` is the window of the one before it, -1 for another."""
        cell, head = self._setting.cell, self._of.head.tokens
        tokens = head + self._of.history(start, n)
        if tokens < cell.minimum:
            return float(tokens)
        shared = head + self._of.history(start, n - 1) if start == before and n else head
        cold = self._setting.cold(self._of, n)
        read = 0 if cold or shared < cell.minimum else shared - shared % cell.rounding
        return read * cell.prices.read + (tokens - read) * cell.prices.write

    def _before(self, n: int) -> Sequence[int]:
        """The windows that the request before this one may have had."""
        if n == 0:
            return [0]
        newest, *others = self._of.turns_until(n - 1)
        found = [newest]
        for start in others:
            if not self._fits(start, n - 1):
                break
            found.append(start)
        return found

    def _fits(self, start: int, n: int) -> bool:
        return self._of.history(start, n) <= self._rooms[n]
