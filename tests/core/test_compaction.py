"""The cut: whole turns, newest first, at least `keep` of the room where turns allow it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.core.compaction import (
    Budget,
    Load,
    Policy,
    Sized,
    Why,
    cut,
    cut_due,
    newest,
    repeats,
    reserve_for,
    why_cut,
)
from stitcher.core.economics import Prices
from stitcher.core.pairing import alone, last_joint
from tests.core.shorthand import sized


def turns(*sizes: int | tuple[int, ...]) -> list[Sized]:
    """Turns by their tokens: a number for a lone message, a tuple for one with more of them."""
    messages = []
    for turn in sizes:
        parts = (turn,) if isinstance(turn, int) else turn
        messages += [Sized(tokens, starts_turn=n == 0) for n, tokens in enumerate(parts)]
    return messages


def budget(room: int, keep: float = 0.5) -> Budget:
    return Budget(limit=room + 30, keep=keep, head=20, reserve=10)


def test_the_room_is_what_head_and_answer_leave() -> None:
    assert budget(100).room == 100
    assert Budget(limit=50, keep=0.5, head=40, reserve=20).room == 0


@pytest.mark.parametrize(
    ("requested", "limit", "reserve"),
    [
        (None, 128_000, 4096),
        (0, 128_000, 4096),  # says nothing
        (1000, 128_000, 1000),
        (128_000, 128_000, 32_000),  # Claude Code asks for all there is
        (None, 1000, 250),
        (7, 0, 0),
    ],
)
def test_room_for_the_answer(requested: int | None, limit: int, reserve: int) -> None:
    assert reserve_for(requested, limit) == reserve


def test_a_cut_is_due_when_the_messages_do_not_fit() -> None:
    assert not cut_due(100, budget(100))
    assert cut_due(101, budget(100))


PAID = 10**9  # so much has been read of a surplus that any cut pays


@pytest.mark.parametrize(
    ("load", "policy", "why"),
    [
        (Load(101), "never", "full"),
        (Load(101), "half", "full"),
        (Load(101, in_tool_loop=True), "auto", "full"),
        (Load(80), "auto", None),
        (Load(80, cold=True), "auto", "cold"),
        (Load(80, cold=True), "half", None),
        (Load(80, cold=True), "never", None),
        (Load(80, cold=True, in_tool_loop=True), "auto", None),
        (Load(50, cold=True), "auto", None),  # nothing beyond the guarantee
        (Load(80, requests=1_000, held=PAID), "auto", "priced"),
        (Load(80, requests=1_000, held=PAID), "half", None),
        (Load(80, requests=1_000, held=PAID, in_tool_loop=True), "auto", None),
        (Load(80, requests=1_000, held=570), "auto", None),  # 57.5 to pay, 57 paid
        (Load(80, requests=1_000, held=580), "auto", "priced"),
    ],
)
def test_why_a_window_of_100_with_50_guaranteed_is_cut(
    load: Load, policy: Policy, why: Why | None
) -> None:
    assert why_cut(load, budget(100), Prices(read=0.1, write=1.25), policy) == why


@pytest.mark.parametrize(
    ("messages", "room", "keep", "start"),
    [
        (turns(30, 30, 30, 30), 100, 0.5, 2),  # 60 is the least that is at least 50
        (turns(30, 30, 30, 20), 100, 0.5, 2),  # exactly 50
        (turns(30, 30, 30, 30), 100, 0.9, 1),  # 90
        (turns(30, 30, 30, 30), 100, 1.0, 1),  # 100 would be kept, but turns allow 90
        (turns(30, 30, 30, 30), 100, 0.0, 3),  # nothing is wanted: the newest turn
        (turns(60, 60, 45), 100, 0.5, 2),  # the turn before would burst the room
        (turns((10, 10, 10), (10, 10, 10)), 40, 0.5, 3),  # never inside a turn
        (turns((10, 10, 10), (10, 50, 40)), 40, 0.5, 3),  # a giant turn stays whole
        (turns((10, 500)), 40, 0.5, 0),  # even alone
        (turns(10, 10), 0, 0.5, 1),  # no room: the newest turn
        ([Sized(10, starts_turn=False)] * 3, 5, 0.5, 0),  # nowhere to cut
        ([Sized(10, starts_turn=False), *turns(10, 10)], 20, 1.0, 1),  # an answer comes first
        ([], 10, 0.5, 0),
    ],
)
def test_where_it_is_cut(messages: list[Sized], room: int, keep: float, start: int) -> None:
    assert cut(messages, budget(room, keep)) == start


SIZED = st.builds(Sized, tokens=st.integers(0, 50), starts_turn=st.booleans())


@given(
    messages=st.lists(SIZED, max_size=30),
    room=st.integers(0, 300),
    keep=st.floats(0, 1, allow_nan=False),
)
def test_what_a_cut_promises(messages: list[Sized], room: int, keep: float) -> None:
    start = cut(messages, budget(room, keep))
    boundaries = [n for n, message in enumerate(messages) if message.starts_turn]
    if not boundaries:
        assert start == 0
        return
    assert start in boundaries
    kept = sum(message.tokens for message in messages[start:])
    assert kept <= room or start == boundaries[-1], "it fits, or it is the newest turn"
    earlier = [n for n in boundaries if n < start]
    if kept < room * keep and earlier:
        assert sum(m.tokens for m in messages[earlier[-1] :]) > room, "the turn before does not fit"


class TestRepeats:
    @staticmethod
    def same(one: str, other: str) -> bool:
        return one == other

    def found(self, *texts: str, tokens: int = 400) -> tuple[tuple[str, str], ...]:
        return repeats([(str(n), text, tokens) for n, text in enumerate(texts)], self.same)

    def test_the_older_one_points_to_the_newest(self) -> None:
        assert self.found("x", "y", "x") == (("0", "2"),)

    def test_the_newest_of_many_stays(self) -> None:
        assert self.found("x", "x", "x") == (("0", "2"), ("1", "2"))

    def test_oldest_first(self) -> None:
        assert self.found("x", "y", "x", "y") == (("0", "2"), ("1", "3"))

    def test_short_replies_are_not_worth_a_stub(self) -> None:
        assert self.found("x", "x", tokens=399) == ()

    def test_nothing_is_repeated(self) -> None:
        assert self.found() == ()
        assert self.found("x", "y") == ()


@pytest.mark.parametrize(
    ("lines", "room", "kept"),
    [
        (["u 10", "a 10", "u 10", "a 10"], 40, "0123"),
        (["u 10", "a 10", "u 10", "a 10"], 39, "23"),  # whole turns
        (["u 10", "a 10", "u 10", "a 10"], 5, "23"),  # the newest in any case: a round of its own
        (["u 10", "a 30 x", "t 30 x", "a 10 y", "t 10 y", "a 10"], 50, "0345"),
        (["u 10", "a 30 x", "t 30 x", "a 10 y", "t 10 y", "a 10"], 20, "05"),
        (["u 10", "a 30 x", "t 30 x", "a 10 y", "t 10 y"], 15, "034"),  # never half of a round
        (["a 10", "a 10", "a 10"], 20, "12"),  # nobody opens a turn
        (["a 10 x", "t 10 x"], 5, "01"),
        (["u 10", "a 10 x", "t 10 x", "s 10"], 5, "0123"),  # a note behind it is no round
        ([], 5, ""),
    ],
)
def test_the_newest_that_fit(lines: list[str], room: int, kept: str) -> None:
    assert "".join(map(str, newest(sized(*lines), room))) == kept


LINE = st.sampled_from(["u 5", "a 5", "s 5", "a 9 x", "a 9 y", "t 20 x", "t 20 y"])


@given(st.lists(LINE, max_size=14), st.integers(0, 80))
def test_the_newest_part_no_call_from_its_result(lines: list[str], room: int) -> None:
    said = sized(*lines)
    kept = [said[n] for n in newest(said, room)]
    assert len(alone(kept)) <= len(alone(said))
    assert kept[-1:] == said[-1:]
    loop = kept[1:] if kept and kept[0].starts_turn else kept
    fits = sum(message.tokens for message in kept) <= room
    assert fits or last_joint(loop) == 0, "what opens the turn, its last round, and notes, no more"
