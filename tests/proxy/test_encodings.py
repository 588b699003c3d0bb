import contextlib
import functools
import gzip
import zlib
from collections.abc import Callable, Sequence

import brotli  # type: ignore[import-untyped]
import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from stitcher.errors import BodyTooLarge
from stitcher.proxy.encodings import PIECE, Decoder, EncodingError, decode


def bare_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


ENCODERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("x-gzip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "bare deflate": ("deflate", bare_deflate),
    "br": ("br", functools.partial(brotli.compress, quality=4)),
    "zstd": ("zstd", zstd.compress),
}
BODIES = st.tuples(st.binary(min_size=1, max_size=9), st.sampled_from([0, 1, 30, 70_000]))
MOST_AT_ONCE = 4 * PIECE
STACKS = st.lists(st.sampled_from(list(ENCODERS)), min_size=1, max_size=3)


def spelt(body: tuple[bytes, int]) -> bytes:
    """Long bodies are drawn as what they repeat."""
    return body[0] * body[1]


def encoded(body: bytes, stack: Sequence[str]) -> tuple[bytes, list[str]]:
    for kind in stack:
        body = ENCODERS[kind][1](body)
    return body, [ENCODERS[kind][0] for kind in stack]


@settings(max_examples=60)
@given(BODIES, STACKS)
def test_undoes_every_stack(unit: tuple[bytes, int], stack: list[str]) -> None:
    body = spelt(unit)
    packed, names = encoded(body, stack)
    assert decode(packed, names, len(body)) == body


@settings(max_examples=60)
@given(BODIES, STACKS, st.integers(1, 50))
def test_undoes_in_any_chunking(unit: tuple[bytes, int], stack: list[str], size: int) -> None:
    body = spelt(unit)
    packed, names = encoded(body, stack)
    decoder = Decoder(names)
    pieces = [
        piece
        for start in range(0, len(packed), size)
        for piece in decoder.feed(packed[start : start + size])
    ]
    decoder.check_complete()
    assert b"".join(pieces) == body
    assert all(len(piece) <= MOST_AT_ONCE for piece in pieces)


@settings(max_examples=60)
@given(BODIES, STACKS)
def test_one_byte_over_the_limit_is_too_large(unit: tuple[bytes, int], stack: list[str]) -> None:
    body = spelt(unit)
    packed, names = encoded(body, stack)
    with pytest.raises(BodyTooLarge) if body else contextlib.nullcontext():
        decode(packed, names, max(len(body) - 1, 0))


@given(st.binary(max_size=200), STACKS, st.data())
def test_anything_else_is_an_encoding_error(
    body: bytes, stack: list[str], data: st.DataObject
) -> None:
    packed, names = encoded(body, stack)
    cut = data.draw(st.integers(0, len(packed) - 1))
    broken = data.draw(st.sampled_from([packed[:cut], packed[:cut] + b"\xff" + packed[cut + 1 :]]))
    with contextlib.suppress(EncodingError):  # nothing else may escape
        assert len(decode(broken, names, 1 << 20)) <= 1 << 20


@pytest.mark.parametrize("kind", list(ENCODERS))
@pytest.mark.parametrize("cut", [1, 4])
def test_truncated_data_is_not_taken_for_the_whole(kind: str, cut: int) -> None:
    packed, names = encoded(b"hello, hello, hello", [kind])
    with pytest.raises(EncodingError):
        decode(packed[:-cut], names, 1000)


@pytest.mark.parametrize("kind", list(ENCODERS))
def test_bomb_unpacks_piece_by_piece(kind: str) -> None:
    packed, names = encoded(bytes(20_000_000), [kind])
    assert all(len(piece) <= MOST_AT_ONCE for piece in Decoder(names).feed(packed))
    with pytest.raises(BodyTooLarge):
        decode(packed, names, 1_000_000)


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_members_follow_each_other(kind: str) -> None:
    pack = ENCODERS[kind][1]
    assert decode(pack(b"one ") + pack(b"two"), [kind], 100) == b"one two"


def test_zero_padding_after_gzip_is_nothing() -> None:
    assert decode(gzip.compress(b"one") + bytes(10), ["gzip"], 100) == b"one"


def test_deflate_has_no_second_member() -> None:
    with pytest.raises(EncodingError):
        decode(zlib.compress(b"one") + zlib.compress(b"two"), ["deflate"], 100)


def test_identity_is_nothing() -> None:
    assert decode(b"abc", ["identity"], 3) == b"abc"


def test_unknown_encoding_is_named() -> None:
    with pytest.raises(EncodingError, match="'compress' is not one known here"):
        Decoder(["gzip", "compress"])


def test_layers_are_limited() -> None:
    with pytest.raises(EncodingError, match="found 5"):
        Decoder(["gzip"] * 5)
