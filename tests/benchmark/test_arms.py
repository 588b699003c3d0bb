"""Each arm's way to lay out a request, by example and by what all of them owe."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stitcher.benchmark.arms import direct, half, naive, sliding
from stitcher.benchmark.conversation import Conversation
from stitcher.benchmark.measure import ARMS
from stitcher.benchmark.prompt import Arm, Setting
from tests.benchmark.made import Said, cells, conversation, setting, small, starts

TURNS = conversation(*[Said(100, 100)] * 12, head=500)
LOOP = conversation(
    Said(100, 20, context="a"),
    Said(200, 20, results=True, context="b"),
    Said(100, 20, context="b"),
    head=500,
)


def laid_out(arm: Arm, chat: Conversation, budget: int = 2_000) -> list[list[str]]:
    """The keys of each prompt."""
    return [
        [block.key.decode() for block in prompt.blocks]
        for prompt in arm(chat, setting(max_tokens=budget))
    ]


def test_direct_resends_all_whatever_the_budget() -> None:
    assert [one.history for one in direct(TURNS, setting(max_tokens=1))][-1] == 11 * 200 + 100


@pytest.mark.parametrize("arm", [naive, sliding])
def test_by_recency_the_window_begins_elsewhere_in_each_request_once_it_is_full(arm: Arm) -> None:
    here = setting(max_tokens=2_000)  # 500 of it the head, 500 the answer
    assert starts(TURNS, list(arm(TURNS, here))) == [0, 0, 0, 0, 0, 1, 3, 5, 7, 9, 11, 13]


def test_half_goes_back_to_a_half_and_then_grows() -> None:
    here = setting(max_tokens=2_000)
    assert starts(TURNS, list(half(TURNS, here))) == [0, 0, 0, 0, 0, 6, 6, 6, 12, 12, 12, 18]


def test_where_each_puts_context() -> None:
    said = ["said 0", "reply 0", "said 1"]
    assert laid_out(naive, LOOP)[1] == ["head", "b", *said]
    assert laid_out(half, LOOP)[1] == ["head", "b", *said]
    assert laid_out(half, LOOP)[2] == ["head", *said, "reply 1", "b", "said 2"]
    for arm in (direct, sliding):
        assert laid_out(arm, LOOP)[1] == ["head", *said, "b"]


def test_stitcher_holds_context_until_it_changes_also_in_a_tool_loop() -> None:
    (first, second, third) = laid_out(ARMS["stitcher"], LOOP)
    assert first == ["head", "said 0", "a"]
    assert second == ["head", "said 0", "a", "reply 0", "said 1", "b"], "a was written: it stays"
    assert third == [*second, "reply 1", "said 2"]


def test_stitcher_cuts_a_cold_window_and_keeps_a_warm_one() -> None:
    warm = conversation(*[Said(100, 100)] * 6)
    cold = conversation(*[Said(100, 100)] * 5, Said(100, 100, wait=600))
    here = setting(max_tokens=3_000, keep=0.2)
    assert starts(warm, list(ARMS["stitcher"](warm, here)))[-1] == 0
    prompts = list(ARMS["stitcher"](cold, here))
    assert starts(cold, prompts)[-1] == 6
    assert [prompt.why for prompt in prompts] == [None] * 5 + ["cold"]


@settings(max_examples=150, deadline=None)
@given(small(10, contexts=["", "a", "b"]), cells, st.sampled_from(sorted(ARMS)))
def test_every_prompt_is_head_history_and_the_context_that_holds(
    chat: Conversation, cell: object, arm: str
) -> None:
    here = setting(max_tokens=2_000)
    messages = {block: n for n, block in enumerate(chat.messages)}
    prompts = list(ARMS[arm](chat, here))
    assert len(prompts) == len(chat.requests)
    for n, (request, prompt) in enumerate(zip(chat.requests, prompts, strict=True)):
        assert prompt.blocks[0] is chat.head
        said = [messages[block] for block in prompt.blocks if block in messages]
        assert said == list(range(said[0], 2 * n + 1)), "one stretch, up to this request"
        assert prompt.history == chat.history(said[0], n)
        contexts = [b for b in prompt.blocks[1:] if b not in messages]
        if request.context is not None:
            assert contexts[-1] is request.context
        assert all(0 <= end < len(prompt.blocks) for end in prompt.stable)


@settings(max_examples=100, deadline=None)
@given(small(10), cells, st.sampled_from(["half", "stitcher", "optimum"]))
def test_what_was_cut_off_does_not_come_back(chat: Conversation, cell: object, arm: str) -> None:
    windows = starts(chat, list(ARMS[arm](chat, setting(max_tokens=2_000))))
    assert all(before <= after for before, after in pairwise(windows))


def test_no_arm_looks_ahead_but_the_optimum() -> None:
    """What a conversation goes on with changes no request before it."""
    here: Setting = setting("reader-0.25", 3_000)
    longer = conversation(*[Said(100, 100)] * 12, *[Said(300, 300)] * 8, head=500)
    for arm in ("direct", "naive", "sliding", "half", "stitcher"):
        short = starts(TURNS, list(ARMS[arm](TURNS, here)))
        assert starts(longer, list(ARMS[arm](longer, here)))[:12] == short
