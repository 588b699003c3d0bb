import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pytest

from stitcher.errors import StoreError
from stitcher.store import writer as writer_module
from stitcher.store.commit import Committer
from stitcher.store.protocol import SessionKey
from stitcher.store.writer import Writer

A, B = SessionKey("local", "a"), SessionKey("local", "b")


class Recorder:
    """A committer that notes its batches; the first waits until it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[bytes]] = []
        self.checkpoints = threading.Semaphore(0)
        self.is_settled = True
        self.wants_checkpoint = False
        self.closed = False
        self.error: Exception | None = None
        self.entered = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def commit(self, batch: Sequence[tuple[SessionKey, bytes]]) -> list[StoreError | None]:
        self.batches.append([data for _, data in batch])
        self.entered.set()
        assert self.go_on.wait(10)
        if self.error:
            raise self.error
        return [StoreError("refused") if data == b"bad" else None for _, data in batch]

    def checkpoint(self) -> None:
        self.checkpoints.release()
        self.is_settled = True
        self.wants_checkpoint = False

    def close(self) -> None:
        self.closed = True


def started(recorder: Recorder) -> Writer:
    return Writer(cast(Committer, recorder))


def test_a_batch_is_everything_queued_meanwhile() -> None:
    recorder = Recorder()
    recorder.go_on.clear()
    writer = started(recorder)

    async def story() -> None:
        first = writer.append(A, b"first")
        await asyncio.to_thread(recorder.entered.wait, 10)
        others = [writer.append(A, b"second"), writer.append(B, b"third")]
        recorder.go_on.set()
        await asyncio.gather(first, *others)

    asyncio.run(story())
    writer.close()
    assert recorder.batches == [[b"first"], [b"second", b"third"]]
    assert recorder.closed


def test_each_append_hears_its_own_outcome() -> None:
    writer = started(Recorder())

    async def story() -> None:
        outcomes = await asyncio.gather(
            writer.append(A, b"good"), writer.append(A, b"bad"), return_exceptions=True
        )
        assert outcomes[0] is None
        assert isinstance(outcomes[1], StoreError)

    asyncio.run(story())
    writer.close()


def test_appends_come_from_several_event_loops() -> None:
    recorder = Recorder()
    writer = started(recorder)

    async def story() -> None:
        for _ in range(50):
            await writer.append(A, b"x")

    threads = [threading.Thread(target=lambda: asyncio.run(story())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    assert sum(map(len, recorder.batches)) == 200


def test_an_append_nobody_waits_for_any_more_is_still_written() -> None:
    recorder = Recorder()
    recorder.go_on.clear()
    writer = started(recorder)

    async def cancelled() -> None:
        future = writer.append(A, b"cancelled")
        await asyncio.to_thread(recorder.entered.wait, 10)
        future.cancel()
        recorder.go_on.set()
        await writer.append(A, b"next")

    async def abandoned() -> None:
        writer.append(A, b"abandoned")

    asyncio.run(cancelled())
    asyncio.run(abandoned())  # its loop is closed before the writer can answer, or just after
    writer.close()
    assert [data for batch in recorder.batches for data in batch] == [
        b"cancelled",
        b"next",
        b"abandoned",
    ]


def test_an_unforeseen_error_fails_the_batch_and_not_the_thread(
    caplog: pytest.LogCaptureFixture,
) -> None:
    recorder = Recorder()
    writer = started(recorder)

    async def story() -> None:
        recorder.error = ZeroDivisionError("private")
        with pytest.raises(StoreError, match=r"^the log was not written: ZeroDivisionError$"):
            await writer.append(A, b"x")
        recorder.error = None
        await writer.append(A, b"y")

    asyncio.run(story())
    writer.close()
    assert "in an unforeseen way" in caplog.text


def test_a_call_runs_after_what_is_queued_and_before_what_follows() -> None:
    recorder = Recorder()
    recorder.go_on.clear()
    writer = started(recorder)
    seen: list[int] = []

    async def story() -> None:
        first = writer.append(A, b"1")
        await asyncio.to_thread(recorder.entered.wait, 10)
        second = writer.append(A, b"2")
        call = asyncio.create_task(  # noqa: TID251  (awaited below)
            asyncio.to_thread(writer.call, lambda: seen.append(len(recorder.batches)))
        )
        recorder.go_on.set()
        await asyncio.gather(first, second, call)

    asyncio.run(story())
    with pytest.raises(ZeroDivisionError):
        writer.call(lambda: 1 // 0)
    assert writer.call(lambda: "result") == "result"
    writer.close()
    assert seen[0] in (1, 2)


def test_nothing_enters_a_closed_writer() -> None:
    writer = started(Recorder())
    writer.close()
    writer.close()
    with pytest.raises(StoreError, match="closed"):
        writer.call(lambda: None)

    async def story() -> None:
        with pytest.raises(StoreError, match="closed"):
            await writer.append(A, b"x")

    asyncio.run(story())


def test_the_journal_is_emptied_when_idle_or_when_it_is_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writer_module, "IDLE_SECONDS", 0.01)
    recorder = Recorder()
    writer = started(recorder)

    async def story() -> None:
        recorder.is_settled = False
        await writer.append(A, b"x")
        assert await asyncio.to_thread(recorder.checkpoints.acquire, timeout=10)
        recorder.wants_checkpoint = True
        await writer.append(A, b"x")
        assert await asyncio.to_thread(recorder.checkpoints.acquire, timeout=10)

    asyncio.run(story())
    writer.close()


def test_a_failing_checkpoint_is_reported_and_nothing_waits_for_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder()

    def failing() -> None:
        raise StoreError(f"cannot sync the logs in {Path('/data')}")

    monkeypatch.setattr(recorder, "checkpoint", failing)
    recorder.wants_checkpoint = True
    writer = started(recorder)

    async def story() -> None:
        await writer.append(A, b"x")
        await writer.append(A, b"y")

    asyncio.run(story())
    writer.close()
    assert "safe in the journal" in caplog.text
