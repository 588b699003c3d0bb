"""Alignment: whatever a client's habit, the path is what was said, and what it left out is sent.

Seen to fail, each with a path that is not what was said: with a set of fingerprints instead of
places (the second "yes" is lost); without `_window_to_tip` (a window becomes a history of its
own); with `_thin` appending always (a retry is on the path twice); with failed turns left on the
path (so is a question that was refused and asked again); with what is said with one request only
taken for history, and with it left out of the request.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.laws.provider import Said, flat
from tests.laws.world import TOOLS, World, answers, results, user

DIALECT = st.sampled_from(["openai_chat", "anthropic", "openai_responses"])
TEXT = st.sampled_from(["yes", "continue", "hi", "what is it?", "no  ", "naïve ☃"]) | st.text(
    alphabet="abc é\n", min_size=1, max_size=8
).filter(str.strip)
HABIT = st.sampled_from(["thin", "full", "window"])
TURN = st.tuples(HABIT, TEXT, TEXT, st.integers(0, 2), st.integers(1, 7), st.booleans())


def play(world: World, turns: list[tuple[str, str, str, int, int, bool]]) -> None:
    """Plays turns of (habit, question, answer, tool rounds, window, asked twice)."""
    tools = TOOLS[world.dialect]
    for habit, question, reply, rounds, size, twice in turns:
        news = [user(question)]
        for n in range(rounds + 1):
            known = len(world.said)
            world.said += news
            shown = _shown(world, habit, known, size)
            made, _ = world.ask(shown, tools=tools)
            if twice:  # the client gives up waiting and asks the same again
                if len(question) % 2:
                    world.fail(made)  # else the first is still on its way
                made, _ = world.ask(shown, tools=tools)
            world.check_path()
            name = f"call_{len(world.said)}"
            calls = [(called, {"n": n}) for called in (name, f"{name}_b")[: 1 + len(reply) % 2]]
            said = answers(
                world.dialect,
                reply if n == rounds or size % 2 else "",
                calls if n < rounds else [],
                thinks=n == 1,
            )
            world.said += world.reply(made, *said)
            world.check_path()
            news = results(world.dialect, [(called, f"found {n}") for called, _ in calls])


def _shown(world: World, habit: str, known: int, size: int) -> list[Said]:
    """What a client of that habit sends of all that was said."""
    if habit == "thin":
        return world.said[known:]
    if habit == "full":
        return list(world.said)
    # A window begins with a question and holds at least one answer, else it is a thin request.
    starts = [n for n, m in enumerate(world.said) if asks(m)]
    start = starts[max(0, len(starts) - 1 - size)]
    return world.said[start:]


def asks(message: Said) -> bool:
    """True for what a person says."""
    element = flat([message])[-1]
    return element.get("role") == "user" and isinstance(element["content"], str)


@settings(max_examples=60, deadline=None)
@given(dialect=DIALECT, turns=st.lists(TURN, min_size=1, max_size=7))
def test_any_mixture_of_habits_gives_the_path_that_was_said(
    dialect: str, turns: list[tuple[str, str, str, int, int, bool]]
) -> None:
    world = World(dialect)
    play(world, turns)
    sent = [len(messages) for messages in world.sent]
    # Below the budget nothing is left out: each request holds all that was said before it.
    assert sent == sorted(sent)
    assert sent[-1] == len(world.said) - 1


@settings(max_examples=40, deadline=None)
@given(
    dialect=DIALECT,
    turns=st.lists(TURN, min_size=2, max_size=6),
    at=st.integers(0, 20),
    replacement=TEXT,
)
def test_an_edit_leaves_the_old_branch_and_its_answers_behind(
    dialect: str, turns: list[tuple[str, str, str, int, int, bool]], at: int, replacement: str
) -> None:
    world = World(dialect)
    # Questions differ: a history that could as well be a window of itself is taken for one.
    play(world, [(h, f"{n} {q}", a, 0, s, t) for n, (h, q, a, _, s, t) in enumerate(turns)])
    questions = [n for n, message in enumerate(world.said) if asks(message)][1:]
    place = questions[at % len(questions)]
    edited = replacement + " edited"
    stored = len(world.tree.nodes)
    world.said = [*world.said[:place], user(edited)]
    world.ask(world.said, tools=TOOLS[dialect])
    world.check_path()
    assert len(world.sent[-1]) == place + 1
    assert len(world.tree.nodes) == stored + 1, "the old branch is kept, the new message added"


EPHEMERAL = "<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>> It is {} o'clock. <<<END>>>"


@settings(max_examples=40, deadline=None)
@given(
    dialect=DIALECT,
    turns=st.lists(
        st.tuples(st.sampled_from(["thin", "full"]), TEXT, st.booleans()), min_size=1, max_size=7
    ),
)
def test_what_is_said_with_one_request_only_is_sent_with_it_and_is_not_on_the_path(
    dialect: str, turns: list[tuple[str, str, bool]]
) -> None:
    """OpenClaw's last message: the answer takes its place. In a tool loop the results do."""
    world = World(dialect)
    for n, (habit, text, looks) in enumerate(turns):
        news = [user(text)]
        rounds: list[list[tuple[str, Said]]] = [[(f"call_{n}", {})], []] if looks else [[]]
        for calls in rounds:
            shown = world.said if habit == "full" else []
            reminder = user(EPHEMERAL.format(len(world.log)))
            made, _ = world.ask([*shown, *news, reminder], tools=TOOLS[dialect])
            world.said += news
            world.check_path()
            assert len(world.sent[-1]) == len(world.said)
            assert made.body.count(b"OPENCLAW") == 1
            assert reminder["content"].encode() in made.body
            world.said += world.reply(made, *answers(dialect, f"{n} {text}", calls))
            world.check_path()
            news = results(dialect, [(name, f"found {text}") for name, _ in calls])
