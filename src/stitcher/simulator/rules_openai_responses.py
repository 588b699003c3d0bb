"""What the Responses API refuses: pure functions from a request body to a refusal or None.

Strict about parameters, items, parts and tools, with OpenAI's wordings; tolerant of what its own
clients send beside them (`client_metadata`, Codex 0.169). What needs the provider's memory is
checked on the whole conversation by `check_sequence`. Knows nothing of HTTP or of a model's window.
"""

from collections.abc import Callable
from typing import Any

from stitcher.simulator.openai_refusals import (
    check_decimals,
    check_least,
    check_length,
    expect,
    refuse,
    refuse_missing,
    refuse_type,
    refuse_unknown,
    refuse_value,
)
from stitcher.simulator.refusal import Refusal, RefusedError
from stitcher.simulator.response_items import item_type
from stitcher.simulator.rules_openai_cache import (
    RESPONSES_LIFETIMES,
    check_options,
    check_retention,
)
from stitcher.simulator.rules_openai_items import check_item
from stitcher.simulator.rules_openai_sequence import check_items
from stitcher.simulator.rules_openai_tools import check_tool_choice, check_tools

# The parameters of `responses.create` in openai SDK 3.54.0, and their types.
_FIELDS: dict[str, type | None] = {
    "access_programs": dict, "background": bool, "background_options": dict,
    "context_management": list, "conversation": None, "image": dict, "include": list,
    "input": None, "instructions": str, "max_output_tokens": int, "max_tool_calls": int,
    "metadata": dict, "model": str, "moderation": dict, "parallel_tool_calls": bool,
    "previous_response_id": str, "prompt": dict, "prompt_cache_key": str,
    "prompt_cache_options": dict, "prompt_cache_retention": str, "reasoning": dict,
    "safety_identifier": str, "service_tier": str, "store": bool, "stream": bool,
    "stream_options": dict, "temperature": None, "text": dict, "tool_choice": None, "tools": list,
    "top_logprobs": int, "top_p": None, "truncation": str, "user": str,
    "client_metadata": dict,
}  # fmt: skip
_INCLUDABLE = (
    "file_search_call.results", "web_search_call.results", "web_search_call.action.sources",
    "message.input_image.image_url", "computer_call_output.output.image_url",
    "code_interpreter_call.outputs", "reasoning.encrypted_content", "message.output_text.logprobs",
)  # fmt: skip
_CHOICES = {
    ("truncation",): ("auto", "disabled"),
    ("service_tier",): ("auto", "default", "fast", "flex", "scale", "priority"),
    ("reasoning", "effort"): ("none", "minimal", "low", "medium", "high", "xhigh", "max"),
    ("reasoning", "summary"): ("auto", "concise", "detailed", "none"),
    ("text", "verbosity"): ("low", "medium", "high"),
}
# What else can be the beginning of an answer.
_INSTEAD_OF_INPUT = ("previous_response_id", "prompt", "conversation")
_FORMATS = ("text", "json_schema", "json_object")
_LEAST_OUTPUT_TOKENS = 16
_LONGEST_CACHE_KEY = 64
_MOST_METADATA = 16

Lookup = Callable[[str], dict[str, Any] | None]


def check(body: Any) -> Refusal | None:
    """Why `POST /v1/responses` would refuse this body.

    A body that leans on earlier ones is looked at on its own; its whole conversation is for
    `check_sequence`.
    """
    try:
        _check_top(body)
        _check_settings(body)
        check_tools(body.get("tools") or [], "tools")
        check_tool_choice(body)
        _check_input(body)
        if isinstance(body.get("input"), list) and not leans_on_memory(body):
            check_items(body["input"])
    except RefusedError as refused:
        return refused.refusal
    return None


def check_sequence(
    items: list[dict[str, Any]], known: Lookup, thought_before: Callable[[str], str | None]
) -> Refusal | None:
    """Why a whole conversation is refused.

    `known` finds an item that the provider stored, `thought_before` the id of the reasoning that
    led to one.
    """
    try:
        for item in items:
            _check_stored(item, known)
        whole = resolved(items, known)
        check_items(whole)
        _check_thoughts(whole, thought_before)
    except RefusedError as refused:
        return refused.refusal
    return None


def resolved(items: list[dict[str, Any]], known: Lookup) -> list[dict[str, Any]]:
    """The items with each reference replaced by what it stands for."""
    return [
        (known(item["id"]) or item) if item_type(item) == "item_reference" else item
        for item in items
    ]


def leans_on_memory(body: dict[str, Any]) -> bool:
    """Whether only the provider's memory tells what the body's items are or come after."""
    if any(body.get(name) is not None for name in ("previous_response_id", "conversation")):
        return True
    given = body.get("input")
    return isinstance(given, list) and any(item_type(i) == "item_reference" for i in given)


def _check_top(body: Any) -> None:
    if not isinstance(body, dict):
        refuse("We could not parse the JSON body of your request: expected an object.", None, None)
    for name, value in body.items():
        if name not in _FIELDS:
            refuse_unknown(name)
        kind = _FIELDS[name]
        if value is not None and kind is not None:
            expect(value, kind, name)
    if not body.get("model"):
        refuse_missing("model")
    if body.get("previous_response_id") is not None and body.get("conversation") is not None:
        refuse(
            "Mutually exclusive parameters. Ensure you are only providing one of: "
            "'previous_response_id' or 'conversation'.",
            None,
            "mutually_exclusive_parameters",
        )
    _check_conversation(body.get("conversation"))


def _check_conversation(named: Any) -> None:
    if named is None or isinstance(named, str):
        return
    if not isinstance(named, dict):
        refuse_type(named, "one of a string or object", "conversation")
    if not isinstance(named.get("id"), str):
        refuse_missing("conversation.id")


def _check_settings(body: dict[str, Any]) -> None:
    for path, supported in _CHOICES.items():
        value: Any = body
        for name in path:
            value = (value or {}).get(name)
        if value is not None and value not in supported:
            refuse_value(value, supported, ".".join(path))
    for index, name in enumerate(body.get("include") or ()):
        if name not in _INCLUDABLE:
            refuse_value(name, _INCLUDABLE, f"include[{index}]")
    if body.get("stream_options") is not None and not body.get("stream"):
        refuse(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            "stream_options",
            None,
        )
    if body.get("max_output_tokens") is not None:
        check_least(body["max_output_tokens"], _LEAST_OUTPUT_TOKENS, "max_output_tokens")
    if body.get("prompt_cache_key") is not None:
        check_length(body["prompt_cache_key"], _LONGEST_CACHE_KEY, "prompt_cache_key")
    check_options(body.get("prompt_cache_options"), RESPONSES_LIFETIMES)
    check_retention(body.get("prompt_cache_retention"))
    check_decimals(body)
    check_metadata(body.get("metadata") or {})
    _check_format((body.get("text") or {}).get("format"))


def check_metadata(metadata: dict[str, Any]) -> None:
    if len(metadata) > _MOST_METADATA:
        refuse(
            f"Invalid 'metadata': too many properties. Expected an object with at most "
            f"{_MOST_METADATA} properties, but got an object with {len(metadata)} properties "
            "instead.",
            "metadata",
            "object_above_max_properties",
        )
    for name, value in metadata.items():
        expect(value, str, f"metadata.{name}")


def _check_format(form: Any) -> None:
    if form is None:
        return
    expect(form, dict, "text.format")
    kind = form.get("type")
    if kind is None:
        refuse_missing("text.format.type")
    if kind not in _FORMATS:
        refuse_value(kind, _FORMATS, "text.format.type")
    if kind == "json_schema":
        for name, expected in (("name", str), ("schema", dict)):
            if form.get(name) is None:
                refuse_missing(f"text.format.{name}")
            expect(form[name], expected, f"text.format.{name}")


def _check_input(body: dict[str, Any]) -> None:
    given = body.get("input")
    if given is None or given == []:
        if all(body.get(name) is None for name in _INSTEAD_OF_INPUT):
            refuse(
                'One of "input" or "previous_response_id" or "prompt" or "conversation_id" must be '
                "provided.",
                "input",
                "missing_required_parameter",
            )
        return
    if isinstance(given, str):
        return
    if not isinstance(given, list):
        refuse_type(given, "one of a string or array of input items", "input")
    stored = body.get("store") is not False
    for number, item in enumerate(given):
        check_item(item, f"input[{number}]")
        if not stored and item_type(item) in ("reasoning", "item_reference"):
            _check_carried(item)


def _check_carried(item: dict[str, Any]) -> None:
    """With `store: false` there is nothing to look an item up in."""
    if item_type(item) == "item_reference" or item.get("encrypted_content") is None:
        refuse(
            f"Item with id '{item['id']}' not found. Items are not persisted when `store` is set "
            "to false. Try again with `store` set to true, or remove this item from your input.",
            "input",
            None,
            status=404,
        )


def _check_stored(item: dict[str, Any], known: Lookup) -> None:
    kind = item_type(item)
    unsaid = kind == "reasoning" and item.get("encrypted_content") is None
    if (unsaid or kind == "item_reference") and known(item["id"]) is None:
        refuse(f"Item with id '{item['id']}' not found.", "input", None, status=404)


def _check_thoughts(
    items: list[dict[str, Any]], thought_before: Callable[[str], str | None]
) -> None:
    """An item that is known by its id is not sent without the reasoning that led to it."""
    present = {item.get("id") for item in items}
    for item in items:
        thought = thought_before(item["id"]) if item.get("id") else None
        if thought is not None and thought not in present:
            refuse(
                f"Item '{item['id']}' of type '{item_type(item)}' was provided without its "
                f"required 'reasoning' item: '{thought}'.",
                "input",
                None,
            )
