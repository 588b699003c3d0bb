"""HTTP by hand, both ends: a provider and a client that see and send exact bytes."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

import uvloop

T = TypeVar("T")
RawHeaders = list[tuple[str, str]]


def run(story: Coroutine[Any, Any, T]) -> T:
    """Runs a test's story on the loop the proxy runs on; a hang is a failure."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(asyncio.wait_for(story, 15))


@dataclass
class Message:
    """One HTTP message as it came over the wire, its body without the framing."""

    start: str
    headers: RawHeaders
    body: bytes = b""
    framing: str = "none"  # length, chunked, close, none

    @property
    def status(self) -> int:
        return int(self.start.split(" ")[1])

    @property
    def target(self) -> str:
        return self.start.split(" ")[1]

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name: str) -> str | None:
        return next(iter(self.all(name)), None)


async def read_head(reader: asyncio.StreamReader) -> Message:
    raw = await reader.readuntil(b"\r\n\r\n")
    start, *lines = raw[:-4].decode("utf-8").split("\r\n")
    pairs = [line.split(": ", 1) if ": " in line else [line.rstrip(":"), ""] for line in lines]
    return Message(start, [(name, value) for name, value in pairs])


async def read_chunk(reader: asyncio.StreamReader) -> bytes:
    size = int(await reader.readuntil(b"\r\n"), 16)
    data = await reader.readexactly(size)
    assert await reader.readexactly(2) == b"\r\n"
    return data


async def read_body(reader: asyncio.StreamReader, message: Message, *, closing: bool) -> None:
    if "chunked" in (message.get("transfer-encoding") or ""):
        message.framing = "chunked"
        while chunk := await read_chunk(reader):
            message.body += chunk
    elif (length := message.get("content-length")) is not None:
        message.framing = "length"
        message.body = await reader.readexactly(int(length))
    elif closing:
        message.framing = "close"
        message.body = await reader.read()


@dataclass
class Call:
    """One request a provider got, and the way to answer it."""

    request: Message
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int  # of the request on its connection, from 0

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, body: bytes = b"{}", *headers: str, status: str = "200 OK") -> None:
        lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
        await self.send("\r\n".join(lines).encode() + body)

    async def hung_up(self) -> None:
        """Returns when the other end has closed."""
        try:
            while await self.reader.read(1 << 16):
                pass
        except ConnectionError:
            pass

    def close(self) -> None:
        self.writer.close()


Script = Callable[[Call], Awaitable[None]]


async def plain(call: Call) -> None:
    await call.answer()


@dataclass
class Provider:
    """A provider that does what its script says."""

    script: Script = plain
    requests: list[Message] = field(default_factory=list)
    connections: int = 0
    url: str = ""
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            number = 0
            while not writer.is_closing():
                request = await read_head(reader)
                await read_body(reader, request, closing=False)
                self.requests.append(request)
                await self.script(Call(request, reader, writer, number))
                number += 1
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self._tasks.discard(task)

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def provider(script: Script = plain) -> AsyncGenerator[Provider]:
    made = Provider(script)
    server = await asyncio.start_server(made.connected, "127.0.0.1", 0, limit=1 << 20)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()
        await made.stop()
        await server.wait_closed()


@dataclass
class Client:
    """One connection to the proxy."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> Message:
        return await read_head(self.reader)

    async def chunk(self) -> bytes:
        return await read_chunk(self.reader)

    async def message(self, *, bodiless: bool = False) -> Message:
        message = await self.head()
        if not bodiless:
            await read_body(self.reader, message, closing=True)
        return message

    async def rest(self) -> bytes:
        """Everything until the other end closes."""
        try:
            return await self.reader.read()
        except ConnectionError:
            return b""

    def hang_up(self) -> None:
        self.writer.close()


@asynccontextmanager
async def connection(url: str) -> AsyncGenerator[Client]:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=1 << 20)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
        try:
            await writer.wait_closed()
        except ConnectionError:
            pass


def request(method: str, target: str, *headers: str, body: bytes | None = None) -> bytes:
    """A request's bytes; Host and, for a body, Content-Length are added unless given."""
    lines = [f"{method} {target} HTTP/1.1", *headers]
    names = {line.partition(":")[0].lower() for line in headers}
    if "host" not in names:
        lines.insert(1, "Host: localhost")
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


async def ask(
    url: str, method: str, target: str, *headers: str, body: bytes | None = None
) -> Message:
    """One request on a connection of its own."""
    async with connection(url) as client:
        await client.send(request(method, target, *headers, body=body))
        return await client.message(bodiless=method == "HEAD")


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (*pieces, b""))
