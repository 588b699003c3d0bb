import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.core.layout import Change, Piece, stub_text
from stitcher.messages.unreadable import Unreadable
from stitcher.wire.openai_responses.change import change
from stitcher.wire.openai_responses.message import read_item
from tests.wire.openai_responses.test_message import ODD_ITEM, ODD_THOUGHT

ALL = [Change.NO_MARKERS, Change.NO_THINKING, Change.NO_CALLS, Change.NO_RESULTS]

THOUGHT = '{"type":"reasoning","id":"rs_1" , "summary":[]}'
USER = '{"role": "user" , "content" :[ {"type":"input_text","text":"h\\u0069"} ] }'
ANSWER = (
    '{"type":"message","id":"msg_1", "role": "assistant" , "content" :"h\\u0069 \\n", "x":1.0 }'
)
CALL = '{"id" : "fc_1", "type":"function_call","call_id":"a","name":"f","arguments":"{ }","status":"completed"}'  # noqa: E501
RESULT = '{"type":"function_call_output","call_id" :"a","output":"ok" }'
REQUEST = '{"type":"mcp_approval_request","id":"mcpr_1","name":"f","arguments":"{}"}'
RESPONSE = '{"type":"mcp_approval_response","approval_request_id":"mcpr_1","approve":true}'
SEARCH = '{"type":"web_search_call","id":"ws_1","status":"completed"}'


def unit(*raws: str) -> str:
    return "[ " + " , ".join(raws) + " ]"


def changed(raw: str, wanted: Change, *, ours: bool = True) -> str | None:
    made = change(Piece(read_item(raw.encode()), "chain", wanted, ours=ours, marked_for=300))
    return None if made is None else made.decode()


@pytest.mark.parametrize("raw", [USER, ANSWER, CALL, RESULT, SEARCH, unit(THOUGHT, CALL)])
@pytest.mark.parametrize("ours", [True, False])
def test_what_needs_no_change_keeps_its_bytes(raw: str, ours: bool) -> None:
    assert changed(raw, Change.NONE, ours=ours) == raw
    assert changed(raw, Change.NO_MARKERS, ours=ours) == raw


@pytest.mark.parametrize(
    ("raw", "wanted", "expected"),
    [
        (CALL, Change.NO_CALLS, None),
        (unit(THOUGHT, CALL), Change.NO_CALLS, None),
        (REQUEST, Change.NO_CALLS, None),
        (RESULT, Change.NO_RESULTS, None),
        (RESPONSE, Change.NO_RESULTS, None),
        (SEARCH, Change.NO_CALLS | Change.NO_RESULTS, SEARCH),
        (ANSWER, Change.NO_CALLS | Change.NO_RESULTS, ANSWER),
        (CALL, Change.NO_RESULTS, CALL),
        (RESULT, Change.NO_CALLS, RESULT),
        (USER, Change.NO_RESULTS, USER),
    ],
)
def test_calls_and_results_go_whole(raw: str, wanted: Change, expected: str | None) -> None:
    assert changed(raw, wanted) == expected


def test_without_its_reasoning_an_item_loses_its_id_and_nothing_else() -> None:
    bare = ANSWER.replace('"id":"msg_1", ', "")
    assert changed(unit(THOUGHT, ANSWER), Change.NO_THINKING) == bare
    bare = CALL.replace('"id" : "fc_1", ', "")
    assert changed(unit(THOUGHT, THOUGHT, CALL), Change.NO_THINKING) == bare
    anonymous = '{"role":"assistant","content":"x"}'
    assert changed(unit(THOUGHT, anonymous), Change.NO_THINKING) == anonymous


@pytest.mark.parametrize("raw", [USER, ANSWER, CALL, RESULT])
def test_an_item_without_reasoning_keeps_its_id(raw: str) -> None:
    assert changed(raw, Change.NO_THINKING) == raw


def test_a_reference_says_nothing_but_its_id() -> None:
    for reference in ('{"type":"item_reference","id":"msg_1"}', '{"id":"msg_1"}'):
        assert changed(unit(THOUGHT, reference), Change.NO_THINKING) == reference


@pytest.mark.parametrize("content", ["null", '""', "[]", '[{"type":"output_text","text":""}]'])
def test_an_answer_that_says_nothing_is_not_put_back(content: str) -> None:
    empty = f'{{"role":"assistant","content":{content}}}'
    assert changed(empty, Change.NO_MARKERS) is None
    assert changed(unit(THOUGHT, empty), Change.NO_MARKERS) is None
    assert changed(empty, Change.NO_MARKERS, ours=False) == empty


def test_a_refusal_and_an_empty_result_say_something() -> None:
    for raw in (
        '{"role":"assistant","content":[{"type":"refusal","refusal":"no"}]}',
        '{"type":"function_call_output","call_id":"a","output":""}',
    ):
        assert changed(raw, Change.NO_MARKERS) == raw


def test_a_stub_says_where_the_words_are() -> None:
    raw = unit(THOUGHT, ANSWER).encode()
    piece = Piece(read_item(raw), "ab" * 16, Change.NO_MARKERS, repeats="cd" * 16)
    made = change(piece)
    assert made is not None
    assert json.loads(made) == {"role": "assistant", "content": stub_text(piece)}


def test_a_repeated_key_does_not_stop_a_request() -> None:
    raw = '{"role":"assistant","content":"a","content":"b","id":"msg_1"}'
    assert changed(unit(THOUGHT, raw), Change.NO_THINKING) == raw


@given(
    st.lists(ODD_THOUGHT, max_size=1),
    ODD_ITEM,
    st.sets(st.sampled_from(ALL)),
    st.booleans(),
)
def test_odd_items_never_stop_a_request(
    before: list[dict[str, object]], item: dict[str, object], wanted: set[Change], ours: bool
) -> None:
    together = Change.NONE
    for one in wanted:
        together |= one
    whole = json.dumps([*before, item] if before else item)
    try:
        made = changed(whole, together, ours=ours)
    except Unreadable:
        with pytest.raises(Unreadable):
            read_item(whole.encode())
        return
    if made is not None:
        left = json.loads(made)
        last = left[-1] if isinstance(left, list) else left
        assert {**item, "id": 0} == {**last, "id": 0}
