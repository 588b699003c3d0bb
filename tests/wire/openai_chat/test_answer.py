import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.simulator.rules_openai_chat import check
from stitcher.wire.context_length import too_long
from stitcher.wire.dialect import Fold, Received
from stitcher.wire.openai_chat.answer import fold
from stitcher.wire.openai_chat.message import read_answer
from tests.wire.feeds import feeds
from tests.wire.json_text import ODD
from tests.wire.openai_chat.test_message import ODD_CALL

Chunk = dict[str, Any]
DONE = b"data: [DONE]\n\n"
COUNTS = {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}


def sse(chunks: Iterable[Chunk | bytes]) -> bytes:
    return b"".join(
        chunk if isinstance(chunk, bytes) else b"data: " + json.dumps(chunk).encode() + b"\n\n"
        for chunk in chunks
    )


def piece(index: int = 0, finish: str | None = None, **delta: Any) -> Chunk:
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [choice]}


def report(**more: Any) -> Chunk:
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [], **more}


def asks(n: int | None, arguments: str, **more: Any) -> Chunk:
    """A piece of a tool call; the first carries id and name."""
    function = {"arguments": arguments, **({"name": more.pop("name")} if "name" in more else {})}
    place = {} if n is None else {"index": n}
    return {**place, **more, "function": function}


def calls(*listed: tuple[str, str, str]) -> list[Chunk]:
    return [
        {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}
        for id, name, arguments in listed
    ]


OPEN = piece(role="assistant", content="", refusal=None)
STOP = piece(finish="stop")

# name → (chunks, the message of the same answer not streamed)
ANSWERS: dict[str, tuple[list[Chunk | bytes], Chunk]] = {
    "text": (
        [OPEN, piece(content="Hel"), piece(content="lo "), piece(content="🧵!\n"), STOP],
        {"content": "Hello 🧵!\n", "refusal": None, "annotations": []},
    ),
    "an empty text": ([OPEN, STOP], {"content": ""}),
    "nothing at all": ([piece(role="assistant"), STOP], {"content": None}),
    "a role that is null": (
        [piece(role=None, content="a"), piece(role=None, content="b"), STOP],
        {"content": "ab"},
    ),
    "the role again and again": (
        [*(piece(role="assistant", content=c) for c in "abc"), STOP],
        {"content": "abc"},
    ),
    "a refusal": (
        [piece(role="assistant", refusal=""), piece(refusal="I "), piece(refusal="can't."), STOP],
        {"content": None, "refusal": "I can't."},
    ),
    "a call in pieces": (
        [
            piece(role="assistant", content=None),
            piece(tool_calls=[asks(0, "", id="call_a", type="function", name="f")]),
            piece(tool_calls=[asks(0, '{"a": ')]),
            piece(tool_calls=[asks(0, '"x\\n"}')]),
            piece(finish="tool_calls"),
        ],
        {"content": None, "tool_calls": calls(("call_a", "f", '{"a": "x\\n"}'))},
    ),
    "calls interleaved": (
        [
            piece(role="assistant", content="so"),
            piece(tool_calls=[asks(0, '{"a"', id="call_a", type="function", name="f")]),
            piece(tool_calls=[asks(1, "{", id="call_b", type="function", name="g")]),
            piece(tool_calls=[asks(1, '"b":'), asks(0, ":")]),
            piece(tool_calls=[asks(0, "1}"), asks(1, "2}")]),
            piece(finish="tool_calls"),
        ],
        {
            "content": "so",
            "tool_calls": calls(("call_a", "f", '{"a":1}'), ("call_b", "g", '{"b":2}')),
        },
    ),
    "calls whole, without an index": (
        [
            piece(role="assistant"),
            piece(tool_calls=[asks(None, "{}", id="a", type="function", name="f")]),
            piece(tool_calls=[asks(None, "{}", id="b", type="function", name="g")]),
            piece(finish="tool_calls"),
        ],
        {"content": None, "tool_calls": calls(("a", "f", "{}"), ("b", "g", "{}"))},
    ),
    "calls that share an index": (
        [
            piece(role="assistant"),
            piece(tool_calls=[asks(0, "{", id="a", type="function", name="f")]),
            piece(tool_calls=[asks(0, "}", id="a")]),
            piece(tool_calls=[asks(0, "", id="b", type="function", name="g")]),
            piece(tool_calls=[asks(0, '{"b":2}')]),
            piece(finish="tool_calls"),
        ],
        {"content": None, "tool_calls": calls(("a", "f", "{}"), ("b", "g", '{"b":2}'))},
    ),
    "a call without arguments": (
        [
            piece(tool_calls=[asks(0, "", id="a", type="function", name="f")]),
            piece(finish="tool_calls"),
        ],
        {"content": None, "tool_calls": calls(("a", "f", ""))},
    ),
    "a custom call": (
        [
            piece(
                tool_calls=[
                    {"index": 0, "id": "a", "type": "custom", "custom": {"name": "f", "input": ""}}
                ]
            ),
            piece(tool_calls=[{"index": 0, "custom": {"input": "x "}}]),
            piece(tool_calls=[{"index": 0, "custom": {"input": "y"}}]),
            piece(finish="tool_calls"),
        ],
        {
            "content": None,
            "tool_calls": [{"id": "a", "type": "custom", "custom": {"name": "f", "input": "x y"}}],
        },
    ),
    "a legacy call": (
        [
            piece(role="assistant", content=None, function_call={"name": "f", "arguments": ""}),
            piece(function_call={"arguments": '{"a"'}),
            piece(function_call={"arguments": ":1}"}),
            piece(finish="function_call"),
        ],
        {"content": None, "function_call": {"name": "f", "arguments": '{"a":1}'}},
    ),
    "reasoning": (
        [
            piece(role="assistant", content=None, reasoning_content="h"),
            piece(content=None, reasoning_content="m"),
            piece(content="ok", reasoning_content=None),
            STOP,
        ],
        {"content": "ok", "reasoning_content": "hm"},
    ),
    "reasoning details": (
        [
            piece(
                role="assistant",
                content="",
                reasoning="h",
                reasoning_details=[
                    {"type": "reasoning.text", "text": "h", "format": "x-v1", "index": 0}
                ],
            ),
            piece(
                reasoning="m",
                reasoning_details=[
                    {"type": "reasoning.text", "text": "m", "format": "x-v1", "index": 0}
                ],
            ),
            piece(content="ok"),
            STOP,
        ],
        {
            "content": "ok",
            "reasoning": "hm",
            "reasoning_details": [
                {"type": "reasoning.text", "text": "hm", "format": "x-v1", "index": 0}
            ],
        },
    ),
    "content in parts": (
        [
            piece(role="assistant", content=[{"type": "text", "text": "a"}]),
            piece(content=[{"type": "text", "text": "b"}]),
            STOP,
        ],
        {"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
    ),
    "annotations": (
        [piece(content="x"), piece(annotations=[{"type": "url_citation"}]), STOP],
        {"content": "x", "annotations": [{"type": "url_citation"}]},
    ),
    "noise between": (
        [
            b": OPENROUTER PROCESSING\n\n",
            {"choices": [], "prompt_filter_results": [{"prompt_index": 0}]},
            b"event: novel\ndata: not json\n\n",
            b"data: [1]\n\n",
            b"data: " + b"[" * 5_000 + b"\n\n",
            {"error": None, "choices": None},
            {"choices": [None, 1, {"index": "x", "delta": None}]},
            piece(content="ok"),
            piece(novel={"a": "b"}),
            STOP,
        ],
        {"content": "ok"},
    ),
}


def folded(made: Fold, chunks: Iterable[bytes]) -> bytes:
    """What the client gets."""
    relayed = [part for chunk in chunks for part in made.feed(chunk)]
    return b"".join([*relayed, *made.close()])


def streamed(data: bytes) -> Received:
    made = fold(stream=True, hide_usage=False)
    assert folded(made, [data]) == data
    return made.received()


def whole(*messages: Any, **more: Any) -> Received:
    choices = [
        {"index": n, "message": message, "finish_reason": "stop"}
        for n, message in enumerate(messages)
    ]
    body = json.dumps({"id": "chatcmpl-1", "choices": choices, **more}).encode()
    made = fold(stream=False, hide_usage=False)
    assert folded(made, [body]) == body
    return made.received()


def stream(name: str) -> bytes:
    return sse([*ANSWERS[name][0], report(usage=COUNTS), DONE])


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("hide_usage", [False, True])
def test_a_streamed_answer_is_the_same_in_every_chunking(name: str, hide_usage: bool) -> None:
    data = stream(name)
    expected = streamed(data)
    assert expected.complete
    assert expected.reported == 12
    shown = sse([*ANSWERS[name][0], DONE]) if hide_usage else data
    for chunks in feeds(data):
        made = fold(stream=True, hide_usage=hide_usage)
        assert folded(made, chunks) == shown
        assert made.ended
        assert made.received() == expected


@pytest.mark.parametrize("name", ANSWERS)
def test_a_streamed_answer_is_the_one_that_is_not_streamed(name: str) -> None:
    received = streamed(stream(name))
    other = whole({"role": "assistant", **ANSWERS[name][1]})
    assert received.message is not None
    assert other.message is not None
    one, two = read_answer(received.message), read_answer(other.message)
    assert one.identity == two.identity
    assert one.calls == two.calls


@pytest.mark.parametrize("name", ANSWERS)
def test_a_streamed_answer_holds_everything_that_was_said(name: str) -> None:
    received = streamed(stream(name))
    assert received.message is not None
    found = {k: v for k, v in json.loads(received.message).items() if v and k != "novel"}
    expected = {k: v for k, v in ANSWERS[name][1].items() if v}
    assert found == {"role": "assistant", **expected}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_cut_anywhere_is_nothing_or_legal_as_input(name: str) -> None:
    data = sse(ANSWERS[name][0])
    seen = {streamed(data[:cut]) for cut in range(0, len(data) + 1, 1 + len(data) // 100)}
    made = fold(stream=True, hide_usage=True)
    for n in range(len(data)):
        made.feed(data[n : n + 1])
        seen.add(made.received())
    for received in seen:
        if received.message is not None:
            assert_legal(received.message)
    assert any(received.complete for received in seen)


def assert_legal(message: bytes) -> None:
    """The message can stand in a history, with results for its calls."""
    said = json.loads(message)
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": "x"}
        for call in said.get("tool_calls", ())
    ]
    messages = [{"role": "user", "content": "hi"}, said, *results]
    assert check({"model": "gpt-4o", "messages": messages}) is None
    if said.get("tool_calls") or said.get("function_call"):
        for call in [*said.get("tool_calls", ()), {"function": said.get("function_call")}]:
            function = call.get("function")
            assert function is None or isinstance(json.loads(function["arguments"] or "{}"), dict)


def test_a_call_cut_in_its_arguments_is_left_out() -> None:
    start: list[Chunk | bytes] = [
        piece(role="assistant", content="so"),
        piece(tool_calls=[asks(0, "{}", id="a", type="function", name="f")]),
        piece(tool_calls=[asks(1, '{"a"', id="b", type="function", name="g")]),
    ]
    received = streamed(sse(start))
    assert received.message is not None
    assert json.loads(received.message) == {
        "role": "assistant",
        "content": "so",
        "tool_calls": calls(("a", "f", "{}")),
    }
    assert not received.complete


def test_a_legacy_call_cut_in_its_arguments_is_left_out() -> None:
    cut = piece(content="so", function_call={"name": "f", "arguments": '{"a"'})
    received = streamed(sse([cut]))
    assert received.message is not None
    assert json.loads(received.message) == {"role": "assistant", "content": "so"}


@pytest.mark.parametrize("key", ["reasoning", "reasoning_content"])
def test_an_answer_cut_while_it_reasons_is_nothing_yet(key: str) -> None:
    delta: Chunk = {"role": "assistant", "content": None, key: "hm"}
    received = streamed(sse([piece(**delta)]))
    assert received.message is None
    assert not received.complete


def test_several_choices_are_kept_apart() -> None:
    chunks = [
        piece(1, content="b"),
        piece(0, content="a"),
        piece(2, content="c"),
        piece(1, content="B", finish="stop"),
        piece(0, content="A", finish="stop"),
    ]
    received = streamed(sse(chunks))
    assert [json.loads(m)["content"] for m in (received.message or b"", *received.others)] == [
        "aA",
        "bB",
        "c",
    ]
    assert not received.complete
    assert streamed(sse([*chunks, piece(2, finish="stop")])).complete


def test_the_path_goes_on_with_the_first_choice_or_none() -> None:
    received = streamed(sse([piece(0, role="assistant"), piece(1, content="b")]))
    assert received.message is None
    assert [json.loads(message)["content"] for message in received.others] == ["b"]


def test_choices_of_a_body_go_by_their_index() -> None:
    body = json.dumps(
        {
            "choices": [
                {"index": n, "message": {"role": "assistant", "content": str(n)}} for n in (1, 0)
            ]
        }
    ).encode()
    made = fold(stream=False, hide_usage=False)
    folded(made, [body])
    received = made.received()
    assert json.loads(received.message or b"")["content"] == "0"
    assert [json.loads(message)["content"] for message in received.others] == ["1"]


def test_ended_is_true_with_done_and_not_before() -> None:
    made = fold(stream=True, hide_usage=True)
    data = stream("text")
    made.feed(data[:-1])
    assert not made.ended
    made.feed(data[-1:])
    assert made.ended


def test_a_stream_without_done_is_complete_when_it_was_finished() -> None:
    received = streamed(sse([OPEN, piece(content="x"), STOP]))
    assert received.complete
    cut = streamed(sse([OPEN, piece(content="x")]))
    assert not cut.complete
    assert cut.message == received.message


def test_an_error_in_a_stream_leaves_what_was_said() -> None:
    received = streamed(sse([OPEN, piece(content="so far"), {"error": {"message": "overloaded"}}]))
    assert not received.complete
    assert json.loads(received.message or b"")["content"] == "so far"
    assert streamed(sse([{"error": {"message": "x"}}])) == Received(None, (), False, None, None)


@pytest.mark.parametrize(
    "usage_chunk",
    [report(usage=COUNTS), report(usage={**COUNTS, "prompt_tokens_details": {"cached_tokens": 9}})],
)
def test_only_the_report_we_asked_for_is_hidden(usage_chunk: Chunk) -> None:
    before: list[Chunk | bytes] = [
        b": comment\r\n\r\n",
        report(usage=None, prompt_filter_results=[]),
        {**piece(content="a"), "usage": COUNTS},
        report(system_fingerprint="after a usage, without one"),
        {**STOP, "usage": None},
    ]
    data = sse([*before, usage_chunk, DONE])
    shown = sse([*before, DONE])
    for chunks in feeds(data):
        made = fold(stream=True, hide_usage=True)
        assert folded(made, chunks) == shown
    made = fold(stream=True, hide_usage=False)
    assert folded(made, [data]) == data


@pytest.mark.parametrize("rest", [b"", b"\n", b"\r\n", b"data: x", b"data: [DONE]", b": c\n"])
def test_what_follows_the_last_event_reaches_the_client(rest: bytes) -> None:
    data = sse([*ANSWERS["text"][0]]) + rest
    for chunks in feeds(data):
        assert folded(fold(stream=True, hide_usage=True), chunks) == data


@pytest.mark.parametrize(
    ("usage", "reported"),
    [
        ({"prompt_tokens": 3}, 3),
        ({"prompt_tokens": "many"}, None),
        ({"prompt_tokens": None}, None),
        ({}, None),
        (None, None),
        ([], None),
    ],
)
def test_usage_of_a_body_is_kept_verbatim(usage: object, reported: int | None) -> None:
    received = whole({"role": "assistant", "content": "x"}, usage=usage)
    assert received.reported == reported
    assert received.usage == (json.dumps(usage).encode() if usage not in (None, []) else None)


def test_a_body_s_message_keeps_its_bytes() -> None:
    message = b'{ "content" : "\\u0068i", "role":"assistant", "novel":1.0 }'
    body = b'{"choices" : [ {"index":0, "message" : ' + message + b"} ]}"
    for chunks in feeds(body):
        made = fold(stream=False, hide_usage=True)
        assert folded(made, chunks) == body
        assert made.received() == Received(message, (), True, None, None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"error":{"message":"x"}}',
        b'{"choices":null}',
        b'{"choices":[]}',
        b'{"choices":[1]}',
        b'{"choices":[{"index":0}]}',
        b'{"choices":[{"message":null}]}',
        b'{"choices":[{"message":{"role":"assistant","content":"cut',
        b'{"choices":[],"choices":[]}',
    ],
)
def test_a_body_that_is_no_answer_is_passed_on_and_not_remembered(body: bytes) -> None:
    made = fold(stream=False, hide_usage=True)
    assert folded(made, [body]) == body
    assert made.received() == Received(None, (), False, None, None)


@given(st.binary(max_size=60), st.booleans(), st.booleans())
def test_any_bytes_are_passed_on(data: bytes, is_stream: bool, hide_usage: bool) -> None:
    made = fold(stream=is_stream, hide_usage=hide_usage)
    assert folded(made, [data[:7], data[7:]]) == data
    assert made.received().message is None


DELTA_KEYS = ("role", "content", "refusal", "reasoning_content", "audio", "function_call", "novel")
ODD_DELTA = st.fixed_dictionaries(
    {},
    optional={
        **{key: ODD for key in DELTA_KEYS},
        "tool_calls": ODD | st.lists(ODD_CALL, max_size=2),
    },
)


@given(
    st.lists(
        st.tuples(st.integers(0, 1) | ODD, ODD_DELTA | ODD, st.sampled_from([None, "stop"]), ODD),
        max_size=5,
    )
)
def test_odd_chunks_are_passed_on_and_never_an_error(pieces: list[Any]) -> None:
    data = sse(
        {"choices": [{"index": index, "delta": delta, "finish_reason": finish}], "usage": usage}
        for index, delta, finish, usage in pieces
    )
    received = streamed(data)
    if received.message is not None:
        assert json.loads(received.message)["role"] == "assistant"


@given(ODD, ODD)
def test_odd_bodies_are_passed_on_and_never_an_error(message: Any, usage: Any) -> None:
    whole(message, usage=usage)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, b'{"error":{"code":"context_length_exceeded"}}', True),
        (400, b"This model's maximum context length is 8192 tokens", True),
        (400, b'{"error":{"type":"exceed_context_size_error"}}', True),
        (422, b"Maximum Context Length", True),
        (400, b'{"error":{"message":"bad"}}', False),
        (500, b"context_length_exceeded", False),
    ],
)
def test_too_long(status: int, body: bytes, expected: bool) -> None:
    assert too_long(status, body) is expected
