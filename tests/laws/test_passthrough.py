"""Passthrough: where nothing is to be added, cut or replaced, the client's own bytes go out.

White space, order of members, unknown fields and all: it is the very object that came in.

Seen to fail: with `_body` always building the body anew (other bytes for every request); with
`replaces` comparing raw bytes instead of renderings (an agent's own spacing is replaced); with
`align` taking an agent's short history for a thin request (its old messages are put back).
"""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.laws.provider import Said
from tests.laws.test_alignment import DIALECT, TURN, asks, play
from tests.laws.test_opacity import UNKNOWN
from tests.laws.world import TOOLS, World, answer, user

TURNS = st.lists(TURN, min_size=1, max_size=5)
Turns = list[tuple[str, str, str, int, int, bool]]


@settings(max_examples=30, deadline=None)
@given(dialect=DIALECT, turns=TURNS, unknown=UNKNOWN)
def test_a_client_that_sends_everything(
    dialect: str, turns: Turns, unknown: dict[str, Any]
) -> None:
    world = World(dialect)
    play(world, [("full", *rest) for _, *rest in turns])  # type: ignore[misc]
    assert all(world.untouched)
    made, parsed = world.ask([*world.said, user("and?")], tools=TOOLS[dialect], **unknown)
    assert made.untouched
    assert made.body is parsed.body


@settings(max_examples=30, deadline=None)
@given(
    dialect=DIALECT,
    requests=st.lists(
        st.tuples(st.lists(st.sampled_from(["hi", "yes", "go on"]), min_size=1), st.booleans()),
        min_size=1,
        max_size=6,
    ),
    budget=st.sampled_from([50, 1_000_000]),
)
def test_an_agent_that_owns_its_history_whatever_it_does_to_it(
    dialect: str, requests: list[tuple[list[str], bool]], budget: int
) -> None:
    world = World(dialect, max_tokens=budget)
    for texts, answered in requests:
        history = [m for text in texts for m in (user(text), answer(dialect, "Sure."))][:-1]
        made, parsed = world.ask(history, owns_history=True)
        assert made.body is parsed.body
        if answered:
            world.reply(made, answer(dialect, "Sure."))
        else:
            world.fail(made)


@settings(max_examples=30, deadline=None)
@given(dialect=DIALECT, turns=TURNS)
def test_the_same_rendering_in_other_words_is_the_clients_to_choose(
    dialect: str, turns: Turns
) -> None:
    """A string is its one text block, and the order of members says nothing."""
    world = World(dialect)
    play(world, [("full", *rest) for _, *rest in turns])  # type: ignore[misc]
    again = [otherwise(dialect, message) for message in world.said]
    made, parsed = world.ask([*again, user("and?")], tools=TOOLS[dialect])
    assert made.body is parsed.body


def otherwise(dialect: str, message: Said) -> Said:
    if isinstance(message, list):
        return [otherwise(dialect, element) for element in message]
    turned = json.loads(json.dumps(dict(reversed(message.items()))))
    if asks(turned):
        kind = "input_text" if dialect == "openai_responses" else "text"
        turned["content"] = [{"type": kind, "text": turned["content"]}]
    return turned
