"""A message of Chat Completions: its role, its parts, its calls, how large it is."""

from typing import Any, Final

from stitcher.core.role import Role
from stitcher.core.tokens import TOKENS_PER_MESSAGE
from stitcher.messages.counting import Counter
from stitcher.messages.unreadable import Unreadable

NAME: Final = "openai_chat"

ROLES: Final[dict[str, Role]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}

Part = dict[str, Any]


def role_of(message: Part) -> Role:
    """Who says a message. Raises Unreadable."""
    said = message.get("role")
    if not isinstance(said, str) or said not in ROLES:
        raise Unreadable(f"a message without a role of {', '.join(ROLES)}")
    return ROLES[said]


def parts(content: object) -> list[Part]:
    """Content as a list of parts: a string is its one text part. Raises Unreadable."""
    if content is None:
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        return content
    raise Unreadable("a message whose content is neither text nor a list of parts")


def calls_of(message: Part) -> list[Part]:
    """The tool calls a message makes, in the form of today's API."""
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        return [call for call in calls if isinstance(call, dict)]
    legacy = message.get("function_call")
    return [{"function": legacy}] if isinstance(legacy, dict) else []


def function_of(call: Part) -> Part:
    """The part of a call that names the function or custom tool."""
    function = call.get("function") or call.get("custom")
    return function if isinstance(function, dict) else {}


def call_ids(message: Part) -> tuple[str, ...]:
    """The ids of the calls a message makes; an old call without one is named by its function."""
    return tuple(str(call.get("id") or function_of(call).get("name")) for call in calls_of(message))


def answered(message: Part) -> tuple[str, ...]:
    """The id of the call a message answers."""
    said = message.get("role")
    if said not in ("tool", "function"):
        return ()
    name = message.get("tool_call_id") or (message.get("name") if said == "function" else None)
    return (str(name),) if name else ()


def image_url_of(part: Part) -> object:
    """What an image part shows."""
    image = part.get("image_url")
    return image.get("url") if isinstance(image, dict) else image


def tokens(message: Part, counter: Counter) -> int:
    """Tokens of a message, before calibration. Raises Unreadable."""
    total = TOKENS_PER_MESSAGE + counter.text(message.get("reasoning_content"))
    for call in calls_of(message):
        function = function_of(call)
        total += counter.call(
            function.get("name"), function.get("arguments", function.get("input"))
        )
    for part in parts(message.get("content")):
        kind = part.get("type")
        if kind == "text":
            total += counter.text(part.get("text"))
        elif kind == "image_url":
            total += counter.image(image_url_of(part))
        else:
            total += counter.file(part)
    return total
