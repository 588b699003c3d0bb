"""Stitcher's arm: the library's own decisions, over sizes."""

from hypothesis import given, settings
from hypothesis import strategies as st

from stitcher.benchmark.conversation import Conversation
from stitcher.benchmark.prompt import Prompt
from stitcher.benchmark.stitcher_arm import stitched
from tests.benchmark.made import Said, conversation, setting, small


def laid_out(chat: Conversation, cell: str = "anthropic-5m", budget: int = 100_000) -> list[Prompt]:
    return list(stitched(chat, setting(cell, budget)))


def keys(prompt: Prompt) -> list[str]:
    return [block.key.decode() for block in prompt.blocks[1:]]


def test_context_that_changes_every_turn_is_passing_after_the_first() -> None:
    prompts = laid_out(conversation(*(Said(50, context=name) for name in "abc")))
    assert [prompt.lasting for prompt in prompts] == [True, False, False]
    assert keys(prompts[2])[-1] == "c"
    assert all(prompt.stable == (len(prompt.blocks) - 2,) for prompt in prompts)


def test_passing_context_that_is_held_after_all_lasts() -> None:
    prompts = laid_out(conversation(*(Said(50, context=name) for name in "abb")))
    assert [prompt.lasting for prompt in prompts] == [True, False, True]
    assert keys(prompts[2])[-3:] == ["b", "reply 1", "said 2"]


def test_context_with_much_behind_it_stays_until_a_cut() -> None:
    said = [Said(50, 900, context="a")] + [Said(50, 900, context="a")] * 2
    prompts = laid_out(conversation(*said, *[Said(50, 900, context="b")] * 3), budget=7_000)
    assert [key for key in keys(prompts[3]) if key in "ab"] == ["a", "b"]
    cut = next(prompt for prompt in prompts if prompt.why)
    assert [key for key in keys(cut) if key in "ab"] == ["b"]
    assert keys(cut)[-1] == "b", "said anew at the end"


def test_context_without_any_left_is_gone() -> None:
    prompts = laid_out(conversation(Said(50, context="a"), Said(50)))
    assert keys(prompts[1]) == ["said 0", "reply 0", "said 1"]


@settings(max_examples=150, deadline=None)
@given(small(12, contexts=["", "a", "b", "c"]), st.sampled_from(["anthropic-5m", "reader-0.5"]))
def test_it_stays_inside_the_budget_with_all_its_context(chat: Conversation, cell: str) -> None:
    here = setting(cell, 3_000)
    for n, prompt in enumerate(stitched(chat, here)):
        tokens = sum(block.tokens for block in prompt.blocks)
        budget = here.budget(chat, n)
        newest = chat.history(chat.turns_until(n)[0], n)
        fits = newest <= budget.room
        contexts = tokens - prompt.history - chat.head.tokens
        alone = prompt.history == newest
        assert (
            tokens <= budget.limit - budget.reserve
            or (alone and not fits)
            or (alone and contexts > 100)
        )
