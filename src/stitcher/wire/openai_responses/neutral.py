"""The bytes of the Responses API and the neutral forms; arguments are text there anyway."""

from collections.abc import Sequence

import msgspec

from stitcher.core.item import Item
from stitcher.messages.openai_responses import neutral
from stitcher.messages.openai_responses.neutral import USER_SPEAKS_FIRST
from stitcher.messages.parts import NeutralHead, Part
from stitcher.wire.members import array, elements
from stitcher.wire.openai_responses.unit import opened
from stitcher.wire.values import decoded, verbatim

__all__ = ["USER_SPEAKS_FIRST", "head", "parts", "written", "written_head"]

_encode = msgspec.json.encode


def parts(item: Item) -> Sequence[Part]:
    """What a message says. Raises Unreadable."""
    _, element = opened(decoded(item.raw))
    return neutral.parts(element)


def written(parts: Sequence[Part]) -> Sequence[bytes]:
    """Items that say `parts`."""
    return [_encode(item) for item in neutral.written(parts)]


def head(system: bytes | None, tools: bytes | None) -> NeutralHead:
    """The head of a call: instructions and leading items in an array, and its `tools`.

    Raises Unreadable.
    """
    leading = [decoded(raw) for raw in elements(system or b"[]")]
    said = [value if isinstance(value, str) else opened(value)[1] for value in leading]
    return neutral.head(said, decoded(tools))


def written_head(head: NeutralHead) -> tuple[bytes | None, bytes | None]:
    """Instructions, and `tools`."""
    text, tools = "\n\n".join(head.system), neutral.written_tools(head, verbatim)
    return array([_encode(text)]) if text else None, _encode(tools) if tools else None
