import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.core.layout import Change, Piece, stub_text
from stitcher.messages.unreadable import Unreadable
from stitcher.simulator.rules_openai_chat import check
from stitcher.wire.openai_chat.change import change
from stitcher.wire.openai_chat.message import read_item
from tests.wire.json_text import ODD
from tests.wire.openai_chat.test_message import ODD_CALL

ALL = [Change.NO_MARKERS, Change.NO_THINKING, Change.NO_CALLS, Change.NO_RESULTS]

CALLS = '"tool_calls": [ {"id":"a","type":"function","function":{"name":"f","arguments":"{}"}} ]'
USER = '{"role": "user" , "content" :[ {"type":"text","text":"h\\u0069"} ] }'
ANSWER = '{"role": "assistant" , "content" :"h\\u0069 \\n", "novel": 1.0 }'
CALL = '{"role":"assistant" , "content":null, ' + CALLS + " }"
CALL_AND_TEXT = '{"role":"assistant" , "content": "so", ' + CALLS + ', "x":1 }'
RESULT = '{"role":"tool","tool_call_id" :"a","content":"ok" }'
LEGACY = '{"role":"assistant","content":"so","function_call" : {"name":"f","arguments":"{}"}}'


def changed(raw: str, wanted: Change, *, ours: bool = True) -> str | None:
    made = change(Piece(read_item(raw.encode()), "chain", wanted, ours=ours, marked_for=300))
    return None if made is None else made.decode()


@pytest.mark.parametrize("raw", [USER, ANSWER, CALL, CALL_AND_TEXT, RESULT, LEGACY])
@pytest.mark.parametrize("ours", [True, False])
def test_what_needs_no_change_keeps_its_bytes(raw: str, ours: bool) -> None:
    assert changed(raw, Change.NONE, ours=ours) == raw
    assert changed(raw, Change.NO_MARKERS | Change.NO_THINKING, ours=ours) == raw


@pytest.mark.parametrize("wanted", ALL)
@pytest.mark.parametrize("raw", [CALL, RESULT, '{"role":"assistant","content":""}'])
def test_what_the_client_sent_is_never_changed(raw: str, wanted: Change) -> None:
    assert changed(raw, wanted, ours=False) == raw


@pytest.mark.parametrize(
    ("raw", "wanted", "expected"),
    [
        (CALL, Change.NO_CALLS, None),
        (CALL_AND_TEXT, Change.NO_CALLS, '{"role":"assistant" , "content": "so", "x":1 }'),
        (LEGACY, Change.NO_CALLS, '{"role":"assistant","content":"so"}'),
        (RESULT, Change.NO_RESULTS, None),
        (ANSWER, Change.NO_CALLS | Change.NO_RESULTS, ANSWER),
        (USER, Change.NO_RESULTS, USER),
    ],
)
def test_calls_and_results_go_whole(raw: str, wanted: Change, expected: str | None) -> None:
    assert changed(raw, wanted) == expected


@pytest.mark.parametrize(
    "content",
    ['"content":null', '"content":""', '"content":[]', '"refusal":null', '"tool_calls":[]'],
)
def test_an_answer_that_says_nothing_is_not_put_back(content: str) -> None:
    assert changed('{"role":"assistant",' + content + "}", Change.NO_MARKERS) is None


@pytest.mark.parametrize("said", ['"refusal":"no"', '"audio":{"id":"a"}'])
def test_an_answer_that_says_something_else_than_text_is_put_back(said: str) -> None:
    raw = '{"role":"assistant","content":null,' + said + "}"
    assert changed(raw, Change.NO_MARKERS) == raw


def test_an_empty_list_of_calls_is_not_put_back() -> None:
    raw = '{"role":"assistant", "content":"x", "tool_calls":[ ], "y":1}'
    made = changed(raw, Change.NO_MARKERS)
    assert made == '{"role":"assistant", "content":"x", "y":1}'
    assert check({"model": "m", "messages": [json.loads(made)]}) is None


def test_reasoning_stays_with_a_call_and_goes_without_one() -> None:
    call = '{"role":"assistant","content":null,"reasoning_content":"hm",' + CALLS + "}"
    assert changed(call, Change.NO_MARKERS) == call
    assert changed(call, Change.NO_CALLS) is None
    text = '{"role":"assistant","content":"x","reasoning_content":"hm"}'
    assert changed(text, Change.NO_MARKERS) == '{"role":"assistant","content":"x"}'


def test_a_stub_says_where_the_words_are() -> None:
    piece = Piece(read_item(ANSWER.encode()), "ab" * 16, Change.NO_MARKERS, repeats="cd" * 16)
    made = change(piece)
    assert made is not None
    assert json.loads(made) == {"role": "assistant", "content": stub_text(piece)}


@pytest.mark.parametrize("wanted", ALL)
def test_a_repeated_key_does_not_stop_a_request(wanted: Change) -> None:
    raw = '{"role":"assistant","content":"a","content":"b","reasoning_content":"hm"}'
    assert changed(raw, wanted) == raw


@given(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "tool", "function", "system"])},
        optional={
            "content": ODD,
            "tool_calls": ODD | st.lists(ODD_CALL, max_size=2),
            "function_call": ODD,
            "reasoning_content": ODD,
            "refusal": ODD,
        },
    ),
    st.sets(st.sampled_from(ALL)),
)
def test_odd_messages_never_stop_a_request(message: dict[str, object], wanted: set[Change]) -> None:
    together = Change.NONE
    for one in wanted:
        together |= one
    try:
        made = changed(json.dumps(message), together)
    except Unreadable:
        with pytest.raises(Unreadable):
            read_item(json.dumps(message).encode())
        return
    assert made is None or json.loads(made)["role"] == message["role"]
