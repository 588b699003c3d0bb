"""Starts the proxy and stops it: builds its parts, waits for a signal, takes them apart in order.

The only module that knows which store, exchange and upstream go together. Refuses to know requests.
"""

import asyncio
import signal
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from stitcher.exchange import Exchange
from stitcher.proxy.app import create_app
from stitcher.proxy.server import listening
from stitcher.proxy.upstream import HttpUpstream
from stitcher.responses_api.api import ResponsesApi
from stitcher.settings import Settings, check_exposure
from stitcher.store.jsonl import JsonlStore

try:
    import uvloop
except ImportError:  # Windows, or an interpreter uvloop has no wheel for
    new_event_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
else:
    new_event_loop = uvloop.new_event_loop


def run(settings: Settings, on_ready: Callable[[str], None]) -> None:
    """Serves until SIGINT or SIGTERM; `on_ready` gets the address once it takes requests.

    Raises SettingsError when it may not or cannot listen there, DataDirLocked when another
    process has the data directory, StoreError when the directory cannot be used.
    """
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_until_signalled(settings, on_ready))


async def _until_signalled(settings: Settings, on_ready: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    async with serving(settings) as url:
        _on_signal(stop)
        on_ready(url)
        await stop.wait()


@asynccontextmanager
async def serving(settings: Settings) -> AsyncGenerator[str]:
    """The whole proxy while entered; yields its address.

    On leaving it accepts nothing new, lets running requests finish, then closes the log: what a
    request stored is on the disk before the directory is let go.
    """
    check_exposure(settings)
    store = JsonlStore(settings.data_dir, durability=settings.durability)
    try:
        upstream = HttpUpstream(settings)
        exchange = Exchange(settings=settings, store=store, upstream=upstream)
        try:
            state = ResponsesApi(
                sessions=exchange.sessions, pointers=exchange.pointers, store=store
            )
            app = create_app(settings, exchange, upstream, state)
            async with listening(app, settings) as url:
                store.set_url(url)
                yield url
        finally:
            await exchange.close()
            await upstream.close()
    finally:
        await store.close()


def _on_signal(stop: asyncio.Event) -> None:
    """The first signal asks to stop; a second one finds the system's own, immediate, answer."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)

    def asked() -> None:
        stop.set()
        for each in signals:
            loop.remove_signal_handler(each)

    try:
        for each in signals:
            loop.add_signal_handler(each, asked)
    except NotImplementedError:  # Windows: loops have no signal handlers
        signal.signal(signal.SIGINT, lambda *_: loop.call_soon_threadsafe(stop.set))
