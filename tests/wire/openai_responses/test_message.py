import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.messages.images import document_tokens, image_tokens
from stitcher.messages.unreadable import Unreadable
from stitcher.wire.openai_responses.message import read_answer, read_item, text
from tests.messages.test_images import encoded, png
from tests.wire.json_text import ODD, TEXT

Element = dict[str, Any]


def user(content: Any, **more: Any) -> Element:
    return {"role": "user", "content": content, **more}


def assistant(content: Any, **more: Any) -> Element:
    return {"type": "message", "role": "assistant", "content": content, **more}


def told(words: str, **more: Any) -> Element:
    return {"type": "input_text", "text": words, **more}


def said(words: str, **more: Any) -> Element:
    return {"type": "output_text", "text": words, **more}


def image(url: str, **more: Any) -> Element:
    return {"type": "input_image", "image_url": url, **more}


def call(arguments: Any, name: str = "f", call_id: str = "call_4da6", **more: Any) -> Element:
    named = {"type": "function_call", "call_id": call_id, "name": name}
    return {**named, "arguments": arguments, **more}


def custom(words: Any, name: str = "exec", call_id: str = "call_4da6", **more: Any) -> Element:
    named = {"type": "custom_tool_call", "call_id": call_id, "name": name}
    return {**named, "input": words, **more}


def result(output: Any, call_id: str = "call_4da6", **more: Any) -> Element:
    return {"type": "function_call_output", "call_id": call_id, "output": output, **more}


def thought(**more: Any) -> Element:
    return {"type": "reasoning", "id": "rs_1", "summary": [], **more}


def raw(message: Element | list[Element] | bytes) -> bytes:
    return message if isinstance(message, bytes) else json.dumps(message).encode()


SEALED = thought(encrypted_content="gAAAA" * 400)
PASSTHROUGH = {"internal_chat_message_metadata_passthrough": {"turn_id": "t1"}}

# name → (one, other, whether a model is shown the same)
SAME: dict[str, tuple[Any, Any, bool]] = {
    "string and its one part": (user("hi"), user([told("hi")]), True),
    "a type and none": (user("hi"), user("hi", type="message"), True),
    "a type that is null": (user("hi", type=None), user("hi"), True),
    "spacing": (b'{"role":"user","content":"hi"}', b'{ "role" : "user",\n"content": "hi" }', True),
    "escapes": (rb'{"role":"user","content":"\u0068i"}', user("hi"), True),
    "order of members": (b'{"content":"hi","role":"user"}', user("hi"), True),
    "kinds of text": (assistant([said("hi")]), assistant([told("hi")]), True),
    "an answer flattened by the AI SDK": (
        assistant([said("hi", annotations=[], logprobs=[])], id="msg_1", status="completed"),
        {"role": "assistant", "content": "hi"},
        True,
    ),
    "texts of an answer flattened": (assistant([said("a "), said(" b")]), assistant("a  b"), False),
    "an id dropped by OpenClaw": (assistant("hi", id="msg_1"), assistant("hi"), True),
    "ids of Codex": (user("hi", id="msg_1"), user("hi", id="msg_2"), True),
    "metadata of Codex": (user("hi", **PASSTHROUGH), user("hi"), True),
    "annotations": (
        assistant([said("hi", annotations=[{"type": "url_citation", "url": "u"}])]),
        assistant([said("hi")]),
        True,
    ),
    "a cache breakpoint": (user([told("hi", prompt_cache_breakpoint={})]), user("hi"), True),
    "developer and system": (
        {"role": "developer", "content": "x"},
        {"role": "system", "content": "x"},
        True,
    ),
    "a phase": (assistant("hi", phase="commentary"), assistant("hi"), False),
    "trailing white space": (assistant("hi\n"), assistant("hi"), False),
    "a refusal sent back as a text": (
        assistant([{"type": "refusal", "refusal": "no"}]),
        assistant([said("no")]),
        False,
    ),
    "an image's detail": (
        user([image("data:image/png;base64,AAAA", detail="high")]),
        user([image("data:image/png;base64,AAAA")]),
        False,
    ),
    "reasoning dropped": ([thought(), assistant("hi")], assistant("hi"), True),
    "reasoning without its id": (
        [SEALED, call("{}")],
        [{"type": "reasoning", "summary": [], "encrypted_content": "x"}, call("{}")],
        True,
    ),
    "reasoning as Codex sends it back": (
        [thought(content=None), call("{}")],
        [thought(), call("{}")],
        True,
    ),
    "arguments spaced otherwise": (call('{"a": 1}'), call('{"a":1}'), False),
    "arguments in another order": (call('{"a":1,"b":2}'), call('{"b":2,"a":1}'), False),
    "a whole number with a fraction": (call('{"a":1.0}'), call('{"a":1}'), False),
    "no arguments": (call(""), call("{}"), False),
    "arguments that are no JSON": (call("{oops "), call("{oops"), False),
    "a call's ids": (
        call("{}", id="fc_1", status="completed"),
        call("{}", call_id="call4da6"),
        True,
    ),
    "a custom call's ids": (custom("x", id="ctc_1", status="completed"), custom("x"), True),
    "a result's ids": (result("ok", id="fco_1"), result("ok", call_id="call4da6"), True),
    "a result's text or its part": (result("ok"), result([told("ok")]), True),
    "a result's texts joined": (result([told("a"), told("b")]), result("ab"), False),
    "a result's name": (result("ok", name="f"), result("ok"), False),
    "an empty result": (result(""), result([]), True),
    "a search's status": (
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"query": "x"}},
        {"type": "web_search_call", "id": "ws_2", "status": "failed", "action": {"query": "x"}},
        True,
    ),
    "a provider's call with its arguments spaced otherwise": (
        {"type": "mcp_call", "id": "mcp_1", "name": "f", "arguments": '{"a": 1}', "error": None},
        {"type": "mcp_call", "id": "mcp_2", "name": "f", "arguments": '{"a":1}'},
        False,
    ),
    "an unknown item's ids": (
        {"type": "novel", "id": "n1", "x": {"y": [1.0]}, "note": None},
        {"type": "novel", "id": "n2", "x": {"y": [1]}},
        False,
    ),
}

OTHER: dict[str, tuple[Any, Any]] = {
    "another word": (user("hi"), user("ho")),
    "another role": (user("hi"), assistant("hi")),
    "leading white space": (user(" hi"), user("hi")),
    "one part or two": (user([told("a"), told("b")]), user("ab")),
    "white space between flattened texts": (assistant([said("a "), said("b")]), assistant("ab")),
    "two images": (user([image("data:,AAAA")]), user([image("data:,AAAB")])),
    "two images by their ids": (
        user([{"type": "input_image", "file_id": "a"}]),
        user([{"type": "input_image", "file_id": "b"}]),
    ),
    "an image left out": (user([told("a"), image("data:,AAAA")]), user("a")),
    "two files": (
        user([{"type": "input_file", "file_data": "data:,a"}]),
        user([{"type": "input_file", "file_data": "data:,b"}]),
    ),
    "two sealed parts": (
        {"type": "agent_message", "content": [{"type": "encrypted_content", "x": "a"}]},
        {"type": "agent_message", "content": [{"type": "encrypted_content", "x": "b"}]},
    ),
    "another tool": (call("{}", name="f"), call("{}", name="g")),
    "another namespace": (call("{}", namespace="a"), call("{}", namespace="b")),
    "a namespace and none": (call("{}", namespace="a"), call("{}")),
    "one number changed": (call('{"a":1}'), call('{"a":2}')),
    "a number and its text": (call('{"a":1}'), call('{"a":"1"}')),
    "null and nothing": (call('{"a":null}'), call("{}")),
    "two custom inputs": (custom("x"), custom("y")),
    "another result": (result("ok"), result("no")),
    "a result and its text": (result("ok"), user("ok")),
    "a screenshot": (
        {"type": "computer_call_output", "call_id": "a", "output": image("data:,A")},
        {"type": "computer_call_output", "call_id": "a", "output": image("data:,B")},
    ),
    "an outcome that is a status": (
        {"type": "apply_patch_call_output", "call_id": "a", "status": "completed"},
        {"type": "apply_patch_call_output", "call_id": "a", "status": "failed"},
    ),
    "two outcomes of a shell": (
        {"type": "shell_call_output", "output": [{"stdout": "x", "outcome": {"exit_code": 0}}]},
        {"type": "shell_call_output", "output": [{"stdout": "x", "outcome": {"exit_code": 1}}]},
    ),
    "approved or not": (
        {"type": "mcp_approval_response", "approval_request_id": "a", "approve": True},
        {"type": "mcp_approval_response", "approval_request_id": "a", "approve": False},
    ),
    "two references": (
        {"type": "item_reference", "id": "msg_1"},
        {"type": "item_reference", "id": "msg_2"},
    ),
    "two references without a type": ({"id": "msg_1"}, {"id": "msg_2"}),
    "two pictures by their ids": (
        {"type": "image_generation_call", "id": "ig_1"},
        {"type": "image_generation_call", "id": "ig_2"},
    ),
    "two compactions": (
        {"type": "compaction", "encrypted_content": "a"},
        {"type": "compaction", "encrypted_content": "b"},
    ),
    "two unknown items": ({"type": "novel", "x": 1}, {"type": "novel", "x": 2}),
    "two unknown types": ({"type": "novel", "x": 1}, {"type": "other", "x": 1}),
}


@pytest.mark.parametrize("name", SAME)
def test_the_same_message_has_one_identity(name: str) -> None:
    one, other, alike = SAME[name]
    first, second = read_item(raw(one)), read_item(raw(other))
    assert first.identity == second.identity
    assert (first.rendering == second.rendering) is alike


@pytest.mark.parametrize("name", OTHER)
def test_another_message_has_another_identity(name: str) -> None:
    one, other = OTHER[name]
    first, second = read_item(raw(one)), read_item(raw(other))
    assert first.identity != second.identity
    assert first.rendering != second.rendering


@pytest.mark.parametrize(
    ("item", "role"),
    [
        ({"role": "system", "content": "x"}, "system"),
        ({"role": "developer", "content": "x"}, "system"),
        ({"type": "additional_tools", "role": "developer", "tools": []}, "system"),
        ({"type": "additional_tools", "tools": []}, "system"),
        (user("x"), "user"),
        (assistant("x"), "assistant"),
        ([thought(), assistant("x")], "assistant"),
        (call("{}"), "assistant"),
        (custom("x"), "assistant"),
        ({"type": "compaction", "encrypted_content": "x"}, "assistant"),
        ({"type": "agent_message", "author": "a", "content": []}, "assistant"),
        ({"type": "item_reference", "id": "x"}, "assistant"),
        ({"id": "x"}, "assistant"),
        ({"type": "novel"}, "assistant"),
        (result("x"), "tool"),
        ({"type": "novel_output"}, "tool"),
        ({"type": "mcp_approval_response", "approval_request_id": "x"}, "tool"),
    ],
)
def test_roles(item: Any, role: str) -> None:
    assert read_item(raw(item)).role == role


@pytest.mark.parametrize(
    ("item", "calls"),
    [
        (call("{}", call_id="a"), ("a",)),
        ([SEALED, custom("x", call_id="a")], ("a",)),
        ({"type": "local_shell_call", "id": "lsh_1", "call_id": "a", "action": {}}, ("a",)),
        ({"type": "shell_call", "call_id": "a", "action": {"commands": []}}, ("a",)),
        ({"type": "computer_call", "id": "cu_1", "call_id": "a"}, ("a",)),
        ({"type": "apply_patch_call", "call_id": "a", "operation": {}}, ("a",)),
        ({"type": "tool_search_call", "call_id": "a", "execution": "client"}, ("a",)),
        ({"type": "tool_search_call", "call_id": "a", "execution": "server"}, ()),
        ({"type": "tool_search_call", "call_id": None}, ()),
        ({"type": "novel_call", "call_id": "a"}, ("a",)),
        ({"type": "mcp_approval_request", "id": "mcpr_1", "name": "f"}, ("mcpr_1",)),
        ({"type": "mcp_call", "id": "mcp_1", "call_id": "a"}, ()),
        ({"type": "web_search_call", "id": "ws_1"}, ()),
        ({"type": "file_search_call", "id": "fs_1"}, ()),
        ({"type": "code_interpreter_call", "id": "ci_1"}, ()),
        ({"type": "image_generation_call", "id": "ig_1"}, ()),
        ({"type": "program", "id": "p_1", "call_id": "a", "code": ""}, ()),
        (assistant("x"), ()),
    ],
)
def test_calls_are_those_whose_results_the_client_brings(item: Any, calls: tuple[str]) -> None:
    assert read_item(raw(item)).calls == calls


@pytest.mark.parametrize(
    ("item", "answers"),
    [
        (result("x", call_id="a"), ("a",)),
        ({"type": "custom_tool_call_output", "call_id": "a", "output": "x"}, ("a",)),
        ({"type": "local_shell_call_output", "id": "a", "output": "x"}, ("a",)),
        ({"type": "local_shell_call_output", "id": "i", "call_id": "a", "output": "x"}, ("a",)),
        ({"type": "mcp_approval_response", "approval_request_id": "a", "approve": True}, ("a",)),
        ({"type": "tool_search_output", "call_id": "a", "execution": "client"}, ("a",)),
        ({"type": "tool_search_output", "call_id": "a", "execution": "server"}, ()),
        ({"type": "tool_search_output", "call_id": None, "tools": []}, ()),
        ({"type": "program_output", "call_id": "a", "result": "x"}, ()),
        ({"type": "function_call_output", "output": "x"}, ()),
        (user("x", call_id="a"), ()),
    ],
)
def test_answers_name_the_calls_they_answer(item: Any, answers: tuple[str]) -> None:
    assert read_item(raw(item)).answers == answers
    assert not read_item(raw(item)).starts_turn or not answers


def test_only_a_person_starts_a_turn() -> None:
    assert read_item(raw(user("x"))).starts_turn
    assert not read_item(raw(result("x"))).starts_turn
    assert not read_item(raw(assistant("x"))).starts_turn
    assert read_item(raw(user("x"))).dialect == "openai_responses"


def test_reasoning_only_its_provider_can_read() -> None:
    assert read_item(raw([thought(), call("{}")])).thinks
    assert read_item(raw([thought(encrypted_content=None), call("{}")])).thinks
    assert read_item(raw([SEALED, thought(), call("{}")])).thinks
    assert not read_item(raw([SEALED, call("{}")])).thinks
    assert not read_item(raw(call("{}"))).thinks


def test_bytes_are_kept_but_for_line_breaks_outside_strings() -> None:
    spelled = b'[ {"type":"reasoning" },\r\n  {"role":"user", "content": "a\\nb" } ]'
    expected = b'[ {"type":"reasoning" },  {"role":"user", "content": "a\\nb" } ]'
    assert read_item(spelled).raw == expected
    assert read_item(b'{ "role":"user" ,"content":"x"}').raw == b'{ "role":"user" ,"content":"x"}'


@pytest.mark.parametrize(
    "item",
    [
        b"",
        b"null",
        b'"hi"',
        b"{}",
        b"[]",
        b"[1]",
        b'{"content":"x"}',
        b'{"type":1,"role":"user"}',
        b'{"type":"message","content":"x"}',
        b'{"role":"model","content":"x"}',
        b'{"role":["user"],"content":"x"}',
        b'{"role":null}',
        b'{"role":"user","content":1}',
        b'{"role":"user","content":{"type":"input_text"}}',
        b'{"role":"user","content":["x"]}',
        b'{"type":"function_call_output","call_id":"a","output":7}',
        b'{"type":"reasoning","summary":[]}',
        b'[{"type":"reasoning"}]',
        b'[{"role":"user","content":"a"},{"role":"user","content":"b"}]',
        b'[{"role":"user","content":"a"},{"type":"reasoning"}]',
        b'{"role":"user","content":"\xff"}',
        b'{"role":"user","content":"\\ud800"}',
        b'{"role":"user","content":' + b"[" * 100_000,
    ],
)
def test_what_is_no_message_is_unreadable(item: bytes) -> None:
    with pytest.raises(Unreadable, match=r"found .*, expected "):
        read_item(item)


ODD_PART = st.fixed_dictionaries(
    {
        "type": st.one_of(
            st.sampled_from(["input_text", "input_image", "input_file", "refusal", "novel"]), ODD
        )
    },
    optional={"text": ODD, "image_url": ODD, "file_data": ODD, "refusal": ODD, "file_id": ODD},
)
TYPES = [
    *("message", "function_call", "custom_tool_call", "function_call_output", "novel"),
    *("computer_call_output", "shell_call_output", "mcp_approval_request", "compaction"),
    *("image_generation_call", "item_reference", "additional_tools", "tool_search_call"),
]
KEYS = [
    *("id", "call_id", "output", "arguments", "input", "name", "namespace", "status", "result"),
    *("encrypted_content", "approval_request_id", "execution", "tools", "revised_prompt"),
]
ODD_ITEM = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(TYPES) | ODD,
        "role": st.sampled_from(["user", "assistant", "developer"]) | ODD,
        "content": ODD | st.lists(ODD_PART, max_size=2),
        **{key: ODD for key in KEYS},
    },
)
ODD_THOUGHT = st.fixed_dictionaries(
    {"type": st.just("reasoning")},
    optional={"summary": ODD, "content": ODD, "encrypted_content": ODD, "id": ODD},
)


@pytest.mark.parametrize("odd", [None, 7, [], {}, ["input_text"]])
def test_a_part_of_an_odd_type_is_a_part_like_any_other(odd: Any) -> None:
    one, other = (raw(user([{"type": odd, "text": words}])) for words in "ab")
    assert read_item(one).identity != read_item(other).identity
    assert text(one) is None


@given(st.lists(ODD_THOUGHT, max_size=1), ODD_ITEM)
def test_odd_items_are_read_or_unreadable_never_another_error(
    before: list[Element], item: Element
) -> None:
    unit = [*before, item] if before else item
    try:
        read = read_item(raw(unit))
    except Unreadable:
        return
    assert read.tokens > 0
    assert read_item(json.dumps(unit, indent=2).encode()).identity == read.identity
    text(raw(unit))


@given(TEXT, TEXT)
def test_texts_are_equal_only_up_to_trailing_white_space(one: str, other: str) -> None:
    same = read_item(raw(user(one))).identity == read_item(raw(user(other))).identity
    assert same is (one.rstrip() == other.rstrip())


@pytest.mark.parametrize("arguments", ['{"a":' + "[" * 100_000, "[" * 900 + "]" * 900])
def test_arguments_nested_too_deeply_are_compared_as_text(arguments: str) -> None:
    assert read_item(raw(call(arguments))) == read_item(raw(call(arguments)))


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (user("hi"), "hi"),
        (user([told("a"), told("b")]), "ab"),
        ([thought(), assistant([said("x")])], "x"),
        (assistant([]), ""),
        (result([told("a"), told("b")]), "ab"),
        (call("{}"), None),
        (user([told("a"), image("data:,")]), None),
        (assistant([{"type": "refusal", "refusal": "no"}]), None),
        ({"type": "novel", "text": "x"}, None),
    ],
)
def test_text_is_all_a_message_says_or_none(item: Any, expected: str | None) -> None:
    assert text(raw(item)) == expected


def test_an_answer_is_read_like_any_message() -> None:
    assert read_answer(raw([SEALED, assistant("x")])) == read_item(raw([SEALED, assistant("x")]))


PROSE = "The window is cut back to about one half, on a turn boundary, never in a tool loop. " * 12


def test_tokens_count_what_is_said_wherever_it_stands() -> None:
    words = read_item(raw(user(PROSE))).tokens
    assert words == pytest.approx(len(PROSE) / 4.51, rel=0.35)  # bytes per token of o200k
    for item in (
        assistant([said(PROSE)]),
        call(json.dumps({"path": PROSE})),
        custom(PROSE),
        result(PROSE),
        result([told(PROSE)]),
        {"type": "novel", "x": PROSE},
        [thought(content=[{"type": "reasoning_text", "text": PROSE}]), call("{}")],
    ):
        assert read_item(raw(item)).tokens == pytest.approx(words, rel=0.1)


def test_sealed_reasoning_costs_what_is_sealed_in_it() -> None:
    bare = read_item(raw(call("{}"))).tokens
    envelope = thought(encrypted_content="x" * 800)
    assert read_item(raw([envelope, call("{}")])).tokens == bare
    long = thought(encrypted_content="x" * 8_000, summary=[{"text": PROSE}])
    assert read_item(raw([long, call("{}")])).tokens == pytest.approx(1_500, rel=0.05)
    compaction = {"type": "compaction", "encrypted_content": "x" * 8_000}
    assert read_item(raw(compaction)).tokens == pytest.approx(1_500, rel=0.05)
    part = {"type": "encrypted_content", "encrypted_content": "x" * 8_000}
    assert read_item(raw(user([part]))).tokens == pytest.approx(8_000 * 9 / 16 / 3.6, rel=0.05)


def test_tokens_of_images_go_by_pixels_and_of_documents_by_pages() -> None:
    url = f"data:image/png;base64,{encoded(png(800, 600, ballast=500_000))}"
    expected = read_item(raw(user(""))).tokens + image_tokens(url, "openai_responses")
    assert read_item(raw(user([image(url)]))).tokens == expected
    assert read_item(raw(result([image(url)]))).tokens == expected
    screenshot = {"type": "computer_screenshot", "image_url": url}
    shown = {"type": "computer_call_output", "call_id": "a", "output": screenshot}
    assert read_item(raw(shown)).tokens == expected
    made = {"type": "image_generation_call", "id": "ig_1", "result": url[22:]}
    assert read_item(raw(made)).tokens == expected
    pdf = "data:application/pdf;base64," + encoded(b"%PDF /Type /Page " * 3)
    paper = {"type": "input_file", "filename": "a.pdf", "file_data": pdf}
    assert read_item(raw(user([paper]))).tokens == document_tokens(pdf) + 4
    archive = {"type": "input_file", "file_data": "data:application/zip;base64," + "A" * 900_000}
    assert read_item(raw(user([archive]))).tokens < 3_000
