"""One light client of one connection, over HTTP and over WebSocket.

It says what is needed and no more, and tells how long the answer took.
"""

import asyncio
import base64
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol, Self

from bench.rig import Server
from bench.speech import PATHS
from bench.upstream import frame_at
from stitcher.ports import DialectName

_LIMIT: Final = 1 << 20  # bytes of a head
_ID: Final = re.compile(rb'"id":"(resp_[^"]+)"')
_ENDS: Final = b'{"type":"response.completed"'


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, and the seconds until its first byte of body and its last."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    first: float
    total: float

    @property
    def response_id(self) -> str:
        """What the Responses API calls it."""
        found = _ID.search(self.body)
        if found is None:
            raise RuntimeError(f"found no id of a response in {self.body[:200]!r}")
        return found[1].decode()


class Client(Protocol):
    """A connection, for as long as its context lasts."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...

    async def ask(self, body: bytes, session: str = "") -> Reply:
        """Sends a request body and waits for the end of its answer."""
        ...


class HttpClient:
    """One connection, kept alive."""

    def __init__(
        self, server: Server, dialect: DialectName = "openai_chat", mode: str = "stitch"
    ) -> None:
        self._server = server
        head = f"POST {PATHS[dialect]} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        head += "Content-Type: application/json\r\nAuthorization: Bearer sk-bench\r\n"
        self._head = f"{head}X-Stitcher-Mode: {mode}\r\n"

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(
            "127.0.0.1", self._server.port, limit=_LIMIT
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def ask(self, body: bytes, session: str = "") -> Reply:
        """See Client. Without a session the request names none."""
        named = f"X-Stitcher-Session: {session}\r\n" if session else ""
        head = f"{self._head}{named}Content-Length: {len(body)}\r\n\r\n"
        started = time.perf_counter()
        self._writer.write(head.encode() + body)
        status, headers = await _read_head(self._reader)
        if "content-length" in headers:
            said = await self._reader.readexactly(int(headers["content-length"]))
            first = time.perf_counter() - started
        else:
            said = b""
            first = 0.0
            while size := int(await self._reader.readuntil(b"\r\n"), 16):
                said += (await self._reader.readexactly(size + 2))[:-2]
                first = first or time.perf_counter() - started
            await self._reader.readexactly(2)
        return Reply(status, headers, said, first, time.perf_counter() - started)


class WebSocketClient:
    """One WebSocket on which responses are asked for, one after the other."""

    def __init__(self, server: Server, mode: str = "stitch") -> None:
        self._server = server
        self._mode = mode
        self._buffer = bytearray()

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(
            "127.0.0.1", self._server.port, limit=_LIMIT
        )
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        head = f"GET {PATHS['openai_responses']} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        head += "Authorization: Bearer sk-bench\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        head += f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
        self._writer.write(f"{head}X-Stitcher-Mode: {self._mode}\r\n\r\n".encode())
        status, self._headers = await _read_head(self._reader)
        if status != 101:
            raise RuntimeError(f"found status {status}, expected a WebSocket (101)")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def ask(self, body: bytes, session: str = "") -> Reply:
        """See Client. A connection is of one session, which it named when it began, if at all."""
        assert not session, "a session is named in the handshake"
        started = time.perf_counter()
        self._writer.write(_masked(b'{"type":"response.create",' + body[1:]))
        said = await self._next()
        first = time.perf_counter() - started
        last = said
        while not last.startswith(_ENDS):
            last = await self._next()
            said += last
        return Reply(200, self._headers, said, first, time.perf_counter() - started)

    async def _next(self) -> bytes:
        while (found := frame_at(self._buffer, mask=0)) is None:
            more = await self._reader.read(1 << 16)
            if not more:
                raise RuntimeError("the WebSocket ended before the answer did")
            self._buffer += more
        begin, end, kind = found
        data = bytes(self._buffer[begin:end])
        del self._buffer[:end]
        if kind != 1 or data.startswith(b'{"type":"error"'):
            raise RuntimeError(f"found frame {kind} {data[:200]!r}, expected an event")
        return data


def _masked(data: bytes) -> bytes:
    """A text frame as a client sends it. Its mask is zero, so that masking changes nothing."""
    size = len(data)
    if size < 126:
        return b"\x81%c\0\0\0\0%b" % (0x80 | size, data)
    if size < 1 << 16:
        return b"\x81\xfe%b\0\0\0\0%b" % (size.to_bytes(2), data)
    return b"\x81\xff%b\0\0\0\0%b" % (size.to_bytes(8), data)


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    pairs = (line.partition(": ") for line in lines[1:] if line)
    return int(lines[0].split()[1]), {name.lower(): value for name, _, value in pairs}
