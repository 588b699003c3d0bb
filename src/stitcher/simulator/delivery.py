"""Carrying an answer to the client: plain or streamed, and what may go wrong on the way.

The faults that happen to a good answer are done here. Knows nothing of dialects.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass

from aiohttp import web

from stitcher.simulator.answer import BROKEN_BYTE
from stitcher.simulator.faults import Fault

GARBAGE = b"<html><body><h1>502 Bad Gateway</h1></body></html>\n"
_GZIP = 16 + zlib.MAX_WBITS
_UTF8_PAUSE = 0.002


@dataclass(frozen=True, slots=True)
class Delivery:
    """How to send: `released` waits until stalled requests are let go."""

    headers: Mapping[str, str]
    fault: Fault
    released: Callable[[], "asyncio.Future[None]"]
    gzip: bool = False
    split_utf8: bool = False
    chunk_delay: float = 0.0


def drop(request: web.Request) -> web.StreamResponse:
    """Closes the connection; what was written before still arrives, nothing after it does."""
    if request.transport is not None:
        request.transport.close()
    return web.Response()


async def send_document(request: web.Request, body: bytes, how: Delivery) -> web.StreamResponse:
    if how.fault.garbage:
        return web.Response(body=GARBAGE, content_type="application/json", headers=how.headers)
    body = _broken(body)
    headers = dict(how.headers)
    if how.gzip:
        compressor = zlib.compressobj(wbits=_GZIP)
        body = compressor.compress(body) + compressor.flush()
        headers["content-encoding"] = "gzip"
    if how.fault.cut_after is None and how.fault.stall_after is None:
        return web.Response(body=body, content_type="application/json", headers=headers)
    response = web.StreamResponse(headers=headers)
    response.content_type = "application/json"
    response.content_length = len(body)
    await response.prepare(request)
    middle = len(body) // 2
    await response.write(body[:middle])
    if how.fault.cut_after is not None:
        return drop(request)
    await how.released()
    await response.write(body[middle:])
    return response


async def send_events(
    request: web.Request, events: Iterable[bytes], error: bytes, how: Delivery
) -> web.StreamResponse:
    """Sends a stream; `error` is the dialect's error event, sent when the fault asks for it."""
    headers = {"cache-control": "no-cache", **how.headers}
    compressor = zlib.compressobj(wbits=_GZIP) if how.gzip else None
    if compressor is not None:
        headers["content-encoding"] = "gzip"
    response = web.StreamResponse(headers=headers)
    response.content_type = "text/event-stream"
    response.charset = "utf-8"
    await response.prepare(request)
    if how.fault.garbage:
        await response.write(GARBAGE)
        return response
    async for piece in faulty_events(events, error, how):
        if piece is None:
            return drop(request)
        for part in _utf8_halves(piece) if how.split_utf8 else (piece,):
            if compressor is not None:
                part = compressor.compress(part) + compressor.flush(zlib.Z_SYNC_FLUSH)
            await response.write(part)
            if how.split_utf8:
                # Lets the halves leave as packets of their own.
                await asyncio.sleep(_UTF8_PAUSE)
    if compressor is not None:
        await response.write(compressor.flush())
    return response


async def faulty_events(
    events: Iterable[bytes], error: bytes, how: Delivery
) -> AsyncIterator[bytes | None]:
    """The events with the fault in their midst; None means that the connection is to be cut."""
    error_at = 2 if how.fault.error_event else None
    for number, event in enumerate(events):
        if number == how.fault.cut_after:
            yield None
            return
        if number == how.fault.stall_after:
            await how.released()
        if number == error_at:
            yield error
            return
        if number and how.chunk_delay:
            await asyncio.sleep(how.chunk_delay)
        yield _broken(event)


def spoilt_text(text: str | None, fault: Fault) -> str | None:
    """The text with a place in its middle where `bad_utf8` breaks a byte."""
    if not fault.bad_utf8 or not text:
        return text
    middle = len(text) // 2
    return text[:middle] + BROKEN_BYTE + text[middle:]


def _broken(body: bytes) -> bytes:
    return body.replace(BROKEN_BYTE.encode(), b"\xff")


def _utf8_halves(event: bytes) -> tuple[bytes, ...]:
    """The event cut in the middle of its first multi-byte character, if it has one."""
    for at, byte in enumerate(event):
        if byte >= 0xC0:
            return event[: at + 1], event[at + 1 :]
    return (event,)
