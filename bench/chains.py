"""Whether a long chain of responses costs more than a short one, and the index they are found in.

A chained client says which answer it goes on from and its new message, no more. It names no
session: where its chain stands is found in the index, which is as long as the chain here, or holds
as many responses as the longer one where both are in one data directory. After a restart nothing of
the index is in memory.
"""

import asyncio
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench.clients import HttpClient
from bench.logs import Log, copy_log
from bench.pairs import Compared, compared, order
from bench.rig import Server, stitcher_server
from bench.talkers import Chained, side_by_side
from stitcher.responses_api.pointers import Pointer, Pointers
from stitcher.store.jsonl import JsonlStore
from stitcher.store.protocol import SessionKey

_DIALECT: Final = "openai_responses"
_TENANT = "local"
_ELSEWHERE = "elsewhere"  # the session of all responses that are not the measured ones
_AT_ONCE = 500
_CONVERSATION = 100  # items that a client names at once
_SHARDED = "responses-"  # in the names of the index's directories

Logs = tuple[Log, Log]


async def make_index(room: Path, length: int) -> Path:
    """An index of so many responses, of one message each, and the session they are in."""
    store = JsonlStore(room, durability="os")
    await store.append(SessionKey(_TENANT, _ELSEWHERE), [b"{}"])
    pointers = Pointers(store)
    for start in range(0, length, _AT_ONCE):
        numbers = range(start, min(start + _AT_ONCE, length))
        await asyncio.gather(*(_add(pointers, number) for number in numbers))
    await store.close()
    return room


async def _add(pointers: Pointers, number: int) -> None:
    place = f"{number:032x}"
    pointer = Pointer(_ELSEWHERE, "main", asked=place, of=place, head="", stored=True)
    await pointers.add(_TENANT, _response(number), pointer, [f"msg_{number:024x}"])


def _response(number: int) -> str:
    return f"resp_elsewhere_{number:024x}"


async def lay_out(room: Path, index: Path, copies: Sequence[tuple[Log, str]]) -> list[str]:
    """Copies the index and the logs. Returns ids for the copies' newest answers, made up here."""
    _copy_index(index, room)
    for log, name in copies:
        copy_log(log, room, name)
    store = JsonlStore(room)
    pointers = Pointers(store)
    for log, name in copies:
        assert log.newest is not None, f"{log.folder.name}: no answer that can be referred to"
        await pointers.add(_TENANT, f"resp_{name}", replace(log.newest, session=name))
    await store.close()
    return [f"resp_{name}" for _, name in copies]


def _copy_index(index: Path, room: Path) -> None:
    for part in index.iterdir():
        if part.name == _ELSEWHERE or _SHARDED in part.name:
            shutil.copytree(part, room / part.name)


class Chains:
    """One run. `room` makes a data directory."""

    def __init__(
        self, room: Callable[[], Path], upstream: Server, flags: Sequence[str], logs: Logs
    ) -> None:
        self._room, self._upstream, self._flags, self._logs = room, upstream, flags, logs

    async def measure(
        self, lengths: tuple[int, int], *, starts: int, sessions: int, turns: int
    ) -> list[Compared]:
        """All that is compared of chains; `lengths` are those of the indexes."""
        indexes = [await make_index(self._room(), length) for length in lengths]
        found = [await self._after_start(indexes, starts)]
        found += await self._sessions(indexes[1], sessions + 1, turns)
        return [*found, *await self._index(indexes, lengths, 2 * starts)]

    async def _after_start(self, indexes: Sequence[Path], starts: int) -> Compared:
        pairs: list[list[float]] = []
        for number in range(starts):
            took = [0.0, 0.0]
            for which in order(number):
                room = self._room()
                (newest,) = await lay_out(room, indexes[which], [(self._logs[which], "s")])
                with stitcher_server(room, self._upstream, *self._flags) as proxy:
                    async with HttpClient(proxy, _DIALECT) as connection:
                        took[which] = (await Chained(newest).ask(connection)).ms
            pairs.append(took)
        return compared(_DIALECT, "first request of a new process, chained", pairs)

    async def _sessions(self, index: Path, sessions: int, turns: int) -> list[Compared]:
        cold, warm = list[list[float]](), list[list[float]]()
        room = self._room()
        names = [(f"{number}-0", f"{number}-1") for number in range(sessions)]
        copies = [(log, name) for pair in names for log, name in zip(self._logs, pair, strict=True)]
        await lay_out(room, index, copies)
        with stitcher_server(room, self._upstream, *self._flags) as proxy:
            async with HttpClient(proxy, _DIALECT) as connection:
                for number, (short, long) in enumerate(names):
                    talkers = (Chained(f"resp_{short}"), Chained(f"resp_{long}"))
                    done = await side_by_side(talkers, connection, turns + 1, number)
                    if number:  # the first pair opens the way
                        cold.append([turn.ms for turn in done[0]])
                        warm += [[turn.ms for turn in pair] for pair in done[1:]]
        return [
            compared(_DIALECT, "cold session, chained", cold),
            compared(_DIALECT, "warm session, chained", warm),
        ]

    async def _index(
        self, indexes: Sequence[Path], lengths: tuple[int, int], rounds: int
    ) -> list[Compared]:
        """Finding a place with nothing in memory, in the process and without HTTP."""
        await asyncio.to_thread(int)  # the first thread takes its time
        rows = []
        for what, sought in (("newest", lengths), ("oldest", (1, 1))):
            pairs = [
                [
                    await _seek(indexes[which], response=_response(sought[which] - 1))
                    for which in (0, 1)
                ]
                for _ in range(rounds)
            ]
            rows.append(compared(_DIALECT, f"finding the {what} response in the index", pairs))
        first = [f"msg_{number:024x}" for number in range(min(_CONVERSATION, *lengths))]
        sought_items = (
            ("the oldest item", first[:1]),
            (f"the {len(first)} oldest items", first),
            ("an unknown item", ["msg_unknown"]),
        )
        for what, items in sought_items:
            pairs = [
                [await _seek(indexes[which], items=items) for which in (0, 1)]
                for _ in range(rounds)
            ]
            rows.append(compared(_DIALECT, f"finding {what} in the index", pairs))
        return rows


async def _seek(index: Path, response: str = "", items: Sequence[str] = ()) -> float:
    """Milliseconds."""
    store = JsonlStore(index, read_only=True)
    pointers = Pointers(store)
    started = time.perf_counter()
    if response:
        found = await pointers.find(_TENANT, response) is not None
    else:
        found = len(await pointers.find_items(_TENANT, items)) == len(items)
    took = (time.perf_counter() - started) * 1e3
    assert found or items == ["msg_unknown"], (response, items)
    await store.close()
    return took
