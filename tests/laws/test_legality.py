"""Legality: nothing is sent that a provider would refuse, as long as the client is not at fault.

`World.ask` puts every body before the strict rules of its dialect. Seen to fail: without `legal`,
a call the client never answered is put back alone; with a cut that counts messages instead of
turns, a result is sent without its call; with breakpoints left on stored messages, a fifth one.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from stitcher.core.log import Compacted
from tests.laws.test_alignment import DIALECT
from tests.laws.world import TOOLS, World, answer, call, result, user

SIZE = st.integers(1, 40)
ROUND = st.tuples(
    SIZE,
    st.lists(SIZE, max_size=3),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["", "cut", "fail"]),
)


@settings(max_examples=40, deadline=None)
@given(
    dialect=DIALECT, rounds=st.lists(ROUND, min_size=1, max_size=10), budget=st.integers(80, 900)
)
def test_a_thin_client_with_tools_under_a_tight_budget(
    dialect: str,
    rounds: list[tuple[int, list[int], bool, bool, str]],
    budget: int,
) -> None:
    world = World(dialect, max_tokens=budget)
    for n, (size, results, abandons, thinks, ending) in enumerate(rounds):
        made, _ = world.ask([user(f"{n} " + "ask " * size)], tools=TOOLS[dialect])
        for m, found in enumerate(results):
            name = f"call_{n}_{m}"
            world.reply(made, call(dialect, name, {"n": m}))
            if abandons and m == len(results) - 1:
                break  # the client never says what its tool found
            made, _ = world.ask([result(dialect, name, "found " * found)])
            assert not any(isinstance(entry, Compacted) for entry in made.entries) or budget < 900
        else:
            if ending == "fail":
                world.fail(made)
            else:
                world.reply(made, answer(dialect, f"{n} said", thinks=thinks), cut=ending == "cut")


@settings(max_examples=25, deadline=None)
@given(
    rounds=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=2, max_size=12),
    head=st.integers(0, 2),
)
def test_never_more_than_four_breakpoints(rounds: list[tuple[int, int]], head: int) -> None:
    world = World("anthropic")
    marker = {"cache_control": {"type": "ephemeral"}}
    system = [
        {"type": "text", "text": f"Part {n}.", **(marker if n < head else {})} for n in range(3)
    ]
    for n, (where, blocks) in enumerate(rounds):
        content = [{"type": "text", "text": f"{n} block {m}"} for m in range(blocks + 1)]
        if where == 1:
            content[-1].update(marker)  # type: ignore[arg-type]
        news = [{"role": "user", "content": content}]
        if where == 2:  # a client that resends everything, all of it marked as best it can
            news = [*world.said, *news]
        own = {"system": system} if where != 3 else {}
        made, _ = world.ask(news, **own)  # type: ignore[arg-type]
        said = answer("anthropic", f"{n} said")
        world.said += [{"role": "user", "content": content}, said]
        world.reply(made, said)
