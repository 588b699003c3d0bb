"""Running the simulated provider: on an event loop, in a thread of its own, or as a command.

Knows nothing of what is answered.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from aiohttp import web

from stitcher.simulator.app import Simulator
from stitcher.simulator.faults import Fault
from stitcher.simulator.recorder import Received
from stitcher.simulator.response_state import KeptResponses, NoResponses

__all__ = ["Fault", "Received", "SimulatorThread", "run", "start_simulator"]

_STOP_SECONDS = 0.2


async def start_simulator(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    clock: Callable[[], float] = time.monotonic,
    chunk_delay: float = 0.0,
    stateless_responses: bool = False,
    websockets: bool | int = True,
) -> tuple[Simulator, web.AppRunner, str]:
    """Starts a provider on the running loop; end it with `await runner.cleanup()`.

    With `stateless_responses` it stores no responses, as llama.cpp and vLLM do not. `websockets`
    is False for one that does not speak them (426), or the status that refuses them.
    """
    state = NoResponses() if stateless_responses else KeptResponses()
    simulator = Simulator(clock, chunk_delay, responses=state, websockets=websockets)
    runner = web.AppRunner(
        simulator.application(),
        access_log=None,
        # Bodies are kept as they came, and a client that hangs up ends its handler.
        auto_decompress=False,
        handler_cancellation=True,
        shutdown_timeout=_STOP_SECONDS,
        max_line_size=1 << 16,
        max_field_size=1 << 16,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError:
        await runner.cleanup()
        raise
    bound = runner.addresses[0][1]
    shown = f"[{host}]" if ":" in host else host
    return simulator, runner, f"http://{shown}:{bound}"


async def run(host: str, port: int, on_ready: Callable[[str], None]) -> None:
    """Serves until cancelled; `on_ready` is told the URL."""
    _, runner, url = await start_simulator(host, port)
    try:
        on_ready(url)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


class SimulatorThread:
    """A provider in a thread of its own, for tests: `with SimulatorThread() as sim`."""

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], float] = time.monotonic,
        chunk_delay: float = 0.0,
        stateless_responses: bool = False,
        websockets: bool | int = True,
    ) -> None:
        self._address = (host, port)
        self._clock = clock
        self._chunk_delay = chunk_delay
        self._stateless_responses = stateless_responses
        self._websockets = websockets
        self._ready = threading.Event()
        self._failure: OSError | None = None
        self._thread = threading.Thread(target=self._serve, name="simulator", daemon=True)
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event
        self._simulator: Simulator
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    @property
    def requests(self) -> list[Received]:
        """What was received, in order of arrival."""
        return self._simulator.recorder.requests

    def clear(self) -> None:
        """Forgets the received requests, not the cache."""
        self._simulator.recorder.clear()

    def script(self, *steps: Fault) -> None:
        """Queues faults, one for each of the next requests to the dialect endpoints."""
        self._simulator.script(steps)

    def release(self) -> None:
        """Lets stalled requests go on."""
        self._loop.call_soon_threadsafe(self._simulator.release)

    def wait_for(self, n: int, timeout: float = 10) -> None:
        """Returns once `n` requests have arrived; raises TimeoutError when they do not."""
        self._simulator.recorder.wait_for(n, timeout)

    def _serve(self) -> None:
        try:
            asyncio.run(self._serve_until_stopped())
        except OSError as error:
            self._failure = error
            self._ready.set()

    async def _serve_until_stopped(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        host, port = self._address
        self._simulator, runner, self.url = await start_simulator(
            host,
            port,
            clock=self._clock,
            chunk_delay=self._chunk_delay,
            stateless_responses=self._stateless_responses,
            websockets=self._websockets,
        )
        try:
            self._ready.set()
            await self._stop.wait()
        finally:
            await runner.cleanup()
