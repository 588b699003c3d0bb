"""One message of the Responses API: whether two are the same, and what a model sees of one."""

import msgspec

from stitcher.core.item import Item, digest
from stitcher.core.role import Role
from stitcher.messages.counting import Counter
from stitcher.messages.openai_breakpoints import kept_for
from stitcher.messages.openai_responses.item import (
    NAME,
    Element,
    answered,
    call_ids,
    image_url_of,
    kind_of,
    name_of,
    parts_of,
    role_of,
)
from stitcher.messages.openai_responses.size import tokens
from stitcher.messages.unreadable import Unreadable
from stitcher.wire import identity
from stitcher.wire.members import one_line
from stitcher.wire.openai_responses.unit import opened
from stitcher.wire.values import plain

_COUNTER = Counter(NAME)
_STATUS_TELLS = frozenset(("apply_patch_call_output",))  # "completed" or "failed" is the outcome
_TEXTS = ("input_text", "output_text", "text")
_IMAGES = ("input_image", "computer_screenshot")
_IDS = frozenset(("id", "call_id", "approval_request_id"))
# What clients and servers add to or drop from an item without changing what a model is shown.
_NOISE = frozenset(
    (
        "created_by",
        "annotations",
        "logprobs",
        "prompt_cache_breakpoint",
        "cache_control",
        "internal_chat_message_metadata_passthrough",  # Codex 0.169
    )
)
_NOTHING: tuple[object, ...] = (None, [], {})
_encode = msgspec.json.encode


def read_item(raw: bytes) -> Item:
    """Reads one message: an item, or an array of reasoning and its item. Raises Unreadable."""
    raw = one_line(raw)  # as the log keeps it
    try:
        return _read(raw, msgspec.json.decode(raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unreadable("found an item that is not valid JSON text, expected an object") from None


def _read(raw: bytes, value: object) -> Item:
    reasoning, element = opened(value)
    role = role_of(element)
    return Item(
        raw=raw,
        dialect=NAME,
        role=role,
        identity=identity.identity(role, _said(element)),
        rendering=digest(_encode(_rendering(element, role), order="sorted")),
        calls=call_ids(element),
        answers=answered(element),
        tokens=tokens([*reasoning, element], _COUNTER),
        thinks=any(not one.get("encrypted_content") for one in reasoning),
        compacts=kind_of(element) == "compaction",
        is_item=True,
        kept_for=kept_for(parts_of(element) or []),
    )


def read_answer(raw: bytes) -> Item:
    """Reads a message that the provider gave as its answer. Raises Unreadable."""
    return read_item(raw)


def text(raw: bytes) -> str | None:
    """What a message says if it says nothing but text (reasoning aside), else None."""
    _, element = opened(msgspec.json.decode(raw))
    said = parts_of(element)
    if said is None or any(part.get("type") not in _TEXTS for part in said):
        return None
    return "".join(str(part.get("text") or "") for part in said)


def _said(element: Element) -> list[identity.Said]:
    said = parts_of(element)
    if said is not None:
        return [_part(part) for part in said]
    kind = kind_of(element)
    if kind == "function_call":
        return [identity.call(name_of(element), identity.parsed(element.get("arguments")))]
    if kind == "custom_tool_call":
        return [identity.call(name_of(element), identity.parsed(element.get("input")))]
    other = _told(element)
    if "arguments" in other:
        other["arguments"] = identity.parsed(other["arguments"])
    return [identity.other(plain(other))]


def _part(part: Element) -> identity.Said:
    kind = part.get("type")
    if kind in _TEXTS:
        return identity.text(part.get("text"))
    if kind == "refusal":  # OpenClaw sends it back as a text
        return identity.text(part.get("refusal"))
    if kind in _IMAGES and (url := image_url_of(part)):
        return identity.image(url)
    return identity.other(plain({key: part[key] for key in part if _counts(part, key)}))


def _counts(part: Element, key: str) -> bool:
    return key not in _NOISE and key != "detail" and part[key] not in _NOTHING


def _told(element: Element) -> Element:
    """An item without its ids and what does not count; one that says nothing else is its id."""
    kind = kind_of(element)
    told = {
        key: value
        for key, value in element.items()
        if key not in _IDS
        and key not in _NOISE
        and value not in _NOTHING
        and (key != "status" or kind in _STATUS_TELLS)
    }
    told["type"] = kind
    if len(told) == 1 and "id" in element:
        told["id"] = element["id"]
    return told


def _rendering(element: Element, role: Role) -> Element:
    """What a model is shown: texts and arguments to the letter, in whatever order of members."""
    shown = _told(element)
    said = parts_of(element)
    if said is not None:
        shown["output" if role == "tool" else "content"] = [_rendered(part) for part in said]
    shown["role"] = role
    return shown


def _rendered(part: Element) -> object:
    if part.get("type") in _TEXTS:
        return part.get("text") or ""
    return {
        key: value for key, value in part.items() if key not in _NOISE and value not in _NOTHING
    }
