"""One conversation over three APIs: what was said in one is put back in the words of another.

`Talk` is what was really said, in no dialect; the writers below say a turn of it as that API's own
clients and servers do. Seen to fail: with results sent one by one to the Messages API ("`tool_use`
ids were found without `tool_result` blocks"); with ids kept as they are ("String should match
pattern"); with calls of one answer in messages of their own; with an answer joined to the one
before it.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stitcher.core.item import Item
from stitcher.core.layout import Piece, legal
from stitcher.messages.parts import Image, Part, Text, ToolCall, ToolResult
from stitcher.simulator import rules_anthropic, rules_openai_chat, rules_openai_responses
from stitcher.simulator.thinking_signature import sign
from stitcher.wire.dialects import DIALECTS
from stitcher.wire.translation import translated

Message = dict[str, Any]

PNG = "data:image/png;base64,AAAA"
RULES: dict[str, Callable[[Any], Any]] = {
    "openai_chat": rules_openai_chat.check,
    "anthropic": rules_anthropic.check,
    "openai_responses": rules_openai_responses.check,
}
FUNCTION = {"name": "look", "parameters": {"type": "object", "properties": {}}}
REQUESTS: dict[str, Message] = {
    "openai_chat": {
        "messages": [{"role": "user", "content": "And now?"}],
        "tools": [{"type": "function", "function": FUNCTION}],
    },
    "anthropic": {
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "And now?"}],
        "tools": [{"name": "look", "input_schema": FUNCTION["parameters"]}],
    },
    "openai_responses": {"input": "And now?", "tools": [{"type": "function", **FUNCTION}]},
}


@dataclass(frozen=True)
class Call:
    """A tool call and what came of it; None if the client went on without."""

    id: str
    arguments: str
    found: str | None


@dataclass(frozen=True)
class Step:
    """One answer of a model."""

    says: str
    calls: tuple[Call, ...] = ()


@dataclass(frozen=True)
class Turn:
    """What a person says, and the answers until the next thing a person says."""

    dialect: str
    asks: str
    shows: bool
    steps: tuple[Step, ...]


def chat(turn: Turn) -> Iterator[list[Message]]:
    """The messages of Chat Completions, request by request and answer by answer."""
    content: Any = turn.asks
    if turn.shows:
        picture = {"type": "image_url", "image_url": {"url": PNG}}
        content = [{"type": "text", "text": turn.asks}, picture]
    yield [{"role": "user", "content": content}]
    for step in turn.steps:
        calls = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": "look", "arguments": call.arguments},
            }
            for call in step.calls
        ]
        message: Message = {"role": "assistant", "content": step.says or None, "refusal": None}
        yield [{**message, "tool_calls": calls} if calls else message]
        yield [
            {"role": "tool", "tool_call_id": call.id, "content": call.found}
            for call in step.calls
            if call.found is not None
        ]


def messages(turn: Turn) -> Iterator[list[Message]]:
    """The same over the Messages API."""
    picture = {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"},
    }
    asked = [{"type": "text", "text": turn.asks}, *([picture] if turn.shows else [])]
    yield [{"role": "user", "content": asked}]
    for step in turn.steps:
        thought = {"type": "thinking", "thinking": "hm", "signature": sign("hm", bytes(16))}
        content: list[Message] = [thought]
        content += [{"type": "text", "text": step.says}] if step.says else []
        content += [
            {
                "type": "tool_use",
                "id": call.id,
                "name": "look",
                "input": json.loads(call.arguments),
            }
            for call in step.calls
        ]
        yield [{"role": "assistant", "content": content}]
        results = [
            {
                "type": "tool_result",
                "tool_use_id": call.id,
                "content": [{"type": "text", "text": call.found}],
            }
            for call in step.calls
            if call.found is not None
        ]
        yield [{"role": "user", "content": results}] if results else []


def items(turn: Turn) -> Iterator[list[Message]]:
    """The same over the Responses API."""
    picture = {"type": "input_image", "image_url": PNG}
    asked = [{"type": "input_text", "text": turn.asks}, *([picture] if turn.shows else [])]
    yield [{"type": "message", "role": "user", "content": asked}]
    for step in turn.steps:
        said: list[Message] = []
        if step.says:
            text = {"type": "output_text", "text": step.says, "annotations": []}
            said.append({"type": "message", "role": "assistant", "content": [text]})
        said.append({"type": "web_search_call", "status": "completed"})
        said += [
            {
                "type": "function_call",
                "call_id": call.id,
                "name": "look",
                "arguments": call.arguments,
            }
            for call in step.calls
        ]
        yield said
        yield [
            {"type": "function_call_output", "call_id": call.id, "output": call.found}
            for call in step.calls
            if call.found is not None
        ]


WRITERS = {"openai_chat": chat, "anthropic": messages, "openai_responses": items}


def history(turns: Sequence[Turn]) -> tuple[list[Piece], list[int]]:
    """The log of some turns as it would be put back, and where a request or an answer ended."""
    pieces: list[Piece] = []
    ends: list[int] = []
    for turn in turns:
        for group in WRITERS[turn.dialect](turn):
            for message in group:
                item = DIALECTS[turn.dialect].read_item(json.dumps(message).encode())
                pieces.append(Piece(item, f"chain {len(pieces)}", ours=True))
            ends.append(len(pieces))
    return pieces, ends


def put(pieces: Sequence[Piece], to: str, keep: frozenset[str] = frozenset()) -> list[Piece]:
    """As planning does it."""
    return translated(pieces, DIALECTS[to], DIALECTS.__getitem__, keep_ids=keep)


def sent(pieces: Sequence[Piece], to: str) -> list[bytes]:
    dialect = DIALECTS[to]
    return [raw for piece in legal(pieces) if (raw := dialect.change(piece)) is not None]


def refusal(pieces: Sequence[Piece], to: str) -> object:
    """What the provider says of a request whose history was put back."""
    dialect = DIALECTS[to]
    call = dialect.parse(json.dumps({"model": "sim-model", **REQUESTS[to]}).encode())
    own = [item.raw for item in call.items]
    body = dialect.build(call, system=None, tools=None, messages=[*sent(pieces, to), *own])
    return RULES[to](json.loads(body))


WORDS = st.text("ab \n.é🧵", max_size=9).map(lambda text: f"w{text}w")
ARGUMENTS = st.sampled_from(["{}", '{"a": 1}', '{"b": [1.5, null], "a": "x y"}'])
# Ids as each API takes them; not every other one would.
NAMES = {
    "openai_chat": ["call_{}", "call.{}", "é{}"],
    "anthropic": ["toolu_{}", "toolu_{}" + "x" * 40],
    "openai_responses": ["call_{}", "call|{}" + "x" * 40],
}


@st.composite
def talks(
    draw: st.DrawFn, *, dialects: Sequence[str] = tuple(DIALECTS), stops: bool = False
) -> list[Turn]:
    """Turns in which every call has its own id; with `stops` some end before all results."""
    turns = []
    for n in range(draw(st.integers(1, 4))):
        dialect = draw(st.sampled_from(dialects))
        steps = []
        for m in range(draw(st.integers(0, 2))):
            found = WORDS | st.none() if stops else WORDS
            calls = tuple(
                Call(
                    draw(st.sampled_from(NAMES[dialect])).format(f"{n}_{m}_{k}"),
                    draw(ARGUMENTS),
                    draw(found),
                )
                for k in range(draw(st.integers(1, 3)))
            )
            steps.append(Step(draw(st.just("") | WORDS), calls))
            if any(call.found is None for call in calls):
                break  # the person did not wait
        else:
            steps.append(Step(draw(WORDS)))
        turns.append(Turn(dialect, draw(WORDS), draw(st.booleans()), tuple(steps)))
    return turns


DIALECT = st.sampled_from(list(DIALECTS))


@settings(max_examples=100, deadline=None)
@given(turns=talks(stops=True), to=DIALECT)
def test_a_longer_history_begins_with_the_bytes_of_the_shorter(turns: list[Turn], to: str) -> None:
    pieces, ends = history(turns)
    whole = [piece.item.raw for piece in put(pieces, to)]
    for end in ends:
        part = [piece.item.raw for piece in put(pieces[:end], to)]
        assert whole[: len(part)] == part


@settings(max_examples=150, deadline=None)
@given(turns=talks(stops=True), to=DIALECT)
def test_no_provider_refuses_what_is_put_back(turns: list[Turn], to: str) -> None:
    pieces, ends = history(turns)
    for end in ends:
        assert refusal(put(pieces[:end], to), to) is None


def heard(pieces: Sequence[Piece]) -> list[Part]:
    """All that was said, in no dialect; calls by their number instead of their id."""
    numbers: dict[str, str] = {}
    said: list[Part] = []
    for piece in pieces:
        for part in DIALECTS[piece.item.dialect].parts(piece.item):
            if isinstance(part, ToolCall):
                numbers[part.id] = str(len(numbers))
                part = replace(part, arguments=json.dumps(json.loads(part.arguments)))
            if isinstance(part, ToolCall | ToolResult):
                part = replace(part, id=numbers[part.id])
            said.append(part)
    return said


@settings(max_examples=100, deadline=None)
@given(data=st.data(), home=DIALECT, abroad=DIALECT)
def test_nothing_said_is_lost_on_the_way_there_and_back(
    data: st.DataObject, home: str, abroad: str
) -> None:
    pieces, _ = history(data.draw(talks(dialects=[home])))
    there = put(pieces, abroad)
    assert heard(there) == heard(pieces)
    assert heard(put(there, home)) == heard(pieces)


@settings(max_examples=50, deadline=None)
@given(turns=talks(), to=DIALECT)
def test_what_is_in_its_own_dialect_or_the_clients_is_not_touched(
    turns: list[Turn], to: str
) -> None:
    pieces, _ = history(turns)
    pieces = [replace(piece, ours=n % 2 == 0) for n, piece in enumerate(pieces)]
    made = put(pieces, to)
    own = [piece for piece in pieces if not piece.ours or piece.item.dialect == to]
    assert [piece for piece in made if any(piece is one for one in own)] == own
    assert all(piece.item.dialect == to for piece in made if piece.ours)


def talk(dialect: str, *said: Message) -> list[Piece]:
    """Messages put back, one by one."""
    read = DIALECTS[dialect].read_item
    return [
        Piece(read(json.dumps(message).encode()), f"{dialect} {n}", ours=True)
        for n, message in enumerate(said)
    ]


def look(*names: str) -> Message:
    """A call of Chat Completions."""
    function = {"name": "look", "arguments": "{}"}
    calls = [{"id": name, "type": "function", "function": function} for name in names]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def found(name: str, content: str = "found") -> Message:
    return {"role": "tool", "tool_call_id": name, "content": content}


def user(content: Any) -> Message:
    return {"role": "user", "content": content}


def assistant(content: Any) -> Message:
    return {"role": "assistant", "content": content}


def values(pieces: Sequence[Piece]) -> list[Any]:
    return [json.loads(piece.item.raw) for piece in pieces]


def test_an_id_that_not_everybody_takes_is_always_replaced_by_the_same() -> None:
    short, long = "a-legal_Id9", "one.that.is.not"
    for to in ("anthropic", "openai_responses"):
        made = put(talk("openai_chat", look(short), found(short), look(long), found(long)), to)
        first, second = [call for piece in made for call in piece.item.calls]
        assert first == short
        assert second == "call_1d3050411c4f24e821d83cac"
        assert [answer for piece in made for answer in piece.item.answers] == [first, second]


def test_an_id_that_the_client_names_is_kept() -> None:
    """It brings the result over another API than the one that made the call."""
    name = "one.that.is.not"
    (made,) = put(talk("openai_chat", look(name)), "openai_responses", frozenset([name]))
    assert made.item.calls == (name,)
    result = {"type": "function_call_output", "call_id": name, "output": "found"}
    later = [*talk("openai_chat", look(name)), *talk("openai_responses", result)]
    assert put(later, "openai_responses")[0].item.raw == made.item.raw, "once named, always kept"


def test_an_id_given_twice_is_another_the_second_time() -> None:
    """Calls of the first Chat Completions API are named by their function."""
    call = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}
    result = {"role": "function", "name": "f", "content": "found"}
    pieces = talk("openai_chat", user("a"), call, result, user("b"), call, result)
    made = put(pieces, "anthropic")
    one, other = [name for piece in made for name in piece.item.calls]
    assert one != other
    assert [name for piece in made for name in piece.item.answers] == [one, other]
    assert refusal(made, "anthropic") is None


def test_a_message_stands_where_the_last_of_it_stood() -> None:
    pieces = talk("openai_chat", user("Look."), look("a", "b"), found("a"), found("b"), user("So?"))
    made = put(pieces, "anthropic")
    assert [piece.chain for piece in made] == [f"openai_chat {n}" for n in (0, 1, 3, 4)]


def test_what_follows_an_answer_and_says_nothing_here_is_where_it_ends() -> None:
    search = {"type": "web_search_call", "status": "completed"}
    pieces = talk("openai_responses", {"role": "assistant", "content": "It rains."}, search)
    (made,) = put(pieces, "openai_chat")
    assert (values([made]), made.chain) == ([assistant("It rains.")], "openai_responses 1")


def test_a_reply_that_a_later_one_repeats_stays_a_stub() -> None:
    question, reply = talk("openai_chat", user("And?"), assistant("It rains."))
    _, made = put([question, replace(reply, repeats="later")], "anthropic")
    said = DIALECTS["openai_chat"].change(replace(reply, repeats="later"))
    assert made.item.raw != reply.item.raw
    assert DIALECTS["anthropic"].text(made.item.raw) == json.loads(said or b"")["content"]


def test_a_result_goes_to_its_call_whatever_was_said_in_between() -> None:
    """The Responses API takes it anywhere behind the call, the others right behind it only."""
    call = {"type": "function_call", "call_id": "a", "name": "look", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "a", "output": "found"}
    pieces = talk("openai_responses", call, user("Hurry!"), result, assistant("Done."))
    assert values(put(pieces, "openai_chat")) == [
        look("a"),
        found("a"),
        user("Hurry!"),
        assistant("Done."),
    ]


def test_a_result_without_a_call_stands_alone_and_is_left_out() -> None:
    pieces = talk("openai_chat", user("Look."), look("a"), found("a"), found("gone"))
    made = put(pieces, "anthropic")
    assert [piece.item.answers for piece in made[2:]] == [("a",), ("gone",)]
    assert len(sent(made, "anthropic")) == 3


def test_results_of_a_call_in_the_own_dialect_stay_together() -> None:
    use: list[Message] = [
        {"type": "tool_use", "id": name, "name": "look", "input": {}} for name in ("a", "b")
    ]
    pieces = [
        *talk("anthropic", user("Look."), assistant(use)),
        *talk("openai_chat", found("a"), found("b")),
    ]
    made = put(pieces, "anthropic")
    assert made[2].item.answers == ("a", "b")
    assert refusal(made, "anthropic") is None


def test_a_conversation_that_an_assistant_began_has_a_user_speak_first_where_it_must() -> None:
    pieces = talk("openai_chat", assistant("Hello, I am Ada."), user("Hi!"))
    made = put(pieces, "anthropic")
    assert [piece.item.role for piece in made] == ["user", "assistant", "user"]
    assert refusal(made, "anthropic") is None
    assert [piece.item.role for piece in put(pieces, "openai_responses")] == ["assistant", "user"]


def test_two_answers_stay_two() -> None:
    pieces = talk("openai_responses", assistant("One moment."), assistant("Here it is."))
    assert values(put(pieces, "openai_chat")) == [
        assistant("One moment."),
        assistant("Here it is."),
    ]


def test_what_cannot_be_read_is_left_out() -> None:
    item = Item(b"[]", "openai_responses", "user", "i", "r", (), (), 1)
    deep = look("a")
    deep["tool_calls"][0]["function"]["arguments"] = '{"a":' * 900 + "1" + "}" * 900
    pieces = [Piece(item, "c", ours=True), *talk("openai_chat", user("Hi!"), deep)]
    assert values(put(pieces, "anthropic"))[0] == user([{"type": "text", "text": "Hi!"}])
    assert refusal(put(pieces, "anthropic"), "anthropic") is None


def test_pictures_a_tool_found_are_shown_by_the_user_where_results_are_text() -> None:
    source = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
    results = [
        {
            "type": "tool_result",
            "tool_use_id": "a",
            "content": [{"type": "image", "source": source}],
        },
        {"type": "tool_result", "tool_use_id": "b", "content": "found"},
        {"type": "text", "text": "Go on."},
    ]
    use: list[Message] = [
        {"type": "tool_use", "id": name, "name": "look", "input": {}} for name in ("a", "b")
    ]
    pieces = talk("anthropic", user("Look."), assistant(use), user(results))
    made = put(pieces, "openai_chat")
    assert [piece.item.role for piece in made[2:]] == ["tool", "tool", "user", "user"]
    assert heard(made)[-3:] == [
        Text("user", "[Shown by the tool call a:]"),
        Image("user", PNG),
        Text("user", "Go on."),
    ]
    assert refusal(made, "openai_chat") is None


@pytest.mark.parametrize("to", DIALECTS)
def test_a_history_in_one_dialect_is_passed_on_as_it_is(to: str) -> None:
    pieces, _ = history([Turn(to, "Hi!", shows=True, steps=(Step("Hello."),))])
    assert put(pieces, to) == pieces
    assert put([], to) == []
