"""The client's request body: read whole within a limit, or handed on piece by piece.

What goes wrong while it is read is the client's fault and says so. Refuses to know what it holds.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from aiohttp import web

from stitcher.errors import BodyTooLarge, ClientError
from stitcher.proxy.errors import RequestTimeout

# As long as nginx waits (client_body_timeout). aiohttp tells nobody about a chunk that is
# malformed in the middle of a body: its reader waits on, so silence must end by itself.
LONGEST_PAUSE: Final = 60.0
_READ_AT_ONCE: Final = 1 << 20


class Upload:
    """One request's body on its way in."""

    def __init__(self, request: web.Request) -> None:
        self._content = request.content
        self.length = request.content_length
        self.present = request.body_exists
        self.fault: ClientError | None = None  # what ended `pieces` before its end

    async def pieces(self) -> AsyncGenerator[bytes]:
        """The body as it arrives. Raises ClientError."""
        while chunk := await self._next():
            yield chunk

    def arrived(self) -> bytes | None:
        """The whole body where it came along with the headers, as small ones do."""
        return self._content.read_nowait() if self._content.is_eof() else None

    async def whole(self, limit: int) -> bytes:
        """All of it. Raises BodyTooLarge as soon as that is certain, ClientError when it breaks."""
        if self.length is not None and self.length > limit:
            raise BodyTooLarge(found=self.length, limit=limit)
        if (here := self.arrived()) is not None:
            if len(here) > limit:
                raise BodyTooLarge(found=len(here), limit=limit)
            return here
        self._content.set_read_chunk_size(_READ_AT_ONCE)
        body = bytearray()
        async for chunk in self.pieces():
            body += chunk
            if len(body) > limit:
                raise BodyTooLarge(found=None, limit=limit)
        return bytes(body)

    async def _next(self) -> bytes:
        try:
            async with asyncio.timeout(LONGEST_PAUSE):
                return await self._content.readany()
        except TimeoutError:
            self.fault = RequestTimeout(
                f"request body: nothing came for {LONGEST_PAUSE:g} s, expected the rest of it"
                " (or it is not framed as its headers say)"
            )
        except web.RequestPayloadError:
            self.fault = ClientError("request body: it is not framed as its headers say")
        raise self.fault
