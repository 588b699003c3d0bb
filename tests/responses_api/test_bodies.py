"""What requests about conversation objects carry, and what is refused of it."""

import json

import pytest

from stitcher.responses_api import bodies
from stitcher.responses_api.refusal import Refusal
from tests.responses_api.kept import said

REASONING = {"type": "reasoning", "id": "rs_1", "summary": []}


def test_an_empty_body_says_nothing() -> None:
    assert bodies.fields(b"") == bodies.fields(b" \n") == bodies.fields(b"{}") == {}


def test_fields_are_read_as_they_are_written() -> None:
    found = bodies.fields(b'{ "metadata" : {"a": "b"}, "items":[ ] }')
    assert found == {"metadata": b'{"a": "b"}', "items": b"[ ]"}


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"null", b"7", b'"x"', b'{"a":1,"a":2}', b"\xff", b"[" * 100_000, b'{"a":1}x'],
    ids=lambda body: ascii(body[:9]),
)
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal, match=r"request body: .*") as raised:
        bodies.fields(body)
    assert raised.value.status == 400


def test_reasoning_and_its_item_are_one_message() -> None:
    given = [said("Tea?"), REASONING, {"role": "assistant", "content": "Yes."}]
    assert [item.role for item in bodies.items(json.dumps(given).encode())] == ["user", "assistant"]
    assert bodies.items(None) == bodies.items(b"null") == bodies.items(b"[]") == []


def test_twenty_items_are_taken_at_once() -> None:
    assert len(bodies.items(json.dumps([said("m")] * 20).encode())) == 20


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ([said("m")] * 21, "items: found 21 items, expected at most 20"),
        ({}, "items: found an object, expected an array of objects"),
        ("x", "items: found a text, expected an array of objects"),
        (7, "items: found a number, expected an array of objects"),
        ([said("m"), "secret"], r"items\[1\]: found a text, expected an object"),
        ([[said("m")]], r"items\[0\]: found an array, expected an object"),
        ([{}], "items: found an item without a type, a role or an id"),
        ([{"role": "robot", "content": "x"}], "items: found a message without a role"),
        ([said("m"), REASONING], "items: found reasoning at the end"),
    ],
)
def test_what_is_no_item_is_refused(given: object, found: str) -> None:
    with pytest.raises(Refusal, match=found) as raised:
        bodies.items(json.dumps(given).encode())
    assert raised.value.status == 400
    assert str(raised.value.param).startswith("items")
    assert "secret" not in str(raised.value)


def test_metadata_is_kept_as_it_is_written_on_one_line() -> None:
    assert bodies.metadata(None) == bodies.metadata(b"null") == b"{}"
    assert (
        bodies.metadata(b'{ "a" : "\\u0062",\r\n "c":"\\n" }') == b'{ "a" : "\\u0062", "c":"\\n" }'
    )
    largest = {"k" * 60 + f"{n:04}": "é" * 512 for n in range(16)}
    assert json.loads(bodies.metadata(json.dumps(largest).encode())) == largest


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ([], "metadata: found an array, expected an object of texts"),
        ("x", "metadata: found a text, expected an object of texts"),
        ({str(n): "" for n in range(17)}, "metadata: found 17 pairs, expected at most 16"),
        ({"k" * 65: ""}, "found a key of 65 characters, expected at most 64"),
        ({"k": "é" * 513}, r"metadata\.k: found 513 characters, expected at most 512"),
        ({"k": 7}, r"metadata\.k: found a number, expected a text"),
        ({"k": None}, r"metadata\.k: found null, expected a text"),
        ({"k": True}, r"metadata\.k: found a boolean, expected a text"),
    ],
)
def test_what_is_no_metadata_is_refused(given: object, found: str) -> None:
    with pytest.raises(Refusal, match=found) as raised:
        bodies.metadata(json.dumps(given).encode())
    assert raised.value.status == 400


def test_metadata_that_repeats_a_key_is_refused() -> None:
    with pytest.raises(Refusal, match=r"metadata: found .* repeat a key"):
        bodies.metadata(b'{"a":"1","a":"2"}')
