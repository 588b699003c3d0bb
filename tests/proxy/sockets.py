"""WebSockets, both ends: a provider that does what its script says, and a client."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import WSMsgType, web

from tests.proxy.raw import Call

ServerSocket = web.WebSocketResponse
ClientSocket = aiohttp.ClientWebSocketResponse

CREATE = {"type": "response.create", "model": "m", "input": [], "store": False}


@dataclass
class SocketProvider:
    """What came to it: one handshake per connection."""

    url: str = ""
    handshakes: list[web.Request] = field(default_factory=list)


Script = Callable[[ServerSocket, int], Awaitable[None]]


@asynccontextmanager
async def socket_provider(
    script: Script, headers: Sequence[tuple[str, str]] = (), protocols: Sequence[str] = ()
) -> AsyncGenerator[SocketProvider]:
    """Accepts every WebSocket with `headers`; `script` gets it and the number of it, from 0."""
    made = SocketProvider()

    async def accept(request: web.Request) -> web.StreamResponse:
        made.handshakes.append(request)
        socket = web.WebSocketResponse(protocols=protocols, timeout=0.1)
        socket.headers.extend(headers)
        await socket.prepare(request)
        await script(socket, len(made.handshakes) - 1)
        return socket

    app = web.Application()
    app.router.add_get("/{path:.*}", accept)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None, handler_cancellation=True)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield made
    finally:
        await runner.cleanup()


@asynccontextmanager
async def dialled(url: str, *headers: str, **options: Any) -> AsyncGenerator[ClientSocket]:
    """A client's WebSocket to `url`, with headers written as "Name: value"."""
    pairs = [(name, value) for name, _, value in (line.partition(": ") for line in headers)]
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, headers=pairs, **options) as socket,
    ):
        yield socket


async def told(socket: ClientSocket) -> dict[str, Any]:
    """The next frame, read."""
    message = await socket.receive()
    assert message.type is WSMsgType.TEXT, message
    found = json.loads(message.data)
    assert isinstance(found, dict)
    return found


async def told_until(socket: ClientSocket, kind: str) -> list[str]:
    """The types of the frames up to the next one of that type."""
    kinds = [(await told(socket))["type"]]
    while kinds[-1] != kind:
        kinds.append((await told(socket))["type"])
    return kinds


def completed(response: str, **more: Any) -> dict[str, Any]:
    """The event that ends a response."""
    said = {"id": response, "object": "response", "status": "completed"}
    return {"type": "response.completed", "response": {**said, **more}}


def streamed(*events: dict[str, Any]) -> bytes:
    """Events as a provider streams them over HTTP."""
    return b"".join(
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events
    )


async def over_http(call: Call) -> None:
    """A provider without WebSocket: 404 for the upgrade, one short stream for each request."""
    if call.request.start.startswith("GET"):
        await call.answer(b"{}", status="404 Not Found")
        return
    events = ({"type": "response.created"}, completed("resp_1"))
    await call.answer(streamed(*events), "Content-Type: text/event-stream")
