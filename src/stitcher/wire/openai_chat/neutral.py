"""The bytes of Chat Completions and the neutral forms; arguments are text there anyway."""

from collections.abc import Sequence

import msgspec

from stitcher.core.item import Item
from stitcher.messages.openai_chat import neutral
from stitcher.messages.openai_chat.neutral import USER_SPEAKS_FIRST
from stitcher.messages.parts import NeutralHead, Part
from stitcher.wire.members import array, elements
from stitcher.wire.values import decoded, verbatim

__all__ = ["USER_SPEAKS_FIRST", "head", "parts", "written", "written_head"]

_encode = msgspec.json.encode


def parts(item: Item) -> Sequence[Part]:
    """What a message says. Raises Unreadable."""
    return neutral.parts(decoded(item.raw))


def written(parts: Sequence[Part]) -> Sequence[bytes]:
    """Messages that say `parts`."""
    return [_encode(message) for message in neutral.written(parts)]


def head(system: bytes | None, tools: bytes | None) -> NeutralHead:
    """The head of a call: its leading messages, as an array, and its `tools`. Raises Unreadable."""
    leading = [decoded(message) for message in elements(system or b"[]")]
    return neutral.head(leading, decoded(tools))


def written_head(head: NeutralHead) -> tuple[bytes | None, bytes | None]:
    """The leading messages, as an array, and `tools`."""
    system, tools = neutral.written_system(head), neutral.written_tools(head, verbatim)
    leading = array([_encode(message) for message in system]) if system else None
    return leading, _encode(tools) if tools else None
