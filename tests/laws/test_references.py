"""References: what a request says by an id, and what becomes of what clients of it leave out.

The habits are those of the Responses API's clients: chains and forks of answers by their ids,
conversation objects, items sent back without their ids or their reasoning, an answer taken up again
after its stream was cut.

Seen to fail: with the place that an id names ignored, and with what a conversation is sent laid by
its looks; with reasoning taken off an item that keeps its id, and with reasoning named to a
provider that was told to store nothing ("Item with id 'rs_1' not found"); with reasoning as part of
an identity (the client's answer is another); with an answer's first parts taken for sent as soon as
the next ones are there (a client that writes arguments its own way is overruled); with a later
part's digest of what was laid before it trusted, or handed on, after the client changed that (a
cold plan is another than the warm one).
"""

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from stitcher.planning import plan
from stitcher.recording import Stamp, leave_thinking
from stitcher.terms import After
from stitcher.wire.dialects import DIALECTS
from tests.laws.provider import Provider, Said, flat
from tests.laws.test_alignment import TEXT
from tests.laws.world import TOOLS, World, answers, messages_of, request, results, user

NAME = "openai_responses"
ROUND = st.tuples(
    TEXT,
    st.integers(0, 2),  # calls
    st.booleans(),  # speaks beside them
    st.booleans(),  # thinks
)
Round = tuple[str, int, bool, bool]


def said_in(n: int, turn: Round) -> list[Said]:
    """An answer, no two alike: given again word for word it would be one place, told last."""
    text, calls, speaks, thinks = turn
    called = [(f"call_{n}_{m}", {"turn": n, "n": m}) for m in range(calls)]
    return answers(NAME, f"{n} {text}" if speaks or not called else "", called, thinks=thinks)


def next_after(said: list[Said], text: str) -> list[Said]:
    """What a client says then: what its tools found, or a question."""
    calls = [name for item in last_answer(said) if (name := item.get("call_id"))]
    return results(NAME, [(name, f"found {text}") for name in calls]) or [user(text)]


def last_answer(said: list[Said]) -> list[Said]:
    items: list[Said] = []
    for item in reversed(flat(said)):
        if item.get("role") == "user" or item["type"].endswith("_output"):
            break
        items.insert(0, item)
    return items


@settings(max_examples=25, deadline=None)
@given(
    turns=st.lists(st.tuples(ROUND, st.integers(0, 30), st.booleans()), min_size=1, max_size=9),
)
def test_an_answers_id_stands_for_all_that_led_to_it(
    turns: list[tuple[Round, int, bool]],
) -> None:
    """Mostly the last one's, at times any other: then the path goes on from there."""
    world = World(NAME)
    answered: list[tuple[After, list[Said], list[bytes]]] = []
    for n, (turn, back, fails) in enumerate(turns):
        at = -1 - back % len(answered) if back > 20 and answered else -1
        after, led, before = answered[at] if answered else (None, [], [])
        news = next_after(led, turn[0])
        made, _ = world.ask(news, after=after)
        assert [json.loads(raw) for raw in world.sent[-1]] == [*led, *news]
        assert world.sent[-1][: len(before)] == before
        world.said = [*led, *news]
        world.check_path()
        if fails:
            world.fail(made)
            world.ask(news, after=after)  # once more
            world.check_path()
        world.said += world.reply(made, *said_in(n, turn))
        world.check_path()
        answered.append((world.answered, list(world.said), world.sent[-1]))


@settings(max_examples=25, deadline=None)
@given(
    turns=st.lists(
        st.tuples(ROUND, st.sampled_from(["", "", "again", "fail", "tells"])),
        min_size=1,
        max_size=8,
    )
)
def test_a_conversation_object_grows_with_every_request(turns: list[tuple[Round, str]]) -> None:
    world = World(NAME)
    before: list[bytes] = []
    for n, (turn, happens) in enumerate(turns):
        news = next_after(world.said, f"{n} {turn[0]}")
        if happens == "tells" and "role" in news[0]:  # what a person said, and an answer to it
            told = {"role": "assistant", "content": f"{n} told"}
            news = [user(f"{n} asked"), told, *news]
        made, _ = world.ask(news, appends=True)
        if happens == "fail":
            world.fail(made)
        if happens in ("again", "fail"):
            made, _ = world.ask(news, appends=True)
        world.said += news
        world.check_path()
        assert [json.loads(raw) for raw in world.sent[-1]] == world.said
        assert world.sent[-1][: len(before)] == before
        before = world.sent[-1]
        world.said += world.reply(made, *said_in(n, turn))
        world.check_path()


def without_ids(item: Said) -> Said:
    """As the AI SDK and OpenClaw send messages and calls back."""
    return {key: value for key, value in item.items() if key != "id"}


def flattened(item: Said) -> Said:
    """As the AI SDK sends a message back."""
    if item["type"] != "message":
        return item
    return {"role": "assistant", "content": item["content"][0]["text"]}


def respaced(item: Said) -> Said:
    """As pydantic-ai and others write a call's arguments."""
    if "arguments" not in item:
        return item
    written = json.dumps(json.loads(item["arguments"]), separators=(",", ":"))
    return {**item, "arguments": written}


def replayed(message: Said, habit: str) -> Said:
    """A message of an answer, as a client of that habit sends it back."""
    *reasoning, item = message if isinstance(message, list) else [message]
    if "call_id" not in item and item.get("role") != "assistant":
        return message
    if item["type"].endswith("_output"):
        return message
    match habit:
        case "bare":  # without its reasoning, and so without its id
            return without_ids(item)
        case "flattened":
            return [*reasoning, flattened(item)] if reasoning else flattened(item)
        case "respaced":
            return [*reasoning, respaced(item)] if reasoning else respaced(item)
        case "nameless":
            return [*reasoning, without_ids(item)] if reasoning else without_ids(item)
    return message


LOOKS: Round = ("yes", 2, True, False)
SAYS: Round = ("yes", 0, False, False)
HABIT = st.sampled_from(["verbatim", "bare", "flattened", "respaced", "nameless"])


@settings(max_examples=25, deadline=None)
@given(
    turns=st.lists(st.tuples(ROUND, HABIT, st.booleans()), min_size=1, max_size=7),
    owns=st.booleans(),
)
@example([(LOOKS, "verbatim", False), (SAYS, "respaced", False), (SAYS, "verbatim", False)], True)
@example([(LOOKS, "verbatim", False), (SAYS, "respaced", False), (SAYS, "respaced", False)], True)
def test_whatever_is_left_out_of_an_answer_it_is_the_same_answer(
    turns: list[tuple[Round, str, bool]], owns: bool
) -> None:
    """A client that sends everything, each time in another way; or, thin, nothing of it."""
    world = World(NAME)
    for n, (turn, habit, thin) in enumerate(turns):
        news = next_after(world.said, turn[0])
        history = [] if thin and not owns else [replayed(m, habit) for m in world.said]
        made, _ = world.ask([*history, *news], tools=TOOLS[NAME], owns_history=owns)
        world.said += news
        world.check_path()
        assert len(world.sent[-1]) == len(world.said)
        world.said += world.reply(made, *said_in(n, turn))


@settings(max_examples=25, deadline=None)
@given(habit=HABIT, turns=st.lists(ROUND, min_size=2, max_size=7), thin=st.integers(0, 7))
def test_a_client_of_one_habit_never_moves_its_prompt(
    habit: str, turns: list[Round], thin: int
) -> None:
    """Nor where it stops sending its history: its own version of an answer stays."""
    world = World(NAME)
    before: list[bytes] = []
    for n, turn in enumerate(turns):
        news = next_after(world.said, turn[0])
        history = [] if n > thin else [replayed(m, habit) for m in world.said]
        made, _ = world.ask([*history, *news], tools=TOOLS[NAME])
        assert world.sent[-1][: len(before)] == before
        before = world.sent[-1]
        world.said += [*news, *world.reply(made, *said_in(n, turn))]


def test_each_part_of_an_answer_is_the_clients_to_say_again() -> None:
    """Though one stands after the other, none has been sent before the client sends it back."""
    world = World(NAME)
    made, _ = world.ask([user("Look.")])
    given = world.reply(made, *answers(NAME, "I look.", [("call_1", {"n": 1}), ("call_2", {})]))
    found = results(NAME, [("call_1", "found"), ("call_2", "found")])
    own = [without_ids(respaced(item)) for item in given]
    made, _ = world.ask([user("Look."), *own, *found])
    assert made.untouched
    world.reply(made, *answers(NAME, "Well."))
    world.ask([user("And?")])
    assert [json.loads(raw) for raw in world.sent[-1][1:4]] == own


@settings(max_examples=25, deadline=None)
@given(
    turns=st.lists(st.tuples(ROUND, st.integers(0, 3), st.booleans()), min_size=1, max_size=6),
)
def test_a_cut_answer_is_taken_up_again_with_what_came_of_it(
    turns: list[tuple[Round, int, bool]],
) -> None:
    """Codex repeats the request with each item that was complete, also reasoning by itself."""
    world = World(NAME, provider=Provider(stores=False))
    for n, (turn, cuts, _) in enumerate(turns):
        world.said += next_after(world.said, f"{n} {turn[0]}")
        aside: list[Said] = []
        for m in range(cuts):
            made, parsed = world.ask([*world.said, *aside], owns_history=True, store=False)
            assert made.body is parsed.body
            world.check_path()
            thought = answers(NAME, f"{n} {m} {turn[0]}", thinks=True)[0]
            came = world.reply(made, thought[:1] if turn[2] else thought, cut=True)
            if turn[2]:
                aside += came[0]
                continue
            world.said += [[*aside, *came[0]]]
            aside = []
            world.check_path()
        made, parsed = world.ask([*world.said, *aside], owns_history=True, store=False)
        assert made.body is parsed.body
        world.check_path()
        world.said += world.reply(made, *said_in(n, turn))
        world.check_path()


@settings(max_examples=25, deadline=None)
@given(turns=st.lists(st.tuples(ROUND, st.booleans()), min_size=2, max_size=7))
def test_a_request_that_is_not_to_be_stored_names_nothing_that_was(
    turns: list[tuple[Round, bool]],
) -> None:
    """Reasoning that only its id stands for is left out, whole, with the id of its item."""
    world = World(NAME)
    for n, (turn, stores) in enumerate(turns):
        news = next_after(world.said, turn[0])
        made, _ = world.ask(news, store=stores)
        shown = [json.loads(raw) for raw in messages_of(NAME, made.body)]
        assert len(shown) == len(world.said) + len(news)
        world.said += [*news, *world.reply(made, *said_in(n, turn))]


@settings(max_examples=25, deadline=None)
@given(turns=st.lists(ROUND, min_size=1, max_size=6))
def test_to_a_provider_that_knows_nothing_of_it_no_thinking_is_said(turns: list[Round]) -> None:
    """It refused the reasoning that was put back: that goes out no more, by the log."""
    world = World(NAME)
    for n, turn in enumerate(turns):
        news = next_after(world.said, turn[0])
        made, _ = world.ask(news)
        world.said += [*news, *world.reply(made, *said_in(n, turn))]
    news = next_after(world.said, "And now?")
    parsed = DIALECTS[NAME].parse(request(NAME, news))
    refused: Any = plan(world.tree, parsed, DIALECTS[NAME], world.terms())
    stamp, base = Stamp("main", world.now), refused.alignment.base
    world.write(leave_thinking(world.tree, stamp, base, refused.restored, DIALECTS[NAME]))
    again: Any = plan(world.tree, parsed, DIALECTS[NAME], world.terms())
    assert Provider().refusal(NAME, json.loads(again.body)) is None
    assert world.provider.refusal(NAME, json.loads(again.body)) is None
    assert b'"reasoning"' not in again.body
    assert len(messages_of(NAME, again.body)) == len(world.said) + len(news)
