import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.core.layout import Change, Piece, stub_text
from stitcher.messages.unreadable import Unreadable
from stitcher.simulator.rules_anthropic import check
from stitcher.wire.anthropic.change import change, mark_head
from stitcher.wire.anthropic.message import read_item
from tests.wire.anthropic.test_message import ODD_BLOCK

OFF = Change.NO_MARKERS
ALL = [Change.NO_MARKERS, Change.NO_THINKING, Change.NO_CALLS, Change.NO_RESULTS]


def changed(
    raw: str | bytes,
    wanted: Change,
    *,
    ours: bool = True,
    marked_by: str | None = None,
    marked_for: int = 0,
) -> str | None:
    item = read_item(raw if isinstance(raw, bytes) else raw.encode())
    client = None if marked_by is None else read_item(marked_by.encode())
    made = change(Piece(item, "chain", wanted, ours=ours, marked_by=client, marked_for=marked_for))
    return None if made is None else made.decode()


def said(*blocks: str, role: str = "user") -> str:
    return f'{{"role": "{role}" , "content" : [ {" , ".join(blocks)} ]}}'


def answer(*blocks: str) -> str:
    return said(*blocks, role="assistant")


TEXT = '{ "type":"text", "text": "h\\u0069" }'
MARKED = '{ "type":"text", "text": "h\\u0069" , "cache_control": {"type":"ephemeral"} }'
THINKING = '{"type":"thinking","thinking":"hm", "signature":"s"}'
REDACTED = '{"type":"redacted_thinking","data":"x"}'
CALL = '{"type":"tool_use", "id":"t1","name":"f","input":{"cache_control" : 1.0}}'
RESULT = '{"type":"tool_result" ,"tool_use_id":"t1","content":"ok"}'
STRING = '{"role": "user", "content" :"h\\u0069 \\n" }'
EMPTY = '{"type":"text","text":""}'
BLANK = '{"type":"text","text":" \\n"}'
EPHEMERAL = '"cache_control":{"type":"ephemeral"}'
HOUR = '{ "ttl":"1h" , "type" : "ephemeral" }'


@pytest.mark.parametrize(
    "raw", [STRING, said(TEXT), said(RESULT, TEXT), answer(THINKING, TEXT, CALL), answer(REDACTED)]
)
@pytest.mark.parametrize("ours", [True, False])
def test_what_needs_no_change_keeps_its_bytes(raw: str, ours: bool) -> None:
    assert changed(raw, Change.NONE, ours=ours) == raw
    assert changed(raw, OFF, ours=ours) == raw


def test_markers_come_off_and_nothing_else() -> None:
    assert changed(said(MARKED, TEXT), OFF) == said(TEXT.replace(" }", " , }"), TEXT).replace(
        " , }", "  }"
    )
    call = CALL[:-1] + ',"cache_control":{"type":"ephemeral"}}'
    assert changed(answer(TEXT, call), OFF) == answer(TEXT, CALL)
    assert changed(said('{"cache_control":null,"type":"text","text":"x"}'), OFF) == said(
        '{"type":"text","text":"x"}'
    )


def test_nested_markers_come_off() -> None:
    inner = '[ {"type":"text","text":"a"%s} , {"type":"text","text":"b"} ]'
    result = '{"type":"tool_result","content": %s, "tool_use_id":"t1"%s}'
    marked = said(result % (inner % f",{EPHEMERAL}", f",{EPHEMERAL}"), TEXT)
    assert changed(marked, OFF) == said(result % (inner % "", ""), TEXT)
    only_inside = said(result % (inner % f",{EPHEMERAL}", ""))
    assert changed(only_inside, OFF) == said(result % (inner % "", ""))


def test_a_text_that_speaks_of_markers_is_left_alone() -> None:
    raw = said('{"type":"text","text":"\\"cache_control\\" : x"}')
    assert changed(raw, OFF) == raw


@pytest.mark.parametrize(
    ("raw", "wanted", "expected"),
    [
        (answer(THINKING, REDACTED, TEXT), Change.NO_THINKING, answer(TEXT)),
        (answer(THINKING, CALL), Change.NO_THINKING, answer(CALL)),
        (answer(THINKING), Change.NO_THINKING, None),
        (answer(THINKING, TEXT, CALL, CALL), Change.NO_CALLS, answer(TEXT)),
        (answer(TEXT, THINKING, TEXT, CALL), Change.NO_CALLS, answer(TEXT, TEXT)),
        (answer(THINKING, CALL), Change.NO_CALLS, None),
        (said(RESULT, RESULT, TEXT), Change.NO_RESULTS, said(TEXT)),
        (said(RESULT), Change.NO_RESULTS, None),
        (STRING, Change.NO_RESULTS | Change.NO_CALLS | Change.NO_THINKING, STRING),
        (answer(EMPTY, CALL), Change.NO_CALLS, None),
        (answer(BLANK, CALL), Change.NO_CALLS, None),
        (answer(EMPTY, BLANK, TEXT, CALL), Change.NO_CALLS, answer(TEXT)),
    ],
)
def test_blocks_go_whole_and_the_others_keep_their_bytes(
    raw: str, wanted: Change, expected: str | None
) -> None:
    made = changed(raw, wanted)
    if expected is None:
        assert made is None
        return
    assert made is not None
    assert json.loads(made) == json.loads(expected)
    for block in (TEXT, THINKING, CALL, RESULT):
        assert made.count(block) == expected.count(block)


@pytest.mark.parametrize(
    "raw",
    [
        '{"role":"user","content":""}',
        '{"role":"user","content":" \\n"}',
        '{"role":"user","content":[]}',
        '{"role":"assistant","content":null}',
        '{"role":"assistant"}',
        answer(EMPTY),
        answer(BLANK, EMPTY),
    ],
)
def test_what_a_provider_would_refuse_is_not_put_back(raw: str) -> None:
    for wanted in (Change.NONE, OFF, Change.NO_CALLS):
        assert changed(raw, wanted) is None
        assert changed(raw, wanted, marked_for=300) is None
    assert changed(raw, OFF, ours=False) == raw


def test_empty_texts_beside_a_call_are_not_put_back() -> None:
    assert json.loads(changed(answer(EMPTY, CALL, BLANK), OFF) or "") == json.loads(answer(CALL))
    raw = answer(EMPTY, CALL)
    assert changed(raw, OFF, ours=False) == raw


def test_a_system_message_that_only_sets_the_effort_is_put_back() -> None:
    raw = '{"role":"system","output_config":{"effort":"low"},"content":[]}'
    assert changed(raw, OFF) == raw
    assert changed(raw, Change.NONE, marked_for=300) == raw


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (said(TEXT, TEXT), said(TEXT, TEXT[:-2] + "," + EPHEMERAL + " }")),
        (
            STRING,
            '{"role": "user", "content" :[{"type":"text","text":"h\\u0069 \\n",'
            + EPHEMERAL
            + "}] }",
        ),
        (said(RESULT), said(RESULT[:-1] + "," + EPHEMERAL + "}")),
        (answer(CALL, THINKING), answer(CALL[:-1] + "," + EPHEMERAL + "}", THINKING)),
        (answer(TEXT, BLANK), answer(TEXT[:-2] + "," + EPHEMERAL + " }")),
        (answer(THINKING, REDACTED), answer(THINKING, REDACTED)),
        (said(TEXT, MARKED), said(TEXT, MARKED)),
        (
            said('{"type":"text","text":"x","cache_control":null}'),
            said('{"type":"text","text":"x",' + EPHEMERAL + "}"),
        ),
    ],
)
def test_a_marker_goes_to_the_last_block_that_may_carry_one(raw: str, expected: str) -> None:
    made = changed(raw, Change.NONE, marked_for=300)
    assert made is not None
    assert json.loads(made) == json.loads(expected)
    if "BLANK" not in raw and BLANK not in raw:
        assert made == expected
    assert changed(raw, Change.NONE, ours=False, marked_for=300) is not None


@pytest.mark.parametrize("ours", [True, False])
def test_a_marker_asks_for_as_long_as_it_is_to_last(ours: bool) -> None:
    made = changed(said(TEXT), Change.NONE, ours=ours, marked_for=3_600)
    assert made == said(TEXT[:-2] + ',"cache_control":{"type":"ephemeral","ttl":"1h"} }')


def test_a_message_that_is_cleared_later_carries_no_marker() -> None:
    raw = '{"role":"system","content":"x","clear_at":"next_user_message"}'
    assert changed(raw, Change.NONE, marked_for=300) == raw


@pytest.mark.parametrize(
    "client",
    [
        said('{"type":"text","text":"hi","cache_control":' + HOUR + "}"),
        said(TEXT, '{"type":"text","text":"hi","cache_control":' + HOUR + "}", THINKING),
        said('{"type":"tool_result","content":[{"type":"novel","cache_control":' + HOUR + "}]}"),
    ],
)
def test_the_client_s_own_marker_is_kept_to_the_letter(client: str) -> None:
    made = changed(said(MARKED), OFF, ours=False, marked_by=client)
    assert made is not None
    assert made.count("cache_control") == 1
    assert f'"cache_control":{HOUR}' in made
    assert changed(STRING, OFF, ours=False, marked_by=client) == (
        '{"role": "user", "content" :[{"type":"text","text":"h\\u0069 \\n","cache_control":'
        + HOUR
        + "}] }"
    )


@pytest.mark.parametrize(
    "client",
    [STRING, said(TEXT), said('{"type":"text","text":"hi","cache_control":null}')],
)
def test_where_the_client_marks_nothing_nothing_is_marked(client: str) -> None:
    made = changed(said(MARKED), OFF, ours=False, marked_by=client)
    assert made is not None
    assert "cache_control" not in made


def test_a_stub_says_where_the_words_are() -> None:
    piece = Piece(read_item(answer(THINKING, TEXT).encode()), "ab" * 16, OFF, repeats="cd" * 16)
    made = change(piece)
    assert made is not None
    assert json.loads(made) == {"role": "assistant", "content": stub_text(piece)}


TWICE = [
    '{"role":"user","content":[{"type":"text","text":"a","text":"b",' + EPHEMERAL + "}]}",
    '{"role":"user","role":"user","content":[{"type":"text","text":"b",' + EPHEMERAL + "}]}",
    '{"role":"user","content":[{"type":"novel","content":["x"],' + EPHEMERAL + "}]}",
    '{"role":"user","content":[{"type":"novel","content":[{"a":1,"a":2}],' + EPHEMERAL + "}]}",
]


@pytest.mark.parametrize("raw", TWICE)
@pytest.mark.parametrize("wanted", ALL)
def test_what_cannot_be_taken_apart_does_not_stop_a_request(raw: str, wanted: Change) -> None:
    assert changed(raw, wanted) is not None
    assert changed(raw, wanted, marked_for=300) is not None
    assert changed(STRING, OFF, ours=False, marked_by=raw) is not None


@given(
    st.lists(ODD_BLOCK, max_size=3),
    st.sampled_from(["user", "assistant", "system"]),
    st.sets(st.sampled_from(ALL)),
    st.booleans(),
    st.sampled_from([0, 300, 3_600]),
)
def test_odd_messages_never_stop_a_request(
    content: list[Any], role: str, wanted: set[Change], ours: bool, marked_for: int
) -> None:
    raw = json.dumps({"role": role, "content": content})
    together = Change.NONE
    for one in wanted:
        together |= one
    try:
        made = changed(raw, together, ours=ours, marked_for=marked_for)
    except Unreadable:
        with pytest.raises(Unreadable):
            read_item(raw.encode())
        return
    assert made is None or json.loads(made)["role"] == role


HEAD = [
    ('{"system": "be brief"}', '{"system": [{"type":"text","text":"be brief",%s}]}'),
    (
        '{"system": ' + f"[{TEXT}, {TEXT}]" + "}",
        '{"system": ' + f"[{TEXT}, {TEXT[:-2]},%s }}]" + "}",
    ),
    ('{"system":"" , "tools":[{"name":"f"} ]}', '{"system":"" , "tools":[{"name":"f",%s} ]}'),
    (
        '{"tools":[{"name":"f"}],"n":1,"system":"x"}',
        '{"tools":[{"name":"f",%s}],"n":1,"system":[{"type":"text","text":"x",%s}]}',
    ),
    ('{"system":null,"tools":[{"name":"f"}]}', '{"system":null,"tools":[{"name":"f",%s}]}'),
    ('{"system":[],"tools":[{"name":"f"}]}', '{"system":[],"tools":[{"name":"f",%s}]}'),
    (
        '{"tools":[{"name":"f"},{"name":"g","defer_loading":true}]}',
        '{"tools":[{"name":"f",%s},{"name":"g","defer_loading":true}]}',
    ),
]


@pytest.mark.parametrize(("body", "expected"), HEAD)
def test_a_head_is_marked_at_its_end(body: str, expected: str) -> None:
    assert mark_head(body.encode(), 300).decode() == expected.replace("%s", EPHEMERAL)
    for_an_hour = EPHEMERAL.replace("}", ',"ttl":"1h"}')
    assert mark_head(body.encode(), 3_600).decode() == expected.replace("%s", for_an_hour)


@pytest.mark.parametrize(
    "body",
    [
        '{"messages":[]}',
        '{"system":null}',
        '{"system":7,"tools":{}}',
        '{"system":" \\n"}',
        '{"system":["x"]}',
        '{"tools":[{"name":"f","defer_loading":true}]}',
        '{"tools":[{"name":"f","name":"g"}]}',
        "not json",
    ],
)
def test_a_head_that_cannot_be_marked_is_left_alone(body: str) -> None:
    assert mark_head(body.encode(), 300).decode() == body


def test_what_is_put_back_is_legal() -> None:
    messages = [
        json.loads(made)
        for raw in (STRING, answer(EMPTY, TEXT, CALL), said(RESULT), said(TEXT, MARKED))
        if (made := changed(raw, OFF | Change.NO_CALLS | Change.NO_RESULTS, marked_for=300))
    ]
    assert len(messages) == 3
    assert check({"model": "claude-sonnet-4-5", "max_tokens": 9, "messages": messages}) is None
