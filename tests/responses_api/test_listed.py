"""Items as a client is shown them: what was said, to the byte, and what it may leave out."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stitcher.core.log import Head, Node
from stitcher.responses_api import listed as module
from stitcher.responses_api.listed import listed
from stitcher.responses_api.pages import PageQuery, page
from stitcher.wire.dialects import read_item
from stitcher.wire.entries import placed
from tests.wire.json_text import KEY, VALUE


def path(*raws: bytes, dialect: str = "openai_responses") -> list[Node]:
    nodes: list[Node] = []
    for raw in raws:
        entry = placed(
            read_item(dialect, raw), nodes[-1] if nodes else None, thread="main", time=0.0
        )
        assert entry.item is not None
        nodes.append(
            Node(
                entry.chain,
                entry.parent,
                entry.depth,
                entry.upto,
                entry.laid,
                entry.item,
                entry.thread,
            )
        )
    return nodes


def shown(*raws: bytes) -> list[bytes]:
    return [item.shown() for item in listed(path(*raws))]


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(KEY.map(lambda key: f"novel {key}"), VALUE, max_size=3))
def test_a_complete_item_is_shown_as_it_is(novel: dict[str, object]) -> None:
    item = {"type": "novel_call", "id": "x_1", **novel}
    raw = json.dumps(item, separators=(" ,", " : ")).encode()
    assert shown(raw) == [raw]


def test_what_is_missing_is_added_behind_what_is_there() -> None:
    raw = b'{ "role":"user", "novel" : 1.0,"content":[{"type":"input_text","text":"\\u0041"}] }'
    (found,) = listed(path(raw))
    assert found.shown().startswith(raw[:-2])
    assert json.loads(found.shown()) == {
        **json.loads(raw),
        "id": found.id,
        "type": "message",
        "status": "completed",
    }


@pytest.mark.parametrize("nothing", [b"null", b'""'])
def test_an_id_that_says_nothing_is_none(nothing: bytes) -> None:
    (found,) = listed(path(b'{"role":"user","id":' + nothing + b',"content":"x"}'))
    assert found.id.startswith("msg_")
    assert json.loads(found.shown())["id"] == found.id


def test_a_text_keeps_its_bytes_as_a_part() -> None:
    (found,) = shown(b'{"role":"user","content":"\\u0041\\n\xf0\x9f\xa7\xb5"}')
    assert b'"content":[{"type":"input_text","text":"\\u0041\\n\xf0\x9f\xa7\xb5"}]' in found


@pytest.mark.parametrize(
    ("kind", "prefix"),
    [("function_call_output", "fco_"), ("function_call", "fc_"), ("novel_kind", "item_")],
)
def test_an_id_tells_the_kind(kind: str, prefix: str) -> None:
    raw = json.dumps({"type": kind, "call_id": "c", "name": "n", "arguments": "{}", "output": "x"})
    (found,) = listed(path(raw.encode()))
    assert found.id.startswith(prefix)


def test_ids_are_the_same_every_time_and_differ_by_what_was_said_before() -> None:
    yes = b'{"role":"user","content":"yes"}'
    once, again = listed(path(yes, yes)), listed(path(yes, yes, yes))
    assert [item.id for item in again[:2]] == [item.id for item in once]
    assert len({item.id for item in again}) == 3


def test_an_id_given_again_names_the_first_item_only() -> None:
    """A cursor would be in two places; whatever the item had in the place of its id stays there."""
    raw = b'{"id":"msg_1","type":"message","role":"user","content":[],"status":"completed"}'
    first, again = listed(path(raw, raw))
    assert first.shown() == raw
    assert first.id == "msg_1" != again.id
    assert again.shown() == raw.replace(b"msg_1", again.id.encode())


def test_items_of_a_long_history_are_put_together_only_where_they_are_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else each page would cost what the history is long."""
    made: list[bytes] = []
    shown_of = module._shown

    def counted(raw: bytes, item_id: str) -> bytes:
        made.append(raw)
        return shown_of(raw, item_id)

    monkeypatch.setattr(module, "_shown", counted)
    items = listed(path(*(b'{"role":"user","content":"%d"}' % n for n in range(50))))
    assert len({item.id for item in items}) == 50
    page(items, PageQuery("asc", items[30].id, 5))
    assert made == [item.said for item in items[31:36]]


def test_items_that_repeat_a_key_are_shown_all_the_same() -> None:
    raw = b'{"role":"user","role":"user","content":"x"}'
    (found,) = listed(path(raw))
    assert json.loads(found.shown())["id"] == found.id
    assert found.said == raw


def test_of_a_head_only_its_messages_are_items() -> None:
    head = Head(
        "main",
        0.0,
        "openai_responses",
        "h",
        b'["Obey.",{"role":"system","content":"a"},{"role":"developer","content":"a"}]',
        b'[{"type":"function","name":"kettle"}]',
    )
    items = listed(path(b'{"role":"user","content":"a"}'), head)
    assert [json.loads(item.shown())["role"] for item in items] == ["system", "developer", "user"]
    assert len({item.id for item in items}) == 3
    other = Head("main", 0.0, "openai_chat", "h", b'[{"role":"system","content":"a"}]', None)
    assert listed([], other) == []
