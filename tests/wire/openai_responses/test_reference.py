"""References: an id in the place of an item, and the item back in its place."""

from stitcher.wire.openai_responses import parse, read_item
from stitcher.wire.openai_responses.reference import dereferenced, ids, referred

THOUGHT = b'{"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"xyz"}'
ANSWER = b'{"id":"msg_1", "type":"message","role":"assistant","content":[]}'


def test_the_ids_are_found_in_order_and_once() -> None:
    body = b"""{"model": "gpt-5.5", "input": [
        {"role": "user", "content": "I am item_reference."},
        {"type": "item_reference", "id": "rs_1"},
        {"id": "msg_1"},
        {"role": "user", "content": "Again?"},
        {"type": "item_reference", "id": "rs_1"},
        {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}"}
    ]}"""
    assert referred(parse(body).items) == ["rs_1", "msg_1"]


def test_a_reference_after_reasoning_is_found() -> None:
    body = b'{"input":[' + THOUGHT + b',{"type":"item_reference","id":"msg_1"}]}'
    assert referred(parse(body).items) == ["msg_1"]


def test_what_says_something_itself_is_no_reference() -> None:
    body = b'{"input":[{"role":"user","content":"hi"},' + ANSWER + b"]}"
    assert referred(parse(body).items) == []


def test_items_take_the_place_of_their_ids_and_nothing_else_changes() -> None:
    body = (
        b'{"model":"m",\n "input": [ {"role":"user","content":"hi"} ,'
        b'{"type":"item_reference","id":"rs_1"}, {"id":"msg_1"},'
        b'{"type":"item_reference","id":"msg_unknown"}, "odd" ], "store": true}'
    )
    assert dereferenced(body, {"rs_1": THOUGHT, "msg_1": ANSWER}) == (
        b'{"model":"m",\n "input": [ {"role":"user","content":"hi"} ,'
        + THOUGHT
        + b", "
        + ANSWER
        + b","
        + b'{"type":"item_reference","id":"msg_unknown"}, "odd" ], "store": true}'
    )


def test_the_ids_of_a_message_are_those_of_all_it_is_made_of() -> None:
    message = b"[" + THOUGHT + b"," + ANSWER + b"]"
    assert ids(read_item(message).raw) == {"rs_1": THOUGHT, "msg_1": ANSWER}
    assert ids(b'{"role":"user","content":"hi"}') == {}
