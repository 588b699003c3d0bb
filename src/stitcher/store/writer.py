"""The one thread that writes: takes appends from any event loop, commits them in batches.

A batch is everything queued when the thread comes round, so the busier the proxy, the fewer syncs
per append. Knows nothing of files; what a batch does on the disk is the committer's business.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from stitcher.errors import StoreError
from stitcher.store.commit import Committer
from stitcher.store.protocol import SessionKey

logger = logging.getLogger("stitcher.store")

IDLE_SECONDS = 1.0  # without work for so long, the journal is emptied

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class _Append:
    key: SessionKey
    data: bytes
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]


@dataclass(frozen=True, slots=True, eq=False)
class _Call:
    run: Callable[[], None]


class _Stop:
    """The last thing in the queue."""


_Work = _Append | _Call | _Stop


class Writer:
    """A queue of appends and the thread that empties it into a committer."""

    def __init__(self, committer: Committer) -> None:
        self._committer = committer
        self._queue: queue.SimpleQueue[_Work] = queue.SimpleQueue()
        self._entry = threading.Lock()  # nothing enters the queue behind the stop
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="stitcher-store", daemon=True)
        self._thread.start()

    def append(self, key: SessionKey, data: bytes) -> asyncio.Future[None]:
        """Queues the append. The future is done when it is durable, or holds the StoreError."""
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        self._enter(_Append(key, data, loop, done))
        return done

    def call(self, function: Callable[[], T]) -> T:
        """Runs a function in the writing thread, after what is queued, and waits for its result."""
        outcome: Future[T] = Future()

        def run() -> None:
            try:
                outcome.set_result(function())
            except BaseException as error:  # noqa: BLE001  (raised again in the calling thread)
                outcome.set_exception(error)

        self._enter(_Call(run))
        return outcome.result()

    def close(self) -> None:
        """Waits until everything queued is written. May be called again."""
        with self._entry:
            if not self._closed:
                self._closed = True
                self._queue.put(_Stop())
        self._thread.join()

    def _enter(self, work: _Work) -> None:
        with self._entry:
            if self._closed:
                raise StoreError("the log is closed: nothing more is written to it")
            self._queue.put(work)

    def _run(self) -> None:
        running = True
        while running:
            appends: list[_Append] = []
            for work in self._next():
                if isinstance(work, _Append):
                    appends.append(work)
                    continue
                self._commit(appends)
                appends = []
                if isinstance(work, _Call):
                    work.run()
                else:
                    running = False
            self._commit(appends)
        self._committer.close()

    def _next(self) -> list[_Work]:
        """Everything that is queued, waiting for something to be."""
        try:
            work = [self._queue.get(timeout=None if self._committer.is_settled else IDLE_SECONDS)]
        except queue.Empty:
            self._checkpoint()
            work = [self._queue.get()]
        while not self._queue.empty():
            work.append(self._queue.get())
        return work

    def _commit(self, appends: list[_Append]) -> None:
        if not appends:
            return
        results: list[StoreError | None]
        try:
            results = self._committer.commit([(append.key, append.data) for append in appends])
        except Exception as error:
            # The edge of this thread: who awaits an append must hear of it, and the thread go on.
            logger.exception("writing the log failed in an unforeseen way")
            results = [StoreError(f"the log was not written: {type(error).__name__}")] * len(
                appends
            )
        _tell(appends, results)
        if self._committer.wants_checkpoint:
            self._checkpoint()

    def _checkpoint(self) -> None:
        try:
            self._committer.checkpoint()
        except StoreError as error:
            logger.warning("%s; what was acknowledged is safe in the journal", error)


def _tell(appends: list[_Append], results: list[StoreError | None]) -> None:
    """Resolves the futures, waking each event loop once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[None], StoreError | None]]]
    by_loop = {}
    for append, result in zip(appends, results, strict=True):
        by_loop.setdefault(append.loop, []).append((append.done, result))
    for loop, outcomes in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve, outcomes)
        except RuntimeError:
            pass  # that loop is closed: nobody waits there any more


def _resolve(outcomes: list[tuple[asyncio.Future[None], StoreError | None]]) -> None:
    for done, error in outcomes:
        if done.done():
            continue  # whoever waited was cancelled
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
