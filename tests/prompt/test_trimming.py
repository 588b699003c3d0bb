"""Trimming without memory: the cuts are where they were, so the prefix seldom moves."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher import OpenAIAdapter, functional, repair, trim
from tests.prompt.speech import FORM, TURNS, FormName, Message, Turn, answer, spoken, user

SYSTEM = {"role": "system", "content": "Be brief."}


def growing(turns: int) -> list[list[Message]]:
    """A conversation as an application has it at each question."""
    said: list[Message] = [SYSTEM]
    asked = []
    for n in range(turns):
        said = [*said, user(f"question {n} " * 10)]
        asked.append(said)
        said = [*said, answer(f"answer {n} " * 10)]
    return asked


def test_below_the_budget_nothing_is_dropped() -> None:
    whole = growing(5)[-1]
    assert trim(whole, 10_000) == whole


def test_above_it_the_system_prompt_and_the_newest_turns_stay() -> None:
    whole = growing(40)[-1]
    kept = trim(whole, 1_000)
    assert kept[0] == SYSTEM
    assert kept[1:] == whole[-len(kept) + 1 :]
    assert kept[1]["role"] == "user"


def test_the_prefix_moves_once_in_many_turns() -> None:
    """Where a window that slides by a turn would move it with each."""
    kept = [trim(asked, 1_500) for asked in growing(100)]
    moves = sum(now[: len(was)] != was for was, now in pairwise(kept))
    assert moves <= 15


def test_the_public_names_are_one_function() -> None:
    assert functional.trim is trim


@pytest.mark.parametrize(
    ("budget", "keep", "error", "says"),
    [
        (3, 0.5, ValueError, "max_tokens: found 3, of which the system prompt takes 7; expected"),
        (0, 0.5, ValueError, "max_tokens: found 0, expected some"),
        (-1, 0.5, ValueError, "max_tokens: found -1"),
        ("8k", 0.5, TypeError, "max_tokens: found a str"),
        (100, 1.5, ValueError, "keep: found 1.5, expected a fraction from 0 to 1"),
    ],
)
def test_a_budget_that_cannot_be_used(
    budget: Any, keep: float, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        trim([SYSTEM, user("hi")], budget, keep=keep)
    with pytest.raises(TypeError, match="type str"):
        trim(["hi"], 100)


def test_what_an_adapter_learns_moves_no_cut() -> None:
    """Else the prompt would begin elsewhere after each answer that says what it took."""
    whole = growing(40)[-1]
    kept = []
    for reported in (900, 1_000, 1_300):
        adapter = OpenAIAdapter()
        adapter.observe([user("word " * 1_000)], {"prompt_tokens": reported})
        kept.append(trim(whole, 1_500, adapter=adapter))
    assert kept[0] == kept[1] == kept[2]


@given(TURNS, FORM, st.integers(20, 300), st.floats(0, 1))
def test_no_call_is_parted_and_the_newest_turn_stays_whole(
    turns: list[Turn], form: FormName, budget: int, keep: float
) -> None:
    said = spoken([Turn(t.question, t.rounds, t.answer or "A", t.size) for t in turns], form)
    kept = trim(said, budget, keep=keep)
    assert repair(kept).repairs == ()
    assert said[-len(kept) :] == kept
    assert kept != []


@given(TURNS, FORM, st.integers(20, 300), st.floats(0, 1))
def test_the_cuts_of_a_conversation_are_those_of_its_beginning(
    turns: list[Turn], form: FormName, budget: int, keep: float
) -> None:
    """Whatever is said later, a cut once made is made again: that is what stands for memory."""
    starts = []
    for n in range(1, len(turns) + 1):
        said = spoken(turns[:n], form)
        starts.append(len(said) - len(trim(said, budget, keep=keep)))
    assert starts == sorted(starts)
