"""The cheapest way to place context, found by whoever knows how the conversation goes on.

Context is said at the prompt's end: when it changes, and whenever else it is worth it. What is said
stays until it is taken out, with all context behind it. That costs writing the messages behind it
again instead of reading them, once; its staying costs reading it in each request. So what a stretch
of requests costs depends on its two ends alone, and all choices can be weighed: `_Search.cheapest`.
"""

from functools import cache

from bench.placement_arms import Stay, growing
from bench.placement_workloads import Workload
from bench.prefix_count import characters
from stitcher.core.economics import Prices

_Choice = tuple[float, tuple[Stay, ...]]


def cheapest(workload: Workload, prices: Prices) -> tuple[Stay, ...]:
    """Where each context stands, and for how long."""
    search = _Search(workload, prices)
    return search.cheapest(0, len(workload.steps))[1]


class _Search:
    def __init__(self, workload: Workload, prices: Prices) -> None:
        self._prices = prices
        self._contexts = [step.context for step in workload.steps]
        histories = [history for history, _ in growing(workload)]
        self._places = [len(history) for history in histories]
        self._known = [0, *map(len, histories)]  # messages of the request before
        self._upto = [0.0]  # tokens of the history before each message
        for message in histories[-1]:
            self._upto.append(self._upto[-1] + characters(message) / 4)
        self.cheapest = cache(self._cheapest)

    def _cheapest(self, start: int, end: int) -> _Choice:
        """What is said from request `start` on, in which context is said, if all goes at `end`."""
        stays, its_stays = self._stay(start, end)
        best: _Choice = (stays, its_stays)
        for n in range(start + 1, end):
            before, its_before = self._stay(start, n)
            again = (self._prices.write - self._prices.read) * self._behind(start, n)
            if before + again >= best[0]:
                continue
            then, its_then = self.cheapest(n, end)
            if before + again + then < best[0]:
                best = (before + again + then, its_before + its_then)
        return best

    def _stay(self, start: int, end: int) -> _Choice:
        """The same where what is said at `start` stays until `end`."""
        tokens = len(self._contexts[start]) / 4
        own = Stay(self._places[start], self._contexts[start], start, end)
        cost = tokens * (self._prices.write + self._prices.read * (end - start - 1))
        changed = self._next_change(start)
        if changed >= end:
            return cost, (own,)
        later, its_later = self.cheapest(changed, end)
        return cost + later, (own, *its_later)

    def _next_change(self, start: int) -> int:
        later = range(start + 1, len(self._contexts))
        return next(
            (n for n in later if self._contexts[n] != self._contexts[start]), len(self._contexts)
        )

    def _behind(self, start: int, n: int) -> float:
        """Tokens that request `n` writes again if what was said at `start` is taken out in it."""
        return max(0.0, self._upto[self._known[n]] - self._upto[self._places[start]])
