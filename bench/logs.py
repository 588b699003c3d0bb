"""Logs to measure on: what a thin client's turns leave behind, made without HTTP.

A log is made once, by the exchange itself, and copied for each session that is measured. It knows
nothing of what is asked of the copies.
"""

import os
import random
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.speech import PATHS, assistant, filled, user, whole_answer, words, written
from stitcher.exchange import Exchange
from stitcher.ports import DialectName, Headers, Incoming
from stitcher.responses_api.pointers import Pointer
from stitcher.settings import Settings
from stitcher.store.jsonl import JsonlStore
from stitcher.store.memory import MemoryStore
from stitcher.store.protocol import SessionKey
from stitcher.verify import verify

BUDGET = 32_000  # tokens: less than 100 messages of 1.5 KB
ROLL_BYTES = 1_000_000  # a copy of a log shares its rolled files: the smaller the better here
# What is said: 1.5 KB a message on average, in a pattern of four turns.
_ASKED = (300, 900, 1_500, 600)
_ANSWERED = (2_100, 1_200, 2_700, 2_700)
_PATTERN = 2 * len(_ASKED)
_BULK = 64  # turns a client hands over at once, in the oldest part of a log
_TURN_BY_TURN = 1_000  # messages, the newest: further back than any request here reads


class _Provider:
    """An upstream in this process: answers what it is told to."""

    status = 200
    headers: Headers = (("Content-Type", "application/json"),)
    answer = b""

    @asynccontextmanager
    async def send(self, incoming: Incoming, body: bytes) -> AsyncGenerator["_Provider"]:
        yield self

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self.answer


class _Caller:
    """Takes a reply and keeps what its headers say."""

    started = False
    restored = 0

    async def start(self, status: int, headers: Headers, *, length: int | None = None) -> None:
        found = dict(headers)
        assert "bypass" not in found["X-Stitcher-Status"], found
        self.restored = int(found["X-Stitcher-Restored"])

    async def write(self, chunk: bytes) -> None: ...

    async def finish(self) -> None: ...


class InProcess:
    """A thin client, the exchange and a provider without HTTP between them."""

    def __init__(self, dialect: DialectName, store: MemoryStore) -> None:
        self._dialect, self._provider = dialect, _Provider()
        settings = Settings(max_tokens=BUDGET, cut="half")
        self._exchange = Exchange(settings=settings, store=store, upstream=self._provider)
        self._answers = 0

    async def turn(self, session: str, asked: Sequence[bytes], answer: str) -> int:
        """Returns how many messages were put back."""
        body = written(asked, self._dialect, stream=False)
        self._answers += 1
        self._provider.answer = filled(
            whole_answer(self._dialect, answer), self._answers, len(body)
        )
        path = PATHS[self._dialect]
        call = Incoming(self._dialect, path, "", (), body, body, "local", "stitch", session)
        caller = _Caller()
        await self._exchange.converse(call, caller)
        return caller.restored

    async def newest(self) -> Pointer | None:
        """Where the last answer stands, in the API whose answers can be referred to."""
        return await self._exchange.pointers.find("local", f"resp_{self._answers:024x}")


@dataclass(frozen=True, slots=True)
class Log:
    """A session's log on the disk, to be copied, and the conversation as its client knows it."""

    dialect: DialectName
    folder: Path
    store: MemoryStore  # the same log
    restored: int  # by the last turn
    history: tuple[bytes, ...]
    newest: Pointer | None  # to its last answer, in the Responses API


async def make_log(room: Path, name: str, dialect: DialectName, length: int, like: int = 0) -> Log:
    """Writes a log of `length` messages.

    With `like` it goes on until its last turn put so many back: then the window, which grows and
    is cut, is at the same place as in the log it will be compared with.
    """
    store = MemoryStore()
    said, rng = InProcess(dialect, store), random.Random(f"{dialect} {length}")
    history: list[bytes] = []
    restored = 0
    while len(history) < length or (like and (restored != like or len(history) % _PATTERN != 4)):
        assert len(history) < 2 * length + 1_000, f"no turn puts back {like}"
        # The oldest part comes in larger pieces, or the making would take longer than the rest.
        pairs = _BULK if len(history) + 2 * _BULK + _TURN_BY_TURN < length else 1
        known = history[-2:] if pairs > 1 else []
        new = [pair for n in range(pairs) for pair in _pair(rng, len(history) // 2 + n)]
        asked = [user(text) if n % 2 == 0 else assistant(text) for n, text in enumerate(new)]
        restored = await said.turn(name, [*known, *asked[:-1]], new[-1])
        history += asked
    key = SessionKey("local", name)
    kept = JsonlStore(room, durability="os", roll_bytes=ROLL_BYTES)
    lines = [line.data for line in store.oldest_first(key)]
    for start in range(0, len(lines), 100):
        await kept.append(key, lines[start : start + 100])
    problems = verify(kept, key).problems
    await kept.close()
    assert not problems, f"{name}: {problems[0]}"
    return Log(dialect, room / name, store, restored, tuple(history), await said.newest())


def _pair(rng: random.Random, number: int) -> tuple[str, str]:
    kind = number % len(_ASKED)
    return words(rng, _ASKED[kind]), words(rng, _ANSWERED[kind])


def copy_log(log: Log, room: Path, name: str) -> None:
    """The log as another session. Rolled files never change: they are shared."""
    folder = room / name
    folder.mkdir()
    for file in log.folder.iterdir():
        if file.name == "active.jsonl":
            shutil.copy(file, folder / file.name)
        else:
            os.link(file, folder / file.name)
    # Or the first append's sync pays for writing the copy, and for making its links.
    for written_here in (folder / "active.jsonl", folder, room):
        place = os.open(written_here, os.O_RDONLY)
        os.fsync(place)
        os.close(place)
