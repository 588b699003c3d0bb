import base64
import struct

import pytest

from stitcher.simulator.counting import (
    anthropic_image_tokens,
    image_size,
    openai_image_tokens,
    text_tokens,
)


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, height) + b"\0" * 40


def jpeg(width: int, height: int) -> bytes:
    thumbnail = b"\xff\xe1" + struct.pack(">H", 402) + b"x" * 400
    frame = b"\xff\xc0" + struct.pack(">HBHH", 17, 8, height, width) + b"\0" * 20
    return b"\xff\xd8" + thumbnail + frame


GIF = b"GIF89a" + struct.pack("<HH", 30, 40) + b"\0" * 8
WEBP_LOSSY = b"RIFF\0\0\0\0WEBPVP8 " + b"\0" * 10 + struct.pack("<HH", 30, 40)
WEBP_LOSSLESS = b"RIFF\0\0\0\0WEBPVP8L" + b"\0" * 5 + struct.pack("<I", 29 | 39 << 14)
WEBP_EXTENDED = b"RIFF\0\0\0\0WEBPVP8X" + b"\0" * 8 + b"\x1d\0\0\x27\0\0"


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("é€", 2), ("\ud800", 1)]
)
def test_text_counts_its_bytes_in_fours(text: str, tokens: int) -> None:
    assert text_tokens(text) == tokens


@pytest.mark.parametrize(
    "raw", [png(30, 40), jpeg(30, 40), GIF, WEBP_LOSSY, WEBP_LOSSLESS, WEBP_EXTENDED]
)
def test_an_image_s_size_is_read_from_its_header(raw: bytes) -> None:
    assert image_size(base64.b64encode(raw).decode()) == (30, 40)


@pytest.mark.parametrize("data", ["", "!!!!", "AAAA", base64.b64encode(b"\xff\xd8\xff").decode()])
def test_what_is_no_image_has_no_size(data: str) -> None:
    assert image_size(data) is None


def test_images_are_counted_by_pixels() -> None:
    assert anthropic_image_tokens((280, 280)) == 100
    assert anthropic_image_tokens((10_000, 10_000)) == 1568
    assert openai_image_tokens((512, 512)) == 85 + 170
    assert openai_image_tokens((4096, 4096)) == 85 + 4 * 170
    assert openai_image_tokens((4096, 4096), "low") == 85
