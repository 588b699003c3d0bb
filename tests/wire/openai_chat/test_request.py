import json
from typing import Any

import pytest
from hypothesis import given, settings

from stitcher.messages.unreadable import Unreadable
from stitcher.wire.members import elements
from stitcher.wire.openai_chat.message import read_item
from stitcher.wire.openai_chat.request import ask_usage, build, parse
from tests.wire.json_text import VALUE, spelled

SYSTEM = '{ "role":"system", "content": "be br\\u0069ef" }'
DEVELOPER = '{"role":"developer","content":[{"type":"text","text":"and kind"}]}'
USER = '{"role" : "user","content":"h\\u0069"}'
ANSWER = '{"role":"assistant","content":"ho"}'
TOOLS = '[ {"type":"function", "function":{"name":"f"}}, {"type":"custom","custom":{"name":"g"}} ]'


def request(*messages: str, **more: str) -> bytes:
    members = [f'"{key}" : {value}' for key, value in more.items()]
    listed = '"messages": [ ' + " , ".join(messages) + " ]"
    return ('{ "model":"gpt-4o", ' + ", ".join([listed, *members]) + " }").encode()


def test_leading_system_messages_are_the_head_and_the_rest_is_history() -> None:
    call = parse(request(SYSTEM, DEVELOPER, USER, SYSTEM, ANSWER, USER, tools=TOOLS))
    assert [item.raw.decode() for item in call.items] == [USER, SYSTEM, ANSWER, USER]
    assert elements(call.system or b"") == [SYSTEM.encode(), DEVELOPER.encode()]
    assert call.tools == TOOLS.encode()
    assert call.system_start == "be brief"
    assert call.model == "gpt-4o"
    assert call.dialect == "openai_chat"
    assert call.tool_names == ("f", "g")
    assert call.breakpoints == 0
    assert not call.marks_messages


def test_a_request_without_a_head() -> None:
    call = parse(request(USER))
    assert call.system is None
    assert call.tools is None
    assert call.head_tokens == 0
    assert call.system_start == ""
    assert call.tool_names == ()
    for nothing in ("null", "[]"):
        assert parse(request(USER, tools=nothing)).tools is None


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, None),
        ({"max_tokens": "5"}, 5),
        ({"max_completion_tokens": "7"}, 7),
        ({"max_tokens": "5", "max_completion_tokens": "7"}, 7),
        ({"max_tokens": "null"}, None),
        ({"max_tokens": '"5"'}, None),
    ],
)
def test_how_much_the_model_may_say(more: dict[str, str], expected: int | None) -> None:
    assert parse(request(USER, **more)).answer_tokens == expected


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, True),
        ({"stream": "false"}, True),
        ({"stream": "true"}, False),
        ({"stream": "true", "stream_options": "null"}, False),
        ({"stream": "true", "stream_options": "{}"}, False),
        ({"stream": "true", "stream_options": '{"include_usage":false}'}, False),
        ({"stream": "true", "stream_options": '{"include_usage":true}'}, True),
        ({"stream": "true", "stream_options": "7"}, False),
    ],
)
def test_whether_the_client_asks_for_usage(more: dict[str, str], expected: bool) -> None:
    call = parse(request(USER, **more))
    assert call.asks_usage is expected
    assert call.stream is (more.get("stream") == "true")


def test_the_cache_key() -> None:
    assert parse(request(USER, prompt_cache_key='"k:0"')).cache_key == "k:0"
    for nothing in ("null", '""', "7"):
        assert parse(request(USER, prompt_cache_key=nothing)).cache_key is None


HEAD = (SYSTEM, TOOLS)


@pytest.mark.parametrize(
    ("system", "tools", "same"),
    [
        (SYSTEM, TOOLS, True),
        ('{"content":"be brief","role":"system"}', TOOLS, True),
        ('{"role":"developer","content":[{"type":"text","text":"be brief"}]}', TOOLS, True),
        (SYSTEM, TOOLS.replace(" ", ""), True),
        (SYSTEM.replace("br", "Br"), TOOLS, False),
        (SYSTEM, TOOLS.replace('"f"', '"h"'), False),
        (SYSTEM, "[]", False),
        (f"{SYSTEM},{DEVELOPER}", TOOLS, False),
    ],
)
def test_a_head_s_digest_changes_with_what_a_model_sees(
    system: str, tools: str, same: bool
) -> None:
    one = parse(request(SYSTEM, USER, tools=TOOLS)).head_digest
    other = parse(request(system, USER, tools=tools)).head_digest
    assert (one == other) is same


def test_a_head_costs_what_it_holds() -> None:
    long = json.dumps({"role": "system", "content": "word " * 400})
    assert 400 < parse(request(long, USER)).head_tokens < 700
    assert (
        parse(request(long, USER, tools=TOOLS)).head_tokens > parse(request(long, USER)).head_tokens
    )


def test_a_body_built_with_its_own_messages_says_the_same() -> None:
    body = request(SYSTEM, USER, ANSWER, tools=TOOLS, temperature="1.0", novel='{ "x":1e2 }')
    call = parse(body)
    made = build(call, system=None, tools=None, messages=[item.raw for item in call.items])
    start, end = call.members["messages"].start, call.members["messages"].end
    assert made.startswith(body[:start])
    assert made.endswith(body[end:])
    assert elements(made[start : len(made) - len(body) + end]) == [
        raw.encode() for raw in (SYSTEM, USER, ANSWER)
    ]


def test_a_head_is_lent_only_where_there_is_none() -> None:
    lent = {"system": f"[{DEVELOPER}]".encode(), "tools": b'[{"type":"lent"}]'}
    bare = parse(request(USER, seed="7"))
    made = build(bare, **lent, messages=[ANSWER.encode(), USER.encode()])
    assert json.loads(made) == {
        "model": "gpt-4o",
        "messages": [json.loads(raw) for raw in (DEVELOPER, ANSWER, USER)],
        "seed": 7,
        "tools": [{"type": "lent"}],
    }
    null = parse(request(USER, tools="null"))
    assert json.loads(build(null, **lent, messages=[]))["tools"] == [{"type": "lent"}]
    own = parse(request(SYSTEM, USER, tools=TOOLS))
    made = build(own, **lent, messages=[USER.encode()])
    assert json.loads(made)["messages"] == [json.loads(SYSTEM), json.loads(USER)]
    assert json.loads(made)["tools"] == json.loads(TOOLS)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", ',"stream_options":{"include_usage":true}'),
        (' , "stream_options" : null', ' , "stream_options" : {"include_usage":true}'),
        (' , "stream_options" : {}', ' , "stream_options" : {"include_usage":true}'),
        (' , "stream_options" : { }', ' , "stream_options" : {"include_usage":true }'),
        (
            ', "stream_options":{ "include_usage" : false }',
            ', "stream_options":{ "include_usage" : true }',
        ),
        (
            ', "stream_options":{"include_usage":null , "x":1.0}',
            ', "stream_options":{"include_usage":true , "x":1.0}',
        ),
        (
            ', "stream_options":{ "include_obfuscation":false }',
            ', "stream_options":{ "include_obfuscation":false,"include_usage":true }',
        ),
        (', "stream_options":{"a":1,"a":2}', ', "stream_options":{"a":1,"a":2}'),
    ],
)
def test_asking_for_usage_changes_one_member(more: str, expected: str) -> None:
    before = '{ "messages":[ ] , "stream":true'
    body = f"{before}{more} }}".encode()
    assert ask_usage(body).decode() == f"{before}{expected} }}"


@given(VALUE.flatmap(spelled))
def test_asking_for_usage_always_leaves_a_request(options: str) -> None:
    body = request(USER, stream="true", stream_options=options)
    made = ask_usage(body)
    assert json.loads(made)["stream_options"]["include_usage"] is True
    assert made.count(USER.encode()) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"messages":null}',
        b'{"messages":{}}',
        b'{"messages":[]}',
        b'{"messages":[1]}',
        request(SYSTEM),
        request('{"role":"model","content":"x"}'),
        request('{"role":"user","content":7}'),
        request(USER, messages="[]"),
        request(USER, stream_options='"\\ud800"'),
        b'{"messages":[{"role":"user","content":"\xff"}]}',
        request(USER, tools='["\\ud800"]'),
    ],
)
def test_what_cannot_be_read_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        parse(body)


@settings(max_examples=40)
@given(VALUE, VALUE, VALUE, VALUE)
def test_odd_members_are_read_or_unreadable_never_another_error(
    tools: Any, options: Any, model: Any, limit: Any
) -> None:
    body = json.dumps(
        {
            "model": model,
            "messages": [{"role": "user", "content": "hi"}],
            "tools": tools,
            "stream_options": options,
            "stream": limit,
            "max_tokens": limit,
            "prompt_cache_key": model,
        }
    ).encode()
    assert parse(body).items == (read_item(b'{"role": "user", "content": "hi"}'),)


def test_line_breaks_between_values_do_not_reach_the_log() -> None:
    spaced = json.dumps(
        {"messages": [json.loads(SYSTEM), json.loads(USER)], "tools": json.loads(TOOLS)}, indent=2
    )
    call = parse(spaced.encode())
    assert call.body == spaced.encode()
    for kept in (call.system, call.tools, *(item.raw for item in call.items)):
        assert kept
        assert b"\n" not in kept
