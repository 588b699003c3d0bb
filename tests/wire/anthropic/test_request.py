import json
from typing import Any

import pytest
from hypothesis import given, settings

from stitcher.messages.unreadable import Unreadable
from stitcher.wire.anthropic.message import read_item
from stitcher.wire.anthropic.request import ask_usage, build, parse
from stitcher.wire.members import elements
from tests.wire.json_text import VALUE

USER = '{"role" : "user","content":"h\\u0069"}'
ANSWER = '{"role":"assistant","content":[ {"type":"text","text":"ho"} ]}'
SYSTEM = '[ {"type":"text","text":"be brief"} ]'
TOOLS = '[ {"name":"f", "input_schema":{"type":"object"}}, {"type":"web_search_20250305"} ]'
EPHEMERAL = '"cache_control":{"type":"ephemeral"}'
BILLING = (
    '{"type":"text","text":"x-anthropic-billing-header: cc_version=2.1.330.%s; cc_entrypoint=cli;"}'
)


def request(*messages: str, **more: str) -> bytes:
    members = [f'"{key}" : {value}' for key, value in more.items()]
    listed = '"messages": [ ' + " , ".join(messages) + " ]"
    return ('{ "model":"claude-opus-5", ' + ", ".join([listed, *members]) + " }").encode()


def marked(*blocks: str, role: str = "user") -> str:
    return json.dumps({"role": role, "content": [json.loads(block) for block in blocks]})


TEXT = '{"type":"text","text":"hi"}'
MARKED = '{"type":"text","text":"hi",' + EPHEMERAL + "}"
MARKED_TOOLS = '[{"name":"f",' + EPHEMERAL + "}]"
NO_MARKER = '{"type":"tool_use","id":"t","name":"f","input":{' + EPHEMERAL + "}}"
NESTED = '{"type":"tool_result","tool_use_id":"t","content":[' + MARKED + "," + MARKED + "]}"


def test_a_request_is_head_and_history() -> None:
    call = parse(
        request(USER, ANSWER, USER, system=SYSTEM, tools=TOOLS, max_tokens="64", stream="true")
    )
    assert [item.raw.decode() for item in call.items] == [USER, ANSWER, USER]
    assert call.system == SYSTEM.encode()
    assert call.tools == TOOLS.encode()
    assert call.tool_names == ("f", "web_search_20250305")
    assert call.system_start == "be brief"
    assert call.model == "claude-opus-5"
    assert call.answer_tokens == 64
    assert call.stream
    assert call.asks_usage
    assert call.dialect == "anthropic"


def test_a_request_without_a_head() -> None:
    for nothing in ({}, {"system": "null", "tools": "[]"}, {"system": '""'}, {"system": "[ ]"}):
        call = parse(request(USER, **nothing))
        assert call.system is None
        assert call.tools is None
        assert call.head_tokens == 0
        assert call.tool_names == ()
        assert call.system_start == ""
        assert not call.stream


@pytest.mark.parametrize(
    ("more", "messages", "breakpoints", "on_messages", "on_last"),
    [
        ({}, [USER], 0, False, None),
        ({"system": f"[{MARKED}]"}, [USER], 1, False, None),
        ({"tools": MARKED_TOOLS, "system": f"[{MARKED},{MARKED}]"}, [USER], 3, False, None),
        ({}, [marked(TEXT, MARKED)], 1, True, True),
        ({}, [marked(MARKED), ANSWER, marked(MARKED)], 2, True, True),
        ({}, [USER, marked(MARKED, role="assistant"), USER], 1, True, False),
        ({}, [USER, marked(MARKED, role="system")], 1, True, True),
        ({}, [marked(NESTED)], 2, True, True),
        ({"cache_control": '{"type":"ephemeral"}'}, [USER], 1, True, None),
        ({"cache_control": "null"}, [USER], 0, False, None),
        ({}, [marked('{"type":"text","text":"hi","cache_control":null}')], 0, False, None),
        ({}, [marked(NO_MARKER, role="assistant")], 0, False, None),
        ({}, [marked('{"type":"text","text":"\\"cache_control\\":1"}')], 0, False, None),
    ],
)
def test_breakpoints_are_counted_wherever_they_stand(
    more: dict[str, str],
    messages: list[str],
    breakpoints: int,
    on_messages: bool,
    on_last: bool | None,
) -> None:
    call = parse(request(*messages, **more))
    assert call.breakpoints == breakpoints
    assert call.marks_messages is on_messages
    assert call.marks_last_message is on_last


def digest(system: str, tools: str = TOOLS) -> str:
    return parse(request(USER, system=system, tools=tools)).head_digest


def test_a_head_s_digest_leaves_out_what_changes_with_every_request() -> None:
    one = digest(f"[{BILLING % 'abc'},{TEXT}]")
    assert one == digest(f"[{BILLING % 'fff'}, {TEXT}]")
    assert one == digest(f"[{TEXT}]")
    assert one == digest('"hi"')
    assert one == digest(f"[{MARKED}]")
    assert one == digest('[{"text":"hi","type":"text"}]')
    tools = json.loads(TOOLS)
    tools[0]["cache_control"] = {"type": "ephemeral"}
    assert one == digest('"hi"', json.dumps(tools))


@pytest.mark.parametrize(
    ("system", "tools"),
    [
        ('"ho"', TOOLS),
        (f"[{TEXT},{TEXT}]", TOOLS),
        ('"hi"', "[]"),
        ('"hi"', TOOLS.replace('"f"', '"g"')),
        ('"hi"', json.dumps(json.loads(TOOLS)[::-1])),
        ("null", TOOLS),
    ],
)
def test_a_head_s_digest_changes_with_what_a_model_sees(system: str, tools: str) -> None:
    assert digest('"hi"') != digest(system, tools)


def test_the_billing_block_is_where_a_system_prompt_starts_and_is_kept() -> None:
    system = f"[{BILLING % 'abc; cc_is_subagent=true'},{TEXT}]"
    call = parse(request(USER, system=system))
    assert call.system == system.encode()
    assert "cc_is_subagent=true" in call.system_start


def test_the_user_id() -> None:
    assert parse(request(USER, metadata='{"user_id":"u_1"}')).user_id == "u_1"
    for odd in ("null", "{}", '"x"', '{"user_id":7}', '{"user_id":""}'):
        assert parse(request(USER, metadata=odd)).user_id is None


def test_a_head_costs_what_it_holds() -> None:
    assert 500 < parse(request(USER, system=json.dumps("word " * 400))).head_tokens < 900


def test_a_body_built_with_its_own_messages_says_the_same() -> None:
    body = request(USER, ANSWER, system=SYSTEM, temperature="1.0", novel='{ "x":1e2 }')
    call = parse(body)
    made = build(call, system=None, tools=None, messages=[item.raw for item in call.items])
    start, end = call.members["messages"].start, call.members["messages"].end
    assert made.startswith(body[:start])
    assert made.endswith(body[end:])
    assert elements(made[start : len(made) - len(body) + end]) == [USER.encode(), ANSWER.encode()]


def test_a_head_is_lent_only_where_there_is_none() -> None:
    system, tools = b'"lent"', b'[{"name":"lent"}]'
    bare = parse(request(USER, system="null", max_tokens="7"))
    made = build(bare, system=system, tools=tools, messages=[ANSWER.encode(), USER.encode()])
    assert json.loads(made) == {
        "model": "claude-opus-5",
        "messages": [json.loads(ANSWER), json.loads(USER)],
        "system": "lent",
        "max_tokens": 7,
        "tools": [{"name": "lent"}],
    }
    own = parse(request(USER, system=SYSTEM, tools=TOOLS))
    made = build(own, system=system, tools=tools, messages=[USER.encode()])
    assert json.loads(made)["system"] == json.loads(SYSTEM)
    assert json.loads(made)["tools"] == json.loads(TOOLS)


def test_usage_need_not_be_asked_for() -> None:
    body = request(USER, stream="true")
    assert ask_usage(body) is body


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
        request('{"role":"tool","content":"x"}'),
        request('{"role":"user","content":7}'),
        request(USER, messages="[]"),
        request(USER, system="7"),
        request(USER, system='["x"]'),
        request(USER, metadata='"\\ud800"'),
        b'{"messages":[{"role":"user","content":"\xff"}]}',
        request(USER, tools='["\\ud800"]'),
        request(USER, tools="[" * 90_000 + "]" * 90_000),
    ],
)
def test_what_cannot_be_read_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        parse(body)


@settings(max_examples=40)
@given(VALUE, VALUE, VALUE, VALUE)
def test_odd_members_are_read_or_unreadable_never_another_error(
    tools: Any, system: Any, model: Any, limit: Any
) -> None:
    body = json.dumps(
        {
            "model": model,
            "messages": [{"role": "user", "content": "hi"}],
            "tools": tools,
            "system": system,
            "stream": limit,
            "max_tokens": limit,
            "cache_control": limit,
            "metadata": model,
        }
    ).encode()
    try:
        call = parse(body)
    except Unreadable:
        return
    assert call.items == (read_item(b'{"role": "user", "content": "hi"}'),)


def test_line_breaks_between_values_do_not_reach_the_log() -> None:
    spaced = json.dumps(
        {
            "messages": [json.loads(USER)],
            "tools": json.loads(TOOLS),
            "system": json.loads(SYSTEM),
        },
        indent=2,
    )
    call = parse(spaced.encode())
    assert call.body == spaced.encode()
    for kept in (call.system, call.tools, *(item.raw for item in call.items)):
        assert kept
        assert b"\n" not in kept
