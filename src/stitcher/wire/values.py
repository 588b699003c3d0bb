"""Single values of a request, read from their bytes with the careful answer where they are odd."""

from typing import Any

import msgspec

from stitcher.wire.members import Unreadable


def unless_null(raw: bytes | None) -> bytes | None:
    """The value, or None where it says nothing."""
    return None if raw in (None, b"null", b"[]", b'""') else raw


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
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) and found else None
