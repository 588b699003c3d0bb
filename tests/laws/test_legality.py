"""Legality: nothing is sent that a provider would refuse, as long as the client is not at fault.

`World.ask` puts every body before the strict rules of its dialect.

Seen to fail: without `legal` ("`tool_use` ids were found without `tool_result` blocks"); with a cut
that counts messages instead of turns ("first message must use the user role"); with breakpoints
left on stored messages, with those of a lent head left beside the client's own, and with two always
taken for free ("a maximum of 4 blocks with cache_control": five, five and six); with no tools lent
to a request that has calls put back.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.laws.test_alignment import DIALECT
from tests.laws.world import TOOLS, Said, World, answer, call, result, user

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
            assert b'"tools"' in made.body, "providers refuse calls without them"
        else:
            if ending == "fail":
                world.fail(made)
            else:
                world.reply(made, answer(dialect, f"{n} said", thinks=thinks), cut=ending == "cut")


MARKER = {"cache_control": {"type": "ephemeral"}}


@settings(max_examples=40, deadline=None)
@given(
    rounds=st.lists(
        st.tuples(st.sampled_from(["thin", "bare", "full"]), st.integers(0, 4)),
        min_size=2,
        max_size=12,
    ),
    head=st.integers(0, 4),
)
def test_never_more_than_four_breakpoints(rounds: list[tuple[str, int]], head: int) -> None:
    """A bare request has no head of its own: it is lent the last one, which has breakpoints too."""
    world = World("anthropic")
    system = [
        {"type": "text", "text": f"Part {n}.", **(MARKER if n < head else {})} for n in range(4)
    ]
    for n, (habit, wanted) in enumerate(rounds):
        own = {} if habit == "bare" and n else {"system": system}
        marks = min(wanted, 4 - head) if own else wanted
        content = [{"type": "text", "text": f"{n} block {m}"} for m in range(5)]
        marked = [{**block, **(MARKER if m < marks else {})} for m, block in enumerate(content)]
        news: list[Said] = [{"role": "user", "content": marked}]
        made, parsed = world.ask([*(world.said if habit == "full" else []), *news], **own)  # type: ignore[arg-type]
        assert parsed.breakpoints <= 4
        assert made.body.count(b'"cache_control"') <= 4
        said = answer("anthropic", f"{n} said")
        world.said += [{"role": "user", "content": content}, *world.reply(made, said)]
