import base64
import struct

import pytest

from stitcher.messages.images import UNKNOWN_IMAGE, document_tokens, image_tokens

DIALECTS = ("anthropic", "openai_chat")


def encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def png(width: int, height: int, ballast: int = 0) -> bytes:
    size = struct.pack(">II", width, height)
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + size + b"\x08\2\0\0\0" + b"\7" * ballast


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\0" * 8


def jpeg(width: int, height: int, *, preview: int = 400, fill: int = 0) -> bytes:
    segments = b""
    while preview > 0:  # a segment holds at most 65,533 bytes
        size = min(preview, 65_533)
        segments += b"\xff\xe1" + struct.pack(">H", size + 2) + b"x" * size
        preview -= size
    tables = b"\xff\xc4" + struct.pack(">H", 4) + b"ab"
    frame = b"\xff" * fill + b"\xff\xc2" + struct.pack(">HBHH", 17, 8, height, width) + b"\0" * 10
    return b"\xff\xd8" + segments + tables + frame


def webp(kind: bytes, header: bytes) -> bytes:
    return b"RIFF\0\0\0\0WEBP" + kind + b"\0\0\0\0" + header + b"\0" * 8


def lossy(width: int, height: int) -> bytes:
    return webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height))


def lossless(width: int, height: int) -> bytes:
    return webp(b"VP8L", b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14))


def extended(width: int, height: int) -> bytes:
    return webp(
        b"VP8X",
        b"\0\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little"),
    )


FORMATS = {
    "png": png(1024, 768),
    "gif": gif(1024, 768),
    "jpeg": jpeg(1024, 768),
    "jpeg with large previews": jpeg(1024, 768, preview=200_000),
    "jpeg with fill bytes": jpeg(1024, 768, fill=3),
    "webp lossy": lossy(1024, 768),
    "webp lossless": lossless(1024, 768),
    "webp extended": extended(1024, 768),
}


@pytest.mark.parametrize("name", FORMATS)
def test_an_image_costs_by_its_pixels_in_every_format(name: str) -> None:
    data = encoded(FORMATS[name])
    assert image_tokens(data, "anthropic") == 37 * 28
    assert image_tokens(data, "openai_chat") == round(32 * 24 * 1.2)
    assert image_tokens(f"data:image/x;base64,{data}", "anthropic") == 37 * 28


@pytest.mark.parametrize("dialect", DIALECTS)
def test_never_by_the_length_of_its_base64(dialect: str) -> None:
    small, large = encoded(png(300, 300)), encoded(png(300, 300, ballast=900_000))
    assert image_tokens(small, dialect) == image_tokens(large, dialect)


def test_line_breaks_in_base64_do_not_matter() -> None:
    data = base64.encodebytes(jpeg(1024, 768, preview=3_000)).decode()
    assert image_tokens(data, "anthropic") == 37 * 28


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "data",
    [
        "https://example.com/cat.png",
        "http://example.com/cat.png",
        "",
        "!!!!",
        "é€",
        "file-abc123",
        encoded(b"BM" + b"\0" * 50),
        encoded(b"\x89PNG\r\n\x1a\n\0\0"),
        encoded(png(0, 10)),
        encoded(b"\xff\xd8\xff"),
        encoded(b"\xff\xd8\xff\xe1\0\0" * 3),
        encoded(b"\xff\xd8nonsense"),
        encoded(b"RIFF\0\0\0\0WEBPVP8L"),
        encoded(b"RIFF\0\0\0\0WEBPVP8X"),
        encoded(b"RIFF\0\0\0\0WEBPnone" + b"\1" * 40),
    ],
)
def test_what_cannot_be_read_costs_as_a_usual_image(data: str, dialect: str) -> None:
    assert image_tokens(data, dialect) == UNKNOWN_IMAGE


@pytest.mark.parametrize("size", [(1, 1), (10_000, 10_000), (20_000, 40), (65_535, 65_535)])
def test_costs_stay_between_one_token_and_what_the_largest_image_costs(
    size: tuple[int, int],
) -> None:
    data = encoded(png(*size))
    assert 1 <= image_tokens(data, "anthropic") <= 4_784
    assert 1 <= image_tokens(data, "openai_chat") <= 15_000


def test_what_providers_counted_is_met_within_a_tenth() -> None:
    """Figures measured by others in 2026-10; see shared rules, section on images."""
    assert image_tokens(encoded(png(1024, 1024)), "openai_chat") == pytest.approx(1_229, rel=0.1)
    assert image_tokens(encoded(png(1920, 1080)), "openai_chat") == pytest.approx(2_448, rel=0.1)
    assert image_tokens(encoded(png(1024, 1024)), "anthropic") == pytest.approx(1_446, rel=0.1)


def test_a_document_costs_by_its_pages() -> None:
    page = b"<< /Type /Page /Parent 2 0 R >>\n"
    pdf = b"%PDF-1.7\n<< /Type /Pages /Count 3 >>\n" + page + page.replace(b" /Page", b"/Page") * 2
    three = document_tokens(encoded(pdf))
    assert three == 3 * document_tokens(encoded(b"%PDF-1.7\n" + page))
    assert document_tokens(encoded(pdf + b"\0" * 300_000)) == three


@pytest.mark.parametrize("data", ["", "file-1", "!!!", encoded(b"%PDF-1.7 compressed away")])
def test_a_document_without_readable_pages_counts_as_one(data: str) -> None:
    assert document_tokens(data) == document_tokens(encoded(b"%PDF-1.7\n/Type /Page "))
