"""Reads the messages that crossed a WebSocket out of the bytes of one direction (RFC 6455, 7692).

Pure. Knows nothing of what the messages say.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

_CONTINUATION, _TEXT, _BINARY = 0x0, 0x1, 0x2
_FINAL, _COMPRESSED, _MASKED = 0x80, 0x40, 0x80
_FLUSHED = b"\x00\x00\xff\xff"  # what a sender takes off the end of each compressed message


@dataclass(frozen=True, slots=True)
class _Frame:
    start: int
    opcode: int
    final: bool
    compressed: bool
    payload: bytes


def read_messages(data: bytes, *, keeps_window: bool = True) -> list[tuple[int, bytes]]:
    """Each whole text or binary message, unpacked, with the offset at which it begins.

    `keeps_window`: compressed messages build upon those before them, the extension's default.
    """
    messages = []
    parts: list[_Frame] = []
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    for frame in _frames(data):
        if frame.opcode not in (_CONTINUATION, _TEXT, _BINARY):
            continue  # close, ping, pong
        parts.append(frame)
        if not frame.final:
            continue
        payload = b"".join(part.payload for part in parts)
        if parts[0].compressed:
            if not keeps_window:
                inflate = zlib.decompressobj(-zlib.MAX_WBITS)
            payload = inflate.decompress(payload + _FLUSHED)
        messages.append((parts[0].start, payload))
        parts = []
    return messages


def _frames(data: bytes) -> Iterator[_Frame]:
    """As far as they are whole."""
    at = 0
    while at + 2 <= len(data):
        start, first, second = at, data[at], data[at + 1]
        at += 2
        size = second & 0x7F
        if size >= 126:
            width = 2 if size == 126 else 8
            size = int.from_bytes(data[at : at + width], "big")
            at += width
        mask = b""
        if second & _MASKED:
            mask = data[at : at + 4]
            at += 4
        payload = data[at : at + size]
        at += size
        if at > len(data):
            return
        yield _Frame(
            start=start,
            opcode=first & 0x0F,
            final=bool(first & _FINAL),
            compressed=bool(first & _COMPRESSED),
            payload=_unmasked(payload, mask) if mask else payload,
        )


def _unmasked(payload: bytes, mask: bytes) -> bytes:
    size = len(payload)
    stream = (mask * (size // 4 + 1))[:size]
    plain = int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")
    return plain.to_bytes(size, "big")
