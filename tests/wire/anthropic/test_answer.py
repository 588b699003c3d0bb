import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.simulator.rules_anthropic import check
from stitcher.wire.anthropic.answer import fold, too_long
from stitcher.wire.anthropic.message import read_answer
from stitcher.wire.dialect import Fold, Received
from tests.wire.anthropic.test_message import ODD_BLOCK
from tests.wire.feeds import feeds
from tests.wire.json_text import ODD

Event = dict[str, Any]


def sse(events: Iterable[Event | bytes]) -> bytes:
    return b"".join(
        event
        if isinstance(event, bytes)
        else f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
        for event in events
    )


def opened(**usage: Any) -> Event:
    counts = {"input_tokens": 7, "output_tokens": 1, **usage}
    return {"type": "message_start", "message": {"role": "assistant", "usage": counts}}


def block(index: int, start: Event, *deltas: Event) -> list[Event]:
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": d} for d in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def text(index: int, *pieces: str) -> list[Event]:
    start = {"type": "text", "text": ""}
    return block(index, start, *({"type": "text_delta", "text": p} for p in pieces))


def tool(index: int, *pieces: str, **start: Any) -> list[Event]:
    opening = {"type": "tool_use", "id": f"toolu_{index}", "name": "f", "input": {}, **start}
    deltas = ({"type": "input_json_delta", "partial_json": p} for p in pieces)
    return block(index, opening, *deltas)


def thinking(index: int, *pieces: str) -> list[Event]:
    start = {"type": "thinking", "thinking": "", "signature": ""}
    deltas = [{"type": "thinking_delta", "thinking": p} for p in pieces]
    return block(index, start, *deltas, {"type": "signature_delta", "signature": "c2ln"})


def closed(**usage: Any) -> list[Event]:
    counts = {"output_tokens": 9, **usage}
    delta = {"stop_reason": "end_turn", "stop_sequence": None}
    return [
        {"type": "message_delta", "delta": delta, "usage": counts},
        {"type": "message_stop"},
    ]


SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
FOUND = {
    "type": "web_search_tool_result",
    "tool_use_id": "srvtoolu_1",
    "content": [{"type": "web_search_result", "url": "https://x", "encrypted_content": "e"}],
}
CITATION = {"type": "char_location", "cited_text": "x", "document_index": 0}

# name → (events, the content of the same answer not streamed)
ANSWERS: dict[str, tuple[list[Event | bytes], list[Event]]] = {
    "text": ([*text(0, "Hel", "lo ", "🧵!\n")], [{"type": "text", "text": "Hello 🧵!\n"}]),
    "text in its start": (
        [*block(0, {"type": "text", "text": "He"}, {"type": "text_delta", "text": "y"})],
        [{"type": "text", "text": "Hey"}],
    ),
    "two texts": (
        [*text(0, "a "), *text(1, " b")],
        [{"type": "text", "text": "a "}, {"type": "text", "text": " b"}],
    ),
    "an empty text before a call": (
        [*text(0, ""), *tool(1, '{"a":1}')],
        [
            {"type": "text", "text": ""},
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}},
        ],
    ),
    "thinking": (
        [*thinking(0, "h", "m"), *text(1, "ok")],
        [
            {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
            {"type": "text", "text": "ok"},
        ],
    ),
    "thinking that is not shown": (
        [*thinking(0), *text(1, "ok")],
        [{"type": "thinking", "thinking": "", "signature": "c2ln"}, {"type": "text", "text": "ok"}],
    ),
    "thinking in its start": (
        [
            *block(0, {"type": "thinking", "thinking": "hm", "signature": "c2ln"}),
            *text(1, "ok"),
        ],
        [
            {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
            {"type": "text", "text": "ok"},
        ],
    ),
    "thinking whose tokens are counted": (
        [
            *block(
                0,
                {"type": "thinking", "thinking": "", "signature": ""},
                {"type": "thinking_delta", "thinking": "hm", "estimated_tokens": 50},
                {"type": "signature_delta", "signature": "c2ln"},
            ),
            *text(1, "ok"),
        ],
        [
            {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
            {"type": "text", "text": "ok"},
        ],
    ),
    "redacted thinking": (
        [*block(0, {"type": "redacted_thinking", "data": "ZGF0YQ=="}), *text(1, "ok")],
        [{"type": "redacted_thinking", "data": "ZGF0YQ=="}, {"type": "text", "text": "ok"}],
    ),
    "calls": (
        [*text(0, "so"), *tool(1, "", '{"a": ', '[1, "x', '\\n"]}'), *tool(2)],
        [
            {"type": "text", "text": "so"},
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": [1, "x\n"]}},
            {"type": "tool_use", "id": "toolu_2", "name": "f", "input": {}},
        ],
    ),
    "a call whole in its start": (
        [*tool(0, input={"a": 1}), *tool(1, "", input={"b": 2})],
        [
            {"type": "tool_use", "id": "toolu_0", "name": "f", "input": {"a": 1}},
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"b": 2}},
        ],
    ),
    "citations": (
        [
            *block(
                0,
                {"type": "text", "text": "", "citations": None},
                {"type": "text_delta", "text": "x"},
                {"type": "citations_delta", "citation": CITATION},
                {"type": "citations_delta", "citation": {**CITATION, "document_index": 1}},
            )
        ],
        [
            {
                "type": "text",
                "text": "x",
                "citations": [CITATION, {**CITATION, "document_index": 1}],
            }
        ],
    ),
    "a server's tool": (
        [
            *block(0, SEARCH, {"type": "input_json_delta", "partial_json": '{"query":"x"}'}),
            *block(1, FOUND),
            *text(2, "found"),
        ],
        [{**SEARCH, "input": {"query": "x"}}, FOUND, {"type": "text", "text": "found"}],
    ),
    "a compaction": (
        [
            *block(
                0,
                {"type": "compaction", "content": None},
                {"type": "compaction_delta", "content": "sum", "encrypted_content": None},
            ),
            *text(1, "ok"),
        ],
        [{"type": "compaction", "content": "sum"}, {"type": "text", "text": "ok"}],
    ),
    "an unknown block": (
        [*block(0, {"type": "novel", "x": ""}, {"type": "novel_delta", "x": "a"}), *text(1, "ok")],
        [{"type": "novel", "x": "a"}, {"type": "text", "text": "ok"}],
    ),
    "noise between": (
        [
            b": hello\n\n",
            {"type": "ping"},
            b"event: novel\ndata: not json\n\n",
            {"type": "novel", "index": 0},
            b"data: [1]\n\n",
            b"data: " + b"[" * 5_000 + b"\n\n",
            *text(0, "ok"),
            {"type": "content_block_delta", "index": 7, "delta": {"type": "text_delta"}},
            {"type": "content_block_delta", "index": 0, "delta": None},
            {"type": "content_block_stop", "index": 9},
            {"type": "ping"},
        ],
        [{"type": "text", "text": "ok"}],
    ),
    "nothing": ([], []),
    "an empty text": ([*text(0)], [{"type": "text", "text": ""}]),
    "thinking alone": (
        [*thinking(0, "hm")],
        [{"type": "thinking", "thinking": "hm", "signature": "c2ln"}],
    ),
}


def folded(made: Fold, chunks: Iterable[bytes]) -> bytes:
    """What the client gets."""
    relayed = [piece for chunk in chunks for piece in made.feed(chunk)]
    return b"".join([*relayed, *made.close()])


def streamed(data: bytes) -> Received:
    made = fold(stream=True, hide_usage=False)
    assert folded(made, [data]) == data
    return made.received()


def whole(content: Any, **more: Any) -> Received:
    body = json.dumps({"id": "msg_1", "role": "assistant", "content": content, **more}).encode()
    made = fold(stream=False, hide_usage=False)
    assert folded(made, [body]) == body
    return made.received()


def stream(name: str) -> bytes:
    return sse([opened(), *ANSWERS[name][0], *closed()])


@pytest.mark.parametrize("name", ANSWERS)
def test_a_streamed_answer_is_the_same_in_every_chunking(name: str) -> None:
    data = stream(name)
    expected = streamed(data)
    assert expected.complete
    for chunks in feeds(data):
        made = fold(stream=True, hide_usage=True)
        assert folded(made, chunks) == data
        assert made.ended
        assert made.received() == expected


@pytest.mark.parametrize("name", ANSWERS)
def test_a_streamed_answer_is_the_one_that_is_not_streamed(name: str) -> None:
    received, other = streamed(stream(name)), whole(ANSWERS[name][1])
    assert (received.message is None) is (other.message is None)
    if received.message and other.message:
        one, two = read_answer(received.message), read_answer(other.message)
        assert one.identity == two.identity
        assert one.calls == two.calls
        assert one.thinks == two.thinks
    assert received.others == other.others == ()


@pytest.mark.parametrize("name", [n for n in ANSWERS if n not in ("nothing", "an empty text")])
def test_a_streamed_answer_holds_every_block_as_it_was(name: str) -> None:
    received = streamed(stream(name))
    assert received.message is not None
    expected = [b for b in ANSWERS[name][1] if b != {"type": "text", "text": ""}]
    found = json.loads(received.message)["content"]
    assert [{k: v for k, v in b.items() if v is not None} for b in found] == expected


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_cut_anywhere_is_nothing_or_legal_as_input(name: str) -> None:
    data = stream(name)
    end = data.index(b"event: message_stop")
    whole_identity = None
    if (message := streamed(data).message) is not None:
        whole_identity = read_answer(message).identity
    seen: set[bytes | None] = set()
    for cut in range(0, end, 1 + end // 100):
        received = streamed(data[:cut])
        assert not received.complete
        seen.add(received.message)
    made = fold(stream=True, hide_usage=False)
    for n in range(end):
        made.feed(data[n : n + 1])
        seen.add(made.received().message)
    for message in filter(None, seen):
        if name != "an unknown block":  # the rules know none
            assert_legal(message)
    if whole_identity is not None and name != "thinking alone":
        assert whole_identity in {read_answer(m).identity for m in filter(None, seen)}


def assert_legal(message: bytes) -> None:
    """The message can stand in a history, with results for its calls."""
    said = json.loads(message)
    after: list[Event] = [
        {"type": "tool_result", "tool_use_id": i, "content": "x"}
        for i in read_answer(message).calls
    ]
    request = {
        "model": "claude-sonnet-4-5",
        "max_tokens": 9,
        "tools": [{"name": "f", "input_schema": {"type": "object"}}],
        "messages": [
            {"role": "user", "content": "hi"},
            said,
            {"role": "user", "content": [*after, {"type": "text", "text": "go on"}]},
        ],
    }
    refusal = check(request)
    # Signatures are the simulator's own business: ours are made up.
    assert refusal is None or "Invalid `" in refusal.message, refusal


def test_white_space_that_was_cut_off_is_nothing_yet() -> None:
    assert streamed(sse([opened(), *text(0, "\n", "\n")[:2]])).message is None


def test_a_server_s_call_cut_before_its_result_is_left_out() -> None:
    events = [opened(), *text(0, "let me see"), *block(1, SEARCH)]
    received = streamed(sse(events))
    assert received.message is not None
    assert json.loads(received.message)["content"] == [{"type": "text", "text": "let me see"}]
    paused = streamed(sse([*events, *closed()]))  # pause_turn: the server goes on from it
    assert paused.message is not None
    assert json.loads(paused.message)["content"][1] == SEARCH


def test_a_call_cut_in_its_arguments_is_left_out() -> None:
    for pieces in (['{"a":1'], ["1", "2"], [""]):
        events = [opened(), *text(0, "so"), *tool(1, *pieces)[:-1]]
        received = streamed(sse(events))
        assert received.message is not None
        assert json.loads(received.message)["content"] == [{"type": "text", "text": "so"}]


def test_arguments_that_are_no_object_are_left_out() -> None:
    for piece in ('{"a":', "nonsense", "[1]", '"x"', "[" * 50_000):
        received = streamed(sse([opened(), *text(0, "so"), *tool(1, piece), *closed()]))
        assert received.message is not None
        assert read_answer(received.message).calls == ()


def test_an_error_event_leaves_what_was_said() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    received = streamed(sse([opened(), *text(0, "so far")[:-1], error]))
    assert not received.complete
    assert received.message is not None
    assert json.loads(received.message)["content"] == [{"type": "text", "text": "so far"}]
    nothing = streamed(sse([error]))
    assert nothing == Received(None, (), False, None, None)


def test_ended_is_true_with_the_last_event_and_not_before() -> None:
    made = fold(stream=True, hide_usage=False)
    data = stream("text")
    made.feed(data[:-1])
    assert not made.ended
    made.feed(data[-1:])
    assert made.ended


def test_a_stream_without_its_last_line_break_is_whole() -> None:
    made = fold(stream=True, hide_usage=False)
    data = stream("text").rstrip()
    assert folded(made, [data]) == data
    assert made.received().complete


def test_usage_is_merged_and_the_newer_count_is_right() -> None:
    started = opened(cache_read_input_tokens=100, cache_creation_input_tokens=20, service_tier="s")
    events = [started, *text(0, "x"), *closed(input_tokens=8, cache_read_input_tokens=None)]
    received = streamed(sse(events))
    assert received.usage is not None
    assert json.loads(received.usage) == {
        "input_tokens": 8,
        "output_tokens": 9,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 20,
        "service_tier": "s",
    }
    assert received.reported == 128


@pytest.mark.parametrize(
    ("usage", "reported"),
    [
        ({"input_tokens": 3}, 3),
        ({"input_tokens": 3, "cache_read_input_tokens": 4, "cache_creation_input_tokens": None}, 7),
        ({"input_tokens": "many", "cache_read_input_tokens": {"x": 1}}, 0),
        (None, None),
        ([], None),
        ("x", None),
    ],
)
def test_usage_of_a_body_is_kept_verbatim(usage: object, reported: int | None) -> None:
    received = whole([{"type": "text", "text": "x"}], usage=usage)
    assert received.reported == reported
    if isinstance(usage, dict):
        assert received.usage == json.dumps(usage).encode()


def test_a_body_s_content_keeps_its_bytes() -> None:
    content = b'[ {"text" : "\\u0068i", "type":"text","novel":1.0} ]'
    body = b'{"id":"m", "content" : ' + content + b', "usage": {"input_tokens" : 3}}'
    for chunks in feeds(body):
        made = fold(stream=False, hide_usage=False)
        assert folded(made, chunks) == body
        received = made.received()
        assert received.message == b'{"role":"assistant","content":' + content + b"}"
        assert received.usage == b'{"input_tokens" : 3}'
        assert received.complete


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"type":"error","error":{"type":"x"}}',
        b'{"content":null}',
        b'{"content":"text"}',
        b'{"content":[{"type":"text","text":"cut',
        b'{"content":[1]}',
        b'{"content":[],"content":[]}',
        b'{"content":[{"type":"text","text":"\xff"}]}',
    ],
)
def test_a_body_that_is_no_answer_is_passed_on_and_not_remembered(body: bytes) -> None:
    made = fold(stream=False, hide_usage=False)
    assert folded(made, [body]) == body
    assert made.received().message is None


@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_are_passed_on(data: bytes, is_stream: bool) -> None:
    made = fold(stream=is_stream, hide_usage=True)
    assert folded(made, [data[:7], data[7:]]) == data
    assert made.received().message is None


ODD_DELTA = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            ["text_delta", "input_json_delta", "citations_delta", "signature_delta", "novel", None]
        )
    },
    optional={key: ODD for key in ("text", "partial_json", "citation", "signature", "id", "data")},
)
ODD_EVENT = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            [
                "message_start",
                "content_block_start",
                "content_block_delta",
                "content_block_stop",
                "message_delta",
            ]
        )
    },
    optional={
        "index": st.integers(0, 1) | ODD,
        "message": ODD | st.fixed_dictionaries({"usage": ODD}),
        "usage": ODD,
        "content_block": ODD_BLOCK | ODD,
        "delta": ODD_DELTA | ODD,
    },
)


@given(st.lists(ODD_EVENT, max_size=6), st.booleans())
def test_odd_events_are_passed_on_and_never_an_error(events: list[Event], ends: bool) -> None:
    data = sse([*events, *(closed() if ends else [])])
    received = streamed(data)
    if received.message is not None:
        json.loads(received.message)


@given(st.lists(ODD_BLOCK, max_size=2) | ODD, ODD)
def test_odd_bodies_are_passed_on_and_never_an_error(content: Any, usage: Any) -> None:
    whole(content, usage=usage)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, b'{"error":{"message":"prompt is too long: 9 tokens > 5 maximum"}}', True),
        (413, b"prompt is too long", True),
        (400, b'{"error":{"message":"messages: at least one message is required"}}', False),
        (529, b"prompt is too long", False),
    ],
)
def test_too_long(status: int, body: bytes, expected: bool) -> None:
    assert too_long(status, body) is expected
