"""One message of the Messages API: whether two are the same, and what a model sees of one."""

from typing import Any, Final, cast

import msgspec

from stitcher.core.item import Item, Role, digest
from stitcher.core.tokens import TOKENS_PER_MESSAGE, estimate
from stitcher.wire.images import image_tokens
from stitcher.wire.members import Unreadable

NAME: Final = "anthropic"

_ROLES = ("user", "assistant", "system")
_THINKING = ("thinking", "redacted_thinking")
_IDS = ("id", "tool_use_id", "cache_control")
_encode = msgspec.json.encode

Block = dict[str, Any]


def read_item(raw: bytes) -> Item:
    """Reads one message. Raises Unreadable."""
    try:
        message = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unreadable("a message that is not valid JSON text") from None
    if not isinstance(message, dict) or message.get("role") not in _ROLES:
        raise Unreadable("a message without a role of user, assistant or system")
    content = blocks(message.get("content"))
    role = message["role"]
    return Item(
        raw=raw,
        dialect=NAME,
        role=cast(Role, role),
        identity=digest(_encode([role, _identity(content, role)], order="sorted")),
        rendering=digest(_encode(_rendering(message, content))),
        calls=_ids(content, "tool_use", "id"),
        answers=_ids(content, "tool_result", "tool_use_id"),
        tokens=sum(_tokens(block) for block in content) + TOKENS_PER_MESSAGE,
        thinks=any(block.get("type") in _THINKING for block in content),
    )


def read_answer(raw: bytes) -> Item:
    """Reads a message that the provider gave as its answer. Raises Unreadable."""
    return read_item(raw)


def text(raw: bytes) -> str | None:
    """What a message says if it says nothing but text (thinking aside), else None."""
    content = blocks(msgspec.json.decode(raw).get("content"))
    said = [block for block in content if block.get("type") not in _THINKING]
    if any(block.get("type") != "text" for block in said):
        return None
    return "".join(block.get("text") or "" for block in said)


def blocks(content: object) -> list[Block]:
    """Content as a list of blocks: a string is its one text block. Raises Unreadable."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if content is None:
        return []
    if isinstance(content, list) and all(isinstance(block, dict) for block in content):
        return content
    raise Unreadable("a message whose content is neither text nor a list of blocks")


def _identity(content: list[Block], role: str) -> list[object]:
    parts: list[list[Any]] = []
    for block in content:
        part = _part(block)
        if part is None:
            continue
        if role == "assistant" and part[0] == "text" and parts and parts[-1][0] == "text":
            parts[-1][1] += part[1]  # clients flatten an answer's texts into one
        else:
            parts.append(part)
    return [_trimmed(part) for part in parts if part[0] != "text" or part[1].strip()]


def _part(block: Block) -> list[Any] | None:
    kind = block.get("type")
    if kind in _THINKING:
        return None
    if kind == "text":
        return ["text", str(block.get("text") or "")]
    if kind == "tool_use":
        return ["call", block.get("name"), block.get("input")]
    if kind == "tool_result":
        return ["result", _identity(blocks(block.get("content")), "tool")]
    return ["other", {key: value for key, value in block.items() if key not in _IDS}]


def _trimmed(part: list[Any]) -> list[Any]:
    return ["text", part[1].rstrip()] if part[0] == "text" else part


def _rendering(message: Block, content: list[Block]) -> list[object]:
    others = {key: message[key] for key in sorted(message) if key not in ("role", "content")}
    return [message["role"], [_rendered(block) for block in content], others]


def _rendered(block: Block) -> Block:
    """A block in one order of members; the order inside a tool's input stays, models see it."""
    shown = {key: block[key] for key in sorted(block) if key != "cache_control"}
    if shown.get("type") == "tool_result":
        if not shown.get("is_error"):
            shown.pop("is_error", None)
        shown["content"] = [_rendered(inner) for inner in blocks(shown.get("content"))]
    return shown


def _ids(content: list[Block], kind: str, key: str) -> tuple[str, ...]:
    return tuple(str(block.get(key)) for block in content if block.get("type") == kind)


def _tokens(block: Block) -> int:
    kind = block.get("type")
    if kind in ("image", "document"):
        source = block.get("source")
        source = source if isinstance(source, dict) else {}
        if isinstance(source.get("text") or source.get("content"), str):  # a plain text document
            return estimate(len(str(source.get("data") or source.get("text")).encode()), NAME)
        where = source.get("data") or source.get("url") or ""
        return image_tokens(str(where), NAME)
    if kind == "tool_result":
        return sum(_tokens(inner) for inner in blocks(block.get("content"))) + 8
    if kind in ("text", "thinking"):
        return estimate(len(str(block.get(kind) or "").encode()), NAME)
    if kind == "tool_use":
        return estimate(len(_encode([block.get("name"), block.get("input")])), NAME) + 8
    return estimate(len(_encode(block)), NAME)
