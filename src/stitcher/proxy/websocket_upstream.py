"""The way up of a client's WebSocket connection: the provider's WebSocket, or plain requests.

On the provider's WebSocket a request is one frame and its answer the frames that follow; where
there is none a request is a streaming POST. Refuses to know the client's side, how a connection
is made and what a conversation is.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeGuard

from aiohttp import WSMsgType

from stitcher.ports import Answer, Channel, ClientGone, Headers, Incoming
from stitcher.proxy import frames
from stitcher.proxy import headers as header_rules
from stitcher.proxy.upstream import HttpUpstream, Outgoing
from stitcher.proxy.websocket_dialer import Dialer, Refused, Socket
from stitcher.settings import Settings

Tell = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Whole:
    """An answer that is here."""

    status: int
    headers: Headers
    body: bytes

    async def chunks(self) -> AsyncGenerator[bytes]:
        yield self.body


_STREAM: Final[Headers] = [("Content-Type", "text/event-stream; charset=utf-8")]


class ClientChannel(Channel, Protocol):
    """A channel, and what its client's connection needs of it."""

    async def pass_on(self, frame: bytes) -> bool:
        """Hands a frame that asks for no response to the provider; False where it cannot."""
        ...

    async def close(self) -> None:
        """Ends it, and a request that is running on it."""
        ...


class HttpChannel:
    """Frames as requests over HTTP: the provider keeps nothing of the connection."""

    def __init__(self, upstream: HttpUpstream) -> None:
        self._upstream = upstream

    def holds(self, response_id: str) -> bool:
        """See `ports.Channel`."""
        return False

    async def pass_on(self, frame: bytes) -> bool:
        """See `ClientChannel`."""
        return False

    async def close(self) -> None:
        """See `ClientChannel`."""

    @asynccontextmanager
    async def send(self, incoming: Incoming, body: bytes) -> AsyncGenerator[Answer]:
        """See `ports.Upstream`. Raises ClientError for a frame that makes no request."""
        warming = frames.prewarming(body)
        if warming is not None:
            done = warming.answer(f"resp_{secrets.token_hex(24)}", int(time.time()))
            yield _Whole(200, _STREAM, done)
            return
        made = frames.http_body(body)
        request = replace(
            incoming, body=made, decoded=made, headers=_as_request(incoming.headers), channel=None
        )
        async with self._upstream.send(request, made) as answer:
            yield await _streamed(answer) if _is_plain_json(answer) else answer


def _is_plain_json(answer: Answer) -> bool:
    kind = header_rules.find(answer.headers, "content-type") or ""
    encoded = header_rules.find(answer.headers, "content-encoding")
    return answer.status == 200 and encoded is None and kind.lower().startswith("application/json")


async def _streamed(answer: Answer) -> Answer:
    """A response that came whole, as the stream that was asked for; any other JSON as it is."""
    body = b"".join([chunk async for chunk in answer.chunks()])
    stream = frames.stream_of(body)
    if stream is None:
        return _Whole(answer.status, answer.headers, body)
    kept = header_rules.without(answer.headers, "content-type", "content-length")
    return _Whole(answer.status, [*kept, *_STREAM], stream)


def _as_request(headers: Headers) -> Headers:
    """The headers of an upgrade as those of a POST of JSON that is answered with a stream."""
    kept = header_rules.without(headers, "content-type", "accept")
    made = [(name, value) for name, value in kept if not _of_sockets(name, value)]
    return [*made, ("Content-Type", "application/json"), ("Accept", "text/event-stream")]


def _of_sockets(name: str, value: str) -> bool:
    """Codex asks for the beta of the WebSocket this is not: `responses_websockets=2026-02-06`."""
    return name.lower() == "openai-beta" and value.strip().startswith("responses_websockets")


class _Link:
    """One WebSocket to the provider, from its handshake to its end."""

    def __init__(self, socket: Socket, tell: Tell, tasks: asyncio.TaskGroup) -> None:
        self._socket = socket
        self._tell = tell
        self._tasks = tasks
        self._ended = False
        self._watching: asyncio.Task[None] | None = None
        # "The most recent previous response" is all a connection keeps (OpenAI, "WebSocket
        # mode", November 2026); of each stream, where the client names several.
        self.held: dict[str | None, str] = {}
        self.watch()

    @property
    def lost(self) -> bool:
        return self._ended or self._socket.closed

    def watch(self) -> None:
        """Between two answers: hands on what the provider says, and sees it leave."""
        self._watching = self._tasks.create_task(self._watch())

    async def _watch(self) -> None:
        try:
            while (frame := await self._receive()) is not None:
                await self._tell(frame)
        except ClientGone:
            pass  # the connection's own reader meets it

    async def ask(self, frame: bytes) -> bool:
        """Sends a frame, and leaves what follows to `next`; False when the connection is lost."""
        await self._stop_watching()
        return await self.pass_on(frame)

    async def pass_on(self, frame: bytes) -> bool:
        """Sends a frame; False when the connection is lost."""
        if self.lost:
            return False
        try:
            await self._socket.send_frame(frame, WSMsgType.TEXT)
        except ConnectionError:
            self._ended = True
        return not self._ended

    async def next(self, within: float) -> bytes | None:
        """The next frame, None when there will be none. Raises TimeoutError."""
        async with asyncio.timeout(within):
            return await self._receive()

    async def close(self) -> None:
        self._ended = True
        await self._stop_watching()
        await self._socket.close()

    async def _receive(self) -> bytes | None:
        while True:
            message = await self._socket.receive()
            if message.type is WSMsgType.TEXT:
                return bytes(message.data)
            if message.type is not WSMsgType.BINARY:
                self._ended = True
                return None

    async def _stop_watching(self) -> None:
        task, self._watching = self._watching, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])


class _Frames:
    """The answer to one frame while it arrives: as a stream, or as the error it begins with."""

    def __init__(self, channel: "SocketChannel", link: _Link, lane: str | None) -> None:
        self._channel = channel
        self._link = link
        self._lane = lane
        self._first = b""
        self._refusal: frames.Refusal | None = None
        self.ended = False

    @property
    def status(self) -> int:
        return self._refusal.status if self._refusal else 200

    @property
    def headers(self) -> Headers:
        return self._refusal.headers if self._refusal else _STREAM

    async def begin(self) -> None:
        """Waits for the first frame. Raises UpstreamError."""
        self._first = await self._channel.next(self._link, first=True)
        if frames.kind_of(self._first) == "error":
            self._end("error", self._first)
            self._refusal = frames.refusal(self._first)

    async def chunks(self) -> AsyncGenerator[bytes]:
        if self._refusal:
            yield self._refusal.body
            return
        frame = self._first
        while True:
            kind = frames.kind_of(frame)
            if kind in frames.ENDS:
                self._end(kind, frame)
            yield frames.event(kind, frame)
            if self.ended:
                return
            frame = await self._channel.next(self._link, first=False)

    def _end(self, kind: str, frame: bytes) -> None:
        self.ended = True
        if kind in ("response.completed", "response.incomplete"):
            self._link.held[self._lane] = frames.response_id(frame)
        else:  # a turn that fails takes the state it was to go on from with it (same source)
            self._link.held.pop(self._lane, None)


@dataclass(frozen=True, slots=True)
class Handshake:
    """A WebSocket the provider accepted, and what it was asked with."""

    call: Outgoing
    socket: Socket


class SocketChannel:
    """Frames as frames on the provider's WebSocket, connected anew when it was lost.

    `tell` takes what the provider says unasked; `tasks` live as long as the client's connection.
    """

    def __init__(
        self,
        settings: Settings,
        dialer: Dialer,
        handshake: Handshake,
        fallback: HttpChannel,
        tell: Tell,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._settings = settings
        self._dialer = dialer
        self._handshake = handshake
        self._fallback = fallback
        self._tell = tell
        self._tasks = tasks
        self._link: _Link | None = _Link(handshake.socket, tell, tasks)

    def holds(self, response_id: str) -> bool:
        """See `ports.Channel`."""
        link = self._link
        return _alive(link) and response_id in link.held.values()

    async def pass_on(self, frame: bytes) -> bool:
        """See `ClientChannel`."""
        link = self._link
        return _alive(link) and await link.pass_on(frame)

    async def close(self) -> None:
        """See `ClientChannel`."""
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    @asynccontextmanager
    async def send(self, incoming: Incoming, body: bytes) -> AsyncGenerator[Answer]:
        """See `ports.Upstream`."""
        try:
            link = await self._asked(body)
        except Refused as refusal:
            yield _Whole(refusal.status, refusal.headers, refusal.body)
            return
        if link is None:
            async with self._fallback.send(incoming, body) as sent:
                yield sent
            return
        answer = _Frames(self, link, frames.lane(body))
        try:
            await answer.begin()
            yield answer
        finally:
            if answer.ended:
                link.watch()
            else:  # nothing else surely stops the provider
                await self.close()

    async def next(self, link: _Link, *, first: bool) -> bytes:
        """The next frame of an answer. Raises UpstreamError when it does not come."""
        settings = self._settings
        within = settings.first_byte_timeout if first else settings.idle_timeout
        when = "before answering" if first else "while answering"
        try:
            frame = await link.next(within)
        except TimeoutError as error:
            raise self._dialer.failure(self._handshake.call, error, when) from None
        if frame is None:
            raise self._dialer.failure(self._handshake.call, ConnectionResetError(), when)
        return frame

    async def _asked(self, body: bytes) -> _Link | None:
        """The link that has the request; None where there is no WebSocket any more."""
        if self._link is not None and await self._link.ask(body):
            return self._link
        await self.close()
        socket = await self._dialer.dial_responses(self._handshake.call)
        if socket is None:
            return None
        self._link = _Link(socket, self._tell, self._tasks)
        if not await self._link.ask(body):
            raise self._dialer.failure(
                self._handshake.call, ConnectionResetError(), "before answering"
            )
        return self._link


def _alive(link: _Link | None) -> TypeGuard[_Link]:
    return link is not None and not link.lost
