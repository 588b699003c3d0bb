"""Runs the arms of a live benchmark one after the other, and adds up what they came to.

Nothing is sent twice, and nothing more once it would cost more than was allowed. Knows nothing of
HTTP: it is given what asks.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from statistics import median
from typing import Final

from stitcher.benchmark.conversation import Conversation, Workload
from stitcher.benchmark.live.answer import Answer
from stitcher.benchmark.live.dialogue import CHARACTERS, Dialogue, dialogue
from stitcher.benchmark.live.providers import ANSWER_TOKENS, Body, Provider
from stitcher.benchmark.live.requests import ARMS, Setting
from stitcher.core.tokens import estimate
from stitcher.errors import StitcherError
from stitcher.messages.json_text import json_text
from stitcher.providers.listed_price import Price
from stitcher.providers.models import context_window
from stitcher.providers.prices import cost
from stitcher.providers.usage import CacheUsage

Ask = Callable[[Body], Awaitable[Answer]]
Wait = Callable[[float], Awaitable[None]]
Told = Callable[[str], None]
"""Hears what is being done with each request."""

_FAMILIES: Final = {"messages": "anthropic", "chat": "openai_chat"}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be sent, and to whom."""

    provider: Provider
    model: str
    workloads: Sequence[Workload]
    arms: Sequence[str]
    run: str  # names this run: prompts begin with it, so that none was cached before
    price: Price | None = None  # None where it is not known
    seed: int = 0
    keep: float = 0.5
    max_tokens: int | None = None  # None: each workload's own
    max_dollars: float = 1.0
    longest_gap: float = 0.0  # seconds of a workload's gap that are waited for

    def budget(self, workload: Workload) -> int:
        return self.max_tokens or workload.max_tokens

    @property
    def window(self) -> int | None:
        """Tokens that the model takes; None where that is not known."""
        return context_window(self.model)

    @property
    def requests(self) -> int:
        return len(self.arms) * sum(one.requests for one in self.workloads)

    def dialogues(self) -> "Iterator[Sent]":
        """Each arm's dialogues, always the same for the same plan."""
        numbers = count()
        for workload in self.workloads:
            for arm in self.arms:
                for conversation in workload.conversations:
                    # Of one length: what is measured must not depend on it.
                    name = f"{self.run}{next(numbers):04x}"
                    said = dialogue(conversation, seed=self.seed, name=name)
                    yield Sent(workload, arm, conversation, said)

    def bodies(self, sent: "Sent") -> Iterator[Body]:
        """The requests of a dialogue."""
        budget = self.budget(sent.workload)
        setting = Setting(self.provider, self.model, budget, self.keep)
        yield from ARMS[sent.arm](sent.dialogue, setting)


@dataclass(frozen=True, slots=True)
class Sent:
    """One dialogue as one arm sends it."""

    workload: Workload
    arm: str
    conversation: Conversation
    dialogue: Dialogue


@dataclass(slots=True)
class Row:
    """What one arm came to over one workload, as far as it came."""

    workload: str
    arm: str
    price: Price | None
    answers: list[Answer] = field(default_factory=list)

    @property
    def tokens(self) -> int:
        return self.read + self.written + self.plain

    @property
    def read(self) -> int:
        return sum(one.usage.read for one in self.answers)

    @property
    def written(self) -> int:
        return sum(one.usage.written for one in self.answers)

    @property
    def plain(self) -> int:
        return sum(one.usage.plain for one in self.answers)

    @property
    def answered(self) -> int:
        return sum(one.answered for one in self.answers)

    @property
    def hit_ratio(self) -> float:
        """Of all input tokens, those read from the cache."""
        return self.read / self.tokens if self.tokens else 0.0

    @property
    def input_dollars(self) -> float | None:
        """What the input cost: the figure to compare, as answers differ."""
        if self.price is None:
            return None
        return sum(cost(one.usage, 0, self.price) for one in self.answers)

    @property
    def dollars(self) -> float | None:
        """What all of it cost."""
        if self.price is None:
            return None
        return sum(cost(one.usage, one.answered, self.price) for one in self.answers)

    @property
    def seconds(self) -> float:
        """The median of a request."""
        return median(one.seconds for one in self.answers) if self.answers else 0.0


@dataclass(slots=True)
class Measured:
    """What came out; `failure` says why there is no more."""

    rows: list[Row] = field(default_factory=list)
    failure: str | None = None

    @property
    def dollars(self) -> float:
        return sum(row.dollars or 0.0 for row in self.rows)

    @property
    def told(self) -> bool:
        """True where an answer said something of the cache."""
        return any(one.told for row in self.rows for one in row.answers)


@dataclass(frozen=True, slots=True)
class Bound:
    """What a run comes to at most."""

    dollars: float | None  # None where the price is not known
    longest: int  # tokens of the longest prompt


def bound(plan: Plan, told: Told = lambda _: None) -> Bound:
    """By an estimate that is rather too high, and as if nothing were read and all were written."""
    family = _FAMILIES[plan.provider.dialect]
    dollars, longest = 0.0, 0
    for sent in plan.dialogues():
        for body in plan.bodies(sent):
            told(f"counting {sent.workload.name}, {sent.arm}")
            size = len(json_text(body))
            tokens, longest = estimate(size, family), max(longest, size // CHARACTERS)
            if plan.price is not None:
                written = CacheUsage(0, tokens, 0)
                dollars += cost(written, ANSWER_TOKENS, plan.price)
    return Bound(None if plan.price is None else dollars, longest)


async def measured(
    plan: Plan,
    ask: Ask,
    *,
    told: Told = lambda _: None,
    wait: Wait = asyncio.sleep,
) -> Measured:
    """Sends all of it, one request after the other."""
    found = Measured()
    try:
        for sent in plan.dialogues():
            row = _row(found, sent, plan)
            for n, body in enumerate(plan.bodies(sent)):
                told(f"{sent.workload.name}, {sent.arm}")
                await _rested(sent.conversation, n, plan.longest_gap, wait)
                row.answers.append(await ask(body))
                if found.dollars > plan.max_dollars:
                    raise _Spent(f"{found.dollars:.4f} USD were spent, more than --max-usd allows")
    except StitcherError as error:
        found.failure = str(error)
    return found


class _Spent(StitcherError):
    """What was allowed is spent."""


def _row(found: Measured, sent: Sent, plan: Plan) -> Row:
    """The row of an arm, which all conversations of a workload share."""
    last = found.rows[-1] if found.rows else None
    if last is None or (last.workload, last.arm) != (sent.workload.name, sent.arm):
        last = Row(sent.workload.name, sent.arm, plan.price)
        found.rows.append(last)
    return last


async def _rested(conversation: Conversation, n: int, longest: float, wait: Wait) -> None:
    """Waits before request n as long as the workload does, within what is allowed."""
    if n == 0 or longest <= 0:
        return
    before, now = conversation.requests[n - 1], conversation.requests[n]
    await wait(min(longest, max(0.0, now.at - before.at - before.seconds)))
