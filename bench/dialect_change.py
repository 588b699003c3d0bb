"""What it costs when a conversation goes on over another API than the one it was held over.

A thin client goes on over an API, on a log begun over that one and on a log begun over another:
what is put back from the other is translated, each time. All of the logs fits the budget, so that
both put back the same number of messages. What counts is the CPU of the proxy's process.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.clients import HttpClient
from bench.logs import Log, copy_log
from bench.pairs import order
from bench.rig import Server
from bench.talkers import Named
from stitcher.ports import DialectName

STORED = 40  # messages of 1.5 KB


@dataclass(frozen=True, slots=True)
class Changed:
    """A turn over one API on a log begun over another, beside one on a log of its own."""

    began: str
    now: str
    own: float  # ms of CPU a turn
    other: float
    ratio: float
    each: float  # µs of CPU for a message of the other API
    ms_ratio: float  # of the time until the answer was complete


@dataclass(frozen=True, slots=True)
class _Spent:
    cpu: float
    ms: float


async def measure(
    room: Path, proxy: Server, logs: Mapping[DialectName, Log], *, sessions: int, turns: int
) -> list[Changed]:
    """Every change there is."""
    found = []
    for now, own in logs.items():
        for began, other in logs.items():
            if now == began:
                continue
            pairs: list[tuple[_Spent, _Spent]] = []
            async with HttpClient(proxy, now) as connection:
                for number in range(sessions):
                    names = [f"{began}-{now}-{number}-{which}" for which in (0, 1)]
                    for log, name in zip((own, other), names, strict=True):
                        copy_log(log, room, name)
                    talkers = [
                        Named(log, name, dialect=now)
                        for log, name in zip((own, other), names, strict=True)
                    ]
                    for talker in talkers:
                        await talker.ask(connection)  # reads the log
                    for turn in range(turns):
                        spent = {
                            which: await _spent(proxy, talkers[which], connection)
                            for which in order(number + turn)
                        }
                        pairs.append((spent[0], spent[1]))
            found.append(_changed(began, now, pairs))
    return found


async def _spent(proxy: Server, talker: Named, connection: HttpClient) -> _Spent:
    before = proxy.cpu()
    turn = await talker.ask(connection)
    assert turn.restored >= STORED, turn
    return _Spent((proxy.cpu() - before) * 1e3, turn.ms)


def _changed(began: str, now: str, pairs: list[tuple[_Spent, _Spent]]) -> Changed:
    return Changed(
        began,
        now,
        own=median(own.cpu for own, _ in pairs),
        other=median(other.cpu for _, other in pairs),
        ratio=median(other.cpu / own.cpu for own, other in pairs),
        each=median(other.cpu - own.cpu for own, other in pairs) * 1e3 / STORED,
        ms_ratio=median(other.ms / own.ms for own, other in pairs),
    )
