"""One message of the Messages API: whether two are the same, and what a model sees of one."""

from typing import Any

import msgspec

from stitcher.core.item import Item, digest
from stitcher.messages.anthropic.marking import kept_for
from stitcher.messages.anthropic.message import (
    NAME,
    THINKING,
    Block,
    answered,
    blocks,
    call_ids,
    positions,
    role_of,
    thinks,
    tokens,
)
from stitcher.messages.counting import Counter
from stitcher.messages.parts import data_uri
from stitcher.messages.unreadable import Unreadable
from stitcher.wire import identity
from stitcher.wire.members import one_line
from stitcher.wire.values import plain

_COUNTER = Counter(NAME)
_IDS = ("id", "tool_use_id")
_TEXT_AND_MARKER = frozenset(("type", "text", "cache_control"))
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
    content = blocks(message.get("content"))
    return Item(
        raw=raw,
        dialect=NAME,
        role=role,
        identity=identity.identity(role, map(_part, content)),
        rendering=digest(_encode(_rendering(message, content))),
        calls=call_ids(content),
        answers=answered(content),
        tokens=tokens(message, _COUNTER),
        thinks=thinks(content),
        positions=positions(content),
        kept_for=kept_for(content) if b'"cache_control"' in raw else 0,
    )


def read_answer(raw: bytes) -> Item:
    """Reads a message that the provider gave as its answer. Raises Unreadable."""
    return read_item(raw)


def text(raw: bytes) -> str | None:
    """What a message says if it says nothing but text (thinking aside), else None."""
    content = blocks(msgspec.json.decode(raw).get("content"))
    said = [block for block in content if block.get("type") not in THINKING]
    if any(block.get("type") != "text" or block.get("citations") for block in said):
        return None
    return "".join(str(block.get("text") or "") for block in said)


def _part(block: Block) -> identity.Said | None:
    kind = block.get("type")
    if kind in THINKING:
        return None
    if kind == "text":
        return identity.text(block.get("text"))
    if kind == "tool_use":
        return identity.call(block.get("name"), plain(block.get("input")))
    if kind == "tool_result":
        return identity.result(_part(inner) for inner in blocks(block.get("content")))
    if kind == "image" and (url := _only_url(block)) is not None:
        return identity.image(url)
    return identity.other(plain({key: _shown(block[key]) for key in block if _tells(block, key)}))


def _only_url(image: Block) -> str | None:
    """The image's URL or data URI if there is nothing else to it, else None."""
    source = image.get("source")
    if not isinstance(source, dict) or any(
        key not in ("type", "source") and _tells(image, key) for key in image
    ):
        return None
    match source:
        case {"type": "url", "url": str(url), **more} if not more:
            return url
        case {"type": "base64", "media_type": str(kind), "data": str(data), **more} if not more:
            return data_uri(kind, data)
    return None


def _tells(block: Block, key: str) -> bool:
    return key not in _IDS and key != "cache_control" and block[key] not in (None, [])


def _rendering(message: Block, content: list[Block]) -> list[object]:
    others = {key: message[key] for key in sorted(message) if key not in ("role", "content")}
    return [message["role"], [_rendered(block) for block in content], others]


def _rendered(block: Block) -> object:
    if block.keys() <= _TEXT_AND_MARKER and block.get("type") == "text":  # nearly all there are
        return {"text": block.get("text"), "type": "text"}
    if block.get("type") != "tool_result":
        return _shown(block)
    result = {**block, "content": blocks(block.get("content"))}
    if not block.get("is_error"):
        result.pop("is_error", None)
    return _shown(result)


def _shown(value: Any) -> Any:
    """Members in one order, without markers and nothings; a tool's input as the model saw it."""
    if isinstance(value, dict):
        return {
            key: value[key] if key == "input" else _shown(value[key])
            for key in sorted(value)
            if key != "cache_control" and value[key] not in (None, [])
        }
    if isinstance(value, list):
        return [_shown(inner) for inner in value]
    return value
