"""Listens: binds an application to an address, and lets its requests finish at the end.

Refuses to know what the application does.
"""

import errno
import logging
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

from aiohttp import web

from stitcher.addresses import url_of
from stitcher.errors import SettingsError
from stitcher.settings import Settings

FINISH_WITHIN: Final = 10.0  # seconds running requests get after the stop

# A session's name may have 10,000 characters; percent-encoded in a query each is up to 12 bytes.
_LINE_LIMIT: Final = 1 << 18
_FIELD_LIMIT: Final = 1 << 16
_MOST_HEADERS: Final = 512

_log: Final = logging.getLogger("stitcher.proxy.http")


@_log.addFilter
def _without_traceback(record: logging.LogRecord) -> bool:
    """aiohttp logs what is not HTTP with its bytes and a traceback; the kind of fault is enough."""
    if record.exc_info and record.exc_info[0] is not None:
        record.msg, record.args = "not HTTP: %s", (record.exc_info[0].__name__,)
        record.exc_info = None
    return True


# handler_cancellation: a client that hangs up while the provider is silent would otherwise be
# noticed at the next write only. auto_decompress: what is passed on is passed on as it came.
_PROTOCOL: Final[dict[str, Any]] = {
    "handler_cancellation": True,
    "auto_decompress": False,
    "access_log": None,
    "logger": _log,
    "max_line_size": _LINE_LIMIT,
    "max_field_size": _FIELD_LIMIT,
    "max_headers": _MOST_HEADERS,
}


@asynccontextmanager
async def listening(app: web.Application, settings: Settings) -> AsyncGenerator[str]:
    """Serves the application while entered; yields its address. Port 0 takes a free one.

    On leaving nothing new is accepted, and running requests have FINISH_WITHIN seconds.
    """
    runner = web.AppRunner(app, shutdown_timeout=FINISH_WITHIN, **_PROTOCOL)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port)
        try:
            await site.start()
        except (OSError, OverflowError) as error:
            raise _cannot_bind(settings, error) from None
        yield url_of(settings.host, runner.addresses[0][1])
    finally:
        await runner.cleanup()


def _cannot_bind(settings: Settings, error: BaseException) -> SettingsError:
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EADDRINUSE:
        return SettingsError(
            f"port: found {settings.port} in use by another program, expected a free one."
            " Stop that program, or choose another port (--port 8082; 0 takes any free one)"
        )
    if number == errno.EACCES:
        return SettingsError(
            f"port: found {settings.port}, which needs special rights, expected one from 1024 up"
        )
    if number == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return SettingsError(
            f"host: found {settings.host}, expected an address of this machine (127.0.0.1)"
        )
    reason = (isinstance(error, OSError) and error.strerror) or type(error).__name__
    return SettingsError(f"host: cannot listen on {settings.host}:{settings.port}: {reason}")
