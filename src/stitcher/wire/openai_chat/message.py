"""One message of Chat Completions: whether two are the same, and what a model sees of one."""

from typing import Any, Final

import msgspec

from stitcher.core.item import Item, Role, digest
from stitcher.core.tokens import TOKENS_PER_MESSAGE, estimate
from stitcher.wire import identity
from stitcher.wire.images import image_tokens
from stitcher.wire.members import Unreadable, one_line

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
# Not rendered either: clients send it back, drop it or send it back within a tool loop only, as
# their provider asks. A reply that differs in nothing else is not worth replacing.
_REASONING = ("reasoning", "reasoning_content", "reasoning_details", "thinking_blocks")
_NOT_SHOWN = frozenset((*_NOISE, *_REASONING))
_NOT_SHOWN_OF_CALL = frozenset((*_NOISE, "index", "type"))
_encode = msgspec.json.encode

Part = dict[str, Any]


def read_item(raw: bytes) -> Item:
    """Reads one message. Raises Unreadable."""
    raw = one_line(raw)  # as the log keeps it
    try:
        return _read(raw, msgspec.json.decode(raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unreadable("a message that is not valid JSON text") from None


def _read(raw: bytes, message: object) -> Item:
    said = message.get("role") if isinstance(message, dict) else None
    if not isinstance(message, dict) or not isinstance(said, str) or said not in _ROLES:
        raise Unreadable(f"a message without a role of {', '.join(_ROLES)}")
    role = _ROLES[said]
    content = parts(message.get("content"))
    calls = calls_of(message)
    answers = message.get("tool_call_id") or (message.get("name") if said == "function" else None)
    return Item(
        raw=raw,
        dialect=NAME,
        role=role,
        identity=identity.identity(role, _said(message, role, content, calls)),
        rendering=digest(_encode(_rendering(message, role, content), order="sorted")),
        calls=tuple(str(call.get("id") or function_of(call).get("name")) for call in calls),
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
    if calls_of(message) or message.get("refusal") or message.get("audio"):
        return None
    if any(part.get("type") != "text" for part in content):
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


def _said(message: Part, role: Role, content: list[Part], calls: list[Part]) -> list[identity.Said]:
    said = [_part(part) for part in content]
    said += [identity.call(function_of(one).get("name"), _arguments(one)) for one in calls]
    name = message.get("name") if role == "user" else None
    return said if name is None else [["name", name], *said]


def _part(part: Part) -> identity.Said:
    kind = part.get("type")
    if kind == "text":
        return identity.text(part.get("text"))
    if kind == "image_url":
        return identity.image(image_url_of(part))
    return identity.other({key: part[key] for key in part if key not in ("id", "cache_control")})


def image_url_of(part: Part) -> object:
    """What an image part shows."""
    image = part.get("image_url")
    return image.get("url") if isinstance(image, dict) else image


def _arguments(call: Part) -> object:
    function = function_of(call)
    return identity.parsed(function.get("arguments", function.get("input")))


def _rendering(message: Part, role: Role, content: list[Part]) -> Part:
    """What a model is shown: texts and arguments to the letter, in whatever order of members."""
    shown = {
        key: value
        for key, value in message.items()
        if key not in _NOT_SHOWN and value not in (None, [], {})
    }
    shown["role"] = role
    shown["content"] = [
        {key: value for key, value in part.items() if key != "cache_control"} for part in content
    ]
    if "tool_calls" in shown:
        shown["tool_calls"] = [_rendered_call(call) for call in calls_of(message)]
    return shown


def _rendered_call(call: Part) -> Part:
    shown = {
        key: value
        for key, value in call.items()
        if key not in _NOT_SHOWN_OF_CALL and value is not None
    }
    if isinstance(function := shown.get("function"), dict):
        shown["function"] = {key: function.get(key) for key in ("name", "arguments")}
    return shown


def _tokens(content: list[Part], calls: list[Part], message: Part) -> int:
    size = sum(len(_encode(function_of(call))) for call in calls)
    size += len(str(message.get("reasoning_content") or "").encode())
    images = 0
    for part in content:
        kind = part.get("type")
        if kind == "text":
            size += len(str(part.get("text") or "").encode())
        elif kind == "image_url":
            images += image_tokens(str(image_url_of(part)), NAME)
        else:
            size += min(len(_encode(part)), 8_000)  # audio and files: base64 says nothing of tokens
    return estimate(size, NAME) + images
