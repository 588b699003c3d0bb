"""A live run: what it sends, in which order, what it adds up, and when it stops."""

import asyncio
from dataclasses import replace

import pytest

from stitcher.benchmark.live.answer import Answer
from stitcher.benchmark.live.asking import RequestFailed
from stitcher.benchmark.live.measure import Measured, Plan, bound, measured
from stitcher.benchmark.live.providers import ANSWER_TOKENS, PROVIDERS, Body
from stitcher.benchmark.workloads import script
from stitcher.providers.listed_price import Price
from stitcher.providers.prices import cost
from stitcher.providers.usage import CacheUsage
from tests.benchmark.made import Said, conversation, workload

PRICE = Price(1.0, 5.0, 0.1, 1.25, 2.0)
SHORT = workload(conversation(Said(20, wait=5.0), Said(20, wait=500.0), Said(20, wait=30.0)))
PLAN = Plan(PROVIDERS["openai"], "gpt-6-luna", [SHORT], ["half", "stitcher"], "run", PRICE)


class Provider:
    """Answers, and fails with one request."""

    def __init__(self, usage: CacheUsage, fails: int | None = None) -> None:
        self.usage = usage
        self.fails = fails
        self.heads: list[str] = []

    async def ask(self, body: Body) -> Answer:
        self.heads.append(body["messages"][0]["content"])
        if len(self.heads) == self.fails:
            raise RequestFailed("the provider answered 429: slower")
        return Answer(self.usage, 10, float(len(self.heads)))


def run(plan: Plan, provider: Provider, waits: list[float] | None = None) -> Measured:
    async def wait(seconds: float) -> None:
        assert waits is not None, "nothing is waited for"
        waits.append(seconds)

    return asyncio.run(measured(plan, provider.ask, wait=wait))


def test_rows_add_up_what_was_counted() -> None:
    found = run(PLAN, Provider(CacheUsage(60, 30, 10)))
    assert [(row.workload, row.arm, len(row.answers)) for row in found.rows] == [
        ("made", "half", 3),
        ("made", "stitcher", 3),
    ]
    row = found.rows[0]
    assert (row.read, row.written, row.plain, row.tokens) == (180, 90, 30, 300)
    assert (row.hit_ratio, row.answered, row.seconds) == (0.6, 30, 2.0)
    assert row.input_dollars == pytest.approx(3 * (6 + 37.5 + 10) / 1e6)
    assert row.dollars == pytest.approx(3 * (6 + 37.5 + 10 + 50) / 1e6)
    assert found.failure is None


def test_without_a_price_nothing_is_said_of_money() -> None:
    found = run(replace(PLAN, price=None), Provider(CacheUsage(1, 2, 3)))
    assert [(row.input_dollars, row.dollars) for row in found.rows] == [(None, None)] * 2


def test_no_arm_begins_as_another_one_nor_as_another_run() -> None:
    provider = Provider(CacheUsage(0, 0, 1))
    for name in ("aaaa", "bbbb"):
        run(replace(PLAN, run=name), provider)
    names = [head.split()[0] for head in provider.heads]
    assert len(set(names)) == 4
    assert len({len(name) for name in names}) == 1
    assert [names[n] == names[n - 1] for n in range(1, 6)] == [True, True, False, True, True]


def test_conversations_of_a_workload_share_a_row_and_no_beginning() -> None:
    provider = Provider(CacheUsage(0, 0, 1))
    both = workload(conversation(Said(20)), conversation(Said(30)))
    found = run(replace(PLAN, workloads=[both], arms=["half"]), provider)
    assert [len(row.answers) for row in found.rows] == [2]
    assert len({head.split()[0] for head in provider.heads}) == 2


def test_a_failure_keeps_what_was_measured_and_sends_nothing_more() -> None:
    provider = Provider(CacheUsage(0, 0, 100), fails=5)
    found = run(PLAN, provider)
    assert found.failure == "the provider answered 429: slower"
    assert [len(row.answers) for row in found.rows] == [3, 1]
    assert len(provider.heads) == 5


def test_it_stops_once_more_is_spent_than_was_allowed() -> None:
    usage = CacheUsage(0, 0, 1_000)
    each = cost(usage, 10, PRICE)
    found = run(replace(PLAN, max_dollars=2.5 * each), Provider(usage))
    assert [len(row.answers) for row in found.rows] == [3]
    assert found.failure is not None
    assert "more than --max-usd allows" in found.failure


def test_gaps_are_not_waited_for_unless_that_is_asked_for_and_then_within_bounds() -> None:
    one = replace(PLAN, arms=["half"])
    run(one, Provider(CacheUsage(0, 0, 1)))
    waits: list[float] = []
    run(replace(one, longest_gap=60.0), Provider(CacheUsage(0, 0, 1)), waits)
    assert waits == [60.0, 28.0]  # an answer takes two seconds of the gap


def test_the_bound_is_above_what_a_run_without_cache_costs() -> None:
    told = script()
    plan = replace(PLAN, workloads=[told], arms=["direct"])
    (talk,) = told.conversations
    sizes = [
        talk.head.tokens + talk.history(0, n) + (request.context.tokens if request.context else 0)
        for n, request in enumerate(talk.requests)
    ]
    most = bound(plan)
    paid = sum(cost(CacheUsage(0, size, 0), ANSWER_TOKENS, PRICE) for size in sizes)
    assert most.dollars is not None
    assert paid < most.dollars < 2 * paid
    assert max(sizes) <= most.longest < 1.5 * max(sizes)


def test_the_bound_of_an_unknown_price_is_not_known() -> None:
    assert bound(replace(PLAN, price=None)).dollars is None
