"""The simulator's own endpoints: what it received, what it is to do wrong, what time it is.

Knows nothing of what is answered.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web

from stitcher.simulator.answer import to_json
from stitcher.simulator.faults import Fault, faults_from_json
from stitcher.simulator.recorder import Recorder
from stitcher.simulator.virtual_clock import VirtualClock


class Controls:
    """Endpoints under `/simulator/`, which a test in another process uses."""

    def __init__(
        self,
        recorder: Recorder,
        clock: VirtualClock,
        script: Callable[[Sequence[Fault]], None],
        release: Callable[[], None],
    ) -> None:
        self._recorder = recorder
        self._clock = clock
        self._script = script
        self._release = release

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("GET", "/simulator/requests", self._shown_requests)
        app.router.add_route("DELETE", "/simulator/requests", self._clear_requests)
        app.router.add_route("POST", "/simulator/script", self._take_script)
        app.router.add_route("POST", "/simulator/release", self._release_stalled)
        app.router.add_route("GET", "/simulator/clock", self._tell_time)
        app.router.add_route("POST", "/simulator/clock", self._advance)

    async def _shown_requests(self, request: web.Request) -> web.Response:
        return web.Response(
            body=to_json([received.shown() for received in self._recorder.requests]),
            content_type="application/json",
        )

    async def _clear_requests(self, request: web.Request) -> web.Response:
        self._recorder.clear()
        return web.json_response({"cleared": True})

    async def _take_script(self, request: web.Request) -> web.Response:
        try:
            faults = faults_from_json(await request.json())
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        self._script(faults)
        return web.json_response({"queued": len(faults)})

    async def _release_stalled(self, request: web.Request) -> web.Response:
        self._release()
        return web.json_response({"released": True})

    async def _tell_time(self, request: web.Request) -> web.Response:
        return web.json_response({"now": self._clock()})

    async def _advance(self, request: web.Request) -> web.Response:
        """`{"advance": seconds}`."""
        try:
            self._clock.advance(_seconds(await request.json()))
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        return await self._tell_time(request)


def _seconds(body: Any) -> float:
    given = body.get("advance") if isinstance(body, dict) else None
    if isinstance(given, int | float) and not isinstance(given, bool):
        return float(given)
    return math.nan
