"""The conversations that are measured without anybody's data: seeded sizes and times.

What is typical of each is said beside it; the sizes are of our own choosing where no source is
named. Knows nothing of arms or prices.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from stitcher.benchmark.conversation import Block, Conversation, Request, Workload

# llmbuffer 0.3.0, benchmark.py: lengths in characters, a quarter of them tokens, and after how many
# turns the context changes.
_SCRIPT_HEAD: Final = 1_213
_SCRIPT_CONTEXTS: Final = (101, 98, 101, 96, 97)
_SCRIPT_QUESTIONS: Final = (26, 22, 17, 21, 20, 21, 17, 21, 21, 15, 21, 21, 18, 19, 18)
_SCRIPT_REPLY: Final = 7
_SCRIPT_INTERVAL: Final = 3

_DAY: Final = 86_400.0
_TOKENS_A_SECOND: Final = 60.0  # of an answer


@dataclass(slots=True)
class _Talk:
    """A conversation in the making."""

    name: str
    rng: random.Random
    head: int
    requests: list[Request] = field(default_factory=list)
    now: float = 0.0

    def ask(
        self, tokens: int, reply: int, *, context: Block | None = None, question: bool = True
    ) -> None:
        """One request, and its answer in good time."""
        n = len(self.requests)
        seconds = 1.0 + reply / _TOKENS_A_SECOND
        said, answer = self.block(f"said {n}", tokens), self.block(f"reply {n}", reply)
        self.requests.append(Request(self.now, said, question, answer, seconds, context))
        self.now += seconds

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def block(self, name: str, tokens: int) -> Block:
        return Block(f"{self.name} {name}".encode(), tokens)

    def about(self, median: float, spread: float) -> float:
        """A length of human doings: log-normal, the spread one standard deviation."""
        return median * self.rng.lognormvariate(0.0, spread)

    def size(self, median: float, spread: float) -> int:
        return max(1, round(self.about(median, spread)))

    def conversation(self) -> Conversation:
        return Conversation(self.block("head", self.head), tuple(self.requests))


def _talk(name: str, seed: int, head: int) -> _Talk:
    return _Talk(name, random.Random(f"{name} {seed}"), head)


def script(seed: int = 0, *, reply: int = _SCRIPT_REPLY) -> Workload:
    """llmbuffer's own 15 turns, in its sizes; the replies of another length for the asking."""
    talk = _talk("script", seed, _SCRIPT_HEAD)
    contexts = [talk.block(f"context {n}", size) for n, size in enumerate(_SCRIPT_CONTEXTS)]
    for n, question in enumerate(_SCRIPT_QUESTIONS):
        talk.ask(question, reply, context=contexts[n // _SCRIPT_INTERVAL])
        talk.wait(10)
    about = "15 short turns, context changes every third"
    return Workload("script", about, 128_000, [talk.conversation()])


def gaps(seed: int = 0) -> Workload:
    """A chat that is left and taken up again: one gap in four is over five minutes."""
    talk = _talk("gaps", seed, 1_500)
    for _ in range(300):
        talk.ask(talk.size(60, 0.8), talk.size(350, 0.7))
        talk.wait(talk.about(100, 1.6))
    about = "300 turns with idle gaps, a quarter over 5 minutes, some over an hour"
    return Workload("gaps", about, 32_000, [talk.conversation()])


def tools(seed: int = 0) -> Workload:
    """An agent that reads files: five turns of eight calls, 1,000 tokens each."""
    talk = _talk("tools", seed, 4_000)
    _loops(talk, [8] * 5, lambda: 1_000)
    about = "5 turns of 8 tool calls, 1,000 tokens each, context changes on every call"
    return Workload("tools", about, 128_000, [talk.conversation()])


def agent(seed: int = 0) -> Workload:
    """The same for a day: results of any length, as many calls as it takes."""
    talk = _talk("agent", seed, 12_000)
    _loops(talk, _until(600, lambda: talk.size(12, 0.5)), lambda: talk.size(600, 0.9))
    about = "600 requests of an agent, about 12 tool calls a turn, context changes on every call"
    return Workload("agent", about, 128_000, [talk.conversation()])


def _loops(talk: _Talk, calls: Iterable[int], result: Callable[[], int]) -> None:
    """Turns of so many calls each: a question, results, an answer."""
    contexts = (talk.block(f"context {n}", 100) for n in count())
    for number in calls:
        talk.ask(20, 15, context=next(contexts))
        for call in range(number):
            talk.wait(2)
            last = call == number - 1
            talk.ask(result(), 100 if last else 15, context=next(contexts), question=False)
        talk.wait(talk.about(60, 0.8))


def _until(requests: int, calls: Callable[[], int]) -> Iterator[int]:
    """Calls of each turn, until there are so many requests."""
    while requests > 0:
        number = min(calls(), requests - 1)
        yield number
        requests -= number + 1


def companion(seed: int = 0) -> Workload:
    """A companion of every day: three times a day a few exchanges, nights in between."""
    talk = _talk("companion", seed, 2_000)
    for day in range(28):
        for hour in (8, 13, 21):
            talk.now = max(talk.now, day * _DAY + (hour + talk.rng.random()) * 3600)
            for _ in range(talk.rng.randint(2, 8)):
                talk.ask(talk.size(40, 0.7), talk.size(160, 0.6))
                talk.wait(talk.about(45, 0.8))
    about = "28 days, three times a day 2 to 8 exchanges"
    return Workload("companion", about, 16_000, [talk.conversation()])


def retrieval(seed: int = 0) -> Workload:
    """Answers from documents: what was found for each question stands beside it."""
    talk = _talk("retrieval", seed, 1_000)
    for n in range(150):
        found = talk.block(f"context {n}", talk.size(1_500, 0.3))
        talk.ask(talk.size(30, 0.5), talk.size(250, 0.5), context=found)
        talk.wait(talk.about(40, 0.8))
    about = "150 turns, 1,500 tokens of retrieved context that change every turn"
    return Workload("retrieval", about, 32_000, [talk.conversation()])


def steady(seed: int = 0) -> Workload:
    """A long chat that never rests."""
    talk = _talk("steady", seed, 1_500)
    for _ in range(600):
        talk.ask(talk.size(80, 0.6), talk.size(320, 0.6))
        talk.wait(talk.rng.uniform(10, 60))
    about = "600 turns without a rest, the budget passed several times"
    return Workload("steady", about, 32_000, [talk.conversation()])


WORKLOADS: Final[Mapping[str, Callable[[int], Workload]]] = {
    "script": script,
    "gaps": gaps,
    "tools": tools,
    "agent": agent,
    "companion": companion,
    "retrieval": retrieval,
    "steady": steady,
}
