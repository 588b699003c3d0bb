"""A TCP relay between a client and the proxy that keeps what crossed it, byte for byte.

Relays bytes as they come and reads HTTP only afterwards, so it cannot change what it measures.
Knows HTTP/1.1 framing, nothing of the dialects.
"""

import asyncio
import http.client
import io
import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any

_CHUNK = 65536


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as the client sent it, and the answer as far as it came back."""

    at: float  # when the request began, on the monotonic clock
    method: str
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes
    status: int | None  # None when no complete head of an answer came back
    answer_headers: dict[str, str]
    answer: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class _Wire:
    """The bytes of one connection, and when the client's arrived."""

    sent: bytearray = field(default_factory=bytearray)
    answered: bytearray = field(default_factory=bytearray)
    marks: list[tuple[int, float]] = field(default_factory=list)  # (offset in `sent`, time)

    def sent_at(self, offset: int) -> float:
        return max(at for start, at in self.marks if start <= offset)


class Wiretap:
    """Listens on a free port of its own until closed; the target may come and go behind it."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._wires: list[_Wire] = []
        self._open: set[asyncio.StreamWriter] = set()
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(
            asyncio.start_server(self._relay, "127.0.0.1", 0)
        )
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, name="wiretap")
        self._thread.start()

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def exchanges(self) -> list[Exchange]:
        """Everything that crossed so far, in the order in which the requests began."""
        with self._lock:
            wires = [(bytes(wire.sent), bytes(wire.answered), wire) for wire in self._wires]
            found = [
                exchange
                for sent, answered, wire in wires
                for exchange in _read_exchanges(sent, answered, wire)
            ]
        return sorted(found, key=lambda exchange: exchange.at)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:  # the proxy is down: the client sees a connection that closes at once
            writer.close()
            return
        wire = _Wire()
        with self._lock:
            self._wires.append(wire)
        self._open |= {writer, far_writer}
        ways = {
            asyncio.ensure_future(self._pump(reader, far_writer, wire, from_client=True)),
            asyncio.ensure_future(self._pump(far_reader, writer, wire, from_client=False)),
        }
        # Whichever side hangs up first ends both: an LLM client half-closes nothing.
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        writer.close()
        far_writer.close()
        await asyncio.wait(ways)
        self._open -= {writer, far_writer}

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        wire: _Wire,
        *,
        from_client: bool,
    ) -> None:
        try:
            while chunk := await reader.read(_CHUNK):
                with self._lock:
                    if from_client:
                        wire.marks.append((len(wire.sent), time.monotonic()))
                        wire.sent += chunk
                    else:
                        wire.answered += chunk
                writer.write(chunk)
                await writer.drain()
        except ConnectionError:
            return  # a side that was killed resets its connections

    async def _stop(self) -> None:
        self._server.close()
        for writer in self._open:
            writer.transport.abort()
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))


class _Stream(io.BytesIO):
    """What http.client takes for a socket: several answers are read from it one after the other."""

    def makefile(self, mode: str) -> "_Stream":
        return self

    def close(self) -> None:
        """Each answer closes its file; the stream goes on with the next."""


def _read_exchanges(sent: bytes, answered: bytes, wire: _Wire) -> list[Exchange]:
    answers = _Stream(answered)
    exchanges = []
    for offset, method, path, headers, body in _read_requests(sent):
        status, answer_headers, answer = _read_answer(answers, method)
        exchanges.append(
            Exchange(
                at=wire.sent_at(offset),
                method=method,
                path=path,
                headers=headers,
                body=body,
                status=status,
                answer_headers=answer_headers,
                answer=answer,
            )
        )
    return exchanges


def _read_requests(sent: bytes) -> list[tuple[int, str, str, dict[str, str], bytes]]:
    requests = []
    start = 0
    while (end := sent.find(b"\r\n\r\n", start)) >= 0:
        first, *lines = sent[start:end].decode("latin-1").split("\r\n")
        method, path, _version = first.split(" ", 2)
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        if "transfer-encoding" in headers:
            raise AssertionError(f"{method} {path} came chunked: the wiretap reads Content-Length")
        body_end = end + 4 + int(headers.get("content-length", "0"))
        requests.append((start, method, path, headers, sent[end + 4 : body_end]))
        start = body_end
    return requests


def _read_answer(stream: _Stream, method: str) -> tuple[int | None, dict[str, str], bytes]:
    response = http.client.HTTPResponse(stream, method=method)  # type: ignore[arg-type]
    try:
        response.begin()
    except (http.client.HTTPException, ConnectionError):
        return None, {}, b""
    headers = {name.lower(): value for name, value in response.getheaders()}
    try:
        return response.status, headers, response.read()
    except http.client.IncompleteRead as broken:
        return response.status, headers, broken.partial
