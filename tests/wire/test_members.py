import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.messages.unreadable import Unreadable
from stitcher.wire.members import (
    added,
    array,
    elements,
    members,
    one_line,
    replaced,
    replaced_elements,
    without,
)
from tests.wire.json_text import KEY, VALUE, spelled

OBJECT = st.dictionaries(KEY, VALUE, max_size=4)
DEEP = b"[" * 100_000 + b"]" * 100_000


@st.composite
def objects(draw: st.DrawFn) -> tuple[dict[str, Any], bytes]:
    value = draw(OBJECT)
    return value, draw(spelled(value)).encode()


@given(objects())
def test_members_are_found_where_they_stand(given_object: tuple[dict[str, Any], bytes]) -> None:
    value, body = given_object
    found = members(body)
    assert list(found) == list(value)
    for key, member in found.items():
        assert member.key == key
        assert json.loads(body[member.start : member.end]) == value[key]
        assert body[member.start : member.end].strip() == body[member.start : member.end]
        assert body[member.key_start : member.key_start + 1] == b'"'


@given(objects(), VALUE)
def test_replacing_a_member_leaves_every_other_byte(
    given_object: tuple[dict[str, Any], bytes], new: object
) -> None:
    value, body = given_object
    encoded = json.dumps(new).encode()
    for key, member in members(body).items():
        changed = replaced(body, member, encoded)
        assert json.loads(changed) == {**value, key: new}
        assert changed.startswith(body[: member.start])
        assert changed.endswith(body[member.end :])
        assert len(changed) == len(body) - (member.end - member.start) + len(encoded)


@given(objects())
def test_leaving_out_a_member_leaves_the_others_as_they_are(
    given_object: tuple[dict[str, Any], bytes],
) -> None:
    value, body = given_object
    before = members(body)
    for key in value:
        changed = without(body, key)
        assert json.loads(changed) == {name: value[name] for name in value if name != key}
        for name, member in members(changed).items():
            old = before[name]
            assert changed[member.key_start : member.end] == body[old.key_start : old.end]
    assert without(body, "never a key") == body


@given(objects(), VALUE)
def test_adding_a_member_leaves_every_other_byte(
    given_object: tuple[dict[str, Any], bytes], new: object
) -> None:
    value, body = given_object
    encoded = json.dumps(new).encode()
    changed = added(body, 'new "key', encoded)
    assert json.loads(changed) == {**value, 'new "key': new}
    inserted = b'"new \\"key":' + encoded
    assert changed.replace(b"," * bool(value) + inserted, b"", 1) == body


@given(st.lists(VALUE, max_size=4).flatmap(lambda v: st.tuples(st.just(v), spelled(v))))
def test_elements_keep_their_bytes(listed: tuple[list[Any], str]) -> None:
    values, text = listed
    found = elements(text.encode())
    assert [json.loads(raw) for raw in found] == values
    assert json.loads(array(found)) == values


@given(st.lists(VALUE, min_size=1, max_size=4).flatmap(lambda v: st.tuples(st.just(v), spelled(v))))
def test_replacing_elements_leaves_every_other_byte(listed: tuple[list[Any], str]) -> None:
    values, text = listed
    raw = text.encode()
    assert replaced_elements(raw, elements(raw)) == raw
    found = elements(raw)
    for n in range(len(values)):
        new = [*found[:n], b'"new"', *found[n + 1 :]]
        changed = replaced_elements(raw, new)
        assert json.loads(changed) == [*values[:n], "new", *values[n + 1 :]]
        assert len(changed) == len(raw) - len(found[n]) + len(b'"new"')


@given(objects(), st.data())
def test_a_repeated_key_is_unreadable(
    given_object: tuple[dict[str, Any], bytes], data: st.DataObject
) -> None:
    value, body = given_object
    if not value:
        return
    key = data.draw(st.sampled_from(list(value)))
    twice = added(body, key, data.draw(st.sampled_from([b"1", json.dumps(value[key]).encode()])))
    with pytest.raises(Unreadable):
        members(twice)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a":1}',
        b'{"a":12,"a":1}',
        b'{"a":1,"b":2,"a":1}',
        b'{"a":1,"b":2,"b":2,"a":1}',
        b'{"a":1,"\\u0061":1}',
        b'{"a":{"b":1},"a":{"b":1},"c":3}',
    ],
)
def test_repeated_keys_by_hand(body: bytes) -> None:
    with pytest.raises(Unreadable, match="repeat a key"):
        members(body)


NOT_OBJECTS = [
    b"",
    b"  ",
    b"[]",
    b"null",
    b"1",
    b'"{}"',
    b"{",
    b"}",
    b'{"a":1}}',
    b'{"a":1,}',
    b'{"a" 1}',
    b"{'a':1}",
    b'{"a":NaN}',
    b'{"\xff":1}',
    b'{"a":"\n"}',
    b'\xef\xbb\xbf{"a":1}',
    b'{"a":' + DEEP + b"}",
    b"\xff\xfe",
]


@pytest.mark.parametrize("body", NOT_OBJECTS)
def test_what_is_no_object_is_unreadable_and_nothing_else(body: bytes) -> None:
    with pytest.raises(Unreadable):
        members(body)
    with pytest.raises(Unreadable):
        without(body, "a")
    with pytest.raises(Unreadable):
        added(body, "b", b"1")


@pytest.mark.parametrize("raw", [b"", b"{}", b"[1,", b"[1,]", b"[NaN]", DEEP, b'["\n"]'])
def test_what_is_no_array_is_unreadable(raw: bytes) -> None:
    with pytest.raises(Unreadable):
        elements(raw)


@given(st.binary(max_size=40) | objects().map(lambda o: o[1][: len(o[1]) // 2]))
def test_garbage_is_read_or_unreadable_never_another_error(body: bytes) -> None:
    for read in (
        members,
        elements,
        lambda raw: without(raw, "a"),
        lambda raw: added(raw, "k", b""),
    ):
        try:
            read(body)
        except Unreadable:
            pass


def test_invalid_utf8_in_a_value_is_carried_along() -> None:
    body = b'{"a": "\xff", "b": 1}'
    member = members(body)["a"]
    assert body[member.start : member.end] == b'"\xff"'
    assert without(body, "b") == b'{"a": "\xff"}'


def test_a_reason_never_quotes_the_body() -> None:
    with pytest.raises(Unreadable) as caught:
        members(b'{"secret-word" 1}')
    assert "secret" not in str(caught.value)
    assert "expected a JSON object" in str(caught.value)


def test_a_member_nested_as_deep_as_python_goes_is_readable() -> None:
    depth = sys.getrecursionlimit() // 4
    body = b'{"a":' + b"[" * depth + b"]" * depth + b"}"
    assert members(body)["a"].end == len(body) - 1


@given(objects())
def test_one_line_removes_line_breaks_and_nothing_else(
    given_object: tuple[dict[str, Any], bytes],
) -> None:
    value, body = given_object
    line = one_line(body)
    assert b"\n" not in line
    assert b"\r" not in line
    assert json.loads(line) == value
    assert [b for b in body if b not in b"\r\n"] == list(line)
