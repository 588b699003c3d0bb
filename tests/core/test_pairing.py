"""Calls and results: which belong together, which stand alone, and where a cut parts none."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.core.pairing import Round, alone, joints, last_joint, loop_is_open, rounds
from tests.core.shorthand import Measured, sized


def said(*lines: str) -> list[Measured]:
    """`u`, `a` and `s` say something, `a:x,y` calls x and y, `t:x` answers x, `u:x` likewise."""
    return sized(*(line.replace(":", " 1 ").replace(",", " ") for line in map(_bare, lines)))


def _bare(line: str) -> str:
    return line if ":" in line else f"{line} 1"


def shown(found: Sequence[Round]) -> list[tuple[int, int, int]]:
    return [(one.start, one.answers, one.end) for one in found]


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["u", "a"], []),
        (["u", "a:x", "t:x", "a"], [(1, 2, 3)]),
        (["a:x,y", "t:x", "t:y"], [(0, 1, 3)]),
        (["a:x,y", "u:x,y"], [(0, 1, 2)]),  # Anthropic: both in one message
        (["a:x", "a", "t:x"], [(0, 1, 1), (2, 2, 3)]),  # nobody takes that
        (["a:x", "u"], [(0, 1, 1)]),
        (["a:x"], [(0, 1, 1)]),
        (["t:x", "u"], [(0, 0, 1)]),
        (["a:x", "t:x", "a:y", "t:y"], [(0, 1, 2), (2, 3, 4)]),
    ],
)
def test_rounds(lines: list[str], found: list[tuple[int, int, int]]) -> None:
    assert shown(list(rounds(said(*lines)))) == found


def test_an_answer_of_several_items_is_one_round() -> None:
    """Over the Responses API what is said and called beside a call is an item each."""
    items = [replace(one, is_item=True) for one in said("a:x", "a", "a:y", "t:x", "t:y")]
    assert shown(list(rounds(items))) == [(0, 3, 5)]
    assert alone(items) == []


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["a:x,y", "t:y", "t:x"], []),
        (["a:x,y", "t:y"], ["call 0 x"]),
        (["a:x", "u"], ["call 0 x"]),
        (["u", "t:x"], ["result 1 x"]),
        (["a:x", "t:x", "t:x"], ["result 2 x"]),
        (["a:x", "u", "t:x"], ["call 0 x", "result 2 x"]),  # it comes too late
        (["a:x", "t:z"], ["call 0 x", "result 1 z"]),
    ],
)
def test_what_stands_alone(lines: list[str], found: list[str]) -> None:
    assert [f"{one.kind} {one.index} {one.id}" for one in alone(said(*lines))] == found


def test_a_conversation_can_be_cut_anywhere_but_inside_a_round() -> None:
    assert joints(said("u", "a:x,y", "t:x", "t:y", "a", "u")) == [0, 1, 4, 5]


def test_nor_between_the_items_of_one_answer() -> None:
    """OpenAI wants the reasoning that led to a call, and to a message, right before it."""
    items = [replace(one, is_item=True) for one in said("u", "a", "a:x", "t:x", "a", "a", "u")]
    assert joints(items) == [0, 1, 4, 6]


@pytest.mark.parametrize(
    ("lines", "at"),
    [
        ([], 0),
        (["u", "a:x", "t:x"], 1),
        (["u", "a:x", "t:x", "s"], 1),
        (["u", "a:x", "t:x", "a:y"], 3),
        (["u", "a"], 1),
        (["s", "s"], 0),
    ],
)
def test_where_the_last_round_begins(lines: list[str], at: int) -> None:
    assert last_joint(said(*lines)) == at


LINES = st.lists(st.sampled_from(["u", "a", "s", "a:x", "a:y", "a:x,y", "t:x", "t:y", "u:x,y"]))


@given(LINES)
def test_both_sides_of_a_joint_have_no_more_alone_than_the_whole(lines: list[str]) -> None:
    whole = said(*lines)
    for at in joints(whole):
        before, after = alone(whole[:at]), alone(whole[at:])
        assert len(before) + len(after) == len(alone(whole))


@pytest.mark.parametrize(
    ("lines", "is_open"),
    [
        ([], False),
        (["u"], False),
        (["u", "a"], False),
        (["u", "a:x"], True),
        (["u", "a:x", "t:x"], True),
        (["u", "a:x", "t:x", "s"], True),  # a note does not end it
        (["u", "a:x", "t:x", "a"], False),
    ],
)
def test_a_loop_is_open_until_the_assistant_answers(lines: list[str], is_open: bool) -> None:
    assert loop_is_open(said(*lines)) is is_open
