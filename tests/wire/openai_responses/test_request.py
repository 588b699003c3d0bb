import json
from typing import Any

import pytest
from hypothesis import given, settings

from stitcher.messages.unreadable import Unreadable
from stitcher.wire.call import Aside, Call
from stitcher.wire.members import elements
from stitcher.wire.openai_responses.message import read_item
from stitcher.wire.openai_responses.request import ask_usage, build, continuing, parse
from tests.wire.json_text import VALUE, spelled

DEVELOPER = '{"type":"message","role":"developer","content":[{"type":"input_text","text":"br"}]}'
SYSTEM = '{ "role":"system", "content": "and k\\u0069nd" }'
OFFERS = (
    '{"type":"additional_tools","id":"at_1","role":"developer","tools":['
    '{"type":"custom","name":"exec"},{"type":"namespace","name":"agents","tools":[]}]}'
)
USER = '{"role" : "user","content":"h\\u0069"}'
ANSWER = '{"type":"message","id":"msg_1","role":"assistant","content":[]}'
THOUGHT = '{"type":"reasoning","id":"rs_1" , "summary":[], "content":null}'
THOUGHT_2 = '{"type":"reasoning","id":"rs_2","summary":[],"encrypted_content":"x"}'
CALL = '{"type":"custom_tool_call","id":"ctc_1","call_id":"a","name":"exec","input":"text(1)"}'
RESULT = '{"type":"custom_tool_call_output","call_id":"a","output":"1"}'
TRIGGER = '{"type":"compaction_trigger"}'
TOOLS = '[ {"type":"function", "name":"f"}, {"type":"namespace","name":"n"}, {"type":"web_search"}]'
BE_BRIEF = '"be br\\u0069ef"'


def request(*items: str, **more: str) -> bytes:
    return body(input="[ " + " , ".join(items) + " ]", **more)


def body(**members: str) -> bytes:
    said = [f'"{key}" : {value}' for key, value in {"model": '"gpt-6"', **members}.items()]
    return ("{ " + ", ".join(said) + " }").encode()


def sent(call: Call) -> list[str]:
    return [item.raw.decode() for item in call.items]


def rebuilt(call: Call, **lent: bytes | None) -> Any:
    messages = [item.raw for item in call.items] + [aside.raw for aside in call.asides]
    return build(call, **{"system": None, "tools": None, **lent}, messages=messages)


def test_instructions_and_leading_items_are_the_head_and_the_rest_is_history() -> None:
    call = parse(
        request(OFFERS, DEVELOPER, USER, SYSTEM, ANSWER, USER, instructions=BE_BRIEF, tools=TOOLS)
    )
    assert sent(call) == [USER, SYSTEM, ANSWER, USER]
    assert elements(call.system or b"") == [
        BE_BRIEF.encode(),
        OFFERS.encode(),
        DEVELOPER.encode(),
    ]
    assert call.tools == TOOLS.encode()
    assert call.tool_names == ("f", "n", "web_search", "exec", "agents")
    assert call.system_start == "be brief"
    assert call.model == "gpt-6"
    assert call.dialect == "openai_responses"
    assert call.asks_usage


def test_a_head_without_instructions() -> None:
    call = parse(request(OFFERS, DEVELOPER, USER))
    assert elements(call.system or b"") == [OFFERS.encode(), DEVELOPER.encode()]
    assert call.system_start == "br"
    assert call.tool_names == ("exec", "agents")


def test_a_request_without_a_head() -> None:
    for nothing in ({}, {"instructions": "null", "tools": "[]"}, {"instructions": '""'}):
        call = parse(request(USER, **nothing))
        assert call.system is None
        assert call.tools is None
        assert call.head_tokens == 0
        assert call.system_start == ""
        assert call.tool_names == ()


def test_an_input_of_text_is_what_a_user_says() -> None:
    call = parse(body(input='"h\\u0069"'))
    assert sent(call) == ['{"role":"user","content":"h\\u0069"}']
    assert call.items[0] == read_item(USER.replace(" ", "").encode())


def test_reasoning_belongs_to_the_item_it_comes_before() -> None:
    call = parse(request(USER, THOUGHT, THOUGHT_2, CALL, RESULT, THOUGHT, ANSWER, USER))
    assert sent(call) == [
        USER,
        f"[{THOUGHT},{THOUGHT_2},{CALL}]",
        RESULT,
        f"[{THOUGHT},{ANSWER}]",
        USER,
    ]
    assert call.items[1].calls == call.items[2].answers == ("a",)
    assert call.asides == ()


def test_a_prompt_sent_in_two_parts_is_one_head() -> None:
    """Codex 0.169 over WebSocket: the beginning to warm up with, the rest with the first turn."""
    warmed = parse(request(OFFERS, generate="false"))
    turn = parse(request(DEVELOPER, USER, TRIGGER, previous_response_id='"resp_1"'))
    whole = parse(request(OFFERS, DEVELOPER, USER, TRIGGER))
    begun = continuing(turn, warmed.system, begins=True)
    assert begun.items == whole.items
    assert begun.asides == whole.asides
    assert begun.head_digest == whole.head_digest != warmed.head_digest
    assert begun.head_tokens == whole.head_tokens
    assert json.loads(begun.system or b"") == json.loads(whole.system or b"")
    assert sent(continuing(turn, None, begins=True)) == [USER]


def test_what_codex_repeats_after_a_cut_stream_is_said_once() -> None:
    call = parse(request(DEVELOPER, USER, THOUGHT, THOUGHT_2))
    assert sent(call) == [USER]
    assert call.asides == (Aside(1, THOUGHT.encode()), Aside(1, THOUGHT_2.encode()))


def test_a_trigger_of_compaction_is_said_once() -> None:
    call = parse(request(USER, ANSWER, TRIGGER))
    assert sent(call) == [USER, ANSWER]
    assert call.asides == (Aside(2, TRIGGER.encode()),)
    after = parse(request(TRIGGER, previous_response_id='"resp_1"'))
    assert sent(after) == []
    assert after.asides == (Aside(0, TRIGGER.encode()),)


@pytest.mark.parametrize(
    ("more", "after", "conversation"),
    [
        ({"previous_response_id": '"resp_1"'}, "resp_1", None),
        ({"conversation": '"conv_1"'}, None, "conv_1"),
        ({"conversation": '{ "id":"conv_1" }'}, None, "conv_1"),
        ({"previous_response_id": "null", "conversation": "null"}, None, None),
        ({"previous_response_id": '""', "conversation": '""'}, None, None),
        ({"conversation": "{}"}, None, None),
        ({"conversation": "7"}, None, None),
    ],
)
def test_what_a_request_continues(
    more: dict[str, str], after: str | None, conversation: str | None
) -> None:
    call = parse(request(DEVELOPER, USER, **more))
    assert call.after == after
    assert call.conversation == conversation
    chained = bool(after or conversation)
    assert sent(call) == ([DEVELOPER, USER] if chained else [USER])
    assert (call.system is None) is chained


@pytest.mark.parametrize(
    "more",
    [{"previous_response_id": '"resp_1"'}, {"conversation": '"conv_1"'}, {"prompt": '{"id":"p"}'}],
)
@pytest.mark.parametrize("said", [{}, {"input": "[]"}, {"input": "null"}, {"input": '""'}])
def test_nothing_may_be_said_where_something_is_continued(
    said: dict[str, str], more: dict[str, str]
) -> None:
    call = parse(body(**said, **more))
    assert call.items == ()
    assert json.loads(rebuilt(call))["input"] == []


@pytest.mark.parametrize(
    ("more", "generates"),
    [
        ({}, True),
        ({"generate": "true"}, True),
        ({"generate": "false"}, False),
        ({"prompt_cache_options": '{"prewarm":true}'}, False),
        ({"prompt_cache_options": '{"prewarm":true}', "generate": "true"}, False),
        ({"prompt_cache_options": '{"ttl":"12h"}'}, True),
    ],
)
def test_a_prewarm_needs_no_message(more: dict[str, str], generates: bool) -> None:
    assert parse(request(DEVELOPER, USER, **more)).generates is generates
    if generates:
        with pytest.raises(Unreadable, match="without a message"):
            parse(request(DEVELOPER, **more))
    else:
        assert parse(request(DEVELOPER, **more)).system == f"[{DEVELOPER}]".encode()


def test_what_else_decides_where_a_request_belongs() -> None:
    call = parse(request(USER))
    assert (call.stores, call.background, call.stream, call.answer_tokens) == (
        True,
        False,
        False,
        None,
    )
    call = parse(
        request(
            USER,
            store="false",
            background="true",
            stream="true",
            max_output_tokens="9",
            prompt_cache_key='"k"',
        )
    )
    assert (call.stores, call.background, call.stream, call.answer_tokens, call.cache_key) == (
        False,
        True,
        True,
        9,
        "k",
    )
    assert parse(request(USER, store="null")).stores


@pytest.mark.parametrize(
    ("items", "more", "same"),
    [
        ((DEVELOPER, OFFERS), {}, True),
        ((DEVELOPER.replace('{"type', '{"id":"msg_7","type', 1), OFFERS), {}, True),
        ((DEVELOPER, OFFERS.replace("at_1", "at_2")), {}, True),
        (('{"role":"system","content":"br"}', OFFERS), {}, True),
        ((DEVELOPER[:-1] + ',"internal_chat_message_metadata_passthrough":{}}', OFFERS), {}, True),
        ((DEVELOPER, OFFERS), {"tools": TOOLS.replace(" ", "")}, True),
        ((DEVELOPER, OFFERS), {"instructions": '"be brief"'}, True),
        ((DEVELOPER, OFFERS), {"instructions": '"be kind"'}, False),
        ((DEVELOPER, OFFERS), {"instructions": "null"}, False),
        ((DEVELOPER.replace("br", "Br"), OFFERS), {}, False),
        ((DEVELOPER, OFFERS.replace("exec", "shell")), {}, False),
        ((OFFERS, DEVELOPER), {}, False),
        ((DEVELOPER,), {}, False),
        ((DEVELOPER, OFFERS), {"tools": TOOLS.replace('"f"', '"g"')}, False),
        ((DEVELOPER, OFFERS), {"tools": "[]"}, False),
    ],
)
def test_a_head_s_digest_changes_with_what_a_model_sees(
    items: tuple[str, ...], more: dict[str, str], same: bool
) -> None:
    own = {"instructions": BE_BRIEF, "tools": TOOLS}
    one = parse(request(DEVELOPER, OFFERS, USER, **own)).head_digest
    other = parse(request(*items, USER, **{**own, **more})).head_digest
    assert (one == other) is same


def test_a_head_costs_what_it_holds() -> None:
    words = json.dumps("word " * 400)
    bare = parse(request(USER, instructions=words)).head_tokens
    assert 400 < bare < 700
    said = json.dumps({"role": "developer", "content": json.loads(words)})
    assert parse(request(said, USER)).head_tokens == pytest.approx(bare, rel=0.02)
    assert parse(request(USER, instructions=words, tools=TOOLS)).head_tokens > bare
    assert parse(request(OFFERS, USER, instructions=words)).head_tokens > bare


def test_a_body_built_with_its_own_messages_says_the_same() -> None:
    whole = [OFFERS, DEVELOPER, USER, THOUGHT, CALL, RESULT, THOUGHT_2]
    before = request(*whole, instructions=BE_BRIEF, tools=TOOLS, temperature="1.0", x='{ "x":1e2 }')
    call = parse(before)
    made = rebuilt(call, system=b'["lent"]', tools=b'["lent"]')
    start, end = call.members["input"].start, call.members["input"].end
    assert made.startswith(before[:start])
    assert made.endswith(before[end:])
    assert elements(made[start : len(made) - len(before) + end]) == [i.encode() for i in whole]


def test_a_head_is_lent_only_where_there_is_none() -> None:
    lent = {"system": f"[{BE_BRIEF},{DEVELOPER}]".encode(), "tools": b'[{"type":"lent"}]'}
    bare = parse(request(USER, seed="7"))
    assert json.loads(rebuilt(bare, **lent)) == {
        "model": "gpt-6",
        "input": [json.loads(DEVELOPER), json.loads(USER)],
        "seed": 7,
        "instructions": "be brief",
        "tools": [{"type": "lent"}],
    }
    null = parse(request(USER, tools="null", instructions="null"))
    assert json.loads(rebuilt(null, **lent))["tools"] == [{"type": "lent"}]
    assert json.loads(rebuilt(null, **lent))["instructions"] == "be brief"
    own = json.loads(rebuilt(parse(request(SYSTEM, USER, tools=TOOLS)), **lent))
    assert own["input"] == [json.loads(SYSTEM), json.loads(USER)]
    assert own["tools"] == json.loads(TOOLS)
    assert "instructions" not in own
    instructed = json.loads(rebuilt(parse(request(USER, instructions='"hey"')), **lent))
    assert instructed["input"] == [json.loads(USER)]
    assert instructed["instructions"] == "hey"


def test_a_chain_is_spelled_out_under_the_instructions_of_this_request() -> None:
    chained = {"previous_response_id": '"resp_1"', "conversation": '{"id":"conv_1"}'}
    call = parse(request(USER, THOUGHT, **chained, store="true"))
    said_now = [call.items[0].raw, call.asides[0].raw]
    history = [USER.encode(), f"[{THOUGHT_2},{ANSWER}]".encode(), *said_now]
    head = f"[{DEVELOPER}]".encode()
    made = build(call, system=head, tools=TOOLS.encode(), messages=history)
    said = [DEVELOPER, USER, THOUGHT_2, ANSWER, USER, THOUGHT]
    assert json.loads(made) == {
        "model": "gpt-6",
        "input": [json.loads(raw) for raw in said],
        "store": True,
        "tools": json.loads(TOOLS),
    }
    for raw in said:
        assert raw.encode() in made
    told = parse(request(USER, instructions=BE_BRIEF, **chained))
    again = json.loads(build(told, system=head, tools=None, messages=history[:1]))
    assert again["instructions"] == "be brief"
    assert again["input"] == [json.loads(DEVELOPER), json.loads(USER)]


def test_an_input_that_is_not_there_is_added() -> None:
    call = parse(body(previous_response_id='"resp_1"', store="true"))
    made = build(call, system=None, tools=None, messages=[USER.encode()])
    assert json.loads(made) == {"model": "gpt-6", "input": [json.loads(USER)], "store": True}


def test_this_api_always_reports_usage() -> None:
    before = request(USER, stream="true")
    assert ask_usage(before) is before


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"[]",
        b"{}",
        b'{"input":null}',
        b'{"input":[]}',
        b'{"input":""}',
        b'{"input":{}}',
        b'{"input":7}',
        b'{"input":[1]}',
        b'{"input":["x"]}',
        b'{"input":[[]]}',
        request(DEVELOPER),
        request(THOUGHT),
        request('{"role":"model","content":"x"}'),
        request('{"role":"user","content":7}'),
        request(USER, '{"type":["reasoning"]}'),
        request(USER, instructions='["x"]'),
        request(f"[{THOUGHT},{ANSWER}]"),
        request(USER, prompt_cache_options='"\\ud800"'),
        request(USER, tools='["\\ud800"]'),
        b'{"input":"\xff"}',
        b'{"input":[{"role":"user","content":"\xff"}]}',
        b'{"input":[{"role":"user","content":"x"},{"type":"reasoning","id":"\xff"}]}',
        b'{"input":"a","input":"b"}',
    ],
)
def test_what_cannot_be_read_is_unreadable(bad: bytes) -> None:
    with pytest.raises(Unreadable, match=r"found|members repeat a key|valid JSON text"):
        parse(bad)


@settings(max_examples=40)
@given(VALUE, VALUE, VALUE, VALUE)
def test_odd_members_are_read_or_unreadable_never_another_error(
    tools: Any, options: Any, name: Any, limit: Any
) -> None:
    whole = {
        "model": name,
        "input": [{"type": "additional_tools", "tools": tools}, {"role": "user", "content": "hi"}],
        "tools": tools,
        "conversation": options,
        "prompt_cache_options": options,
        "previous_response_id": limit,
        "prompt": limit,
        "max_output_tokens": limit,
        "store": limit,
        "prompt_cache_key": name,
    }
    call = parse(json.dumps(whole).encode())
    assert call.items[-1] == read_item(b'{"role": "user", "content": "hi"}')
    made = json.loads(rebuilt(call))
    assert made["input"] == whole["input"]
    assert "conversation" not in made


@given(VALUE.flatmap(spelled))
def test_what_is_not_understood_goes_out_byte_for_byte(novel: str) -> None:
    item = f'{{"type":"novel","x":{novel}}}'
    call = parse(request(item, USER, novel=novel))
    made = rebuilt(call)
    assert made.count(f'"novel" : {novel}'.encode()) == 1
    assert made.count(USER.encode()) == 1
    one_line = item.replace("\r", "").replace("\n", "")
    assert sent(call) == [one_line, USER]
    assert made.count(one_line.encode()) == 1


def test_line_breaks_between_values_do_not_reach_the_log() -> None:
    listed = [json.loads(raw) for raw in (OFFERS, DEVELOPER, USER, THOUGHT, CALL)]
    spaced = json.dumps({"input": listed, "tools": json.loads(TOOLS)}, indent=2).encode()
    call = parse(spaced)
    assert call.body == spaced
    for kept in (call.system, call.tools, *(item.raw for item in call.items)):
        assert kept
        assert b"\n" not in kept
