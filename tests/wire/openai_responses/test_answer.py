import json
from collections.abc import Iterable
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import ResponseStreamEvent

from stitcher.simulator.response_events import as_sse, response_events
from stitcher.wire.context_length import too_long
from stitcher.wire.dialect import Fold, Received
from stitcher.wire.openai_responses.answer import Gathered, fold
from stitcher.wire.openai_responses.message import read_answer
from tests.wire.feeds import feeds
from tests.wire.json_text import ODD
from tests.wire.openai_responses.test_message import ODD_ITEM, ODD_THOUGHT

Object = dict[str, Any]
COUNTS = {"input_tokens": 12, "output_tokens": 3, "total_tokens": 15}
NOTHING = Received(None, (), False, None, None)


def words(text: str, n: int = 1) -> Object:
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return message(part, n=n)


def message(*parts: Object, n: int = 1) -> Object:
    said = {"type": "message", "status": "completed", "role": "assistant"}
    return {"id": f"msg_{n}", **said, "content": list(parts)}


def thought(n: int = 1) -> Object:
    summary = [{"type": "summary_text", "text": "Hm, hm."}]
    return {"id": f"rs_{n}", "type": "reasoning", "summary": summary, "encrypted_content": "gAAA"}


def call(n: int = 1, **more: Any) -> Object:
    named = {"id": f"fc_{n}", "type": "function_call", "status": "completed", "name": "f"}
    return {**named, "call_id": f"call_{n}", "arguments": '{"a": "x\\n🧵"}', **more}


def custom(n: int = 1) -> Object:
    named = {"id": f"ctc_{n}", "type": "custom_tool_call", "status": "completed", "name": "exec"}
    return {**named, "call_id": f"call_{n}", "input": 'text("hi")\n'}


REFUSAL = {"type": "refusal", "refusal": "I can't."}
SEARCH = {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"query": "q"}}
NOVEL = {"id": "n_1", "type": "novel", "deep": {"er": [1.5, None]}}

# name → the items of an answer
ANSWERS: dict[str, list[Object]] = {
    "text": [words("Hello 🧵!\n")],
    "an empty text": [words("")],
    "a refusal": [message(REFUSAL)],
    "several parts": [message(*words("one ")["content"], REFUSAL, *words("two")["content"])],
    "reasoning and text": [thought(), words("ok")],
    "reasoning twice": [thought(1), thought(2), call()],
    "a call": [thought(), call()],
    "calls at once": [words("so", 1), call(1), call(2), custom(3)],
    "a call into a namespace": [call(namespace="multi_agent_v1")],
    "a custom call": [thought(), custom()],
    "what the provider ran itself": [thought(1), SEARCH, thought(2), words("found")],
    "an unknown item": [NOVEL, words("ok")],
    "an agent's message": [
        {
            "id": "am_1",
            "type": "agent_message",
            "content": [{"type": "encrypted_content", "encrypted_content": "gAAA"}],
        }
    ],
}


def document(*output: Object, status: str = "completed", **more: Any) -> Object:
    about = {"id": "resp_1", "object": "response", "status": status, "error": None}
    return {**about, "output": list(output), "usage": COUNTS, "tools": [], **more}


def events(*output: Object, **more: Any) -> list[Object]:
    return list(response_events(document(*output, **more)))


def sse(listed: Iterable[Object | bytes]) -> bytes:
    return b"".join(one if isinstance(one, bytes) else as_sse(one) for one in listed)


def folded(made: Fold, chunks: Iterable[bytes]) -> bytes:
    """What the client gets."""
    relayed = [part for chunk in chunks for part in made.feed(chunk)]
    return b"".join([*relayed, *made.close()])


def streamed(listed: Iterable[Object | bytes]) -> Received:
    made, data = fold(stream=True, hide_usage=True), sse(listed)
    assert folded(made, [data]) == data
    return made.received()


def whole(body: Object | bytes) -> Received:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    made = fold(stream=False, hide_usage=True)
    assert folded(made, [data]) == data
    return made.received()


def said(received: Received) -> list[Any]:
    """What is remembered, in order."""
    first = [] if received.message is None else [received.message]
    return [json.loads(one) for one in (*first, *received.further)]


def grouped(output: list[Object]) -> list[Any]:
    """The items as they are remembered: each with the reasoning before it."""
    made: list[Any] = []
    waiting: list[Object] = []
    for item in output:
        waiting.append(item)
        if item["type"] != "reasoning":
            made.append(waiting if len(waiting) > 1 else item)
            waiting = []
    return made


@pytest.mark.parametrize("name", ANSWERS)
def test_a_streamed_answer_is_the_same_in_every_chunking(name: str) -> None:
    data = sse(events(*ANSWERS[name]))
    expected = streamed(events(*ANSWERS[name]))
    assert said(expected) == grouped(ANSWERS[name])
    assert expected.complete
    assert expected.reported == 12
    assert expected.response_id == "resp_1"
    for chunks in feeds(data):
        made = fold(stream=True, hide_usage=True)
        assert folded(made, chunks) == data
        assert made.ended
        assert made.received() == expected


@pytest.mark.parametrize("name", ANSWERS)
def test_a_streamed_answer_is_the_one_that_is_not_streamed(name: str) -> None:
    other = whole(document(*ANSWERS[name]))
    received = streamed(events(*ANSWERS[name]))
    assert said(received) == said(other)
    assert json.loads(received.response or b"") == json.loads(other.response or b"")
    assert (received.complete, received.reported) == (other.complete, other.reported)
    assert json.loads(received.usage or b"") == COUNTS


@pytest.mark.parametrize("name", ANSWERS)
def test_what_was_finished_is_what_was_said_where_the_last_event_says_nothing(name: str) -> None:
    """Backends of Codex send an empty `output` at the end."""
    listed = events(*ANSWERS[name])
    listed[-1]["response"]["output"] = []
    received = streamed(listed)
    assert said(received) == grouped(ANSWERS[name])
    assert received.complete


def kind_of(event: type) -> str:
    (kind,) = get_args(event.__annotations__["type"])
    return str(kind)


KINDS = sorted(kind_of(event) for event in get_args(get_args(ResponseStreamEvent)[0]))
NOVEL_KINDS = ("novel", "ping", "response.output_text.novel")
TELLING = ("response.output_item.done",)
ENDING = ("response.completed", "response.incomplete", "response.failed")


def bare(kind: str) -> Object:
    """An event of this kind in the middle of a stream, about the first item."""
    event: Object = {
        "type": kind,
        "sequence_number": 5,
        "item_id": "msg_1",
        "output_index": 0,
        "content_index": 0,
        "delta": "no",
    }
    if kind in ("response.created", "response.in_progress", "response.queued"):
        event["response"] = document(status="in_progress", usage=None)
    if kind == "response.output_item.added":
        event["item"] = call(9, arguments="")
    return event


def test_the_sdk_knows_the_events_that_are_tested_here() -> None:
    assert len(KINDS) >= 59
    assert {*TELLING, *ENDING, "error", "response.queued"} <= set(KINDS)


@pytest.mark.parametrize("kind", sorted({*KINDS, *NOVEL_KINDS} - {*TELLING, *ENDING}))
def test_events_of_every_other_kind_pass_and_change_nothing(kind: str) -> None:
    start, end = bare("response.created"), events(words("yes"))[-2:]
    expected = streamed([start, *end])
    assert said(expected) == [words("yes")]
    assert streamed([start, bare(kind), bare(kind), *end]) == expected
    end[-1]["response"]["output"] = []
    assert said(streamed([start, bare(kind), *end])) == [words("yes")]


def test_items_keep_the_bytes_they_came_in() -> None:
    thought = b'{ "type":"reasoning" ,"summary" : [ ], "x":1e2 }'
    item = b'{"role":"assistant", "type" : "message","content" : [ {"type":"output_text", "text":"h\\u0069"} ] }'  # noqa: E501
    last = b'{ "id" : "resp_1", "output" :[ ] , "usage":{"input_tokens":1.0e0 } }'
    stream = [
        b'data: {"item":' + thought + b',"output_index":0,"type":"response.output_item.done"}\n\n',
        b'data: {"type":"response.output_item.done",\ndata: "item":' + item + b" }\n\n",
        b'data: {"type":"response.completed", "response" : ' + last + b" }\n\n",
    ]
    received = streamed(stream)
    assert received.message == b"[" + thought + b"," + item + b"]"
    assert received.response == last
    assert received.usage == b'{"input_tokens":1.0e0 }'
    body = b'{"id":"resp_1","output" : [ ' + thought + b" ,\n " + item + b" ] }\n"
    for chunks in feeds(body):
        made = fold(stream=False, hide_usage=True)
        assert folded(made, chunks) == body
        assert made.received().message == received.message
        assert made.received().response == body


def test_the_last_word_is_that_of_the_last_event() -> None:
    listed = events(words("first"))
    listed[-1]["response"]["output"] = [words("last")]
    assert said(streamed(listed)) == [words("last")]


def test_items_are_in_the_order_of_their_places() -> None:
    done = [event for event in events(call(1), call(2)) if event["type"] in TELLING]
    assert said(streamed(reversed(done))) == [call(1), call(2)]
    for event in done:
        del event["output_index"]
    assert said(streamed(done)) == [call(1), call(2)]


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_cut_anywhere_is_nothing_or_can_be_read(name: str) -> None:
    listed = events(*ANSWERS[name])
    for cut in range(len(listed)):
        received = streamed(listed[:cut])
        assert not received.complete
        assert received.response is None
        assert received.response_id == ("resp_1" if cut else "")
        for one in said(received):
            read_answer(json.dumps(one).encode())
            item = one[-1] if isinstance(one, list) else one
            assert item["type"] == "message" or item in ANSWERS[name]


def test_a_message_cut_in_its_words_keeps_them() -> None:
    listed = events(thought(), words("Hello you"))
    cut = next(n for n, e in enumerate(listed) if e["type"] == "response.output_text.done")
    part = {"type": "output_text", "text": "Hello you", "annotations": []}
    partial = {"type": "message", "role": "assistant", "content": [part]}
    assert said(streamed(listed[:cut])) == [[thought(), partial]]
    assert said(streamed(listed[: cut + 1])) == [[thought(), partial]]
    first = next(n for n, e in enumerate(listed) if e["type"] == "response.output_text.delta")
    assert said(streamed(listed[:first])) == []
    partial["content"] = [{**part, "text": listed[first]["delta"]}]
    assert said(streamed(listed[: first + 1])) == [[thought(), partial]]


def test_a_message_cut_in_its_second_part_keeps_both() -> None:
    listed = events(words("before", 1), message(*words("a")["content"], REFUSAL, n=2))
    cut = [n for n, e in enumerate(listed) if e["type"] == "response.refusal.done"][-1]
    content = [{"type": "output_text", "text": "a", "annotations": []}, REFUSAL]
    assert said(streamed(listed[:cut])) == [
        words("before", 1),
        {"type": "message", "role": "assistant", "content": content},
    ]


def test_a_call_cut_in_its_arguments_is_left_out() -> None:
    listed = events(words("so", 1), call(1), call(2))
    assert said(streamed(listed[:-2])) == [words("so", 1), call(1)]


def test_reasoning_that_nothing_follows_is_not_remembered() -> None:
    assert whole(document(thought())).message is None
    assert said(whole(document(words("x"), thought()))) == [words("x")]
    assert streamed(events(thought(), words("x"))[:-7]).message is None
    received = streamed(events(thought(), status="incomplete"))
    assert received.message is None
    assert received.complete


@pytest.mark.parametrize(
    ("status", "complete"),
    [("completed", True), ("incomplete", True), ("failed", False), ("cancelled", False)],
)
def test_how_an_answer_ended(status: str, complete: bool) -> None:
    received = whole(document(words("x"), status=status))
    assert received.complete is complete
    assert said(received) == [words("x")]
    assert whole(document(status=status)).message is None
    if f"response.{status}" in ENDING:
        assert streamed(events(words("x"), status=status)).complete is complete


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_an_answer_in_the_background_is_not_there_yet(status: str) -> None:
    received = whole(document(words("x"), status=status, usage=None))
    assert received.message is None
    assert received.further == ()
    assert not received.complete
    assert received.response_id == "resp_1"
    assert json.loads(received.response or b"")["status"] == status


def test_a_response_that_is_no_text_is_not_kept_and_its_message_is() -> None:
    body = json.dumps(document(message(words("Hi.")), metadata={"by": "??"})).encode()
    received = whole(body.replace(b"??", b"\xff"))
    assert received.response is None
    assert said(received) == said(whole(body))
    assert received.response_id == "resp_1"


def test_a_server_that_gives_no_status_gave_an_answer() -> None:
    received = whole({"object": "response", "output": [words("x")]})
    assert said(received) == [words("x")]
    assert received.complete


@pytest.mark.parametrize("status", ["completed", "incomplete", "failed"])
def test_ended_is_true_with_the_last_event_and_not_before(status: str) -> None:
    data = sse(events(words("x"), status=status))
    made = fold(stream=True, hide_usage=True)
    made.feed(data[:-1])
    assert not made.ended
    made.feed(data[-1:])
    assert made.ended


def test_an_error_in_a_stream_leaves_what_was_said() -> None:
    error = {"type": "error", "code": "server_error", "message": "x", "param": None}
    listed = events(words("so far"), words("more", 2))
    received = streamed([*listed[:-7], error])
    assert said(received) == [words("so far")]
    assert not received.complete
    assert streamed([error]) == NOTHING
    failed = document(status="failed", usage=None, error={"code": "server_error"})
    received = streamed([*listed[:-7], {"type": "response.failed", "response": failed}])
    assert said(received) == [words("so far")]
    assert not received.complete


def test_the_name_of_an_event_will_do_where_its_data_has_no_type() -> None:
    done = b'event: response.output_item.done\ndata: {"output_index":0,"item":{"type":"novel"}}\n\n'
    assert streamed([done]).message == b'{"type":"novel"}'


def test_events_are_gathered_over_any_transport() -> None:
    gathered = Gathered()
    for event in events(thought(), call()):
        assert not gathered.ended
        gathered.take(json.dumps(event).encode())
    assert gathered.ended
    assert said(gathered.received()) == [[thought(), call()]]


def test_noise_between_events_passes() -> None:
    listed: list[Object | bytes] = [*events(words("x"))]
    noise = [
        b": comment\r\n\r\n",
        b"event: ping\ndata: {}\n\n",
        b"data: not json\n\n",
        b"data: [1]\n\n",
        b"data: " + b"[" * 5_000 + b"\n\n",
        b'data: {"type":7}\n\n',
        b'data: {"type":"response.output_item.done"}\n\n',
        b'data: {"type":"response.output_item.done","item":7}\n\n',
        b'data: {"type":"response.completed"}\n\n',
        b'data: {"type":"response.completed","response":null}\n\n',
        b'data: {"type":"response.completed","response":{"output":[7]}}\n\n',
        b'data: {"type":"response.output_text.delta","delta":null}\n\n',
    ]
    expected = streamed(listed)
    assert streamed([*noise, *listed, b"data: [DONE]\n\n"]) == expected


@pytest.mark.parametrize("rest", [b"", b"\n", b"\r\n", b"data: x", b"data: [DONE]", b": c\n"])
def test_what_follows_the_last_event_reaches_the_client(rest: bytes) -> None:
    data = sse(events(words("x"))) + rest
    for chunks in feeds(data):
        assert folded(fold(stream=True, hide_usage=True), chunks) == data


@pytest.mark.parametrize(
    ("usage", "reported"),
    [
        ({"input_tokens": 3}, 3),
        ({"input_tokens": "many"}, None),
        ({"input_tokens": None}, None),
        ({}, None),
        (None, None),
        ([], None),
    ],
)
def test_usage_is_kept_verbatim(usage: object, reported: int | None) -> None:
    received = whole(document(words("x"), usage=usage))
    assert received.reported == reported
    assert received.usage == (json.dumps(usage).encode() if usage not in (None, []) else None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"error":{"message":"x"}}',
        b'{"output":null}',
        b'{"output":"x"}',
        b'{"output":[1]}',
        b'{"output":[[]]}',
        b'{"id":"resp_1","output":[{"type":"message","role":"assistant","content":"cut',
        b'{"output":[],"output":[]}',
    ],
)
def test_a_body_that_is_no_answer_is_passed_on_and_not_remembered(body: bytes) -> None:
    assert whole(body) == NOTHING


@given(st.binary(max_size=60), st.booleans(), st.booleans())
def test_any_bytes_are_passed_on(data: bytes, is_stream: bool, hide_usage: bool) -> None:
    made = fold(stream=is_stream, hide_usage=hide_usage)
    assert folded(made, [data[:7], data[7:]]) == data
    assert made.received().message is None


ODD_EVENT = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS) | ODD},
    optional={
        "item": ODD | ODD_ITEM | ODD_THOUGHT,
        "response": ODD
        | st.fixed_dictionaries(
            {},
            optional={
                "id": ODD,
                "output": ODD | st.lists(ODD_ITEM, max_size=2),
                "usage": ODD,
                "status": ODD,
            },
        ),
        **{key: ODD for key in ("output_index", "content_index", "delta", "text", "refusal")},
    },
)


@given(st.lists(ODD_EVENT, max_size=5))
def test_odd_events_are_passed_on_and_never_an_error(listed: list[Object]) -> None:
    received = streamed(b"data: " + json.dumps(event).encode() + b"\n\n" for event in listed)
    assert not received.further or received.message


@given(ODD | st.lists(ODD_ITEM | ODD_THOUGHT, max_size=3), ODD, ODD, ODD)
def test_odd_bodies_are_passed_on_and_never_an_error(
    output: Any, usage: Any, status: Any, name: Any
) -> None:
    whole({"id": name, "output": output, "usage": usage, "status": status})


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
