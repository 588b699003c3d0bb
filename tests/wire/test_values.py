import pytest

from stitcher.messages.unreadable import Unreadable
from stitcher.wire.values import decoded, kept, member_text, plain, text, unless_null, whole


@pytest.mark.parametrize("raw", [None, b"null", b"[]", b'""', b"[ ]", b"[\n]"])
def test_what_says_nothing_is_none(raw: bytes | None) -> None:
    assert unless_null(raw) is None


@pytest.mark.parametrize("raw", [b"0", b"false", b'" "', b"[null]", b"{}"])
def test_what_says_something_is_kept(raw: bytes) -> None:
    assert unless_null(raw) == raw


def test_decoded() -> None:
    assert decoded(None) is None
    assert decoded(b'{"a":[1,2.5]}') == {"a": [1, 2.5]}


@pytest.mark.parametrize(
    "raw", [b"", b"nul", b'"\xff"', b'"\\ud800"', b"1e999", b"[" * 100_000 + b"]" * 100_000]
)
def test_what_is_no_json_text_is_unreadable(raw: bytes) -> None:
    for read in (decoded, text, whole):
        with pytest.raises(Unreadable):
            read(raw)


@pytest.mark.parametrize(
    ("raw", "expected"), [(b'"gpt"', "gpt"), (b"1", ""), (b"null", ""), (None, ""), (b"[]", "")]
)
def test_text_is_a_string_or_empty(raw: bytes | None, expected: str) -> None:
    assert text(raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [(b"7", 7), (b"true", None), (b"1.5", None), (b"1.0", None), (b'"7"', None), (None, None)],
)
def test_whole_is_a_whole_number_or_none(raw: bytes | None, expected: int | None) -> None:
    assert whole(raw) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [({"k": "v"}, "v"), ({"k": ""}, None), ({"k": 1}, None), ({}, None), ([], None), (None, None)],
)
def test_member_text(value: object, expected: str | None) -> None:
    assert member_text(value, "k") == expected


def test_what_is_kept_stands_on_one_line() -> None:
    assert kept(b'[\n  "a\\n" ]') == b'[  "a\\n" ]'
    assert kept(b"[\n]") is None
    assert kept(None) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.0, "1"),
        (-0.0, "0"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (0.1, "0.1"),
        (2**80, str(2**80)),
        (True, "True"),
        ([1.0, {"a": 2.0, "b": [None, "3.0"]}], "[1, {'a': 2, 'b': [None, '3.0']}]"),
    ],
)
def test_plain_numbers_are_as_every_client_writes_them(value: object, expected: str) -> None:
    assert repr(plain(value)) == expected
