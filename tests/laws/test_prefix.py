"""Prefix: without a cut, a rewind or a rebase each request extends the one before, byte for byte.

Cache breakpoints are not part of the prefix and are left out of the comparison. Seen to fail: with
answers re-serialised on the way out, with the condensing of replies outside a cut, and with a
window that slides by one message.
"""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from stitcher.core.log import Compacted
from tests.laws.test_alignment import DIALECT, TURN, play
from tests.laws.world import World, answer, user

TURNS = st.lists(TURN, min_size=2, max_size=7)
LONG = st.integers(1, 60).map(lambda n: "word " * n)


@settings(max_examples=30, deadline=None)
@given(dialect=DIALECT, habit=st.sampled_from(["thin", "full"]), turns=TURNS)
def test_a_client_of_one_habit_sees_its_prompt_only_grow(
    dialect: str, habit: str, turns: list[tuple[str, str, str, int, int, bool]]
) -> None:
    world = World(dialect)
    play(world, [(habit, *rest) for _, *rest in turns])  # type: ignore[misc]
    for before, after in pairwise(world.sent):
        assert after[: len(before)] == before


@settings(max_examples=30, deadline=None)
@given(
    dialect=DIALECT,
    texts=st.lists(st.tuples(LONG, LONG), min_size=3, max_size=25),
    budget=st.integers(60, 400),
)
def test_between_two_cuts_the_window_only_grows(
    dialect: str, texts: list[tuple[str, str]], budget: int
) -> None:
    world = World(dialect, max_tokens=budget)
    before: list[bytes] = []
    for n, (question, reply) in enumerate(texts):
        made, _ = (
            world.ask([user(f"{n} {question}")], system="Be brief.")
            if (dialect == "anthropic")
            else world.ask([{"role": "system", "content": "Be brief."}, user(f"{n} {question}")])
        )
        was_cut = any(isinstance(entry, Compacted) for entry in made.entries)
        after = world.sent[-1]
        if was_cut:
            assert after[0] not in before[:1], "a cut moves the window's start"
        else:
            assert after[: len(before)] == before
        world.reply(made, answer(dialect, f"{n} {reply}"))
        before = after
