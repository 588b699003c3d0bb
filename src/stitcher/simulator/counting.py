"""Token counts: deterministic, cheap and documented, not a tokenizer.

The rules, in full:

* text: UTF-8 bytes / 4, rounded up, each text on its own;
* a message: 3 more; a chat prompt: 3 more for priming the reply, 1 for a `name`;
* a tool definition: its compact JSON as text, plus 8;
* a tool call: name and compact JSON arguments as text, plus 8; a tool result: its content, plus 8;
* an image: by the pixels its header declares, never by the length of its base64.

Knows nothing of dialects beyond the two vendors' formulas for images.
"""

import base64
import binascii
import json
import math
from typing import Any

PER_MESSAGE = 3
PER_TOOL = 8
REPLY_PRIMING = 3
UNREADABLE_IMAGE = (1024, 1024)
DOCUMENT_TOKENS = 1500
# A JPEG's size may stand behind an embedded thumbnail; other formats declare it in 32 bytes.
_HEADER_CHARS = 4 * 65536


def text_tokens(text: str) -> int:
    if text.isascii():
        return (len(text) + 3) // 4
    return (len(text.encode("utf-8", "surrogatepass")) + 3) // 4


def json_tokens(value: Any) -> int:
    return text_tokens(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def tool_tokens(tool: Any) -> int:
    return json_tokens(tool) + PER_TOOL


def image_size(data: str) -> tuple[int, int] | None:
    """Width and height from the header of a base64 PNG, GIF, JPEG or WebP; None if unreadable."""
    head = data[:_HEADER_CHARS]
    try:
        raw = base64.b64decode(head[: len(head) - len(head) % 4], validate=False)
    except (binascii.Error, ValueError):
        return None
    if raw[:8] == b"\x89PNG\r\n\x1a\n" and len(raw) >= 24:
        return int.from_bytes(raw[16:20]), int.from_bytes(raw[20:24])
    if raw[:4] == b"GIF8" and len(raw) >= 10:
        return int.from_bytes(raw[6:8], "little"), int.from_bytes(raw[8:10], "little")
    if raw[:4] == b"RIFF" and raw[8:12] == b"WEBP":
        return _webp_size(raw)
    if raw[:2] == b"\xff\xd8":
        return _jpeg_size(raw)
    return None


def _webp_size(raw: bytes) -> tuple[int, int] | None:
    if raw[12:16] == b"VP8X" and len(raw) >= 30:
        return int.from_bytes(raw[24:27], "little") + 1, int.from_bytes(raw[27:30], "little") + 1
    if raw[12:16] == b"VP8 " and len(raw) >= 30:
        width = int.from_bytes(raw[26:28], "little") & 0x3FFF
        return width, int.from_bytes(raw[28:30], "little") & 0x3FFF
    if raw[12:16] == b"VP8L" and len(raw) >= 25:
        bits = int.from_bytes(raw[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None


def _jpeg_size(raw: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 < len(raw) and raw[at] == 0xFF:
        marker = raw[at + 1]
        # SOF0..SOF15 carry the size, except DHT (C4), JPG (C8) and DAC (CC), which share the range.
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(raw[at + 7 : at + 9]), int.from_bytes(raw[at + 5 : at + 7])
        at += 2 + int.from_bytes(raw[at + 2 : at + 4])
    return None


def anthropic_image_tokens(size: tuple[int, int]) -> int:
    """28-pixel patches after scaling to 1,568 px and 1,568 tokens (vision page, standard tier)."""
    width, height = float(size[0]), float(size[1])
    scale = min(1.0, 1568 / max(width, height, 1.0))
    return min(1568, math.ceil(width * scale / 28) * math.ceil(height * scale / 28))


def openai_image_tokens(size: tuple[int, int], detail: str = "auto") -> int:
    """85 + 170 per 512-pixel tile after scaling to 2,048 and to 768 on the short side."""
    if detail == "low":
        return 85
    width, height = float(max(size[0], 1)), float(max(size[1], 1))
    scale = min(1.0, 2048 / max(width, height))
    scale = min(scale, 768 / min(width, height))
    return 85 + 170 * math.ceil(width * scale / 512) * math.ceil(height * scale / 512)
