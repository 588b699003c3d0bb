"""Any text ↔ one path component that is safe on every system. Pure; knows nothing of directories.

A component consists of a-z, 0-9, "-", "_", "." (neither first nor last), "%" and two hexadecimal
digits for every other byte of the text in UTF-8, and at most one "~" (long names). Upper-case
letters are encoded too: macOS and Windows fold case, and two sessions must never meet. No two names
have the same component, on those systems either.
"""

import hashlib
import re

LONGEST = 180  # bytes; file systems allow 255, and a tenant's mark or a suffix may be added
_HASH_LENGTH = 32  # hexadecimal digits
_EMPTY = "%"  # nothing else leaves a bare percent sign
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_.")
_UNCHANGED = re.compile(rb"(?!\.)[a-z0-9_.-]*(?<!\.)")
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)")  # reserved on Windows
_ESCAPE = re.compile(r"%([0-9A-F]{2})")
_HASHED = re.compile(r"[a-z0-9._%A-F-]+~[0-9a-f]{32}")


def component(name: str) -> str:
    """The path component of a name. Never fails, whatever the text."""
    if not name:
        return _EMPTY
    data = _bytes(name)
    if len(data) <= LONGEST:
        encoded = _encoded(data)
        if len(encoded) <= LONGEST:
            return encoded
    readable = _whole_escapes(_encoded(data[:LONGEST])[: LONGEST - _HASH_LENGTH - 1])
    return f"{readable}~{hashlib.sha256(data).hexdigest()[:_HASH_LENGTH]}"


def name_of(encoded: str) -> str | None:
    """The name a component stands for. None when it is none, or only has its hash."""
    if encoded == _EMPTY:
        return ""
    try:
        data = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), encoded).encode("latin-1")
        name = data.decode("utf-8", "surrogatepass")
    except UnicodeError:
        return None
    return name if component(name) == encoded else None


def is_hashed(encoded: str) -> bool:
    """True for components of long names: the full name has to be kept elsewhere."""
    return _HASHED.fullmatch(encoded) is not None


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")


def _encoded(data: bytes) -> str:
    if _UNCHANGED.fullmatch(data):  # as most names are: listing many sessions is quicker
        text = data.decode("ascii")
    else:
        last = len(data) - 1
        text = "".join(
            chr(byte)
            if byte in _PLAIN and not (byte == 0x2E and at in (0, last))
            else f"%{byte:02X}"
            for at, byte in enumerate(data)
        )
    return f"%{data[0]:02X}{text[1:]}" if _DEVICES.match(text) else text


def _whole_escapes(text: str) -> str:
    """Without an escape cut in two at its end."""
    percent = text.rfind("%", len(text) - 2)
    return text if percent == -1 else text[:percent]
