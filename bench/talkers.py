"""Clients with a conversation, which ask one question after the other.

One names its session and resends some of its newest messages, or none; one refers to the newest
answer by its id. They know nothing of what is made of the time they take.
"""

import random
from dataclasses import dataclass
from typing import Protocol

from bench.clients import HttpClient
from bench.logs import Log
from bench.pairs import order
from bench.speech import assistant, user, words, written
from stitcher.ports import DialectName

QUESTION = 1_500  # bytes


@dataclass(frozen=True, slots=True)
class Turn:
    """What one request took, and what became of it."""

    ms: float
    restored: int
    sent: int  # bytes that reached the upstream


class Talker(Protocol):
    """A client with one conversation."""

    async def ask(self, connection: HttpClient) -> Turn:
        """Asks the next question."""
        ...


class Named:
    """Names its session, and resends so many of its newest messages.

    It speaks the dialect of the log where it is not told another one.
    """

    def __init__(
        self, log: Log, session: str, window: int = 0, dialect: DialectName | None = None
    ) -> None:
        self._dialect, self._session, self._window = dialect or log.dialect, session, window
        self._kept = log.history[-window:] if window else ()
        self._rng = random.Random(session)

    async def ask(self, connection: HttpClient) -> Turn:
        """See Talker."""
        asked = user(words(self._rng, QUESTION))
        body = written([*self._kept, asked], self._dialect, stream=False)
        turn, _ = await _asked(connection, body, self._session)
        if self._window:
            self._kept = (*self._kept, asked, assistant())[-self._window :]
        return turn


class Chained:
    """Sends its question alone, as one that follows the newest answer."""

    def __init__(self, newest: str) -> None:
        self._newest = newest
        self._rng = random.Random(newest)

    async def ask(self, connection: HttpClient) -> Turn:
        """See Talker."""
        asked = user(words(self._rng, QUESTION))
        body = written([asked], "openai_responses", stream=False, after=self._newest)
        turn, self._newest = await _asked(connection, body)
        assert turn.restored, "found a chain of which nothing was put back"
        return turn


async def _asked(connection: HttpClient, body: bytes, session: str = "") -> tuple[Turn, str]:
    reply = await connection.ask(body, session)
    headers = reply.headers
    state = headers.get("x-stitcher-status", "none")
    assert (reply.status, state) in ((200, "stitched"), (200, "passthrough")), reply
    turn = Turn(reply.total * 1e3, int(headers["x-stitcher-restored"]), int(headers["x-received"]))
    return turn, "" if session else reply.response_id


async def side_by_side(
    talkers: tuple[Talker, Talker], connection: HttpClient, turns: int, number: int
) -> list[tuple[Turn, Turn]]:
    """So many turns of both, each of the one beside its twin of the other: the same work."""
    found = []
    for turn in range(turns):
        done: dict[int, Turn] = {}
        for which in order(number + turn):
            done[which] = await talkers[which].ask(connection)
        assert done[0].restored == done[1].restored, done
        assert abs(done[0].sent / done[1].sent - 1) < 0.05, done
        found.append((done[0], done[1]))
    return found
