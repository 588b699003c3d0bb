"""What counts as one message: an item of the API together with the reasoning right before it.

OpenAI refuses reasoning without the item that follows it ("was provided without its required
following item"), and the item without its reasoning where both have ids. So they are one: the
item's own JSON, or with reasoning an array `[reasoning, ..., item]`, each element with its bytes.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from stitcher.messages.openai_responses.item import REASONING, Element
from stitcher.messages.unreadable import Unreadable
from stitcher.wire.members import array, elements

_NO_OBJECT = "found an item that is not an object, expected one with a type or a role"


class _Typed(msgspec.Struct):
    type: str | None = None


_TYPED = msgspec.json.Decoder(_Typed)


def units(raws: Iterable[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Groups the elements of an `input` or `output`; also the reasoning nothing follows.

    Raises Unreadable for an element that is not an object.
    """
    grouped: list[bytes] = []
    waiting: list[bytes] = []
    for raw in raws:
        if raw[:1] != b"{":
            raise Unreadable(_NO_OBJECT)
        if is_of_type(raw, REASONING):
            waiting.append(raw)
        else:
            grouped.append(array([*waiting, raw]) if waiting else raw)
            waiting = []
    return grouped, waiting


def flattened(unit: bytes) -> list[bytes]:
    """The elements of a unit, each with its own bytes. Raises Unreadable."""
    return elements(unit) if unit.lstrip()[:1] == b"[" else [unit]


def opened(unit: object) -> tuple[list[Element], Element]:
    """A decoded unit's reasoning, and its item. Raises Unreadable."""
    found: list[Any] = unit if isinstance(unit, list) else [unit]
    if not found or not all(isinstance(element, dict) for element in found):
        raise Unreadable(_NO_OBJECT)
    *before, last = found
    if any(element.get("type") != REASONING for element in before):
        raise Unreadable("found several items in one, expected only reasoning before the last")
    if last.get("type") == REASONING:
        raise Unreadable("found reasoning alone, expected it before the item it belongs to")
    return before, last


def is_of_type(raw: bytes, kind: str) -> bool:
    """True for an element of that type; read only where its bytes may say so."""
    if kind.encode() not in raw and b"\\u" not in raw:  # a letter may be escaped
        return False
    try:
        return _TYPED.decode(raw).type == kind
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
