"""The processes around and under a measurement, each with a core of its own where there are two.

The upstream that answers a constant, a bare pass-through of the same libraries (aiohttp server and
client, uvloop), Stitcher and its ancestor. It knows nothing of what is asked of them, of what is
compared or of how figures are made of it.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvloop

from bench.cores import pin


def say(what: str) -> None:
    """Progress, beside the results."""
    print(what, file=sys.stderr, flush=True)


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
def _own(module: str, *arguments: str) -> Iterator[Server]:
    """A server of ours, which says its port and nothing else."""
    command = [sys.executable, "-m", module, *arguments]
    root = Path(__file__).parent.parent
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = process.stdout.readline() if process.stdout else ""
            if not port:
                raise RuntimeError(f"{module} did not start: see above")
            yield Server(process.pid, int(port))
        finally:
            process.terminate()


@contextmanager
def upstream_server() -> Iterator[Server]:
    """The upstream that answers a constant, over HTTP alone."""
    with _own("bench.upstream") as server:
        yield server


@contextmanager
def websocket_upstream_server() -> Iterator[Server]:
    """The same, which also speaks WebSocket."""
    with _own("bench.upstream", "websocket") as server:
        yield server


@contextmanager
def bare_server(upstream: Server) -> Iterator[Server]:
    """The pass-through that does nothing else."""
    with _own("bench.rig", upstream.url) as server:
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


def _serve_bare(upstream: str) -> None:
    # Not at the top: every other process of these would load it for nothing.
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


if __name__ == "__main__":
    _serve_bare(sys.argv[1])
