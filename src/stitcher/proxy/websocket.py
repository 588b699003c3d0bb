"""The client's side of a WebSocket: accepts it, and answers the Responses API's frames.

Each `response.create` is a call of the dialect like any other, one after the other as they came;
its answer's events go back as frames. Refuses to know what a conversation is.
"""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from aiohttp import WSCloseCode, WSMsgType, web

from stitcher.errors import ClientError, StitcherError
from stitcher.ports import ClientGone, Incoming
from stitcher.proxy import frames, routes
from stitcher.proxy import headers as header_rules
from stitcher.proxy.access import Admission
from stitcher.proxy.dialect_calls import (
    Conversations,
    Request,
    asked_mode,
    report,
    session_header,
)
from stitcher.proxy.errors import Cancelled, TooManyWaiting
from stitcher.proxy.reply import ClientReply, give_exactly
from stitcher.proxy.upstream import HttpUpstream, Outgoing
from stitcher.proxy.websocket_dialer import (
    CLOSE_WITHIN,
    HEARTBEAT,
    Dialer,
    Refused,
    Socket,
    without_handshake,
)
from stitcher.proxy.websocket_relay import Client, Relay
from stitcher.proxy.websocket_reply import FrameReply, error_frame
from stitcher.proxy.websocket_upstream import (
    ClientChannel,
    Handshake,
    HttpChannel,
    SocketChannel,
)
from stitcher.settings import Settings
from stitcher.tenants import Tenants

RESPONSES: Final = "/v1/responses"
# As long as OpenAI keeps a connection ("WebSocket mode", November 2026). Codex holds one between
# two turns.
SILENT_FOR: Final = 3600.0
MOST_WAITING: Final = 16


@logging.getLogger("aiohttp.websocket").addFilter
def _without_protocols(record: logging.LogRecord) -> bool:
    """aiohttp logs the sub-protocols a client offers, and browsers carry API keys there."""
    return "protocols" not in str(record.msg)


class Sockets:
    """The WebSockets of one proxy."""

    def __init__(
        self,
        settings: Settings,
        exchange: Conversations,
        upstream: HttpUpstream,
        tenants: Tenants,
    ) -> None:
        self._settings = settings
        self._exchange = exchange
        self._tenants = tenants
        self._dialer = Dialer(settings, upstream)
        self._http = HttpChannel(upstream)
        self._open: set[Connection | Relay] = set()

    async def stop(self, app: web.Application) -> None:
        """Lets running answers finish, then closes. The server waits for that."""
        for connection in self._open:
            connection.stop()

    async def close(self, app: web.Application) -> None:
        """Lets go of what connecting to providers needed."""
        await self._dialer.close()

    async def serve(self, request: Request, admission: Admission) -> None:
        """Serves one connection until it ends. Raises StitcherError before it is accepted."""
        _check_handshake(request.http)
        route = request.route
        mode = asked_mode(request.headers, self._settings.mode)
        session, query = routes.take_session(request.query)
        call = Outgoing(route.provider, "GET", route.path, query, admission.headers)
        conversing = route.path == RESPONSES and mode != "off"
        if conversing:
            asks = Incoming(
                dialect="openai_responses",
                path=RESPONSES,
                query=query,
                headers=without_handshake(admission.headers),
                body=b"",
                decoded=b"",
                tenant=self._tenants.of(admission.credential),
                mode=mode,
                session=session_header(request.headers) or session,
            )
        dial = self._dialer.dial_responses if conversing else self._dialer.dial
        try:
            socket = await dial(call)
        except Refused as refusal:
            await _give_back(request.reply, refusal)
            return
        try:
            client = await self._accepted(request, socket)
            connection: Connection | Relay
            if conversing:
                way = Handshake(call, socket) if socket is not None else None
                connection = Connection(self._parts(), client, asks, way)
            else:
                assert socket is not None
                connection = Relay(client, socket)
            await self._run(connection)
        finally:
            if socket is not None:
                await socket.close(code=WSCloseCode.GOING_AWAY)

    def _parts(self) -> "_Parts":
        return _Parts(self._settings, self._exchange, self._dialer, self._http)

    async def _run(self, connection: "Connection | Relay") -> None:
        self._open.add(connection)
        try:
            await connection.run()
        finally:
            self._open.discard(connection)

    async def _accepted(self, request: Request, socket: Socket | None) -> Client:
        spoken = socket.protocol if socket is not None else None
        client: Client = web.WebSocketResponse(
            timeout=CLOSE_WITHIN,
            autoclose=False,  # once it is closed we are cancelled: the other side ends first
            heartbeat=HEARTBEAT,
            protocols=[spoken] if spoken else [],
            max_msg_size=self._settings.max_body,
            decode_text=False,
        )
        give_exactly(client, socket.accepted_with if socket is not None else [])
        await client.prepare(request.http)
        request.reply.upgraded(client)
        return client


def _check_handshake(http: web.Request) -> None:
    offered = header_rules.find_all(routes.text_headers(http.raw_headers), "sec-websocket-protocol")
    protocols = [each.strip() for value in offered for each in value.split(",")]
    try:
        if web.WebSocketResponse(protocols=protocols).can_prepare(http):
            return
    except ValueError:
        pass  # a key that is not even ASCII
    raise ClientError(
        "WebSocket handshake: found no Connection: Upgrade, no valid Sec-WebSocket-Key or a"
        " Sec-WebSocket-Version other than 13, expected these as in RFC 6455 4.1"
    )


async def _give_back(reply: ClientReply, refusal: Refused) -> None:
    await reply.start(
        refusal.status, refusal.headers, length=len(refusal.body), reason=refusal.reason
    )
    await reply.write(refusal.body)
    await reply.finish()


@dataclass(frozen=True, slots=True)
class _Parts:
    """What every connection uses."""

    settings: Settings
    exchange: Conversations
    dialer: Dialer
    http: HttpChannel


class Connection:
    """One client's connection on which it asks for responses.

    `asks` is every request of it but for the body; `way` the provider's WebSocket if it has one.
    """

    def __init__(
        self, parts: _Parts, client: Client, asks: Incoming, way: Handshake | None
    ) -> None:
        self._parts = parts
        self._client = client
        self._asks = asks
        self._way = way
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._running: asyncio.Task[None] | None = None
        self._stopping = False

    def stop(self) -> None:
        """Closes when the running answer is complete; what waits is not begun any more."""
        self._stopping = True
        self._waiting.put_nowait(None)

    async def run(self) -> None:
        """Answers until the client leaves, or is silent for too long, or `stop`."""
        async with asyncio.TaskGroup() as tasks:
            channel = self._channel(tasks)
            turns = tasks.create_task(self._take_turns(tasks, channel))
            try:
                with suppress(ClientGone):
                    await self._listen(channel)
            finally:
                turns.cancel()
                try:
                    await asyncio.wait([turns])
                finally:  # however soon the client is gone
                    await channel.close()

    def _channel(self, tasks: asyncio.TaskGroup) -> ClientChannel:
        parts = self._parts
        if self._way is None:
            return parts.http
        return SocketChannel(parts.settings, parts.dialer, self._way, parts.http, self._send, tasks)

    async def _send(self, frame: bytes) -> None:
        try:
            await self._client.send_frame(frame, WSMsgType.TEXT)
        except ConnectionError:
            raise ClientGone from None

    # ── what the client sends ────────────────────────────────────────────────────────────

    async def _listen(self, channel: ClientChannel) -> None:
        while True:
            try:
                message = await self._client.receive(timeout=SILENT_FOR)
            except TimeoutError:
                if self._running is not None:
                    continue
                await self._client.close(code=WSCloseCode.GOING_AWAY)
                return
            try:
                if message.type is WSMsgType.TEXT:
                    await self._take(bytes(message.data), channel)
                elif message.type is WSMsgType.BINARY:
                    found = "frame: found a binary one, expected JSON in a text frame"
                    await self._send(error_frame(ClientError(found)))
                else:
                    return
            except ClientError as error:
                await self._send(error_frame(error))

    async def _take(self, frame: bytes, channel: ClientChannel) -> None:
        kind = frames.asked(frame)
        if kind == frames.CREATE:
            if self._waiting.qsize() >= MOST_WAITING:
                raise TooManyWaiting(
                    f"response.create: found {MOST_WAITING} waiting already, expected the client"
                    " to wait for answers: a connection gives one after the other"
                )
            self._waiting.put_nowait(frame)
        elif not await channel.pass_on(frame) and kind == frames.CANCEL and self._running:
            self._running.cancel()

    # ── what it gets ─────────────────────────────────────────────────────────────────────

    async def _take_turns(self, tasks: asyncio.TaskGroup, channel: ClientChannel) -> None:
        with suppress(ClientGone):
            while not self._stopping:
                frame = await self._waiting.get()
                if frame is not None:
                    await self._answer(frame, tasks, channel)
            await self._client.close(code=WSCloseCode.GOING_AWAY)

    async def _answer(self, frame: bytes, tasks: asyncio.TaskGroup, channel: ClientChannel) -> None:
        """One answer, complete or an error. Raises ClientGone."""
        reply = FrameReply(self._send, frames.lane(frame))
        incoming = replace(self._asks, body=frame, decoded=frame, channel=channel)
        faults: list[Exception] = []
        self._running = running = tasks.create_task(self._converse(incoming, reply, faults))
        try:
            await asyncio.wait([running])
        finally:
            self._running = None
            running.cancel()
            await asyncio.wait([running])
        if running.cancelled():
            faults.append(Cancelled("the response was cancelled, as the client asked"))
        for fault in faults:
            if isinstance(fault, ClientGone):
                raise fault
            await reply.fail(fault)

    async def _converse(
        self, incoming: Incoming, reply: FrameReply, faults: list[Exception]
    ) -> None:
        try:
            await self._conversed(incoming, reply)
        except Exception as error:  # noqa: BLE001 - the edge: what nobody foresaw gets an answer
            faults.append(error)

    async def _conversed(self, incoming: Incoming, reply: FrameReply) -> None:
        try:
            await self._parts.exchange.converse(incoming, reply)
        except (StitcherError, ClientGone):
            raise
        except Exception as error:
            # The edge: a fault of ours must not become the client's.
            if reply.started:
                raise
            report(error)
        if not reply.started:
            await _bypass(incoming, reply)


async def _bypass(incoming: Incoming, reply: FrameReply) -> None:
    """Passes the client's own frame on."""
    assert incoming.channel is not None
    async with incoming.channel.send(incoming, incoming.body) as answer:
        added = ("X-Stitcher-Status", "bypass; internal error")
        await reply.start(answer.status, [*answer.headers, added])
        async for chunk in answer.chunks():
            await reply.write(chunk)
        await reply.finish()
