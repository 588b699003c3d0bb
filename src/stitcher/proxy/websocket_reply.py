"""The way back over a WebSocket: `ports.Reply` as frames.

Each event of a stream is one frame, and so is an error. Refuses to know connections and requests.
"""

import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Final

from stitcher.errors import StitcherError, UpstreamError
from stitcher.ports import Headers
from stitcher.proxy import frames
from stitcher.proxy import headers as header_rules
from stitcher.proxy.dialect_calls import report
from stitcher.proxy.errors import error_body, message_of, status_of
from stitcher.wire.sse import Splitter

log: Final = logging.getLogger("stitcher.proxy")


def error_frame(error: Exception) -> bytes:
    """An error of ours as a frame; logged where it is not the client's fault."""
    status = status_of(error)
    request_id = f"stitcher_{secrets.token_hex(8)}"
    if not isinstance(error, StitcherError):
        report(error)
    elif status >= 500:
        log.warning("%s %d %s", request_id, status, message_of(error))
    body = error_body("openai", status, message_of(error), request_id)
    return frames.Refusal(status, [("X-Stitcher-Status", "error")], body).frame()


class FrameReply:
    """`ports.Reply` as frames: each event of a stream is one, and so is an error."""

    def __init__(self, send: Callable[[bytes], Awaitable[None]], lane: str | None) -> None:
        self._send = send
        self._lane = lane
        self._status: int | None = None
        self._headers: Headers = ()
        self._events: Splitter | None = None  # of a stream
        self._body = bytearray()  # of anything else
        self._ended = False

    @property
    def started(self) -> bool:
        """See `ports.Reply`."""
        return self._status is not None

    async def start(self, status: int, headers: Headers, *, length: int | None = None) -> None:
        """See `ports.Reply`."""
        self._status, self._headers = status, headers
        kind = header_rules.find(headers, "content-type") or ""
        if status < 400 and kind.lower().startswith("text/event-stream"):
            self._events = Splitter()

    async def write(self, chunk: bytes) -> None:
        """See `ports.Reply`."""
        if self._events is None:
            self._body += chunk
            return
        for event in self._events.feed(chunk):
            await self._tell(event.data)

    async def finish(self) -> None:
        """See `ports.Reply`."""
        status = self._status or 0
        if self._events is not None:
            for event in self._events.close():
                await self._tell(event.data)
            if not self._ended:
                await self.fail(
                    UpstreamError("the answer ended early, expected response.completed before")
                )
        elif status >= 400:
            refusal = frames.Refusal(status, self._headers, bytes(self._body))
            await self._tell(refusal.frame())
        else:
            await self.fail(
                UpstreamError("found an answer that is no stream, expected text/event-stream")
            )

    async def fail(self, error: Exception) -> None:
        """Says what went wrong, where the answer has not ended already."""
        if not self._ended:
            await self._tell(error_frame(error))

    async def _tell(self, frame: bytes) -> None:
        if not frame or frame == b"[DONE]":
            return
        self._ended = self._ended or frames.kind_of(frame) in frames.ENDS
        await self._send(frame if self._lane is None else frames.in_lane(frame, self._lane))
