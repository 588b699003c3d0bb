"""Bodies nobody can make sense of: they go on as they came, and the provider says what is wrong."""

import json

import pytest

from tests.exchange.dialogue import Client

BODIES = {
    "no JSON": b"hello",
    "nothing": b"",
    "half": b'{"model": "gpt-6", "messages": [',
    "a list": b"[]",
    "null": b"null",
    "no messages": b'{"model": "gpt-6"}',
    "messages null": b'{"model": "m", "messages": null}',
    "messages a string": b'{"model": "m", "messages": "hi"}',
    "messages an object": b'{"model": "m", "messages": {}}',
    "messages empty": b'{"model": "m", "messages": []}',
    "a message a string": b'{"model": "m", "messages": ["hi"]}',
    "a message null": b'{"model": "m", "messages": [null]}',
    "no role": b'{"model": "m", "messages": [{"content": "hi"}]}',
    "an odd role": b'{"model": "m", "messages": [{"role": "martian", "content": "hi"}]}',
    "a role a list": b'{"model": "m", "messages": [{"role": ["user"], "content": "hi"}]}',
    "a role an object": b'{"model": "m", "messages": [{"role": {}, "content": "hi"}]}',
    "content a number": b'{"model": "m", "messages": [{"role": "user", "content": 5}]}',
    "content of numbers": b'{"model": "m", "messages": [{"role": "user", "content": [5]}]}',
    "content an object": b'{"model": "m", "messages": [{"role": "user", "content": {}}]}',
    "text a number": b'{"model": "m", "messages": [{"role": "user", "content": '
    b'[{"type": "text", "text": 5}]}]}',
    "invalid UTF-8": b'{"model": "m", "messages": [{"role": "user", "content": "\xff"}]}',
    "a lone surrogate": b'{"model": "m", "messages": [{"role": "user", "content": "\\ud800"}]}',
    "nested deeply": b'{"model": "m", "messages": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "nested in a message": b'{"model": "m", "messages": [{"role": "user", "content": '
    + b"[" * 50_000
    + b"]" * 50_000
    + b"}]}",
    "a repeated key": b'{"model": "m", "messages": [], "messages": [{"role": "user"}]}',
    "a huge number": b'{"model": "m", "max_tokens": 1e999, "messages": '
    b'[{"role": "user", "content": "hi"}]}',
    "a longer number": b'{"model": "m", "max_tokens": ' + b"9" * 5_000 + b', "messages": '
    b'[{"role": "user", "content": "hi"}]}',
    "odd members": b'{"model": 5, "stream": "yes", "tools": 5, "stream_options": [], "n": {}, '
    b'"metadata": 5, "system": 5, "max_tokens": "x", "prompt_cache_key": [], '
    b'"instructions": 5, "previous_response_id": 5, "conversation": [], "store": "no", '
    b'"messages": [{"role": "user", "content": "hi"}]}',
    "odd tools": b'{"model": "m", "tools": [5, null, {}, {"function": 5}], '
    b'"messages": [{"role": "user", "content": "hi"}]}',
    "odd calls": b'{"model": "m", "messages": [{"role": "user", "content": "hi"}, '
    b'{"role": "assistant", "tool_calls": [5, {"function": 5}, {"id": [], "function": {}}]}]}',
    "odd blocks": b'{"model": "m", "messages": [{"role": "user", "content": '
    b'[{"type": []}, {"type": "tool_result", "content": 5}, {"type": "image", "source": 5}]}]}',
    "a BOM": b'\xef\xbb\xbf{"model": "m", "messages": [{"role": "user", "content": "hi"}]}',
    "only system": b'{"model": "m", "messages": [{"role": "system", "content": "hi"}]}',
}


def _for(client: Client, name: str) -> bytes:
    """The body as this dialect's endpoint is sent it: the Responses API calls messages input."""
    if client.dialect == "openai_responses":
        return BODIES[name].replace(b'"messages"', b'"input"')
    return BODIES[name]


@pytest.mark.parametrize("session", ["s", None])
@pytest.mark.parametrize("name", BODIES)
def test_it_goes_on_as_it_came(client: Client, name: str, session: str | None) -> None:
    client.session = session
    reply = client.sends_bytes(_for(client, name))
    assert reply.error is None
    assert client.talk.provider.last.untouched
    assert reply.status in (200, 400)
    if reply.status == 400:
        assert "error" in reply.json
    client.talk.refusals_expected = sum(s.refusal is not None for s in client.talk.provider.seen)


@pytest.mark.parametrize("name", BODIES)
def test_and_leaves_the_memory_as_it_was(client: Client, name: str) -> None:
    client.says("one")
    reply = client.sends_bytes(_for(client, name))
    assert reply.error is None
    client.talk.refusals_expected = sum(s.refusal is not None for s in client.talk.provider.seen)
    client.says("two")
    assert client.saw()[0] == "user: one"
    assert client.saw()[-1] == "user: two"


def test_unknown_members_survive(client: Client) -> None:
    client.says("one")
    message = {"role": "user", "content": "two"}
    body = client.body([message], future_field={"a": [1, 2.50, "\u00e9"]})
    with client.talk.refusing("the simulated provider knows no such field"):
        client.sends_bytes(json.dumps(body).encode())
    assert client.talk.provider.last.json["future_field"] == {"a": [1, 2.50, "\u00e9"]}
    assert b'{"a": [1, 2.5, "\\u00e9"]}' in client.talk.provider.last.body


def test_a_number_keeps_its_digits(client: Client) -> None:
    client.says("one")
    body = json.dumps(client.body([{"role": "user", "content": "two"}])).encode()
    body = body[:-1] + b', "temperature": 0.70}'
    client.sends_bytes(body)
    assert b'"temperature": 0.70' in client.talk.provider.last.body
