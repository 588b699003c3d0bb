"""Each refusal of the Responses API by name, and bodies that must pass."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.simulator.openai_responses import OpenAIResponses
from stitcher.simulator.refusal import Refusal
from stitcher.simulator.reply import plan_reply
from stitcher.simulator.rules_openai_responses import check, check_sequence
from stitcher.simulator.sealed_content import seal

Body = dict[str, Any]
USER: Body = {"role": "user", "content": "hi"}
SAID: Body = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "yes", "annotations": [], "logprobs": []}],
}
FUNCTION: Body = {"type": "function", "name": "f", "parameters": {"type": "object"}}
CUSTOM: Body = {"type": "custom", "name": "c"}
SPACE: Body = {"type": "namespace", "name": "n", "description": "d", "tools": [FUNCTION, CUSTOM]}


def body(*items: Any, **fields: Any) -> Body:
    return {"model": "gpt-6", "input": list(items) or [USER], **fields}


def without(name: str) -> Body:
    return {key: value for key, value in body().items() if key != name}


def call(call_id: str = "call_1", **fields: Any) -> Body:
    named = {"type": "function_call", "call_id": call_id, "name": "f", "arguments": "{}"}
    return {**named, **fields}


def result(call_id: str = "call_1", **fields: Any) -> Body:
    return {"type": "function_call_output", "call_id": call_id, "output": "ok", **fields}


def custom(kind: str = "custom_tool_call", **fields: Any) -> Body:
    return {"type": kind, "call_id": "call_1", **fields}


def thought(item_id: str = "rs_1", **fields: Any) -> Body:
    sealed = seal(item_id, ["hm"])
    return {
        "type": "reasoning", "id": item_id, "summary": [], "encrypted_content": sealed, **fields,
    }  # fmt: skip


def part(**fields: Any) -> Body:
    return {"role": "user", "content": [fields]}


ACCEPTED: dict[str, Body] = {
    "a string": {"model": "gpt-6", "input": "hi"},
    "an empty string": {"model": "gpt-6", "input": ""},
    "every role": body(
        {"role": "system", "content": "s"},
        {"role": "developer", "content": [{"type": "input_text", "text": "d"}]},
        {"type": "message", "role": "user", "content": []},
        SAID,
        {"role": "assistant", "content": "flattened"},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
        {**SAID, "id": "msg_2", "phase": "commentary"},
    ),
    "every part": body(
        part(type="input_image", image_url="data:image/png;base64,AA==", detail="low"),
        part(type="input_image", file_id="file_1"),
        part(type="input_file", file_data="AA==", filename="a.pdf"),
        part(type="input_text", text="a", prompt_cache_breakpoint={"mode": "explicit"}),
    ),
    "calls answered in another order": body(
        USER, call("call_1"), call("call_2"), result("call_2"), result("call_1")
    ),
    "a call answered after the user spoke": body(USER, call(), USER, result()),
    "an asynchronous call that still runs": body(USER, {**call(), "async": True}, USER),
    "an output of parts": body(USER, call(), result(output=[{"type": "input_text", "text": "a"}])),
    "a custom call": body(
        custom(name="c", input="x", status="completed", namespace="n"),
        custom("custom_tool_call_output", output="ok"),
    ),
    "a local shell's call answered as a function's": body(
        {"type": "local_shell_call", "call_id": "call_1", "action": {"type": "exec"}}, result()
    ),
    "a local shell's output that names the call as its id": body(
        {"type": "local_shell_call", "call_id": "call_1", "action": {"type": "exec"}},
        {"type": "local_shell_call_output", "id": "call_1", "output": "ok"},
    ),
    "items of the provider's own tools": body(
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {}},
        {"type": "mcp_list_tools", "id": "mcpl_1", "server_label": "s", "tools": []},
        {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": None},
        {"type": "tool_search_call", "arguments": {"query": "q"}, "execution": "server"},
        {"type": "tool_search_output", "tools": [FUNCTION]},
        {"type": "configuration_update", "reasoning": {"effort": "low"}},
    ),
    "reasoning that is carried along": body(USER, thought(), SAID, USER, store=False),
    "reasoning without its id": body(USER, thought(id=None), SAID, store=False),
    "several thoughts before one message": body(USER, thought("rs_1"), thought("rs_2"), SAID),
    "reasoning before a call": body(USER, thought(), call(), result()),
    # Codex 0.169 resends what arrived before a stream was cut.
    "reasoning at the very end": body(USER, thought(), store=False),
    "what Codex sends": body(
        {"type": "additional_tools", "role": "developer", "tools": [SPACE], "id": "atools_1"},
        {"type": "message", "role": "user", "id": "msg_a", "content": "hi",
         "internal_chat_message_metadata_passthrough": {"turn_id": "t"}},
        thought(content=None),
        call(namespace="n"),
        result(),
        {"type": "agent_message", "author": "/root", "recipient": "/root/a",
         "content": [{"type": "encrypted_content", "encrypted_content": "go"}]},
        client_metadata={"thread_id": "t"}, include=["reasoning.encrypted_content"], store=False,
        prompt_cache_key="t", reasoning={"effort": "medium", "summary": "auto"}, stream=True,
        text={"verbosity": "low"}, tool_choice="auto", parallel_tool_calls=True,
    ),
    "a compaction": body(
        USER, {"type": "compaction", "id": "cmp_1", "encrypted_content": seal("cmp_1", ["s"])}
    ),
    "a compaction asked for": body(USER, {"type": "compaction_trigger"}),
    "no tools and a choice among them": body(tools=[], tool_choice="auto"),
    "every kind of tool": body(
        tools=[
            FUNCTION, CUSTOM, SPACE, {"type": "web_search"}, {"type": "local_shell"},
            {"type": "mcp", "server_label": "s", "server_url": "https://x"},
            {"type": "code_interpreter", "container": {"type": "auto"}},
            {**CUSTOM, "format": {"type": "grammar", "syntax": "lark", "definition": "s: A"}},
        ],
        tool_choice={"type": "function", "name": "f"},
    ),
    "a chosen format": body(
        text={"format": {"type": "json_schema", "name": "x", "schema": {}, "strict": True}}
    ),
    "an earlier response instead of input": {"model": "gpt-6", "previous_response_id": "resp_1"},
    "an output whose call is in an earlier response": body(result(), previous_response_id="resp_1"),
    "a conversation": body(conversation={"id": "conv_1"}),
    "a reference": body({"type": "item_reference", "id": "msg_1"}, USER),
    "fields that are null": body(tools=None, metadata=None, conversation=None, temperature=None),
}  # fmt: skip

Case = tuple[Any, str, str | None, str | None]
REFUSED: dict[str, Case] = {
    "not an object": ("x", "expected an object", None, None),
    "no model": (
        without("model"), "Missing required parameter: 'model'.", "model",
        "missing_required_parameter",
    ),
    "no input": (
        without("input"), 'One of "input" or "previous_response_id" or "prompt"', "input",
        "missing_required_parameter",
    ),
    "empty input": (body(input=[]), 'or "conversation_id" must be provided.', "input", None),
    "input is an object": (
        body(input={}),
        "Invalid type for 'input': expected one of a string or array of input items, but got an "
        "object instead.",
        "input",
        "invalid_type",
    ),
    "messages instead of input": (
        body(messages=[]), "Unknown parameter: 'messages'.", "messages", "unknown_parameter",
    ),
    "two histories": (
        body(previous_response_id="resp_1", conversation="conv_1"),
        "Ensure you are only providing one of: 'previous_response_id' or 'conversation'.",
        None,
        "mutually_exclusive_parameters",
    ),
    "unknown item": (
        body({"type": "thought"}),
        "Invalid value: 'thought'. Supported values are: 'message', ",
        "input[0].type",
        "invalid_value",
    ),
    "item is text": (body("hi"), "Invalid type for 'input[0]'", "input[0]", "invalid_type"),
    "unknown role": (
        body({"role": "tool", "content": "x"}),
        "Invalid value: 'tool'. Supported values are: 'assistant', 'system', 'developer', and "
        "'user'.",
        "input[0].role",
        "invalid_value",
    ),
    "no content": (
        body({"role": "user"}), "Missing required parameter: 'input[0].content'.",
        "input[0].content", "missing_required_parameter",
    ),
    "a chat's part": (
        body(part(type="text", text="a")),
        "Invalid value: 'text'. Supported values are: 'input_text', 'input_image', and "
        "'input_file'.",
        "input[0].content[0].type",
        "invalid_value",
    ),
    "the user's part said by the assistant": (
        body({"role": "assistant", "content": [{"type": "input_text", "text": "a"}]}),
        "Supported values are: 'output_text' and 'refusal'.",
        "input[0].content[0].type",
        "invalid_value",
    ),
    "a marker of another provider": (
        body(part(type="input_text", text="a", cache_control={"type": "ephemeral"})),
        "Unknown parameter: 'input[0].content[0].cache_control'.",
        "input[0].content[0].cache_control",
        "unknown_parameter",
    ),
    "a field of another server": (
        body({**SAID, "reasoning_content": "r"}),
        "Unknown parameter: 'input[0].reasoning_content'.",
        "input[0].reasoning_content",
        "unknown_parameter",
    ),
    "a call without its output": (
        body(USER, call(), USER), "No tool output found for function call call_1.", "input", None,
    ),
    "an output without its call": (
        body(USER, result("call_9")),
        "No tool call found for function call output with call_id call_9.",
        "input",
        None,
    ),
    "an output before its call": (
        body(result(), call()), "No tool call found for function call output", "input", None,
    ),
    "a custom call without its output": (
        body(custom(name="c", input="x")),
        "No tool output found for custom tool call call_1.",
        "input",
        None,
    ),
    "a function's output for a custom call": (
        body(custom(name="c", input="x"), result()),
        "No tool call found for function call output with call_id call_1.",
        "input",
        None,
    ),
    "a call twice": (
        body(call(), call(), result()), "Duplicate function call found with call_id call_1.",
        "input", None,
    ),
    "an id twice": (
        body(SAID, SAID),
        "Duplicate item found with id msg_1. Remove duplicate items from your input and try again.",
        "input",
        None,
    ),
    "another item's id": (
        body({**SAID, "id": "fc_1"}),
        "Invalid 'input[0].id': 'fc_1'. Expected an ID that begins with 'msg'.",
        "input[0].id",
        "invalid_id_prefix",
    ),
    "an empty id": (
        body({**SAID, "id": ""}),
        "Expected an ID that contains letters, numbers, underscores, or dashes",
        "input[0].id",
        "invalid_value",
    ),
    "a long call id": (
        body(call("c" * 65), result("c" * 65)),
        "string too long. Expected a string with maximum length 64, but got a string with length "
        "65 instead.",
        "input[0].call_id",
        "string_above_max_length",
    ),
    "arguments are no text": (
        body(call(arguments={})), "expected a string, but got an object", "input[0].arguments",
        "invalid_type",
    ),
    "reasoning whose message is gone": (
        body(USER, thought(), USER),
        "Item 'rs_1' of type 'reasoning' was provided without its required following item.",
        "input",
        None,
    ),
    "reasoning before an output": (
        body(call(), thought(), result()), "without its required following item.", "input", None,
    ),
    "reasoning in pieces": (
        body(USER, {"type": "reasoning", "id": "rs_1"}, SAID),
        "Missing required parameter: 'input[1].summary'.",
        "input[1].summary",
        "missing_required_parameter",
    ),
    "reasoning of nobody": (
        body(USER, thought(encrypted_content="gAAAAnot_ours"), SAID),
        "The encrypted content for item rs_1 could not be verified. Reason: Encrypted content "
        "could not be decrypted or parsed.",
        None,
        "invalid_encrypted_content",
    ),
    "reasoning of another item": (
        body(USER, thought(encrypted_content=seal("rs_2", ["hm"])), SAID),
        "Encrypted content item_id did not match the target item id.",
        None,
        "invalid_encrypted_content",
    ),
    "a compaction of nobody": (
        body({"type": "compaction", "encrypted_content": "gAAAAnot_ours"}),
        "The encrypted content gAAA...ours could not be verified.",
        None,
        "invalid_encrypted_content",
    ),
    "a compaction in the middle": (
        body({"type": "compaction_trigger"}, USER), "must be the final input item", "input", None,
    ),
    "additional tools of the user": (
        body({"type": "additional_tools", "role": "user", "tools": []}),
        "Supported values are: 'developer'.",
        "input[0].role",
        "invalid_value",
    ),
    "a chat's tool": (
        body(tools=[{"type": "function", "function": {"name": "f"}}]),
        "Missing required parameter: 'tools[0].name'.",
        "tools[0].name",
        "missing_required_parameter",
    ),
    "an unknown tool": (
        body(tools=[{"type": "hammer"}]), "Invalid value: 'hammer'.", "tools[0].type",
        "invalid_value",
    ),
    "a tool's name with a dot": (
        body(tools=[{**FUNCTION, "name": "a.b"}]),
        "Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.",
        "tools[0].name",
        "invalid_value",
    ),
    "a namespace in a namespace": (
        body(tools=[{**SPACE, "tools": [SPACE]}]),
        "Supported values are: 'function' and 'custom'.",
        "tools[0].tools[0].type",
        "invalid_value",
    ),
    "an additional tool without a name": (
        body({"type": "additional_tools", "role": "developer", "tools": [{"type": "custom"}]}),
        "Missing required parameter: 'input[0].tools[0].name'.",
        "input[0].tools[0].name",
        "missing_required_parameter",
    ),
    "the choice of a tool that is not there": (
        body(tools=[FUNCTION], tool_choice={"type": "function", "name": "g"}),
        "Tool choice 'g' not found in 'tools' parameter.",
        "tool_choice",
        None,
    ),
    "an unknown include": (
        body(include=["everything"]), "Invalid value: 'everything'.", "include[0]",
        "invalid_value",
    ),
    "too few output tokens": (
        body(max_output_tokens=1), "Expected a value >= 16, but got 1", "max_output_tokens",
        "integer_below_min_value",
    ),
    "a format of the chat": (
        body(text={"format": {"type": "json_schema", "json_schema": {}}}),
        "Missing required parameter: 'text.format.name'.",
        "text.format.name",
        "missing_required_parameter",
    ),
    "temperature": (
        body(temperature=3), "decimal above maximum value", "temperature",
        "decimal_above_max_value",
    ),
    "metadata that is no text": (
        body(metadata={"a": 1}), "expected a string, but got an integer", "metadata.a",
        "invalid_type",
    ),
    "stream options without stream": (
        body(stream_options={"include_obfuscation": False}),
        "only allowed when 'stream' is enabled",
        "stream_options",
        None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name: str) -> None:
    assert check(ACCEPTED[name]) is None


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    given_body, wording, param, code = REFUSED[name]
    before = copy.deepcopy(given_body)
    refusal = check(given_body)
    assert refusal is not None
    assert (refusal.status, refusal.type) == (400, "invalid_request_error")
    assert wording in refusal.message
    assert refusal.param == param
    assert code is None or refusal.code == code
    assert given_body == before


@pytest.mark.parametrize(
    "item", [thought(encrypted_content=None), {"type": "item_reference", "id": "rs_1"}]
)
def test_nothing_is_looked_up_for_a_request_that_stores_nothing(item: Body) -> None:
    refusal = check(body(USER, item, SAID, store=False))
    assert refusal == Refusal(
        404,
        "invalid_request_error",
        "Item with id 'rs_1' not found. Items are not persisted when `store` is set to false. Try "
        "again with `store` set to true, or remove this item from your input.",
        "input",
    )
    assert check(body(USER, item, SAID)) is None


def test_an_altered_letter_of_encrypted_content_is_noticed_wherever_it_is() -> None:
    whole = thought()["encrypted_content"]
    for at, letter in enumerate(whole):
        altered = whole[:at] + ("A" if letter != "A" else "B") + whole[at + 1 :]
        refusal = check(body(USER, thought(encrypted_content=altered), SAID))
        assert refusal is not None, f"letter {at}"
        assert refusal.code == "invalid_encrypted_content"


def judged(items: list[Body], *stored: Body, **thoughts: str) -> Refusal | None:
    """What a provider that stored these items, and knows what led to them, says of a whole."""
    kept = {item["id"]: item for item in stored}
    return check_sequence(items, kept.get, thoughts.get)


def test_a_conversation_is_judged_as_a_whole() -> None:
    assert judged([USER, call(), result()]) is None
    unanswered = judged([USER, call(), USER])
    assert unanswered is not None
    assert unanswered.message == "No tool output found for function call call_1."


def test_what_is_stored_need_not_be_sent_again() -> None:
    unsaid = thought(encrypted_content=None)
    assert judged([USER, unsaid, SAID], unsaid) is None
    unknown = judged([USER, unsaid, SAID])
    assert unknown is not None
    assert (unknown.status, unknown.message) == (404, "Item with id 'rs_1' not found.")
    reference = {"type": "item_reference", "id": "fc_1"}
    assert judged([USER, reference, result()], call(id="fc_1")) is None
    assert judged([USER, {"id": "fc_1"}, result()], call(id="fc_1")) is None


def test_an_item_is_not_sent_without_the_reasoning_that_led_to_it() -> None:
    assert judged([USER, thought(), SAID], thought(), msg_1="rs_1") is None
    alone = judged([USER, SAID], thought(), msg_1="rs_1")
    assert alone is not None
    assert alone.message == (
        "Item 'msg_1' of type 'message' was provided without its required 'reasoning' item: 'rs_1'."
    )
    # A client that drops the ids is believed.
    assert judged([USER, {**SAID, "id": None}], thought(), msg_1="rs_1") is None


KEYS = st.sampled_from(
    ["role", "content", "type", "text", "id", "call_id", "name", "output", "summary", "tools"]
)
WORDS = st.sampled_from(
    ["user", "assistant", "message", "function_call", "function_call_output", "reasoning",
     "input_text", "additional_tools", "namespace", "local_shell_call", "item_reference", "rs_1"]
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)
ITEMS = st.lists(
    st.fixed_dictionaries(
        {}, optional={"type": WORDS | JSON, "role": WORDS, "content": JSON, "id": JSON,
                      "call_id": JSON, "name": WORDS, "arguments": WORDS, "output": JSON,
                      "summary": JSON, "action": JSON, "tools": JSON}
    ),
    max_size=3,
)  # fmt: skip
FIELDS = st.sampled_from(
    ["input", "tools", "tool_choice", "text", "reasoning", "include", "conversation", "metadata",
     "instructions", "stream", "store", "temperature", "model", "prompt_cache_options"]
)  # fmt: skip


@given(FIELDS, JSON, ITEMS)
def test_no_body_is_too_strange_to_be_judged(name: str, value: Any, items: list[Body]) -> None:
    for judged in (body(*items), {**body(), name: value}):
        dialect = OpenAIResponses()
        whole = dialect.check(judged) or dialect.recall(judged, "key")
        if not isinstance(whole, Refusal):
            plan_reply(dialect.hear(whole))
            assert dialect.begin(whole, "key", 0.0).usage["input_tokens"] > 0
