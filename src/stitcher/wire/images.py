"""How many tokens an image is, by its size in pixels, never by the length of its base64.

Reads just enough of the file's header. Knows nothing of the models beyond the two families' rules.
"""

import base64
import binascii
import struct

_HEADER_BASE64 = 64 * 1024  # JPEG may carry a preview before its size
_UNKNOWN = 1_600  # an image given by URL or in a format we do not read: about one megapixel


def image_tokens(data: str, dialect: str) -> int:
    """Tokens of a base64 image (with or without a `data:` prefix), or a guess for a URL."""
    if data.startswith(("http://", "https://")):
        return _UNKNOWN
    _, _, encoded = data.rpartition("base64,")
    size = _dimensions(encoded)
    if size is None:
        return _UNKNOWN
    width, height = size
    if dialect == "anthropic":
        # platform.claude.com, "Vision", 2026-08-21: ceil(w/28) * ceil(h/28) after downscaling, at
        # most 4,784 tokens (1,568 before Opus 4.7).
        return min(-(-width // 28) * -(-height // 28), 4_784)
    # Patches of 32 by 32 at 1.2 tokens (GPT-6, measured 2026-10); the tiles of older models cost
    # less for large images.
    return min(round(-(-width // 32) * -(-height // 32) * 1.2), 15_000)


def _dimensions(encoded: str) -> tuple[int, int] | None:
    head = encoded[:_HEADER_BASE64]
    try:
        data = base64.b64decode(head[: len(head) // 4 * 4])
    except (binascii.Error, ValueError):
        return None
    try:
        if data[:8] == b"\x89PNG\r\n\x1a\n":
            return _positive(struct.unpack(">II", data[16:24]))
        if data[:6] in (b"GIF87a", b"GIF89a"):
            return _positive(struct.unpack("<HH", data[6:10]))
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp(data)
        if data[:2] == b"\xff\xd8":
            return _jpeg(data)
    except (struct.error, IndexError):
        return None
    return None


def _webp(data: bytes) -> tuple[int, int] | None:
    kind = data[12:16]
    if kind == b"VP8X":
        width = int.from_bytes(data[24:27], "little") + 1
        return width, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", data[26:30])
        return _positive((width & 0x3FFF, height & 0x3FFF))
    return None


def _jpeg(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at < len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a frame header
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return _positive((width, height))
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def _positive(size: tuple[int, ...]) -> tuple[int, int] | None:
    width, height = size
    return (width, height) if width > 0 and height > 0 else None
