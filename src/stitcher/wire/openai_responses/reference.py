"""Items that a request names by their ids alone, trusting that the provider has kept them.

openai-python 3.54 types, ItemReference: `{"type": "item_reference", "id": ...}`; the type may be
left out. The AI SDK (@ai-sdk/openai 4.0) sends every answer of a reasoning model so.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from stitcher.core.item import Item
from stitcher.wire.members import elements, members, replaced, replaced_elements
from stitcher.wire.openai_responses.unit import flattened

_REFERENCE: Final = "item_reference"
_LONGEST: Final = 1_024  # bytes: a reference is an id and little more


class _Named(msgspec.Struct):
    id: str | None = None
    type: str | None = None
    role: str | None = None


_NAMED = msgspec.json.Decoder(_Named)


def referred(items: Iterable[Item]) -> list[str]:
    """The ids that stand for items, in order, each once."""
    names = [_reference(raw) for item in items for raw in _last(item)]
    return list(dict.fromkeys(name for name in names if name))


def dereferenced(body: bytes, items: Mapping[str, bytes]) -> bytes:
    """The request with those items in the place of their names, everything else byte for byte."""
    member = members(body)["input"]
    said = body[member.start : member.end]
    made = [items.get(_reference(raw) or "", raw) for raw in elements(said)]
    return replaced(body, member, replaced_elements(said, made))


def ids(message: bytes) -> dict[str, bytes]:
    """The elements of a message as the log keeps it, by the ids that they have."""
    named = [(_read(raw).id, raw) for raw in flattened(message)]
    return {name: raw for name, raw in named if name}


def _last(item: Item) -> list[bytes]:
    """What may be a reference: reasoning, which may stand before it, says something itself."""
    return flattened(item.raw)[-1:] if item.role == "assistant" else []


def _reference(raw: bytes) -> str | None:
    """The id that an element names; None for one that says something itself."""
    if len(raw) > _LONGEST or (b"content" in raw and _REFERENCE.encode() not in raw):
        return None
    named = _read(raw)
    bare = named.type is None and named.role is None
    return named.id if named.type == _REFERENCE or bare else None


def _read(raw: bytes) -> _Named:
    try:
        return _NAMED.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Named()
