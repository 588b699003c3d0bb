"""Prefix: without a cut, a rewind or a rebase each request extends the one before, byte for byte.

Cache breakpoints are not part of the prefix and are left out of the comparison.

Seen to fail: with replies condensed outside a cut (a message changes behind the client's back);
with a cut that keeps all that fits instead of half (it slides with every turn: cuts are not rare);
with the window's start forgotten after a cut (messages left out come back); with `replaces` never
true (a client that writes its arguments in another order moves the prefix).
"""

import json
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from stitcher.core.log import Compacted
from tests.laws.provider import Said
from tests.laws.test_alignment import DIALECT, TURN, play
from tests.laws.world import TOOLS, World, answer, call, result, under, user

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
        messages, more = under(dialect, "Be brief.", [user(f"{n} {question}")])
        made, _ = world.ask(messages, **more)
        was_cut = any(isinstance(entry, Compacted) for entry in made.entries)
        after = world.sent[-1]
        if was_cut:
            assert after[0] not in before[:1], "a cut moves the window's start"
        else:
            assert after[: len(before)] == before
        world.reply(made, answer(dialect, f"{n} {reply}"))
        before = after


@settings(max_examples=10, deadline=None)
@given(dialect=DIALECT, turns=st.integers(20, 40), fit=st.integers(8, 12))
def test_cuts_are_rare(dialect: str, turns: int, fit: int) -> None:
    """A cut frees half of the room: it is paid once for many requests that hit."""
    world = World(dialect, max_tokens=1_000_000)
    made, _ = world.ask([user("question " + "word " * 20)])
    turn = 2 * made.tokens
    world = World(dialect, max_tokens=(fit * turn * 4 + 2) // 3)  # a quarter is for the answer
    cuts = []
    for n in range(turns):
        made, _ = world.ask([user("question " + "word " * 20)])
        world.reply(made, answer(dialect, "answering " + "word " * 20))
        if any(isinstance(entry, Compacted) for entry in made.entries):
            cuts.append(n)
    assert cuts
    assert all(later - before >= fit // 2 - 1 for before, later in pairwise(cuts))


@settings(max_examples=20, deadline=None)
@given(dialect=DIALECT, spacings=st.lists(st.booleans(), min_size=3, max_size=6))
def test_a_client_that_rewrites_arguments_does_not_move_the_prefix(
    dialect: str, spacings: list[bool]
) -> None:
    """Its history means the same and looks different on every request."""
    world = World(dialect)
    for n, turned in enumerate(spacings):
        world.said.append(user(f"question {n}"))
        made, _ = world.ask([again(m, turned) for m in world.said], tools=TOOLS[dialect])
        world.said += world.reply(made, call(dialect, f"call_{n}", ARGUMENTS))
        world.said.append(result(dialect, f"call_{n}", "found"))
        made, _ = world.ask([again(m, not turned) for m in world.said], tools=TOOLS[dialect])
        world.said += world.reply(made, answer(dialect, f"answer {n}"))
    for before, after in pairwise(world.sent):
        assert after[: len(before)] == before


ARGUMENTS = {"path": "a", "depth": 1}
TURNED = dict(reversed(ARGUMENTS.items()))


def again(message: Said, turned: bool) -> Said:
    """A message as the client writes it: a call's arguments in one order or the other."""
    if not turned:
        return message
    written = json.dumps(message)
    for escaped in (json.dumps, lambda text: json.dumps(json.dumps(text))):
        written = written.replace(escaped(ARGUMENTS), escaped(TURNED))
    return json.loads(written)
