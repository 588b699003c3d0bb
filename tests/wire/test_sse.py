import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.wire.sse import Event, Splitter
from tests.wire.feeds import feeds


def split(chunks: list[bytes]) -> list[Event]:
    splitter = Splitter()
    events = [event for chunk in chunks for event in splitter.feed(chunk)]
    return events + splitter.close()


def said(events: list[Event]) -> list[tuple[str, bytes]]:
    """What a listener is told: an event without data is not dispatched."""
    return [(event.name, event.data) for event in events if event.data]


STREAMS = {
    "lf": (b"event: a\ndata: 1\n\ndata: 2\n\n", [("a", b"1"), ("", b"2")]),
    "crlf": (b"event: a\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n", [("a", b"1"), ("", b"2")]),
    "cr": (b"event: a\rdata: 1\r\rdata: 2\r\r", [("a", b"1"), ("", b"2")]),
    "lf then crlf": (b"data: 1\n\r\ndata: 2\n\n", [("", b"1"), ("", b"2")]),
    "crlf then lf": (b"data: 1\r\n\ndata: 2\n\n", [("", b"1"), ("", b"2")]),
    "cr then crlf": (b"data: 1\r\r\ndata: 2\n\n", [("", b"1"), ("", b"2")]),
    "crlf then cr": (b"data: 1\r\n\rdata: 2\n\n", [("", b"1"), ("", b"2")]),
    "lf then cr": (b"data: 1\n\rdata: 2\n\n", [("", b"1"), ("", b"2")]),
    "one crlf does not end an event": (b"event: a\r\ndata: 1\r\n\r\n", [("a", b"1")]),
    "several lines of data": (b"data: 1\ndata:2\ndata:  3\n\n", [("", b"1\n2\n 3")]),
    "comments": (b": hello\n\n:\n\n: x\ndata: 1\n: y\n\n", [("", b"1")]),
    "blank lines between": (b"\n\n\ndata: 1\n\n\n\n\ndata: 2\n\n", [("", b"1"), ("", b"2")]),
    "no final blank line": (b"data: 1\n\ndata: 2\n", [("", b"1"), ("", b"2")]),
    "no final line break": (b"data: 1\n\ndata: 2", [("", b"1"), ("", b"2")]),
    "other fields": (b"id: 7\nretry: 9\ndata: 1\nnonsense\n\n", [("", b"1")]),
    "field without colon": (b"data\ndata: 1\n\n", [("", b"\n1")]),
    "the last name counts": (b"event: a\nevent: b\ndata: 1\n\n", [("b", b"1")]),
    "byte order mark": (b"\xef\xbb\xbfdata: 1\n\ndata: 2\n\n", [("", b"1"), ("", b"2")]),
    "a mark further on is text": (b"data: 1\n\n\xef\xbb\xbfdata: 2\n\n", [("", b"1")]),
    "invalid utf-8": (b"event: \xff\ndata: \xff\xfe\n\n", [("\ufffd", b"\xff\xfe")]),
    "a character of four bytes": ("data: 🧵\n\n".encode(), [("", "🧵".encode())]),
    "nothing": (b"", []),
    "only blank lines": (b"\n\n\n", []),
    "one line break": (b"\n", []),
}


@pytest.mark.parametrize("name", STREAMS)
def test_events_are_told_apart_in_every_chunking(name: str) -> None:
    data, expected = STREAMS[name]
    for chunks in feeds(data):
        events = split(chunks)
        assert said(events) == expected
        assert events == split([data])
        assert b"".join(event.raw for event in events) == data


LINE = st.sampled_from([b"data: x", b"data:", b": c", b"event: e", b"", b"\xef\xbb\xbf", b"\xff"])
BREAK = st.sampled_from([b"\n", b"\r", b"\r\n"])


@given(st.lists(st.tuples(LINE, BREAK), max_size=12), st.sampled_from([b"", b"data: end", b"\r"]))
def test_any_mixture_of_line_ends_gives_the_same_events(
    lines: list[tuple[bytes, bytes]], rest: bytes
) -> None:
    data = b"".join(line + end for line, end in lines) + rest
    whole = split([data])
    assert b"".join(event.raw for event in whole) == data
    assert said(whole) == _by_the_book(data)
    for chunks in feeds(data):
        assert split(chunks) == whole


def _by_the_book(data: bytes) -> list[tuple[str, bytes]]:
    """The algorithm of the standard, line by line; what is left at the end counts too."""
    data = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    events: list[tuple[str, bytes]] = []
    name, lines = "", list[bytes]()
    for line in [*data.split(b"\n"), b""]:
        if not line:
            if b"\n".join(lines):
                events.append((name, b"\n".join(lines)))
            name, lines = "", []
        field, _, value = line.partition(b":")
        if field == b"data":
            lines.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.removeprefix(b" ").decode("utf-8", "replace")
    return events


def test_an_event_is_given_as_soon_as_it_is_whole() -> None:
    splitter = Splitter()
    assert splitter.feed(b"data: 1\n") == []
    assert said(splitter.feed(b"\n")) == [("", b"1")]
    assert said(splitter.feed(b"data: 2\r\n\r\n")) == [("", b"2")]
    assert splitter.feed(b"data: 3") == []
    assert splitter.rest == b"data: 3"


def test_a_crlf_cut_between_its_bytes_belongs_to_one_event() -> None:
    splitter = Splitter()
    events = splitter.feed(b"data: 1\r\n\r") + splitter.feed(b"\ndata: 2\r\n\r\n")
    assert [event.raw for event in events] == [b"data: 1\r\n\r\n", b"data: 2\r\n\r\n"]
