"""Single values of a request, read from their bytes with the careful answer where they are odd."""

from typing import Any

import msgspec

from stitcher.messages.unreadable import Unreadable
from stitcher.wire.members import one_line

_NOTHING = (b"null", b"[]", b'""')
_EXACT = 1e21  # JavaScript writes whole numbers below this without an exponent


def unless_null(raw: bytes | None) -> bytes | None:
    """The value, or None where it says nothing."""
    if raw is None or raw in _NOTHING:
        return None
    return None if raw[:1] == b"[" and not raw[1:-1].strip() else raw


def kept(raw: bytes | None) -> bytes | None:
    """The value as the log keeps it: on one line; None where it says nothing."""
    said = unless_null(raw)
    return None if said is None else one_line(said)


def decoded(raw: bytes | None) -> Any:
    """The value as Python objects; None for no value. Raises Unreadable."""
    try:
        return None if raw is None else msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unreadable("a value that is not valid JSON text") from None


def text(raw: bytes | None) -> str:
    """The value if it is a string, else ""."""
    value = decoded(raw)
    return value if isinstance(value, str) else ""


def whole(raw: bytes | None) -> int | None:
    """The value if it is a whole number, else None."""
    value = decoded(raw)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def member_text(value: object, key: str) -> str | None:
    """The member of an object if it is a string that says something, else None."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) and found else None


def plain(value: Any) -> Any:
    """The value with its numbers as every client would write them again: 1.0 and 1e0 as 1."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    return value


def verbatim(text: str) -> msgspec.Raw:
    """Some JSON as it goes into a message that is encoded: the very text."""
    return msgspec.Raw(text.encode())
