"""Where dynamic context costs least, for whoever knows how the conversation goes on.

Context is said at the prompt's end: when it changes, and whenever else that is worth it. What is
said stays until it is taken out, with all context behind it. That costs writing again what was said
behind it, once; its staying costs reading it with each request. Said for one request alone it is
not written at all. So what a stretch of requests costs depends on its two ends, and all choices can
be weighed. At a cut, and where the cache is cold, everything is placed anew for nothing: there a
stretch ends. Which windows are cut is decided before, as if there were no context.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stitcher.benchmark.conversation import Block, Conversation
from stitcher.benchmark.optimum import cheapest_windows
from stitcher.benchmark.prompt import Prompt, Setting
from stitcher.core.compaction import Why
from stitcher.core.economics import Prices


@dataclass(frozen=True, slots=True)
class Stay:
    """Context behind so many messages, in the requests `[start, end)`."""

    block: Block
    after: int
    start: int
    end: int


def optimum(conversation: Conversation, setting: Setting) -> Iterator[Prompt]:
    """The cheapest cuts (`stitcher.benchmark.optimum`), and context placed as above.

    Without context it is a true lower bound: no arm that keeps guarantee and budget costs less.
    With context it is the best of this kind: cuts and places are not weighed against each other,
    and context that comes back is said anew.
    """
    starts = cheapest_windows(conversation, setting).starts
    stays = _placed(conversation, setting, starts)
    for n, start in enumerate(starts):
        now = [stay for stay in stays if stay.start <= n < stay.end]
        cut = n > 0 and start != starts[n - 1]
        yield _prompt(conversation, now, start, n, cut=cut)


def _prompt(
    conversation: Conversation, stays: Sequence[Stay], start: int, n: int, *, cut: bool
) -> Prompt:
    blocks, done = [conversation.head], start
    ends: list[tuple[int, int]] = []  # when the context is taken out, and the end before it
    for stay in stays:
        blocks += conversation.messages[done : stay.after]
        done = stay.after
        ends.append((stay.end, len(blocks) - 1))
        blocks.append(stay.block)
    blocks += conversation.messages[done : 2 * n + 1]
    passing = bool(stays) and stays[-1].end == n + 1 and done == 2 * n + 1
    stable = tuple(end for _, end in sorted(ends))
    why: Why | None = "priced" if cut else None
    return Prompt(blocks, conversation.history(start, n), stable, lasting=not passing, why=why)


def _placed(conversation: Conversation, setting: Setting, starts: Sequence[int]) -> list[Stay]:
    """Every stay of a conversation, oldest first."""
    requests = conversation.requests
    if all(each.context is None for each in requests):
        return []
    anew = [
        n
        for n in range(len(requests))
        if n == 0 or starts[n] != starts[n - 1] or setting.cold(conversation, n)
    ]
    stays: list[Stay] = []
    for start, end in zip(anew, [*anew[1:], len(requests)], strict=True):
        stays += _Stretch(conversation, setting.cell.prices, start, end).stays(start, end)
    return stays


class _Stretch:
    """A stretch of requests without a cut and with a warm cache."""

    def __init__(self, conversation: Conversation, prices: Prices, start: int, end: int) -> None:
        self._of = conversation
        self._prices = prices
        self._choice: dict[tuple[int, int], tuple[float, int]] = {}
        for until in range(start + 1, end + 1):
            for n in range(until - 1, start - 1, -1):
                self._choice[n, until] = self._best(n, until)

    def stays(self, start: int, end: int) -> list[Stay]:
        """What is said from request `start` on, where all is gone at `end`."""
        found: list[Stay] = []
        while start < end:
            until = self._choice[start, end][1]
            block = self._of.requests[start].context
            if block is not None:
                found.append(Stay(block, 2 * start + 1, start, until))
            changed = self._next_change(start)
            found += self.stays(changed, until) if changed < until else []
            start = until
        return found

    def _best(self, start: int, end: int) -> tuple[float, int]:
        """The least cost, and until when what is said at `start` stays."""
        best, until = self._staying(start, end), end
        for n in range(start + 1, end):
            again = (self._prices.write - self._prices.read) * self._behind(start, n)
            if again >= best:  # and it only grows
                break
            cost = again + self._staying(start, n) + self._choice[n, end][0]
            if cost < best:
                best, until = cost, n
        return best, until

    def _staying(self, start: int, end: int) -> float:
        """Where what is said at `start` stays until `end`: it, and what is said behind it."""
        block = self._of.requests[start].context
        tokens = 0 if block is None else block.tokens
        if end == start + 1:
            return tokens * min(1.0, self._prices.write)
        cost = tokens * (self._prices.write + self._prices.read * (end - start - 1))
        changed = self._next_change(start)
        return cost + (self._choice[changed, end][0] if changed < end else 0.0)

    def _next_change(self, start: int) -> int:
        return self._of.next_change(start)

    def _behind(self, start: int, n: int) -> int:
        """Tokens that request n writes again if what was said at `start` is taken out in it."""
        return self._of.history(2 * start + 1, n - 1) if n > start + 1 else 0
