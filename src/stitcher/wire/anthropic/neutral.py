"""The Messages API's bytes and the neutral forms, every call's input verbatim both ways."""

from collections.abc import Sequence

import msgspec

from stitcher.core.item import Item
from stitcher.messages.anthropic import neutral
from stitcher.messages.anthropic.message import blocks
from stitcher.messages.anthropic.neutral import USER_SPEAKS_FIRST
from stitcher.messages.parts import NeutralHead, Part
from stitcher.messages.unreadable import Unreadable
from stitcher.wire.values import decoded, verbatim

__all__ = ["USER_SPEAKS_FIRST", "head", "parts", "written", "written_head"]

_encode = msgspec.json.encode


class _Call(msgspec.Struct):
    """What is read of a block besides: a call's input, verbatim."""

    input: msgspec.Raw = msgspec.Raw(b"{}")


class _Message(msgspec.Struct):
    content: list[_Call] | str | None = None


_INPUTS = msgspec.json.Decoder(_Message)


def parts(item: Item) -> Sequence[Part]:
    """What a message says. Raises Unreadable."""
    message = decoded(item.raw)
    return neutral.parts(message, _inputs(item.raw, len(blocks(message.get("content")))))


def _inputs(raw: bytes, blocks: int) -> list[str]:
    """Every block's `input` as it was written; `{}` where it has none."""
    try:
        content = _INPUTS.decode(raw).content
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unreadable("found a message whose blocks are not objects") from None
    if not isinstance(content, list):
        return ["{}"] * blocks
    return [bytes(block.input).decode() for block in content]


def written(parts: Sequence[Part]) -> Sequence[bytes]:
    """Messages that say `parts`."""
    return [_encode(message) for message in neutral.written(parts, verbatim)]


def head(system: bytes | None, tools: bytes | None) -> NeutralHead:
    """The head of a call: its `system` and its `tools`. Raises Unreadable."""
    return neutral.head(decoded(system), decoded(tools))


def written_head(head: NeutralHead) -> tuple[bytes | None, bytes | None]:
    """`system` and `tools`."""
    system, tools = neutral.written_system(head), neutral.written_tools(head, verbatim)
    return _encode(system) if system else None, _encode(tools) if tools else None
