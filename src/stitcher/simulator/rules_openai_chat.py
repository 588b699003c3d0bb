"""What Chat Completions refuses: a pure function from a request body to a refusal or None.

Strict about parameters, roles, content and tool calls, lenient about unknown fields of messages
(the real one tolerates what compatible servers add, such as `reasoning_content`) and about
`cache_control` inside content parts. Knows nothing of HTTP or of a model's window.
"""

from typing import Any

from stitcher.simulator.engines import engine_of
from stitcher.simulator.openai_refusals import (
    check_decimals,
    check_least,
    check_length,
    check_not_empty,
    expect,
    refuse,
    refuse_missing,
    refuse_type,
    refuse_unknown,
    refuse_value,
)
from stitcher.simulator.refusal import Refusal, RefusedError
from stitcher.simulator.rules_openai_cache import (
    CHAT_LIFETIMES,
    check_breakpoint,
    check_options,
    check_retention,
)

# The parameters of `chat.completions.create` in openai SDK 3.54.0.
_FIELDS = frozenset(
    {
        "messages", "model", "audio", "frequency_penalty", "function_call", "functions",
        "logit_bias", "logprobs", "max_completion_tokens", "max_tokens", "metadata", "modalities",
        "moderation", "n", "parallel_tool_calls", "prediction", "presence_penalty",
        "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "reasoning_effort",
        "response_format", "safety_identifier", "seed", "service_tier", "stop", "store",
        "stream_options", "temperature", "tool_choice", "tools", "top_logprobs", "top_p", "user",
        "verbosity", "web_search_options", "stream",
    }
)  # fmt: skip
_ROLES = ("system", "assistant", "user", "function", "tool", "developer")
_PART_TYPES = {
    "user": ("text", "image_url", "input_audio", "file"),
    "assistant": ("text", "refusal"),
}
_PART_FIELDS: dict[str, tuple[str, type]] = {
    "text": ("text", str),
    "refusal": ("refusal", str),
    "image_url": ("image_url", dict),
    "input_audio": ("input_audio", dict),
    "file": ("file", dict),
}
_LONGEST_CALL_ID = 40


def check(body: Any) -> Refusal | None:
    """Why `POST /v1/chat/completions` would refuse this body."""
    try:
        _check_top(body)
        _check_tools(body)
        for number, message in enumerate(body["messages"]):
            _check_message(message, number)
        _check_tool_pairs(body["messages"])
    except RefusedError as refused:
        return refused.refusal
    return None


def _check_top(body: Any) -> None:
    if not isinstance(body, dict):
        refuse("We could not parse the JSON body of your request: expected an object.", None, None)
    known = _FIELDS | engine_of(body.get("model")).fields
    for name in body:
        if name not in known:
            refuse(f"Unrecognized request argument supplied: {name}", None, None)
    if not body.get("model"):
        refuse("you must provide a model parameter", None, None)
    expect(body["model"], str, "model")
    if body.get("messages") is None:
        refuse_missing("messages")
    expect(body["messages"], list, "messages", inside=" of objects")
    check_not_empty(body["messages"], "messages")
    for name, kind in (("stream", bool), ("stream_options", dict), ("n", int), ("user", str)):
        if body.get(name) is not None:
            expect(body[name], kind, name)
    if body.get("stream_options") is not None and not body.get("stream"):
        refuse(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            "stream_options",
            None,
        )
    check_options(body.get("prompt_cache_options"), CHAT_LIFETIMES)
    check_retention(body.get("prompt_cache_retention"))
    check_decimals(body)
    if body.get("n") is not None:
        check_least(body["n"], 1, "n")


def _check_tools(body: dict[str, Any]) -> None:
    tools = body.get("tools")
    if tools is None:
        for name in ("tool_choice", "parallel_tool_calls"):
            if body.get(name) not in (None, "none"):
                refuse(
                    f"Invalid value for '{name}': '{name}' is only allowed when 'tools' are "
                    "specified.",
                    name,
                    None,
                )
        return
    expect(tools, list, "tools", inside=" of objects")
    check_not_empty(tools, "tools")
    for index, tool in enumerate(tools):
        place = f"tools[{index}]"
        expect(tool, dict, place)
        kind = tool.get("type")
        if kind is None:
            refuse_missing(f"{place}.type")
        if kind not in ("function", "custom"):
            refuse_value(kind, ("function", "custom"), f"{place}.type")
        if not isinstance(tool.get(kind), dict):
            refuse_missing(f"{place}.{kind}")
        if not isinstance(tool[kind].get("name"), str) or not tool[kind]["name"]:
            refuse_missing(f"{place}.{kind}.name")


def _check_message(message: Any, number: int) -> None:
    place = f"messages[{number}]"
    expect(message, dict, place)
    role = message.get("role")
    if role is None:
        refuse_missing(f"{place}.role")
    if role not in _ROLES:
        refuse_value(role, _ROLES, f"{place}.role")
    if message.get("tool_calls") is not None:
        _check_calls(message["tool_calls"], role, f"{place}.tool_calls")
    if role == "tool" and not isinstance(message.get("tool_call_id"), str):
        refuse_missing(f"{place}.tool_call_id")
    if role == "function" and not isinstance(message.get("name"), str):
        refuse_missing(f"{place}.name")
    _check_content(message, role, number)


def _check_content(message: dict[str, Any], role: str, number: int) -> None:
    content = message.get("content")
    if isinstance(content, str):
        return
    if content is None:
        excused = ("tool_calls", "function_call", "refusal", "audio")
        if role == "function" or (role == "assistant" and any(message.get(n) for n in excused)):
            return
        refuse(
            "Invalid value for 'content': expected a string, got null.",
            f"messages.[{number}].content",
            None,
        )
    place = f"messages[{number}].content"
    if not isinstance(content, list):
        refuse_type(content, "one of a string or array of objects", place)
    check_not_empty(content, place)
    supported = _PART_TYPES.get(role, ("text",))
    for index, part in enumerate(content):
        _check_part(part, supported, f"{place}[{index}]")


def _check_part(part: Any, supported: tuple[str, ...], place: str) -> None:
    expect(part, dict, place)
    kind = part.get("type")
    if kind is None:
        refuse_missing(f"{place}.type")
    if kind not in supported:
        refuse_value(kind, supported, f"{place}.type")
    name, expected = _PART_FIELDS[kind]
    if part.get(name) is None:
        refuse_missing(f"{place}.{name}")
    expect(part[name], expected, f"{place}.{name}")
    check_breakpoint(part, CHAT_LIFETIMES, place)
    if kind == "image_url" and not isinstance(part["image_url"].get("url"), str):
        refuse_missing(f"{place}.image_url.url")


def _check_calls(calls: Any, role: str, place: str) -> None:
    if role != "assistant":
        refuse_unknown(place)
    expect(calls, list, place, inside=" of objects")
    check_not_empty(calls, place)
    for index, call in enumerate(calls):
        inner = f"{place}[{index}]"
        expect(call, dict, inner)
        if call.get("id") is None:
            refuse_missing(f"{inner}.id")
        expect(call["id"], str, f"{inner}.id")
        check_length(call["id"], _LONGEST_CALL_ID, f"{inner}.id")
        _check_call_body(call, inner)


def _check_call_body(call: dict[str, Any], place: str) -> None:
    kind = call.get("type", "function")
    if kind not in ("function", "custom"):
        refuse_value(kind, ("function", "custom"), f"{place}.type")
    called = call.get(kind)
    if not isinstance(called, dict):
        refuse_missing(f"{place}.{kind}")
    for name in ("name", "arguments" if kind == "function" else "input"):
        if called.get(name) is None:
            refuse_missing(f"{place}.{kind}.{name}")
        expect(called[name], str, f"{place}.{kind}.{name}")


def _check_tool_pairs(messages: list[dict[str, Any]]) -> None:
    """Tool messages follow the assistant message that called, and answer every call of it."""
    asked: set[str] = set()
    waiting: list[str] = []
    for number, message in enumerate(messages):
        if message["role"] == "tool":
            _check_result(message["tool_call_id"], asked, waiting, number)
            waiting.remove(message["tool_call_id"])
            continue
        _check_answered(waiting, number)
        calls = [call["id"] for call in message.get("tool_calls") or []]
        _check_unique(calls, number)
        asked, waiting = set(calls), calls
    _check_answered(waiting, len(messages))


def _check_unique(calls: list[str], number: int) -> None:
    for index, call_id in enumerate(calls):
        if call_id in calls[:index]:
            refuse(
                f"Duplicate value for 'id' of '{call_id}' in 'tool_calls' of message[{number}].",
                f"messages.[{number}].tool_calls",
                None,
            )


def _check_result(call_id: str, asked: set[str], waiting: list[str], number: int) -> None:
    if not asked:
        refuse(
            "Invalid parameter: messages with role 'tool' must be a response to a preceeding "
            "message with 'tool_calls'.",
            f"messages.[{number}].role",
            None,
        )
    if call_id not in asked:
        refuse(
            f"Invalid parameter: 'tool_call_id' of '{call_id}' not found in 'tool_calls' of "
            "previous message.",
            f"messages.[{number}].tool_call_id",
            None,
        )
    if call_id not in waiting:
        refuse(
            f"Duplicate value for 'tool_call_id' of '{call_id}' in message[{number}].",
            f"messages.[{number}].tool_call_id",
            None,
        )


def _check_answered(waiting: list[str], number: int) -> None:
    if waiting:
        refuse(
            "An assistant message with 'tool_calls' must be followed by tool messages responding "
            "to each 'tool_call_id'. The following tool_call_ids did not have response messages: "
            f"{', '.join(waiting)}",
            f"messages.[{number}].role",
            None,
        )
