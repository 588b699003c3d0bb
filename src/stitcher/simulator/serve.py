"""Running the simulated provider: on an event loop, in a thread of its own, or as a command.

Knows nothing of what is answered.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self, TypedDict, Unpack

from aiohttp import web

from stitcher.simulator.app import Simulator
from stitcher.simulator.assumptions import CAREFUL, Assumptions
from stitcher.simulator.chat_caches import Log
from stitcher.simulator.faults import Fault
from stitcher.simulator.recorder import Received
from stitcher.simulator.response_state import KeptResponses, NoResponses

__all__ = [
    "Assumptions",
    "Fault",
    "Options",
    "Received",
    "SimulatorThread",
    "run",
    "start_simulator",
]

_STOP_SECONDS = 0.2


class Options(TypedDict, total=False):
    """How a provider differs from the strict one; what is left out is as the real ones are."""

    clock: Callable[[], float]
    chunk_delay: float
    """Seconds between the events of a stream."""
    stateless_responses: bool
    """It stores no responses, as llama.cpp and vLLM do not."""
    websockets: bool | int
    """False for one that does not speak them (426), or the status that refuses them."""
    assumptions: Assumptions
    """What its caches do where the documents are silent."""
    engine_log: Path | None
    """Where to append what llama.cpp's server would log."""


async def start_simulator(
    host: str = "127.0.0.1", port: int = 0, **options: Unpack[Options]
) -> tuple[Simulator, web.AppRunner, str]:
    """Starts a provider on the running loop; end it with `await runner.cleanup()`."""
    simulator = Simulator(
        options.get("clock", time.monotonic),
        options.get("chunk_delay", 0.0),
        responses=NoResponses() if options.get("stateless_responses") else KeptResponses(),
        websockets=options.get("websockets", True),
        assumptions=options.get("assumptions", CAREFUL),
        engine_log=_appender(options.get("engine_log")),
    )
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


def _appender(path: Path | None) -> Log:
    def append(lines: Iterable[str]) -> None:
        if path is not None:
            with path.open("a", encoding="utf-8") as log:
                log.writelines(f"{line}\n" for line in lines)

    return append


async def run(
    host: str, port: int, on_ready: Callable[[str], None], **options: Unpack[Options]
) -> None:
    """Serves until cancelled; `on_ready` is told the URL."""
    _, runner, url = await start_simulator(host, port, **options)
    try:
        on_ready(url)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


class SimulatorThread:
    """A provider in a thread of its own, for tests: `with SimulatorThread() as sim`."""

    def __init__(
        self, *, host: str = "127.0.0.1", port: int = 0, **options: Unpack[Options]
    ) -> None:
        self._address = (host, port)
        self._options = options
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

    def advance(self, seconds: float) -> None:
        """Lets time pass for the caches."""
        self._simulator.clock.advance(seconds)

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
        self._simulator, runner, self.url = await start_simulator(host, port, **self._options)
        try:
            self._ready.set()
            await self._stop.wait()
        finally:
            await runner.cleanup()
