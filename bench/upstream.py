"""An upstream that answers a constant: over HTTP, and over WebSocket where it is asked to.

    python -m bench.upstream [websocket]     prints its port

It answers each request at once, whole or as a stream of a chunk each millisecond, and says how many
bytes it was sent. It knows nothing of what stands before it.
"""

import asyncio
import base64
import hashlib
import re
import sys
import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import Final, cast

import uvloop

from bench.cores import pin
from bench.speech import CHUNKS, PATHS, filled, streamed_answer, whole_answer

CHUNK_PAUSE: Final = 0.001  # seconds

_ACCEPT: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_KEY: Final = re.compile(rb"sec-websocket-key: *([^\r]+)", re.IGNORECASE)
_LENGTH: Final = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)
_TEXT, _CLOSE = 1, 8  # kinds of frames


def frame(data: bytes) -> bytes:
    """A text frame as a server sends it."""
    size = len(data)
    if size < 126:
        return b"\x81%c%b" % (size, data)
    if size < 1 << 16:
        return b"\x81\x7e%b%b" % (size.to_bytes(2), data)
    return b"\x81\x7f%b%b" % (size.to_bytes(8), data)


def frame_at(buffer: bytearray, mask: int) -> tuple[int, int, int] | None:
    """Where the first frame's data begins and ends, and its kind; None where it is not all there.

    `mask` is how many bytes of it stand before the data.
    """
    if len(buffer) < 2:
        return None
    size, start = buffer[1] & 0x7F, 2
    if size > 125:
        start = 4 if size == 126 else 10
        size = int.from_bytes(buffer[2:start])
    begin = start + mask
    return (begin, begin + size, buffer[0] & 0xF) if len(buffer) >= begin + size else None


def _chunk(events: Sequence[bytes]) -> bytes:
    said = b"".join(b"data: %b\n\n" % event for event in events)
    return b"%x\r\n%b\r\n" % (len(said), said)


_WHOLE: Final = {path.encode(): whole_answer(dialect) for dialect, path in PATHS.items()}
_RESPONSES: Final = streamed_answer("openai_responses")
_CHUNKS: Final = {
    PATHS["openai_chat"].encode(): [_chunk(step) for step in streamed_answer("openai_chat")],
    PATHS["openai_responses"].encode(): [_chunk(step) for step in _RESPONSES],
}
_FRAMES: Final = [b"".join(map(frame, step)) for step in _RESPONSES]
_numbers: Final = count(time.time_ns())


class _Upstream(asyncio.Protocol):
    """One connection."""

    def __init__(self, *, upgrades: bool) -> None:
        self._upgrades = upgrades
        self._buffer = bytearray()
        self._head = b""
        self._missing = self._length = 0
        self._streams = False
        self._take: Callable[[], bool] = self._take_request

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._buffer and self._take():
            pass

    # ── what is asked; False where it is not all there ───────────────────────────────────

    def _take_request(self) -> bool:
        if not self._head and not self._take_head():
            return False
        if len(self._buffer) < self._missing:
            self._missing -= len(self._buffer)
            self._buffer.clear()  # a long body is counted, not kept
            return False
        del self._buffer[: self._missing]
        head, self._head = self._head, b""
        if head.startswith(b"GET "):
            self._upgrade(head)
        else:
            self._answer(head.split(b" ", 2)[1])
        return True

    def _take_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = bytes(self._buffer[:end])
        length = _LENGTH.search(head)
        self._length = int(length[1]) if length else 0
        start = self._buffer[end : end + 200]  # `stream` stands in the body's first bytes
        if len(start) < 200 and self._length:
            return False
        self._streams = b'"stream":true' in start or b"text/event-stream" in head
        self._head, self._missing = head, self._length
        del self._buffer[: end + 4]
        return True

    def _take_frame(self) -> bool:
        found = frame_at(self._buffer, mask=4)
        if found is None:
            return False
        begin, end, kind = found
        del self._buffer[:end]
        if kind == _TEXT:
            self._send(_FRAMES, 0, next(_numbers), end - begin)
        elif kind == _CLOSE:
            self._transport.close()
        return True  # no connection here lives until a ping is due

    # ── what it answers ──────────────────────────────────────────────────────────────────

    def _upgrade(self, head: bytes) -> None:
        key = _KEY.search(head)
        if key is None or not self._upgrades:
            refusal = b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n"
            self._transport.write(refusal)
            return
        accepted = base64.b64encode(hashlib.sha1(key[1] + _ACCEPT, usedforsecurity=False).digest())
        head = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accepted
        self._transport.write(b"HTTP/1.1 101 Switching Protocols\r\n%b\r\n\r\n" % head)
        self._take = self._take_frame

    def _answer(self, path: bytes) -> None:
        status = f"HTTP/1.1 200 OK\r\nX-Received: {self._length}\r\n".encode()
        number = next(_numbers)
        if not self._streams:
            body = filled(_WHOLE[path], number, self._length)
            head = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
            self._transport.write(status + head + body)
            return
        head = b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        self._transport.write(status + head)
        ending = [*_CHUNKS[path][:-1], _CHUNKS[path][-1] + b"0\r\n\r\n"]
        self._send(ending, 0, number, self._length)

    def _send(self, steps: Sequence[bytes], n: int, number: int, received: int) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(filled(steps[n], number, received))
        if n + 1 < CHUNKS:
            again = (steps, n + 1, number, received)
            asyncio.get_running_loop().call_later(CHUNK_PAUSE, self._send, *again)


def main() -> None:
    """Serves until it is told to stop."""
    upgrades = sys.argv[1:] == ["websocket"]

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Upstream(upgrades=upgrades), "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    pin(aside=True)
    uvloop.run(serve())


if __name__ == "__main__":
    main()
