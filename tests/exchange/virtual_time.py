"""Time that passes only when a test says so: who sleeps is woken when their hour has come."""

import asyncio
from dataclasses import dataclass


@dataclass
class _Sleeper:
    due: float
    wake: asyncio.Future[None]
    task: asyncio.Task[object]


class VirtualTime:
    """A clock, and the sleep that goes with it."""

    def __init__(self, now: float) -> None:
        self.now = now
        self._sleepers: list[_Sleeper] = []
        self._lay_down = asyncio.Event()  # somebody has

    @property
    def asleep(self) -> int:
        """How many sleep."""
        return sum(not each.wake.done() for each in self._sleepers)

    async def sleep(self, seconds: float) -> None:
        """Until that much time has passed."""
        task = asyncio.current_task()
        assert task is not None
        wake = asyncio.get_running_loop().create_future()
        self._sleepers.append(_Sleeper(self.now + seconds, wake, task))
        self._lay_down.set()
        await wake

    async def passes(self, seconds: float, *, waking: bool = True) -> None:
        """Wakes everybody in turn; each is done, or asleep again, before time goes on.

        Without `waking` it is the machine that sleeps: they wake up at the end only.
        """
        await asyncio.sleep(0)  # who has just begun lies down
        until = self.now + seconds
        if not waking:
            self.now = until
        while (first := self._first(until)) is not None:
            self._sleepers.remove(first)
            self.now = max(self.now, first.due)
            self._lay_down.clear()
            first.wake.set_result(None)
            lying = asyncio.ensure_future(self._lay_down.wait())
            await asyncio.wait([first.task, lying], return_when=asyncio.FIRST_COMPLETED)
            lying.cancel()
        self.now = until

    def _first(self, until: float) -> _Sleeper | None:
        self._sleepers = [each for each in self._sleepers if not each.wake.done()]
        due = (each for each in self._sleepers if each.due <= until)
        return min(due, key=lambda each: each.due, default=None)

    async def end(self) -> None:
        """Ends whoever sleeps, as the end of a process does."""
        tasks = [each.task for each in self._sleepers if not each.wake.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
