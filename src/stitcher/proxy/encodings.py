"""Undoes HTTP content encodings: gzip, deflate, br and zstd, stacked in any order. Pure.

Output comes in bounded pieces, so that a small body that unpacks into a huge one is noticed
before it fills the memory. Refuses to know where the bytes come from and to encode anything.
"""

import sys
import zlib
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

import brotli  # type: ignore[import-untyped]

from stitcher.errors import BodyTooLarge

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE: Final = 1 << 18  # bytes unpacked at once; brotli grows its buffer in steps and may pass it
MOST_LAYERS: Final = 4  # more than any client stacks; each costs a pass over the body


class EncodingError(Exception):
    """The encoding is unknown or the bytes are not in it. The message says which."""


class _Layer(Protocol):
    def pieces(self, data: bytes) -> Iterator[bytes]: ...

    @property
    def complete(self) -> bool: ...


class _Zlib:
    """gzip (members one after the other, RFC 1952 2.2) or zlib-wrapped or bare deflate.

    RFC 9110 8.4.1.2 says "deflate" is the zlib format and notes that some send it bare.
    """

    def __init__(self, name: str) -> None:
        self._gzip = name == "gzip"
        self._unpack = zlib.decompressobj(wbits=31) if self._gzip else None
        self._held = b""
        self._begun = False

    @property
    def complete(self) -> bool:
        return not self._held and (not self._begun or self._unpack is None or self._unpack.eof)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        data = self._held + data
        self._held = b""
        while data:
            if self._unpack is None and len(data) < 2:
                self._held = data
                return
            unpack = self._unpack = self._unpack or _deflate(data)
            if unpack.eof:
                data = self._next_member(data)
                continue
            self._begun = True
            piece = unpack.decompress(data, PIECE)
            if piece:
                yield piece
            data = unpack.unused_data if unpack.eof else unpack.unconsumed_tail
            while not data and len(piece) == PIECE:  # all input taken, some output still inside
                piece = unpack.decompress(b"", PIECE)
                if piece:
                    yield piece

    def _next_member(self, data: bytes) -> bytes:
        data = data.lstrip(b"\0")  # padding after the end, as gzip itself accepts
        if data and not self._gzip:
            raise EncodingError("found data after the end of the deflate stream")
        if data:
            self._unpack, self._begun = zlib.decompressobj(wbits=31), True
        return data


def _deflate(start: bytes) -> "zlib._Decompress":
    wrapped = start[0] & 0x0F == 8 and (start[0] << 8 | start[1]) % 31 == 0
    return zlib.decompressobj(wbits=15 if wrapped else -15)


class _Brotli:
    def __init__(self) -> None:
        self._unpack = brotli.Decompressor()

    @property
    def complete(self) -> bool:
        return bool(self._unpack.is_finished())

    def pieces(self, data: bytes) -> Iterator[bytes]:
        # `can_accept_more_data` is true as well while output waits for room: only an empty piece
        # says that everything is out.
        while piece := self._unpack.process(data, output_buffer_limit=PIECE):
            yield piece
            data = b""


class _Zstd:
    """Frames one after the other (RFC 8878 3.1)."""

    def __init__(self) -> None:
        self._unpack = zstd.ZstdDecompressor()
        self._begun = False

    @property
    def complete(self) -> bool:
        return self._unpack.eof or not self._begun

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while data or not (self._unpack.needs_input or self._unpack.eof):
            if self._unpack.eof:
                self._unpack = zstd.ZstdDecompressor()
            self._begun = True
            piece = self._unpack.decompress(data, PIECE)
            data = self._unpack.unused_data if self._unpack.eof else b""
            if piece:
                yield piece


SUPPORTED: Final = frozenset({"gzip", "x-gzip", "deflate", "br", "zstd"})


def _layer(name: str) -> _Layer:
    if name == "br":
        return _Brotli()
    if name == "zstd":
        return _Zstd()
    return _Zlib("gzip" if name == "x-gzip" else name)


class Decoder:
    """Undoes the encodings of one body, piece by piece, in the order they were put on."""

    def __init__(self, encodings: Sequence[str]) -> None:
        names = [name for name in encodings if name != "identity"]
        unknown = [name for name in names if name not in SUPPORTED]
        if unknown:
            raise EncodingError(f"content-encoding {unknown[0][:40]!r} is not one known here")
        if len(names) > MOST_LAYERS:
            raise EncodingError(f"found {len(names)} content encodings, expected {MOST_LAYERS}")
        self._names = names
        self._layers = [_layer(name) for name in reversed(names)]

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What becomes readable with these bytes, in pieces of about PIECE bytes at most."""
        try:
            yield from _through(self._layers, data)
        except (zlib.error, brotli.error, zstd.ZstdError, EOFError):
            raise EncodingError(self._broken("found bytes that are not in it")) from None

    def check_complete(self) -> None:
        """Raises EncodingError when the encoded data ended in the middle."""
        if not all(layer.complete for layer in self._layers):
            raise EncodingError(self._broken("its data ends in the middle"))

    def _broken(self, found: str) -> str:
        return f"content-encoding {', '.join(self._names)}: {found}"


def _through(layers: Sequence[_Layer], data: bytes) -> Iterator[bytes]:
    if not layers:
        yield data
        return
    for piece in layers[0].pieces(data):
        yield from _through(layers[1:], piece)


def decode(body: bytes, encodings: Sequence[str], limit: int) -> bytes:
    """The body with all its encodings undone.

    Raises EncodingError when that cannot be done, and BodyTooLarge once it passes `limit` bytes.
    """
    decoder = Decoder(encodings)
    pieces: list[bytes] = []
    size = 0
    for piece in decoder.feed(body):
        size += len(piece)
        if size > limit:
            raise BodyTooLarge(found=None, limit=limit)
        pieces.append(piece)
    decoder.check_complete()
    return b"".join(pieces)
