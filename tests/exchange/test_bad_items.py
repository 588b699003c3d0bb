"""Items that the Responses API refuses: they go on as they came, and the provider says why.

What it says goes back unchanged, and the log goes on as if the request had not been.
"""

import json
from typing import Any

import pytest

from tests.exchange.dialogue import Client, Dialogue
from tests.exchange.messages import Message, call, results, tools, user

CALL: Message = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"}
OUTPUT: Message = {"type": "function_call_output", "call_id": "c1", "output": "sunny"}
HI = user("hi")

INPUTS: dict[str, Any] = {
    "a number": 5,
    "a boolean": True,
    "an object": HI,
    "numbers": [5],
    "lists": [[HI]],
    "an unknown type": [{"type": "telepathy", "text": "hi"}, HI],
    "a type that is a number": [{"type": 5}, HI],
    "an item of nothing": [{}, HI],
    "a message without content": [{"role": "user"}],
    "a part of another API": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
    "a person's words as the model's": [
        {"role": "user", "content": [{"type": "output_text", "text": "hi"}]}
    ],
    "an orphaned output": [HI, OUTPUT],
    "an output before its call": [OUTPUT, CALL, HI],
    "a call without an output": [HI, CALL, user("and?")],
    "one call twice": [HI, CALL, CALL, OUTPUT, OUTPUT],
    "an id twice": [{**HI, "id": "msg_1"}, {**user("ho"), "id": "msg_1"}],
    "an id with another's prefix": [{**HI, "id": "rs_1"}],
    "an id of odd letters": [{**HI, "id": "msg_ß 1"}],
    "an id too long": [{**HI, "id": "msg_" + "x" * 100}],
    "an empty call id": [HI, {**CALL, "call_id": ""}, {**OUTPUT, "call_id": ""}],
    "a call id that is a number": [HI, {**CALL, "call_id": 5}, {**OUTPUT, "call_id": 5}],
    "arguments that are an object": [HI, {**CALL, "arguments": {}}, OUTPUT],
    "output that is a number": [HI, CALL, {**OUTPUT, "output": 5}],
    "reasoning alone": [HI, {"type": "reasoning", "id": "rs_1", "summary": []}, user("and?")],
    "reasoning before a person": [{"type": "reasoning", "id": "rs_1", "summary": []}, HI],
    "reasoning by no name": [
        {"type": "reasoning", "summary": []},
        {"role": "assistant", "content": "Hm."},
        HI,
    ],
    "sealed by nobody": [{"type": "compaction", "encrypted_content": "abc"}, HI],
    "a trigger in the middle": [{"type": "compaction_trigger"}, HI],
    "a reference to nothing": [{"type": "item_reference", "id": "msg_never"}, HI],
    "a bare id": [{"id": "msg_never"}, HI],
    "a lone surrogate": [user("\ud800")],
    "a NUL": [user("a\u0000b")],
    "nested deeply": json.loads("[" * 500 + "]" * 500),
}


def _refusals(client: Client) -> int:
    return sum(seen.refusal is not None for seen in client.talk.provider.seen)


@pytest.fixture(params=["s", None], ids=["named", "anonymous"])
def somebody(talk: Dialogue, request: pytest.FixtureRequest) -> Client:
    return talk.client("openai_responses", session=request.param)


def _sends(client: Client, items: Any, **extra: Any) -> tuple[int, bytes]:
    body = json.dumps({"model": "gpt-6", "input": items, **extra}).encode()
    reply = client.sends_bytes(body)
    assert reply.error is None
    client.talk.refusals_expected = _refusals(client)
    return reply.status, reply.body


@pytest.mark.parametrize("name", INPUTS)
def test_they_go_on_as_they_came(somebody: Client, name: str) -> None:
    status, said = _sends(somebody, INPUTS[name])
    assert somebody.talk.provider.last.untouched
    assert len(somebody.talk.provider.seen) == 1
    refusal = somebody.talk.provider.last.refusal
    assert status == (refusal.status if refusal else 200)
    if refusal:
        assert json.loads(said)["error"]["message"] == refusal.message


def test_most_of_them_are_refused(talk: Dialogue) -> None:
    """Otherwise the test above would say little."""
    taken = {
        name
        for name in INPUTS
        if _sends(talk.client("openai_responses", session=name), INPUTS[name])[0] == 200
    }
    assert taken <= {"a lone surrogate", "a NUL", "reasoning alone"}


@pytest.mark.parametrize("name", INPUTS)
def test_the_log_goes_on_without_them(talk: Dialogue, name: str) -> None:
    client = talk.client("openai_responses", session="s")
    client.says("one")
    status, _ = _sends(client, INPUTS[name])
    client.says("two")
    assert client.saw()[:2] == ["user: one", "assistant: Reply 1 to: one"]
    assert client.saw()[-1] == "user: two"
    if status != 200:
        assert len(client.saw()) == 3


@pytest.mark.parametrize("name", INPUTS)
def test_nor_does_a_chain(talk: Dialogue, name: str) -> None:
    """What follows an answer is put behind it where it can be read; else the provider says why."""
    client = talk.client("openai_responses")
    one = client.says("one")
    _sends(client, INPUTS[name], previous_response_id=client.id_of(one))
    client.follows(one, "two")
    assert client.saw() == ["user: one", "assistant: Reply 1 to: one", "user: two"]


def test_what_was_put_back_is_made_whole_and_what_was_sent_is_not(talk: Dialogue) -> None:
    """The client's own mistake is named to it; ours would be a fault of ours."""
    client = talk.client(
        "openai_responses", session="s", extra={"tools": tools("openai_responses")}
    )
    client.says("go [[tool look {}]]")
    with talk.refusing("the client answers a call that nobody made"):
        reply = client.sends(results("openai_responses", ("call_never", "sunny")))
    assert b"No tool call found" in reply.body
    with talk.refusing("the client calls and brings no result"):
        client.sends([user("hi"), *call("openai_responses", "c9")["items"], user("and?")])
    assert client.says("never mind").status == 200
    assert client.saw() == ["user: go [[tool look {}]]", "user: never mind"]
