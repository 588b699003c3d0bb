"""The workloads are what they say, and the same for the same seed."""

from itertools import pairwise

import pytest

from stitcher.benchmark.conversation import Workload
from stitcher.benchmark.workloads import WORKLOADS, script


def sizes(workload: Workload) -> list[tuple[float, int, int, bool]]:
    return [
        (one.at, one.said.tokens, one.reply.tokens, one.starts_turn)
        for one in workload.conversations[0].requests
    ]


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_seed_makes_a_workload(name: str) -> None:
    first, again, other = (WORKLOADS[name](seed) for seed in (0, 0, 1))
    assert first.name == name
    assert sizes(first) == sizes(again)
    assert name in ("script", "tools") or sizes(first) != sizes(other)


@pytest.mark.parametrize("name", WORKLOADS)
def test_requests_follow_each_other_in_time(name: str) -> None:
    (conversation,) = WORKLOADS[name](0).conversations
    for before, after in pairwise(conversation.requests):
        assert before.at + before.seconds <= after.at + 1e-6
    keys = [block.key for block in conversation.messages]
    assert len(set(keys)) == len(keys)


def test_the_script_has_the_sizes_of_its_origin() -> None:
    (conversation,) = script().conversations
    assert conversation.head.tokens == 1_213
    assert len(conversation.requests) == 15
    contexts = [one.context for one in conversation.requests]
    assert len(set(contexts)) == 5
    assert contexts[0] is contexts[2] is not contexts[3]
    assert {one.reply.tokens for one in script(reply=2_000).conversations[0].requests} == {2_000}


@pytest.mark.parametrize(("name", "times"), [("gaps", 2), ("steady", 5), ("companion", 4)])
def test_the_long_ones_pass_their_budget_several_times(name: str, times: int) -> None:
    workload = WORKLOADS[name](0)
    (conversation,) = workload.conversations
    tokens = conversation.history(0, len(conversation.requests) - 1)
    assert tokens > times * workload.max_tokens


def test_the_gaps_are_of_every_kind() -> None:
    (conversation,) = WORKLOADS["gaps"](0).conversations
    gaps = [after.at - before.at for before, after in pairwise(conversation.requests)]
    assert 0.1 < sum(gap > 300 for gap in gaps) / len(gaps) < 0.4
    assert any(gap > 3_600 for gap in gaps)


def test_agents_ask_in_loops() -> None:
    (tools,), (agent,) = WORKLOADS["tools"](0).conversations, WORKLOADS["agent"](0).conversations
    assert [one.starts_turn for one in tools.requests] == ([True] + [False] * 8) * 5
    assert len(agent.requests) == 600
    assert len({one.context for one in agent.requests}) == 600
