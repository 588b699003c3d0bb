"""One message of Chat Completions: whether two are the same, and what a model sees of one."""

import msgspec

from stitcher.core.item import Item, digest
from stitcher.core.role import Role
from stitcher.messages.counting import Counter
from stitcher.messages.openai_breakpoints import KEY, kept_for
from stitcher.messages.openai_chat.message import (
    NAME,
    Part,
    answered,
    call_ids,
    calls_of,
    function_of,
    image_url_of,
    parts,
    role_of,
    tokens,
)
from stitcher.messages.unreadable import Unreadable
from stitcher.wire import identity
from stitcher.wire.members import one_line

_COUNTER = Counter(NAME)
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
_MARKERS = ("cache_control", KEY)
_NOT_SAID_OF_PART = ("id", *_MARKERS)
_NOT_SHOWN = frozenset((*_NOISE, *_REASONING))
_NOT_SHOWN_OF_CALL = frozenset((*_NOISE, "index", "type"))
_encode = msgspec.json.encode


def read_item(raw: bytes) -> Item:
    """Reads one message. Raises Unreadable."""
    raw = one_line(raw)  # as the log keeps it
    try:
        return _read(raw, msgspec.json.decode(raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unreadable("a message that is not valid JSON text") from None


def _read(raw: bytes, message: object) -> Item:
    if not isinstance(message, dict):
        raise Unreadable("a message that is not an object")
    role = role_of(message)
    content = parts(message.get("content"))
    calls = calls_of(message)
    return Item(
        raw=raw,
        dialect=NAME,
        role=role,
        identity=identity.identity(role, _said(message, role, content, calls)),
        rendering=digest(_encode(_rendering(message, role, content), order="sorted")),
        calls=call_ids(message),
        answers=answered(message),
        tokens=tokens(message, _COUNTER),
        kept_for=kept_for(content),
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
    return identity.other({key: part[key] for key in part if key not in _NOT_SAID_OF_PART})


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
        {key: value for key, value in part.items() if key not in _MARKERS} for part in content
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
