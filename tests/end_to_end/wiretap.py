"""A TCP relay between a client and the proxy that keeps what crossed it, byte for byte.

Relays bytes as they come and reads HTTP only afterwards, so it cannot change what it measures.
Knows HTTP/1.1 framing and what follows an upgrade to a WebSocket, nothing of the dialects.
"""

import asyncio
import http.client
import io
import json
import threading
import time
from dataclasses import dataclass, field, replace
from typing import Any

from tests.end_to_end.websocket_frames import read_messages

WEBSOCKET = "WS"  # the method of an exchange that is a message on a WebSocket

_CHUNK = 65536
_SWITCHED = 101


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as the client sent it, and the answer as far as it came back.

    A message on a WebSocket is one too: with the headers of the upgrade, its text as the body, and
    as the answer the messages that came back before the next one, a line each.
    """

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
class _Way:
    """The bytes of one direction of a connection, and when they arrived."""

    data: bytearray = field(default_factory=bytearray)
    marks: list[tuple[int, float]] = field(default_factory=list)  # (offset, time)

    def add(self, chunk: bytes) -> None:
        self.marks.append((len(self.data), time.monotonic()))
        self.data += chunk

    def at(self, offset: int) -> float:
        return max(at for start, at in self.marks if start <= offset)


@dataclass(slots=True)
class _Wire:
    """One connection."""

    sent: _Way = field(default_factory=_Way)
    answered: _Way = field(default_factory=_Way)


class Wiretap:
    """Listens on a free port of its own until closed; the target may come and go behind it."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._wires: list[_Wire] = []
        self._open: set[asyncio.StreamWriter] = set()
        self._changed = threading.Condition()
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
        with self._changed:
            found = [exchange for wire in self._wires for exchange in _read_exchanges(wire)]
        return sorted(found, key=lambda exchange: exchange.at)

    def wait_for_answer(self, text: bytes, timeout: float = 30) -> None:
        """Returns once an answer with that text has come back as far as the text."""
        with self._changed:
            if not self._changed.wait_for(
                lambda: any(text in exchange.answer for exchange in self.exchanges), timeout
            ):
                raise TimeoutError(f"no answer with {text!r} within {timeout} s")

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:  # the proxy is down: the client sees a connection that closes at once
            writer.close()
            return
        wire = _Wire()
        with self._changed:
            self._wires.append(wire)
        self._open |= {writer, far_writer}
        ways = {
            asyncio.ensure_future(self._pump(reader, far_writer, wire.sent)),
            asyncio.ensure_future(self._pump(far_reader, writer, wire.answered)),
        }
        # Whichever side hangs up first ends both: an LLM client half-closes nothing.
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        writer.close()
        far_writer.close()
        await asyncio.wait(ways)
        self._open -= {writer, far_writer}

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: _Way
    ) -> None:
        try:
            while chunk := await reader.read(_CHUNK):
                with self._changed:
                    way.add(chunk)
                    self._changed.notify_all()
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


def _read_exchanges(wire: _Wire) -> list[Exchange]:
    sent = bytes(wire.sent.data)
    answers = _Stream(bytes(wire.answered.data))
    exchanges = []
    start = 0
    while (request := _read_request(sent, start)) is not None:
        method, path, headers, body, end = request
        status, answer_headers, answer = _read_answer(answers, method)
        exchange = Exchange(
            at=wire.sent.at(start),
            method=method,
            path=path,
            headers=headers,
            body=body,
            status=status,
            answer_headers=answer_headers,
            answer=answer,
        )
        exchanges.append(exchange)
        if status == _SWITCHED:
            return [*exchanges, *_read_websocket(wire, exchange, end, answers.tell())]
        start = end
    return exchanges


def _read_request(sent: bytes, start: int) -> tuple[str, str, dict[str, str], bytes, int] | None:
    """The request that begins there and where it ends; None when its head is not whole."""
    head_end = sent.find(b"\r\n\r\n", start)
    if head_end < 0:
        return None
    first, *lines = sent[start:head_end].decode("latin-1").split("\r\n")
    method, path, _version = first.split(" ", 2)
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    if "transfer-encoding" in headers:
        raise AssertionError(f"{method} {path} came chunked: the wiretap reads Content-Length")
    end = head_end + 4 + int(headers.get("content-length", "0"))
    return method, path, headers, sent[head_end + 4 : end], end


def _read_websocket(wire: _Wire, upgrade: Exchange, sent: int, answered: int) -> list[Exchange]:
    """What was said after an upgrade that ended at these offsets of both directions."""
    agreed = upgrade.answer_headers.get("sec-websocket-extensions", "")
    asked = _timed_messages(wire.sent, sent, "client_no_context_takeover" not in agreed)
    answers = _timed_messages(wire.answered, answered, "server_no_context_takeover" not in agreed)
    ends = [*(at for at, _ in asked), float("inf")][1:]
    return [
        replace(
            upgrade,
            at=at,
            method=WEBSOCKET,
            body=body,
            answer=b"\n".join(text for when, text in answers if at <= when < end),
        )
        for (at, body), end in zip(asked, ends, strict=True)
    ]


def _timed_messages(way: _Way, begin: int, keeps_window: bool) -> list[tuple[float, bytes]]:
    messages = read_messages(bytes(way.data[begin:]), keeps_window=keeps_window)
    return [(way.at(begin + offset), message) for offset, message in messages]


def _read_answer(stream: _Stream, method: str) -> tuple[int | None, dict[str, str], bytes]:
    response = http.client.HTTPResponse(stream, method=method)  # type: ignore[arg-type]
    try:
        response.begin()
    except (http.client.HTTPException, ConnectionError):
        return None, {}, b""
    headers = {name.lower(): value for name, value in response.getheaders()}
    if response.status == _SWITCHED:
        return response.status, headers, b""  # what follows is not HTTP
    try:
        return response.status, headers, response.read()
    except http.client.IncompleteRead as broken:
        return response.status, headers, broken.partial
