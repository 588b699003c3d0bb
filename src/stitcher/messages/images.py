"""How many tokens an image or a PDF is, by its pixels and pages, never by the length of its base64.

Reads just enough of an image's header. Knows nothing of the models beyond the two families' rules.
"""

import base64
import binascii
import re
import struct
from typing import Final

UNKNOWN_IMAGE: Final = 1_600  # given by URL or in a format we do not read: about one megapixel

_GEMINI_IMAGE = 1_100  # of any size, Gemini 3 (measured 2026-10)
_HEADER = 64  # characters of base64 in which every format but JPEG says its size
_JPEG_HEADER = 1 << 20  # a JPEG may carry previews and colour profiles before its size
_SPACE = str.maketrans("", "", " \t\r\n")

# platform.claude.com, "PDF support": 1,500 to 3,000 tokens of text a page, and an image of it.
_PER_PAGE = 3_000
_PAGE = re.compile(rb"/Type\s*/Page\b")


def image_tokens(data: str, dialect: str) -> int:
    """Tokens of a base64 image (with or without a `data:` prefix), or a guess for a URL."""
    if data.startswith(("http://", "https://")):
        return UNKNOWN_IMAGE
    if dialect == "gemini":
        return _GEMINI_IMAGE
    size = _dimensions(_payload(data))
    if size is None:
        return UNKNOWN_IMAGE
    width, height = size
    if dialect == "anthropic":
        # platform.claude.com, "Vision", 2026-08-21: ceil(w/28) * ceil(h/28) after downscaling to
        # 2,576 pixels, at most 4,784 tokens (1,568 of both before Opus 4.7).
        scale = min(1.0, 2_576 / max(width, height))
        return min(_patches(width * scale, 28) * _patches(height * scale, 28), 4_784)
    # Patches of 32 by 32 at 1.2 tokens (GPT-6, measured 2026-10); the tiles of older models cost
    # less for large images.
    return min(max(1, round(_patches(width, 32) * _patches(height, 32) * 1.2)), 15_000)


def document_tokens(data: str) -> int:
    """Tokens of a base64 PDF, by its pages; one that does not show them counts as one page."""
    pages = len(_PAGE.findall(_bytes(_payload(data)) or b""))
    return max(1, pages) * _PER_PAGE


def _patches(pixels: float, side: int) -> int:
    return max(1, -int(-pixels // side))


def _payload(data: str) -> str:
    return data[data.find("base64,") + 7 :] if data.startswith("data:") else data


def _bytes(encoded: str) -> bytes | None:
    encoded = encoded.translate(_SPACE)
    try:
        return base64.b64decode(encoded[: len(encoded) // 4 * 4])
    except (binascii.Error, ValueError):
        return None


def _dimensions(encoded: str) -> tuple[int, int] | None:
    try:
        data = _bytes(encoded[:_HEADER]) or b""
        if data[:8] == b"\x89PNG\r\n\x1a\n":
            return _positive(struct.unpack(">II", data[16:24]))
        if data[:6] in (b"GIF87a", b"GIF89a"):
            return _positive(struct.unpack("<HH", data[6:10]))
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp(data)
        if data[:2] == b"\xff\xd8":
            return _jpeg(_bytes(encoded[:_JPEG_HEADER]) or b"")
    except (struct.error, IndexError):
        return None
    return None


def _webp(data: bytes) -> tuple[int, int] | None:
    kind = data[12:16]
    if kind == b"VP8X" and len(data) >= 30:
        width = int.from_bytes(data[24:27], "little") + 1
        return width, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8L" and len(data) >= 25:
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
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a frame header
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return _positive((width, height))
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def _positive(size: tuple[int, ...]) -> tuple[int, int] | None:
    width, height = size
    return (width, height) if width > 0 and height > 0 else None
