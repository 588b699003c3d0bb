"""Tool results as pieces that can be taken out of a message and put into another.

Over Chat Completions and Responses a result is a message of its own; over Messages and Gemini one
message holds several, and may say more.
"""

from collections.abc import Sequence
from typing import Any, Final

from stitcher.messages.gemini.content import member
from stitcher.messages.reading import Form, Message, form_of

Result = dict[str, Any]

_INSIDE: Final[dict[Form, str]] = {"anthropic": "content", "gemini": "parts"}
"""Where an API's messages hold results beside other things."""


def results_of(message: Message) -> list[Result]:
    """The results in a message, in order, of a message that has some."""
    form = form_of(message)
    if form not in _INSIDE:
        return [message]
    return [part for part in message[_INSIDE[form]] if _is_result(part, form)]


def without_results(message: Message) -> Message | None:
    """What a message says beside its results; None where that is nothing."""
    form = form_of(message)
    if form not in _INSIDE:
        return None
    rest = [part for part in message[_INSIDE[form]] if not _is_result(part, form)]
    return {**message, _INSIDE[form]: rest} if rest else None


def answering(results: Sequence[Result], form: Form) -> list[Message]:
    """Messages of an API that are these results."""
    if form not in _INSIDE:
        return list(results)
    return [{"role": "user", _INSIDE[form]: list(results)}] if results else []


def missing(caller: Message, id: str, told: str) -> Result:
    """A result of one of a message's calls that says what became of it."""
    match form_of(caller):
        case "anthropic":
            return {"type": "tool_result", "tool_use_id": id, "content": told, "is_error": True}
        case "gemini":
            called = _called(caller, id)
            return {"function_response": {**called, "response": {"error": told}}}
        case "openai_responses":
            return _missing_item(caller, id, told)
        case _:
            if caller.get("tool_calls") is None:  # of the first API for functions
                return {"role": "function", "name": id, "content": told}
            return {"role": "tool", "tool_call_id": id, "content": told}


def _missing_item(call: Message, id: str, told: str) -> Result:
    kind = str(call.get("type"))
    if kind == "mcp_approval_request":
        return {"type": "mcp_approval_response", "approval_request_id": id, "approve": False}
    return {"type": f"{kind}_output", "call_id": id, "output": told}


def _called(content: Message, id: str) -> Result:
    """Id and name of a function that a content of Gemini's calls, as it calls it."""
    for part in content["parts"]:
        called = member(part, "function_call")
        if isinstance(called, dict) and str(called.get("id")) == id:
            return {"id": id, "name": called.get("name")}
    return {"name": id.partition("/")[0]}  # calls without ids go by their names


def _is_result(part: object, form: Form) -> bool:
    if not isinstance(part, dict):
        return False
    if form == "gemini":
        return member(part, "function_response") is not None
    return part.get("type") == "tool_result"
