"""What a measurement needs around what it measures.

What is said, an upstream that answers a constant, a bare pass-through of the same libraries
(aiohttp server and client, uvloop), processes with a core of their own where there are two, and
one light client. It knows nothing of what is compared or how figures are made of it.
"""

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

import uvloop

CHUNKS = 100  # of a streamed answer
CHUNK_PAUSE = 0.001  # seconds
ANSWER = "y" * 1_024  # what the upstream says, whatever it is asked
_MODELS = {"openai_chat": "gpt-4.1", "anthropic": "claude-sonnet-4-5"}
_PATHS = {"openai_chat": "/v1/chat/completions", "anthropic": "/v1/messages"}


# ── what is said ─────────────────────────────────────────────────────────────────────────


def user(text: str) -> bytes:
    """A question as both dialects write it."""
    return b'{"role":"user","content":"%b"}' % text.encode()


def assistant(text: str = ANSWER) -> bytes:
    """An answer as a client of either dialect sends it back."""
    return b'{"role":"assistant","content":"%b"}' % text.encode()


def written(messages: Sequence[bytes], dialect: str = "openai_chat", *, stream: bool) -> bytes:
    """A request body."""
    head = f'{{"model":"{_MODELS[dialect]}","stream":{json.dumps(stream)},"max_tokens":1024,'
    return b'%b"messages":[%b]}' % (head.encode(), b",".join(messages))


@cache
def _prose() -> str:
    return "".join(random.Random("prose").choices("abcdefghilmno prstu ", k=300_000))


def words(rng: random.Random, size: int) -> str:
    """`size` bytes of made-up words, never the same twice."""
    prose = _prose()
    start = rng.randrange(len(prose) - size)
    return f"{rng.getrandbits(48):012x} {prose[start : start + size - 14]}."


def say(what: str) -> None:
    """Progress, beside the results."""
    print(what, file=sys.stderr, flush=True)


# ── the upstream, and the bare pass-through ──────────────────────────────────────────────


def whole_answer(path: str, text: str = ANSWER) -> bytes:
    """The answer of a request that is not streamed."""
    said: dict[str, object]
    if "/messages" in path:
        said = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m"}
        said["content"] = [{"type": "text", "text": text}]
        said |= {"stop_reason": "end_turn", "usage": {"input_tokens": 9, "output_tokens": 9}}
    else:
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        said = {"id": "c-1", "object": "chat.completion", "model": "m", "choices": [choice]}
    return json.dumps(said).encode()


def _event(delta: Mapping[str, str], finish: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    said = {"id": "c-1", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}
    event = b"data: %b\n\n" % json.dumps(said).encode()
    return b"%x\r\n%b\r\n" % (len(event), event)


_WHOLE = {path: whole_answer(path) for path in _PATHS.values()}
_EVENTS = [
    *(_event({"content": "word "}, None) for _ in range(CHUNKS - 1)),
    _event({}, "stop") + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n",
]


class _Upstream(asyncio.Protocol):
    """Answers each request at once; streams of Chat Completions a chunk at a time."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._buffer = bytearray()
        self._head = b""
        self._missing = self._length = 0

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._buffer:
            if not self._head and not self._take_head():
                return
            if len(self._buffer) < self._missing:
                self._missing -= len(self._buffer)
                self._buffer.clear()  # a long body is counted, not kept
                return
            del self._buffer[: self._missing]
            head, self._head = self._head, b""
            self._answer(head.split(b" ", 2)[1].decode())

    def _take_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or len(self._buffer) < end + 200:  # `stream` stands in the body's first bytes
            return False
        self._head = bytes(self._buffer[:end])
        self._streams = b'true,"max' in self._buffer[end : end + 200].replace(b" ", b"")
        del self._buffer[: end + 4]
        length = self._head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
        self._length = self._missing = int(length)
        return True

    def _answer(self, path: str) -> None:
        received = f"X-Received: {self._length}\r\n"
        if not self._streams:
            body = _WHOLE[path]
            head = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            self._transport.write(f"HTTP/1.1 200 OK\r\n{received}{head}\r\n".encode() + body)
            return
        head = "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
        self._transport.write(f"HTTP/1.1 200 OK\r\n{received}{head}\r\n".encode())
        self._send_event(0)

    def _send_event(self, n: int) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(_EVENTS[n])
        if n + 1 < CHUNKS:
            asyncio.get_running_loop().call_later(CHUNK_PAUSE, self._send_event, n + 1)


def _serve_upstream() -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(_Upstream, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    pin(aside=True)
    uvloop.run(serve())


def _serve_bare(upstream: str) -> None:
    # Not at the top: the upstream and every client would load it for nothing.
    import aiohttp
    from aiohttp import web

    async def serve() -> None:
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), auto_decompress=False
        ) as pool:

            async def relay(request: web.Request) -> web.StreamResponse:
                body = await request.read()
                kept = {k: v for k, v in request.headers.items() if k in ("Content-Type",)}
                url = f"{upstream}{request.path_qs}"
                async with pool.request(request.method, url, data=body, headers=kept) as answer:
                    reply = web.StreamResponse(status=answer.status)
                    reply.headers["Content-Type"] = answer.headers["Content-Type"]
                    reply.content_length = answer.content_length
                    await reply.prepare(request)
                    async for chunk in answer.content.iter_any():
                        await reply.write(chunk)
                    await reply.write_eof()
                    return reply

            app = web.Application(client_max_size=1 << 28)
            app.router.add_route("*", "/{path:.*}", relay)
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            print(runner.addresses[0][1], flush=True)
            await asyncio.Event().wait()

    pin(aside=False)
    uvloop.run(serve())


# ── processes ────────────────────────────────────────────────────────────────────────────


def pin(*, aside: bool) -> None:
    """Puts this process on the first core, for what is measured, or on the others."""
    cores = os.cpu_count() or 1
    if cores > 1:
        with suppress(OSError):  # a container may not own that core: measured unpinned then
            os.sched_setaffinity(0, range(1, cores) if aside else range(1))


@dataclass(frozen=True, slots=True)
class Server:
    """A process that listens."""

    pid: int
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cpu(self) -> float:
        """Seconds of CPU it has used: the clock of another process, clock_getcpuclockid(3)."""
        return time.clock_gettime((~self.pid << 3) | 2)

    def resident(self) -> int:
        """Kilobytes of it in memory."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])


@contextmanager
def _own(*arguments: str) -> Iterator[Server]:
    """A server of this module, which says its port and nothing else."""
    command = [sys.executable, "-m", "bench.rig", *arguments]
    root = Path(__file__).parent.parent
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = process.stdout.readline() if process.stdout else ""
            if not port:
                raise RuntimeError(f"bench.rig {arguments[0]} did not start: see above")
            yield Server(process.pid, int(port))
        finally:
            process.terminate()


@contextmanager
def upstream_server() -> Iterator[Server]:
    """The upstream that answers a constant."""
    with _own("upstream") as server:
        yield server


@contextmanager
def bare_server(upstream: Server) -> Iterator[Server]:
    """The pass-through that does nothing else."""
    with _own("bare", upstream.url) as server:
        yield server


@contextmanager
def stitcher_server(room: Path, upstream: Server, *flags: str) -> Iterator[Server]:
    """`stitcher start` on a data directory."""
    both = ("--upstream", upstream.url, "--upstream-anthropic", upstream.url)
    with _command("stitcher.cli.app", room, "--port", "0", *both, *flags) as (pid, said):
        first = said()
        if "listening on" not in first:
            raise RuntimeError(f"stitcher did not start: see {room}.stderr")
        yield Server(pid, int(first.strip().rstrip("/").rpartition(":")[2]))


@contextmanager
def ancestor_server(room: Path, upstream: Server) -> Iterator[Server]:
    """stitcher-proxy 0.1.0, started by its own command line. Without a file it asks questions."""
    (room.parent / ".stitcher").mkdir(exist_ok=True)
    (room.parent / ".stitcher" / "config.json").write_text("{}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    flags = ("--port", str(port), "--upstream", upstream.url)
    with _command("stitcher_proxy", room, *flags) as (pid, _):
        for _ in range(600):
            with socket.socket() as knock:
                if knock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield Server(pid, port)


@contextmanager
def _command(module: str, room: Path, *flags: str) -> Iterator[tuple[int, Callable[[], str]]]:
    names = ("PATH", "PYTHONPATH", "TMPDIR")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    said = Path(f"{room}.stdout")
    with said.open("w") as out, Path(f"{room}.stderr").open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", module, "start", "--data-dir", str(room), *flags],
            stdout=out,
            stderr=errors,
            env=kept | {"HOME": str(room.parent), "PYTHONUNBUFFERED": "1"},
            preexec_fn=lambda: pin(aside=False),
        )
    try:
        yield process.pid, lambda: _first_line(said, process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _first_line(file: Path, process: subprocess.Popen[bytes]) -> str:
    while process.poll() is None:
        line, ended, _ = file.read_text().partition("\n")
        if ended:
            return line
        time.sleep(0.01)
    return ""


# ── the client ───────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, and the seconds until its first byte of body and its last."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    first: float
    total: float


class Client:
    """One connection, kept alive; says what is needed and no more."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def __aenter__(self) -> "Client":
        self._reader, self._writer = await asyncio.open_connection(
            "127.0.0.1", self._server.port, limit=1 << 20
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def post(
        self, body: bytes, *, session: str, dialect: str = "openai_chat", mode: str = "stitch"
    ) -> Reply:
        head = f"POST {_PATHS[dialect]} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        head += "Content-Type: application/json\r\nAuthorization: Bearer sk-bench\r\n"
        head += f"X-Stitcher-Session: {session}\r\nX-Stitcher-Mode: {mode}\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        started = time.perf_counter()
        self._writer.write(head.encode() + body)
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = (line.partition(": ") for line in lines[1:] if line)
        headers = {name.lower(): value for name, _, value in pairs}
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
        total = time.perf_counter() - started
        return Reply(int(lines[0].split()[1]), headers, said, first, total)


if __name__ == "__main__":
    if sys.argv[1] == "upstream":
        _serve_upstream()
    else:
        _serve_bare(sys.argv[2])
