"""One message of Chat Completions: whether two are the same, and what a model sees of one."""

from typing import Any, Final

import msgspec

from stitcher.core.item import Item, Role, digest
from stitcher.core.tokens import TOKENS_PER_MESSAGE, estimate
from stitcher.wire.images import image_tokens
from stitcher.wire.members import Unreadable

NAME: Final = "openai_chat"

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
# What clients and servers add to or drop from a message without changing what a model is shown.
_NOISE = (
    "refusal",
    "annotations",
    "logprobs",
    "audio",
    "provider_specific_fields",
    "cache_control",
)
_REASONING = ("reasoning", "reasoning_content", "reasoning_details")
_encode = msgspec.json.encode

Part = dict[str, Any]


def read_item(raw: bytes) -> Item:
    """Reads one message. Raises Unreadable."""
    try:
        message = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unreadable("a message that is not valid JSON text") from None
    if not isinstance(message, dict) or message.get("role") not in _ROLES:
        raise Unreadable(f"a message without a role of {', '.join(_ROLES)}")
    role = _ROLES[message["role"]]
    content = parts(message.get("content"))
    calls = _calls(message)
    answers = message.get("tool_call_id") or (
        message.get("name") if message["role"] == "function" else None
    )
    return Item(
        raw=raw,
        dialect=NAME,
        role=role,
        identity=digest(_encode(_identity(message, role, content, calls), order="sorted")),
        rendering=digest(_encode(_rendering(message, role, content), order="sorted")),
        calls=tuple(str(call.get("id") or _function(call).get("name")) for call in calls),
        answers=(str(answers),) if answers and role == "tool" else (),
        tokens=_tokens(content, calls, message) + TOKENS_PER_MESSAGE,
    )


def read_answer(raw: bytes) -> Item:
    """Reads a message that the provider gave as its answer. Raises Unreadable."""
    return read_item(raw)


def text(raw: bytes) -> str | None:
    """What a message says if it says nothing but text, else None."""
    message = msgspec.json.decode(raw)
    content = parts(message.get("content"))
    if _calls(message) or any(part.get("type") != "text" for part in content):
        return None
    return "".join(str(part.get("text") or "") for part in content)


def parts(content: object) -> list[Part]:
    """Content as a list of parts: a string is its one text part. Raises Unreadable."""
    if content is None:
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        return content
    raise Unreadable("a message whose content is neither text nor a list of parts")


def _calls(message: Part) -> list[Part]:
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        return [call for call in calls if isinstance(call, dict)]
    legacy = message.get("function_call")
    return [{"function": legacy}] if isinstance(legacy, dict) else []


def _function(call: Part) -> Part:
    function = call.get("function") or call.get("custom")
    return function if isinstance(function, dict) else {}


def _identity(message: Part, role: Role, content: list[Part], calls: list[Part]) -> list[object]:
    said: list[list[Any]] = []
    for part in content:
        one = _part(part)
        if role == "assistant" and one[0] == "text" and said and said[-1][0] == "text":
            said[-1][1] += one[1]  # clients flatten an answer's texts into one
        else:
            said.append(one)
    said = [["text", p[1].rstrip()] if p[0] == "text" else p for p in said]
    said = [p for p in said if p[0] != "text" or p[1]]
    name = message.get("name") if role == "user" else None
    return [role, name, said, [_call(call) for call in calls]]


def _part(part: Part) -> list[Any]:
    kind = part.get("type")
    if kind == "text":
        return ["text", str(part.get("text") or "")]
    if kind == "image_url":
        image = part.get("image_url")
        return ["image", image.get("url") if isinstance(image, dict) else image]
    return ["other", {key: part[key] for key in part if key not in ("id", "cache_control")}]


def _call(call: Part) -> list[object]:
    function = _function(call)
    arguments = function.get("arguments", function.get("input"))
    if isinstance(arguments, str):
        try:
            arguments = msgspec.json.decode(arguments)
        except (msgspec.DecodeError, UnicodeDecodeError):
            arguments = arguments.strip()
    return [function.get("name"), arguments]


def _rendering(message: Part, role: Role, content: list[Part]) -> Part:
    """What a model is shown: texts and arguments to the letter, in whatever order of members."""
    shown = {
        key: value
        for key, value in message.items()
        if key not in _NOISE and key not in _REASONING and value not in (None, [], {})
    }
    shown["role"] = role
    shown["content"] = [
        {key: value for key, value in part.items() if key != "cache_control"} for part in content
    ]
    if "tool_calls" in shown:
        shown["tool_calls"] = [
            {key: value for key, value in call.items() if key not in ("index", "type")}
            for call in _calls(message)
        ]
    return shown


def _tokens(content: list[Part], calls: list[Part], message: Part) -> int:
    size = sum(len(_encode(_function(call))) for call in calls)
    size += len(str(message.get("reasoning_content") or "").encode())
    images = 0
    for part in content:
        kind = part.get("type")
        if kind == "text":
            size += len(str(part.get("text") or "").encode())
        elif kind == "image_url":
            images += image_tokens(str(_part(part)[1]), NAME)
        else:
            size += min(len(_encode(part)), 8_000)  # audio and files: base64 says nothing of tokens
    return estimate(size, NAME) + images
