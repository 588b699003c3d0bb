"""Frames of the Responses API and what they are over HTTP."""

import json

import pytest

from stitcher.errors import ClientError
from stitcher.proxy import frames
from stitcher.wire.sse import Splitter


def test_a_frame_is_a_body_that_says_what_it_is() -> None:
    frame = b'{ "type":"response.create", "model": "m","input":[{"n": 1.0}], "background":false }'
    assert frames.asked(frame) == "response.create"
    assert frames.http_body(frame) == b'{"model": "m","input":[{"n": 1.0}],"stream":true}'


def test_what_only_the_connection_needs_stays_out_of_the_body() -> None:
    frame = b'{"type":"response.create","stream":false,"generate":true,"stream_id":"a"}'
    assert frames.http_body(frame) == b'{"stream":true}'


@pytest.mark.parametrize(
    ("frame", "found"),
    [
        (b"", "found text that is not JSON"),
        (b"hello", "found text that is not JSON"),
        (b'{"type": "response.cre', "found text that is not JSON"),
        (b"\xff\xfe", "found text that is not JSON"),
        (b"[" * 100_000, "found "),
        (b"[]", "found JSON that is no object"),
        (b"7", "found JSON that is no object"),
        (b'{"model": "m"}', "found no type"),
        (b'{"type": null}', "found no type"),
        (b'{"type": ["response.create"]}', "found no type"),
    ],
)
def test_what_is_no_frame_is_told_apart(frame: bytes, found: str) -> None:
    with pytest.raises(ClientError, match=f"^frame: {found}.*expected a JSON object such as"):
        frames.asked(frame)


def test_members_that_repeat_a_key_make_no_body() -> None:
    with pytest.raises(ClientError, match="repeat a key"):
        frames.http_body(b'{"type":"response.create","model":"a","model":"b"}')


@pytest.mark.parametrize(
    "frame",
    [
        b'{"type":"response.output_text.delta","delta":"a\\nb \xf0\x9f\xa7\xb5"}',
        b'{\n  "type": "response.created"\n}',
        b'{"no": "type"}',
        b"not JSON",
    ],
)
def test_an_event_carries_its_frame_byte_for_byte(frame: bytes) -> None:
    (event,) = Splitter().feed(frames.event(frames.kind_of(frame), frame))
    assert (event.name, event.data) == (frames.kind_of(frame), frame)


def test_a_type_that_would_end_its_line_is_no_name_of_an_event() -> None:
    frame = json.dumps({"type": "a\n\ndata: forged"}).encode()
    (event,) = Splitter().feed(frames.event(frames.kind_of(frame), frame))
    assert (event.name, event.data) == ("", frame)


def test_prewarming_is_answered_with_a_response_that_used_nothing() -> None:
    frame = b'{"type":"response.create","model":"m","generate":false,"previous_response_id":"r0"}'
    warming = frames.prewarming(frame)
    assert warming is not None
    created, done = Splitter().feed(warming.answer("resp_1", 1_763_800_000))
    assert (created.name, done.name) == ("response.created", "response.completed")
    assert json.loads(created.data)["response"]["status"] == "in_progress"
    response = json.loads(done.data)["response"]
    assert (response["id"], response["status"], response["model"]) == ("resp_1", "completed", "m")
    assert (response["output"], response["usage"]["total_tokens"]) == ([], 0)
    assert response["previous_response_id"] == "r0"
    assert frames.response_id(done.data) == "resp_1"


def test_a_response_that_came_whole_is_told_as_a_stream() -> None:
    items = (b'{"type":"message", "n":1.0}', b'{"type":"function_call"}')
    body = b'{"id":"resp_1",\n "object":"response","status":"completed","output":[%b,\n%b]}' % items
    stream = frames.stream_of(body)
    assert stream is not None
    created, *done, completed = Splitter().feed(stream)
    told = json.loads(created.data)
    assert (told["type"], told["response"]["status"]) == ("response.created", "in_progress")
    assert (told["response"]["id"], told["response"]["output"]) == ("resp_1", [])
    assert [event.name for event in done] == ["response.output_item.done"] * 2
    assert all(item in event.data for item, event in zip(items, done, strict=True))
    assert [json.loads(event.data)["output_index"] for event in done] == [0, 1]
    assert completed.name == frames.kind_of(completed.data) == "response.completed"
    assert body in completed.data
    numbers = [json.loads(event.data)["sequence_number"] for event in (created, *done, completed)]
    assert numbers == [0, 1, 2, 3]


@pytest.mark.parametrize("status", ["incomplete", "failed", "cancelled"])
def test_a_response_that_came_whole_ends_as_it_says(status: str) -> None:
    body = json.dumps({"object": "response", "status": status, "output": []}).encode()
    *_, last = Splitter().feed(frames.stream_of(body) or b"")
    assert last.name == f"response.{status}"
    assert last.name in frames.ENDS


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"object":"response"}',
        b'{"object":"response","output":{}}',
        b'{"object":"chat.completion","output":[]}',
        b'{"object":"response","status":"queued","output":[]}',
        b'{"object":"response","object":"response","output":[]}',
    ],
)
def test_what_is_no_finished_response_is_no_stream(body: bytes) -> None:
    assert frames.stream_of(body) is None


@pytest.mark.parametrize("generate", ["", ',"generate":true', ',"generate":null', ',"generate":0'])
def test_any_other_frame_asks_for_an_answer(generate: str) -> None:
    assert frames.prewarming(f'{{"type":"response.create"{generate}}}'.encode()) is None


@pytest.mark.parametrize("model", [b"1" * 5_000, b'"\xff"'], ids=["too many digits", "no text"])
def test_prewarming_that_cannot_be_read_is_the_clients_fault(model: bytes) -> None:
    with pytest.raises(ClientError, match="frame: found a 'model' that cannot be read"):
        frames.prewarming(b'{"generate":false,"model":' + model + b"}")


def test_an_error_keeps_status_members_and_headers_both_ways() -> None:
    frame = json.dumps(
        {
            "type": "error",
            "status": 429,
            "event_id": "e1",
            "error": {"type": "usage_limit_reached", "resets_in_seconds": 7, "message": "later"},
            "headers": {"retry-after": "7", "x-codex-primary-used-percent": 100},
        }
    ).encode()
    refusal = frames.refusal(frame)
    assert refusal.status == 429
    assert ("retry-after", "7") in refusal.headers
    back = json.loads(refusal.frame())
    assert {**back, "headers": None} == {**json.loads(frame), "headers": None}
    assert back["headers"] == {"retry-after": "7", "x-codex-primary-used-percent": "100"}


@pytest.mark.parametrize("status", ["null", "200", "true", '"400"', "99"])
def test_an_error_without_a_usable_status_is_the_provider_s(status: str) -> None:
    frame = f'{{"type":"error","status":{status},"error":{{"message":"m"}}}}'.encode()
    assert frames.refusal(frame).status == 500


def test_a_page_instead_of_an_error_is_named_not_shown() -> None:
    refusal = frames.Refusal(502, [("Content-Type", "text/html")], b"<h1>secret</h1>")
    told = json.loads(refusal.frame())
    assert (told["type"], told["status"], told["headers"]) == ("error", 502, {})
    assert (
        told["error"]["message"] == "stitcher: found an answer of status 502 that is no JSON error"
    )


def test_a_stream_s_name_is_put_into_frames_that_lack_it() -> None:
    assert frames.lane(b'{"type":"response.create","stream_id":"a"}') == "a"
    assert frames.lane(b'{"type":"response.create"}') is None
    assert frames.in_lane(b'{"type":"error"}', "a") == b'{"type":"error","stream_id":"a"}'
    assert frames.in_lane(b'{"stream_id":"b"}', "a") == b'{"stream_id":"b"}'
