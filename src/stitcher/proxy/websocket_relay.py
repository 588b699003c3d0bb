"""Passes the messages of a WebSocket on, both ways, as they come. Refuses to know what they say."""

import asyncio
from dataclasses import dataclass
from typing import Final

from aiohttp import WSCloseCode, WSMsgType, web

from stitcher.proxy.websocket_dialer import Socket

Client = web.WebSocketResponse[bool]

# RFC 6455 7.4.1: what may stand in a close frame; 1004 to 1006 and 1015 only ever mean that
# there was none.
_SENDABLE: Final = frozenset({*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)})


@dataclass(frozen=True, slots=True)
class _End:
    """How one side ended."""

    code: int
    reason: bytes = b""


class Relay:
    """One client and one provider, passing messages to each other."""

    def __init__(self, client: Client, socket: Socket) -> None:
        self._client = client
        self._socket = socket
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Ends it: both sides are told that we go away."""
        self._stopped.set()

    async def run(self) -> None:
        """Until one side ends: the other one is told how."""
        async with asyncio.TaskGroup() as tasks:
            up = tasks.create_task(_pump(self._client, self._socket))
            down = tasks.create_task(_pump(self._socket, self._client))
            stopped = tasks.create_task(self._stopped.wait())
            ways = (up, down, stopped)
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            first = next((way.result() for way in (down, up) if way.done()), None)
            for way in ways:
                way.cancel()
        end = first or _End(WSCloseCode.GOING_AWAY)
        await self._socket.close(code=end.code, message=end.reason)
        await self._client.close(code=end.code, message=end.reason)


async def _pump(source: Client | Socket, sink: Client | Socket) -> _End:
    while True:
        message = await source.receive()
        if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
            break
        try:
            await sink.send_frame(bytes(message.data), message.type)
        except ConnectionError:
            break
    if message.type is WSMsgType.CLOSE and message.data in _SENDABLE:
        return _End(message.data, (message.extra or "").encode())
    return _End(WSCloseCode.GOING_AWAY)
