"""What requests about conversation objects carry: items and metadata. Pure."""

from typing import Final

import msgspec

from stitcher.core.item import Item
from stitcher.messages.unreadable import Unreadable
from stitcher.responses_api.refusal import Refusal
from stitcher.wire.members import elements, members, one_line
from stitcher.wire.openai_responses import read_item
from stitcher.wire.openai_responses.unit import units

# "You may add up to 20 items at a time"; "Set of 16 key-value pairs ... Keys are strings with a
# maximum length of 64 characters. Values are strings with a maximum length of 512 characters"
# (OpenAI API reference, "Create a conversation", November 2026).
_MOST_ITEMS: Final = 20
_MOST_PAIRS: Final = 16
_LONGEST_KEY: Final = 64
_LONGEST_VALUE: Final = 512


def fields(body: bytes) -> dict[str, bytes]:
    """The fields of a body; an empty body has none. Raises Refusal."""
    if not body.strip():
        return {}
    try:
        found = members(body)
    except Unreadable as error:
        raise Refusal(f"request body: {error}") from None
    return {key: body[member.start : member.end] for key, member in found.items()}


def items(raw: bytes | None) -> list[Item]:
    """The messages of a list of items, reasoning together with the item it belongs to.

    None and null are no items. Raises Refusal.
    """
    if raw is None or raw == b"null":
        return []
    if raw[:1] != b"[":
        raise Refusal(f"items: found {_kind(raw)}, expected an array of objects", param="items")
    listed = elements(raw)
    if len(listed) > _MOST_ITEMS:
        message = f"items: found {len(listed)} items, expected at most {_MOST_ITEMS}"
        raise Refusal(message, param="items")
    for number, element in enumerate(listed):
        if element[:1] != b"{":
            name = f"items[{number}]"
            raise Refusal(f"{name}: found {_kind(element)}, expected an object", param=name)
    grouped, waiting = units(listed)
    if waiting:
        raise Refusal(
            "items: found reasoning at the end, expected the item it belongs to after it",
            param="items",
        )
    try:
        return [read_item(unit) for unit in grouped]
    except Unreadable as error:
        raise Refusal(f"items: {error}", param="items") from None


def metadata(raw: bytes | None) -> bytes:
    """The metadata, verbatim; none at all is an empty object. Raises Refusal."""
    if raw is None or raw == b"null":
        return b"{}"
    if raw[:1] != b"{":
        message = f"metadata: found {_kind(raw)}, expected an object of texts"
        raise Refusal(message, param="metadata")
    try:
        pairs = members(raw)
    except Unreadable as error:
        raise Refusal(f"metadata: {error}", param="metadata") from None
    if len(pairs) > _MOST_PAIRS:
        message = f"metadata: found {len(pairs)} pairs, expected at most {_MOST_PAIRS}"
        raise Refusal(message, param="metadata")
    for key, member in pairs.items():
        _check_pair(key, raw[member.start : member.end])
    return one_line(raw)


def _check_pair(key: str, raw: bytes) -> None:
    name = f"metadata.{key[:_LONGEST_KEY]}"
    if len(key) > _LONGEST_KEY:
        message = f"{name}…: found a key of {len(key)} characters, expected at most {_LONGEST_KEY}"
        raise Refusal(message, param="metadata")
    if raw[:1] != b'"':
        raise Refusal(f"{name}: found {_kind(raw)}, expected a text", param=name)
    length = len(msgspec.json.decode(raw, type=str))
    if length > _LONGEST_VALUE:
        message = f"{name}: found {length} characters, expected at most {_LONGEST_VALUE}"
        raise Refusal(message, param=name)


def _kind(raw: bytes) -> str:
    """What a JSON value is, without saying any of it."""
    kinds = {b"{": "an object", b"[": "an array", b'"': "a text", b"n": "null"}
    kinds |= {b"t": "a boolean", b"f": "a boolean"}
    return kinds.get(raw[:1], "a number")
