"""What the proxy adds to a request, beside a bare pass-through of the same stack and its ancestor.

    python -m bench.overhead [--quick] [--json]

One upstream that answers a constant, one light client, and between them nothing, a pass-through
of the same libraries (aiohttp server and client, uvloop), Stitcher in its modes, or stitcher-proxy
0.1.0. What is between has a core of its own where there are two. Arms take turns within every
round; ratios are made within a round, and their median is what is printed.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from itertools import count
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from statistics import median
from typing import cast

import aiohttp
import uvloop
from aiohttp import web

CHUNKS = 100  # of a streamed answer
CHUNK_PAUSE = 0.001  # seconds
ANSWER = 1_024  # bytes said in the upstream's constant answer
_ANSWERED = "y" * ANSWER
_MODELS = {"openai_chat": "gpt-4.1", "anthropic": "claude-sonnet-4-5"}
_PATHS = {"openai_chat": "/v1/chat/completions", "anthropic": "/v1/messages"}


# ── what is said ─────────────────────────────────────────────────────────────────────────


def user(text: str) -> bytes:
    """A question as both dialects write it."""
    return b'{"role":"user","content":"%b"}' % text.encode()


def assistant(text: str = _ANSWERED) -> bytes:
    """An answer as a client of either dialect sends it back."""
    return b'{"role":"assistant","content":"%b"}' % text.encode()


def written(messages: Sequence[bytes], dialect: str = "openai_chat", *, stream: bool) -> bytes:
    """A request body."""
    head = f'{{"model":"{_MODELS[dialect]}","stream":{json.dumps(stream)},"max_tokens":1024,'
    return b'%b"messages":[%b]}' % (head.encode(), b",".join(messages))


_LETTERS = random.Random("prose").choices("abcdefghilmno prstu ", k=300_000)
_PROSE = "".join(_LETTERS)


def words(rng: random.Random, size: int) -> str:
    """`size` bytes of made-up words, never the same twice."""
    start = rng.randrange(len(_PROSE) - size)
    return f"{rng.getrandbits(48):012x} {_PROSE[start : start + size - 14]}."


# ── the upstream, and the bare pass-through ──────────────────────────────────────────────


def whole_answer(path: str, text: str = _ANSWERED) -> bytes:
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


def _serve_upstream(ready: Pipe) -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(_Upstream, "127.0.0.1", 0)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    pin(aside=True)
    uvloop.run(serve())


def _serve_bare(ready: Pipe, upstream: str) -> None:
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
            ready.send(runner.addresses[0][1])
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
def _own(target: Callable[..., None], *arguments: str) -> Iterator[Server]:
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=target, args=(there, *arguments), daemon=True)
    process.start()
    try:
        if not here.poll(30):
            raise RuntimeError(f"{target.__name__} did not start within 30 s")
        yield Server(process.pid or 0, here.recv())
    finally:
        process.terminate()
        process.join()


@contextmanager
def upstream_server() -> Iterator[Server]:
    """The upstream that answers a constant."""
    with _own(_serve_upstream) as server:
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
def _ancestor_server(room: Path, upstream: Server) -> Iterator[Server]:
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
        time.sleep(0.002)
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


# ── the load ─────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Cell:
    """What is asked, and by how many at once."""

    size: int  # bytes of the request
    stream: bool
    clients: int

    def __str__(self) -> str:
        kind = f"stream of {CHUNKS} chunks" if self.stream else "JSON"
        return f"{self.size // 1000} KB, {kind}, {self.clients} at once"


@dataclass(frozen=True, slots=True)
class Arm:
    """What stands between client and upstream, and how the client remembers."""

    name: str
    server: Server
    habit: str = "new"  # a session for each request; "resend"; or "thin" after `stored` messages
    stored: int = 0
    mode: str = "stitch"


_numbers = count(1)


class _Conversation:
    """What one client sends, request after request."""

    def __init__(self, arm: Arm, cell: Cell) -> None:
        self._arm, self._cell = arm, cell
        self._rng = random.Random(next(_numbers))
        self._begin()

    def _begin(self) -> None:
        self.session = f"bench-{next(_numbers)}"
        self._kept: list[bytes] = []
        if self._arm.habit == "resend":  # 1.5 KB a message: as much as the cell says
            self._kept = self._history(self._cell.size // 3_000 * 2)
            self._longest = len(self._kept) + 32

    def _history(self, length: int) -> list[bytes]:
        said = [words(self._rng, 1_500) for _ in range(length)]
        return [assistant(text) if n % 2 else user(text) for n, text in enumerate(said)]

    def seed(self) -> bytes | None:
        """What must have been said before anything is measured."""
        if not self._arm.stored:
            return None
        opening = [*self._history(self._arm.stored - 2), user("go on")]
        return written(opening, stream=False)

    def next(self) -> bytes:
        """The next request's body."""
        if self._arm.habit == "new":
            self.session = f"bench-{next(_numbers)}"
            return written(
                [user(words(self._rng, self._cell.size - 130))], stream=self._cell.stream
            )
        if self._arm.habit == "thin":
            return written(
                [user(words(self._rng, self._cell.size - 130))], stream=self._cell.stream
            )
        if len(self._kept) > self._longest:
            self._begin()
        self._kept.append(user(words(self._rng, 500)))
        body = written(self._kept, stream=self._cell.stream)
        said = "word " * (CHUNKS - 1) if self._cell.stream else _ANSWERED
        self._kept.append(assistant(said))
        return body


@dataclass(frozen=True, slots=True)
class Sample:
    """One arm in one cell in one round: milliseconds, and requests per second."""

    total: float  # median
    first: float  # median, until the first byte
    cpu: float  # of the process in between, per request
    rate: float


async def run(arm: Arm, cell: Cell, seconds: float) -> Sample:
    """Asks for so long, at least once on each connection."""
    replies: list[Reply] = []
    least = 2 if cell.clients == 1 else 1

    async def ask(client: Client, said: _Conversation) -> None:
        asked = 0
        while asked < least or time.perf_counter() < end:
            body = said.next()
            reply = await client.post(body, session=said.session, mode=arm.mode)
            state = reply.headers.get("x-stitcher-status", "")
            if reply.status != 200 or state.startswith(("bypass", "error")):
                raise RuntimeError(f"{arm.name}: {reply.status} {state} {reply.body[:200]!r}")
            replies.append(reply)
            asked += 1

    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(Client(arm.server)) for _ in range(cell.clients)]
        conversations = [_Conversation(arm, cell) for _ in clients]
        for client, said in zip(clients, conversations, strict=True):
            if (seed := said.seed()) is not None:
                await client.post(seed, session=said.session)
                await client.post(said.next(), session=said.session)  # the first cut, if one is due
        used, started = arm.server.cpu(), time.perf_counter()
        end = started + seconds
        async with asyncio.TaskGroup() as group:
            for client, said in zip(clients, conversations, strict=True):
                group.create_task(ask(client, said))
        elapsed, used = time.perf_counter() - started, arm.server.cpu() - used
    return Sample(
        total=median(reply.total for reply in replies) * 1e3,
        first=median(reply.first for reply in replies) * 1e3,
        cpu=used * 1e3 / len(replies),
        rate=len(replies) / elapsed,
    )


# ── rounds and report ────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Row:
    """One arm in one cell: medians over the rounds, ratios to the reference of the same round."""

    cell: str
    arm: str
    total: float
    first: float
    cpu: float
    rate: float
    total_ratio: float
    first_ratio: float
    cpu_ratio: float
    rate_ratio: float
    added: float  # milliseconds over direct


def rows(cell: str, rounds: Sequence[Mapping[str, Sample]], reference: str) -> list[Row]:
    """Sums up one cell; the first arm is the direct one."""
    direct = next(iter(rounds[0]))

    def over(arm: str, of: Callable[[Sample], float]) -> float:
        return median(of(found[arm]) / of(found[reference]) for found in rounds)

    return [
        Row(
            cell=cell,
            arm=arm,
            total=median(found[arm].total for found in rounds),
            first=median(found[arm].first for found in rounds),
            cpu=median(found[arm].cpu for found in rounds),
            rate=median(found[arm].rate for found in rounds),
            total_ratio=over(arm, lambda sample: sample.total),
            first_ratio=over(arm, lambda sample: sample.first),
            cpu_ratio=over(arm, lambda sample: sample.cpu),
            rate_ratio=over(arm, lambda sample: sample.rate),
            added=median(found[arm].first - found[direct].first for found in rounds),
        )
        for arm in rounds[0]
    ]


def table(found: Sequence[Row], reference: str) -> str:
    """The rows of one cell, as Markdown: ratios first, what they are made of behind them."""
    lines = [
        f"**{found[0].cell}** (× {reference})",
        "",
        "| arm | to first byte | p50 | CPU | req/s | added ms | p50 ms | CPU ms | req/s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in found:
        ratios = (row.first_ratio, row.total_ratio, row.cpu_ratio, row.rate_ratio)
        shown = " | ".join(f"{ratio:.2f}" for ratio in ratios)
        lines.append(
            f"| {row.arm} | {shown} | {row.added:.2f} | {row.total:.2f} | {row.cpu:.2f}"
            f" | {row.rate:.0f} |"
        )
    return "\n".join([*lines, ""])


def say(what: str) -> None:
    """Progress, beside the results."""
    print(what, file=sys.stderr, flush=True)


_SIZES = (1_000, 100_000)


def cells(*, quick: bool) -> list[Cell]:
    """What is asked of every arm."""
    if quick:
        return [Cell(1_000, False, 2), Cell(12_000, True, 1)]
    return [Cell(size, stream, n) for size in _SIZES for stream in (False, True) for n in (1, 16)]


@dataclass(frozen=True, slots=True)
class Servers:
    """All that is measured, running."""

    upstream: Server
    bare: Server
    fsync: Server
    os: Server
    ancestor: Server | None

    def arms(self, cell: Cell) -> list[Arm]:
        """Each request in a session of its own; where it is long enough, also one resent."""
        found = [
            Arm("direct", self.upstream),
            Arm("bare", self.bare),
            Arm("off", self.fsync, mode="off"),
            Arm("stitch, os", self.os),
            Arm("stitch, fsync", self.fsync),
        ]
        if cell.size >= 10_000:
            found.append(Arm("stitch, resends", self.fsync, habit="resend"))
        if self.ancestor is not None:
            found.append(Arm("0.1.0", self.ancestor))
        return found

    def with_history(self, lengths: Sequence[int]) -> list[Arm]:
        """Thin sessions that have something to be put back."""
        found = [Arm("direct", self.upstream), Arm("bare", self.bare)]
        for name, server in (("stitch, fsync", self.fsync), ("0.1.0", self.ancestor)):
            if server is not None:
                found += [Arm(f"{name}, {n} stored", server, "thin", n) for n in lengths]
        return found


@contextmanager
def serving(root: Path) -> Iterator[Servers]:
    """Everything, each on a data directory of its own."""
    rooms = {name: root / name for name in ("fsync", "os", "ancestor")}
    for room in rooms.values():
        room.mkdir()
    with ExitStack() as stack:
        upstream = stack.enter_context(upstream_server())
        start = stack.enter_context
        ancestor = None
        if find_spec("stitcher_proxy") is None:
            say("stitcher-proxy 0.1.0 is not installed (make .venv/.stamps/clients): left out")
        else:
            ancestor = start(_ancestor_server(rooms["ancestor"], upstream))
        yield Servers(
            upstream,
            start(_own(_serve_bare, upstream.url)),
            start(stitcher_server(rooms["fsync"], upstream)),
            start(stitcher_server(rooms["os"], upstream, "--durability", "os")),
            ancestor,
        )


async def measure(root: Path, *, quick: bool) -> list[Row]:
    """All cells in every round, so that a busy minute is everybody's."""
    times = (1, 0.02) if quick else (4, 0.3)
    found: dict[str, list[dict[str, Sample]]] = {}
    with serving(root) as servers:
        work = {str(cell): (cell, servers.arms(cell)) for cell in cells(quick=quick)}
        for turn in range(times[0]):
            for name, (cell, arms) in work.items():
                say(f"round {turn + 1} of {times[0]}: {name}")
                found.setdefault(name, []).append(await _round(arms, cell, turn, times[1]))
        history = Cell(1_000, False, 1)
        for turn in range(1 if quick else 2):
            name = f"{history}, thin"
            say(f"round {turn + 1}: {name}, with history")
            arms = servers.with_history((20,) if quick else (100, 1_000))
            found.setdefault(name, []).append(await _round(arms, history, turn, times[1]))
    return [row for name, rounds in found.items() for row in rows(name, rounds, "bare")]


async def _round(arms: Sequence[Arm], cell: Cell, turn: int, seconds: float) -> dict[str, Sample]:
    """Every arm once, beginning with another one each time."""
    first = turn % len(arms)
    took = {arm.name: await run(arm, cell, seconds) for arm in [*arms[first:], *arms[:first]]}
    return {arm.name: took[arm.name] for arm in arms}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.overhead", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does it run at all")
    parser.add_argument("--json", action="store_true", help="rows as JSON")
    options = parser.parse_args()
    pin(aside=True)
    with tempfile.TemporaryDirectory() as root:
        found = uvloop.run(measure(Path(root), quick=options.quick))
    if options.json:
        print(json.dumps([asdict(row) for row in found], indent=1))
        return
    for cell in dict.fromkeys(row.cell for row in found):
        print(table([row for row in found if row.cell == cell], "bare"))


if __name__ == "__main__":
    main()
