"""Where the values of a JSON object or array stand in its bytes, so that they can be cut out whole.

msgspec finds the values (as slices, without building them); a walk over the punctuation between
them finds their offsets. What is not understood raises Unreadable: the caller leaves such a body
alone.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from stitcher.messages.unreadable import Unreadable

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_SPACE = re.compile(rb"[ \t\r\n]*")
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_REPEATED = "found a JSON object whose members repeat a key, expected each key once"


@dataclass(frozen=True, slots=True)
class Member:
    """One `"key": value` of an object: body[start:end] is the value."""

    key: str
    key_start: int
    start: int
    end: int


def members(body: bytes) -> dict[str, Member]:
    """The members of the object that `body` is. Raises Unreadable, also for a repeated key."""
    try:
        values = _OBJECT.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"expected a JSON object, found: {_reason(error, body)}") from None
    found: dict[str, Member] = {}
    at = _skip(body, 0) + 1
    for key, value in values.items():
        at = _skip(body, at)
        name = _STRING.match(body, at)
        if name is None:
            raise Unreadable(_REPEATED)
        start = _skip(body, _skip(body, name.end()) + 1)
        value_bytes = bytes(value)
        end = start + len(value_bytes)
        if not body.startswith(value_bytes, start) or msgspec.json.decode(name.group()) != key:
            raise Unreadable(_REPEATED)
        found[key] = Member(key, at, start, end)
        at = _skip(body, end) + 1
    if body[_skip(body, at - 1 if values else at)] != 0x7D:  # }
        raise Unreadable(_REPEATED)
    return found


def elements(array: bytes) -> list[bytes]:
    """The values of the array that `array` is, each with its own bytes. Raises Unreadable."""
    try:
        return [bytes(value) for value in _ARRAY.decode(array)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"expected a JSON array, found: {_reason(error, array)}") from None


def without(body: bytes, key: str) -> bytes:
    """The object without one member, everything else byte for byte."""
    found = members(body)
    member = found.get(key)
    if member is None:
        return body
    after = _skip(body, member.end)
    if body[after] == 0x2C:  # a comma follows: it goes too
        return body[: member.key_start] + body[_skip(body, after + 1) :]
    before = body.rfind(b",", 0, member.key_start) if len(found) > 1 else -1
    return body[: before if before >= 0 else member.key_start] + body[member.end :]


def replaced(body: bytes, member: Member, value: bytes) -> bytes:
    """The object with another value for one member, everything else byte for byte."""
    return body[: member.start] + value + body[member.end :]


def added(body: bytes, key: str, value: bytes) -> bytes:
    """The object with one more member, after the last; everything else byte for byte."""
    found = members(body)
    last = max((member.end for member in found.values()), default=body.find(b"{") + 1)
    comma = b"," if found else b""
    return body[:last] + comma + msgspec.json.encode(key) + b":" + value + body[last:]


def array(values: Sequence[bytes]) -> bytes:
    """A JSON array of the values."""
    return b"[" + b",".join(values) + b"]"


def replaced_elements(array: bytes, values: Sequence[bytes]) -> bytes:
    """The array with other values in the same places; what stands between them stays."""
    made: list[bytes] = []
    kept = 0  # everything before this offset of `array` is in `made`
    at = _skip(array, 0) + 1
    for old, new in zip(elements(array), values, strict=True):
        start = _skip(array, at)
        made += (array[kept:start], new)
        kept = start + len(old)
        at = _skip(array, kept) + 1
    made.append(array[kept:])
    return b"".join(made)


def one_line(value: bytes) -> bytes:
    """JSON without its line breaks. Inside strings there are none: they are escaped there."""
    if b"\n" in value or b"\r" in value:
        return value.translate(None, b"\r\n")
    return value


def _skip(body: bytes, at: int) -> int:
    match = _SPACE.match(body, at)
    return match.end() if match else at


def _reason(error: Exception, body: bytes) -> str:
    """Why, without quoting the body."""
    if not body.strip():
        return "nothing"
    if isinstance(error, RecursionError):
        return "JSON nested too deeply"
    return str(error) or type(error).__name__
