import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stitcher.core.item import ROOT, chain
from stitcher.core.layout import laid_after
from stitcher.core.log import (
    Compacted,
    Conversation,
    Entry,
    Head,
    Message,
    Node,
    Rebased,
    Refreshed,
    Rewound,
    Settled,
    Tree,
    Turn,
)
from stitcher.messages.unreadable import Unreadable
from stitcher.wire import entries
from stitcher.wire.dialects import read_item
from tests.wire.json_text import KEY, TEXT, VALUE, spelled

NAME = st.sampled_from(["", "0123456789abcdef", "é\n"]) | TEXT
COUNT = st.integers(0, 2**53)
TIME = st.floats(0, 4e9)
JSON = VALUE.flatmap(spelled).map(lambda text: text.translate({10: None, 13: None}).strip(" \t"))
RAW = JSON.map(str.encode)
ITEM = st.tuples(
    st.sampled_from(["anthropic", "openai_chat"]),
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant"]), "content": TEXT},
        optional={"novel": VALUE},
    ),
).map(lambda made: read_item(made[0], json.dumps(made[1]).encode()))

ENTRIES: dict[str, st.SearchStrategy[Any]] = {
    "message": st.builds(
        Message,
        thread=NAME,
        time=TIME,
        chain=NAME,
        parent=NAME,
        depth=COUNT,
        upto=COUNT,
        laid=NAME,
        item=st.none() | ITEM,
        same_as=NAME,
        answer=st.booleans(),
        cut=st.booleans(),
        head=NAME,
    ),
    "head": st.builds(
        Head,
        thread=NAME,
        time=TIME,
        dialect=NAME,
        digest=NAME,
        system=st.none() | RAW,
        tools=st.none() | RAW,
        depth=COUNT,
    ),
    "turn": st.builds(
        Turn,
        thread=NAME,
        time=TIME,
        status=st.sampled_from(["answered", "cut", "failed"]),
        of=NAME,
        base=NAME,
        model=NAME,
        http=COUNT,
        tokens=COUNT,
        usage=st.none() | RAW,
        head=NAME,
        window=NAME,
    ),
    "rewound": st.builds(Rewound, NAME, TIME, NAME),
    "rebased": st.builds(Rebased, NAME, TIME, NAME),
    "compacted": st.builds(
        Compacted,
        NAME,
        TIME,
        NAME,
        NAME,
        st.lists(st.tuples(NAME, NAME), max_size=3).map(tuple),
    ),
    "refreshed": st.builds(
        Refreshed,
        NAME,
        TIME,
        st.lists(NAME, max_size=3).map(tuple),
        st.none() | RAW,
        st.sampled_from(["", "lost"]),
    ),
    "settled": st.builds(Settled, NAME, TIME, NAME, ITEM),
    "conversation": st.builds(
        Conversation,
        time=TIME,
        id=NAME,
        created_at=COUNT,
        metadata=RAW,
        deleted=st.booleans(),
    ),
}


@pytest.mark.parametrize("kind", ENTRIES)
def test_an_entry_is_the_same_after_its_line(kind: str) -> None:
    @settings(max_examples=40)
    @given(ENTRIES[kind])
    def round_trip(entry: Entry) -> None:
        line = entries.encode(entry)
        assert b"\n" not in line
        assert b"\r" not in line
        assert json.loads(line)["type"] == kind
        assert entries.decode(line, read_item) == entry

    round_trip()


@settings(max_examples=40)
@given(st.sampled_from(list(ENTRIES)).flatmap(lambda kind: ENTRIES[kind]), KEY, VALUE)
def test_members_this_version_does_not_know_are_ignored(
    entry: Entry, key: str, value: object
) -> None:
    line = entries.encode(entry)
    later = line[:-1] + b"," + json.dumps({f"later {key}": value}).encode()[1:]
    assert entries.decode(later, read_item) == entry


def message(raw: bytes, dialect: str = "anthropic") -> Message:
    return entries.placed(read_item(dialect, raw), None, thread="main", time=1.5)


def test_a_message_s_own_bytes_end_its_line() -> None:
    raw = b'{ "role":"user",\t"content" : "\\u0068i\\n", "novel" : 1.0 }'
    line = entries.encode(message(raw))
    assert line.endswith(b',"message":' + raw + b"}")


def test_only_line_breaks_outside_strings_are_left_out() -> None:
    spaced = b'{\r\n "role":"user",\n "content":"a\\nb"\n}\n'
    line = entries.encode(message(spaced))
    assert line.endswith(b'"message":{ "role":"user", "content":"a\\nb"}}')
    head = Head("main", 0.0, "anthropic", "d", b'[\n"x\\n"\r]', None)
    assert b'"system":["x\\n"]' in entries.encode(head)
    assert entries.encode(replace(head, system=None)).count(b"system") == 0


def test_lines_hold_only_what_their_type_says() -> None:
    assert (
        entries.encode(Rewound("main", 2.0, "abc")) == b'{"type":"rewound","time":2.0,"to":"abc"}'
    )


def test_the_identity_a_line_names() -> None:
    entry = message(b'{"role":"user","content":"hi"}')
    assert entry.item is not None
    assert entries.identity(entries.encode(entry)) == entry.item.identity
    assert entries.identity(b'{"type":"turn"}') == ""


def test_a_type_this_version_does_not_know_is_none() -> None:
    assert entries.decode(b'{"type":"novel","to":"x"}', read_item) is None
    assert entries.decode(b'{"type":""}', read_item) is None


GARBAGE = [
    b"",
    b"null",
    b"[]",
    b"7",
    b"{}",
    b'{"type":7}',
    b'{"type":"message","chain":"a","message":',
    b'{"type":"message","depth":"deep"}',
    b'{"type":"compacted","stubs":[["a"]]}',
    b'{"type":"rewound","to":"\xff"}',
    b'{"type":"rewound","novel":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b'{"type":"message","chain":"a","dialect":"novel","message":{"role":"user"}}',
    b'{"type":"message","chain":"a","dialect":"anthropic","message":{"role":"robot"}}',
    b'{"type":"message","chain":"a","dialect":"anthropic","message":"x"}',
    b'{"type":"settled","of":"a","dialect":"anthropic"}',
    b'{"type":"settled","of":"a"}',
    b'{"type":"rewound"}trailing',
    b"\x00" * 20,
]


@pytest.mark.parametrize("line", GARBAGE)
def test_garbage_is_unreadable_and_nothing_else(line: bytes) -> None:
    with pytest.raises(Unreadable):
        entries.decode(line, read_item)


@given(st.binary(max_size=40) | RAW)
def test_any_bytes_are_read_or_unreadable(line: bytes) -> None:
    for read in (lambda x: entries.decode(x, read_item), entries.identity, entries.is_foreign):
        try:
            read(line)
        except Unreadable:
            pass


@given(st.sampled_from(list(ENTRIES)).flatmap(lambda kind: ENTRIES[kind]), st.data())
def test_a_line_torn_anywhere_is_unreadable(entry: Entry, data: st.DataObject) -> None:
    line = entries.encode(entry)
    torn = line[: data.draw(st.integers(0, len(line) - 1))]
    with pytest.raises(Unreadable):
        entries.decode(torn, read_item)
    assert not entries.is_foreign(torn)


FOREIGN = b'{"type":"message","message":{"role":"user","content":"hi"}}'
FOREIGN_ANSWER = b'{"type": "message", "message": {"role": "assistant", "content": "ho"}}'


def test_lines_of_the_earlier_version_are_told_from_ours() -> None:
    assert entries.is_foreign(FOREIGN)
    assert entries.is_foreign(FOREIGN_ANSWER)
    for line in (entries.encode(message(b'{"role":"user","content":"hi"}')), *GARBAGE[:9]):
        assert not entries.is_foreign(line)
    assert not entries.is_foreign(b'{"type":"summary","message":{"role":"user","content":"x"}}')


def test_a_line_of_the_earlier_version_gets_its_place() -> None:
    first = entries.adopt(FOREIGN, None, read_item)
    assert first.item is not None
    assert first.item.raw == b'{"role":"user","content":"hi"}'
    assert (first.parent, first.depth, first.upto) == (ROOT, 1, first.item.tokens)
    assert first.chain == chain(ROOT, first.item.identity)
    assert not first.answer
    tree = Tree()
    tree.append(first)
    second = entries.adopt(FOREIGN_ANSWER, tree.nodes[first.chain], read_item)
    assert second.item is not None
    assert second.answer
    assert (second.parent, second.depth) == (first.chain, 2)
    assert second.upto == first.upto + second.item.tokens
    assert second.laid == laid_after("", first.item.rendering)
    assert entries.decode(entries.encode(second), read_item) == second


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"message"}',
        b'{"type":"message","message":null}',
        b'{"type":"message","message":{"role":"robot"}}',
        b"not json",
    ],
)
def test_a_line_of_the_earlier_version_without_a_message_is_unreadable(line: bytes) -> None:
    with pytest.raises(Unreadable):
        entries.adopt(line, None, read_item)


def test_a_message_is_placed_after_its_parent() -> None:
    item = read_item("anthropic", b'{"role":"user","content":"hi"}')
    parent = Node("p", ROOT, depth=4, upto=100, laid="l", item=item, thread="main")
    placed = entries.placed(item, parent, thread="side", time=9.0, answer=True)
    assert placed == Message(
        thread="side",
        time=9.0,
        chain=chain("p", item.identity),
        parent="p",
        depth=5,
        upto=100 + item.tokens,
        laid=laid_after("l", item.rendering),
        item=item,
        answer=True,
    )
