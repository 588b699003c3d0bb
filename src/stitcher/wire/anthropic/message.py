"""One message of the Messages API: whether two are the same, and what a model sees of one."""

from typing import Any, Final, cast

import msgspec

from stitcher.core.item import Item, Role, digest
from stitcher.core.tokens import TOKENS_PER_MESSAGE, estimate
from stitcher.wire import identity
from stitcher.wire.images import document_tokens, image_tokens
from stitcher.wire.members import Unreadable, one_line
from stitcher.wire.parts import data_uri
from stitcher.wire.values import plain

NAME: Final = "anthropic"

_ROLES = ("user", "assistant", "system")
THINKING: Final = ("thinking", "redacted_thinking")
_IDS = ("id", "tool_use_id")
_TEXT_AND_MARKER = frozenset(("type", "text", "cache_control"))
_AROUND_CALL = 8  # tokens a provider frames a call or a result with
_encode = msgspec.json.encode

Block = dict[str, Any]


def read_item(raw: bytes) -> Item:
    """Reads one message. Raises Unreadable."""
    raw = one_line(raw)  # as the log keeps it
    try:
        return _read(raw, msgspec.json.decode(raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unreadable("a message that is not valid JSON text") from None


def _read(raw: bytes, message: object) -> Item:
    if not isinstance(message, dict) or message.get("role") not in _ROLES:
        raise Unreadable("a message without a role of user, assistant or system")
    content = blocks(message.get("content"))
    role = message["role"]
    return Item(
        raw=raw,
        dialect=NAME,
        role=cast(Role, role),
        identity=identity.identity(role, map(_part, content)),
        rendering=digest(_encode(_rendering(message, content))),
        calls=_ids(content, "tool_use", "id"),
        answers=_ids(content, "tool_result", "tool_use_id"),
        tokens=sum(_tokens(block) for block in content) + TOKENS_PER_MESSAGE,
        thinks=any(block.get("type") in THINKING for block in content),
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


def blocks(content: object) -> list[Block]:
    """Content as a list of blocks: a string is its one text block. Raises Unreadable."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if content is None:
        return []
    if isinstance(content, list) and all(isinstance(block, dict) for block in content):
        return content
    raise Unreadable("a message whose content is neither text nor a list of blocks")


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


def _ids(content: list[Block], kind: str, key: str) -> tuple[str, ...]:
    return tuple(str(block.get(key)) for block in content if block.get("type") == kind)


def _tokens(block: Block) -> int:
    kind = block.get("type")
    if kind in ("text", "thinking"):
        return estimate(len(str(block.get(kind) or "").encode()), NAME)
    if kind == "tool_use":
        size = len(_encode([block.get("name"), block.get("input")]))
        return estimate(size, NAME) + _AROUND_CALL
    if kind == "tool_result":
        return sum(_tokens(inner) for inner in blocks(block.get("content"))) + _AROUND_CALL
    source = block.get("source")
    if kind == "image" and isinstance(source, dict):
        return image_tokens(str(source.get("data") or source.get("url") or ""), NAME)
    if kind == "document" and isinstance(source, dict):
        return _document_tokens(source)
    return estimate(len(_encode(block)), NAME)


def _document_tokens(source: Block) -> int:
    kind = source.get("type")
    if kind == "text":
        return estimate(len(str(source.get("data") or "").encode()), NAME)
    if kind == "content":
        return sum(_tokens(inner) for inner in blocks(source.get("content")))
    return document_tokens(str(source.get("data") or ""))
