"""What is asked of whatever stands between client and upstream, and one run of asking it.

It knows nothing of rounds, and nothing of how arms are compared.
"""

import asyncio
import random
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import count
from statistics import median
from typing import Literal

from bench.clients import Client, HttpClient, Reply, WebSocketClient
from bench.rig import Server
from bench.speech import ANSWER, CHUNKS, assistant, user, words, written
from stitcher.ports import DialectName

_MESSAGE = 1_500  # bytes
_CHAIN = 8  # turns, then another one begins: its length is not what is measured


@dataclass(frozen=True, slots=True)
class Cell:
    """What is asked, and by how many at once."""

    size: int  # bytes of the request
    stream: bool
    clients: int

    def __str__(self) -> str:
        kind = f"stream of {CHUNKS} chunks" if self.stream else "JSON"
        return f"{self.size // 1000} KB, {kind}, {self.clients} at once"


Habit = Literal["new", "resend", "thin", "chain"]


@dataclass(frozen=True, slots=True)
class Arm:
    """What stands between client and upstream, and how the client speaks and remembers.

    A session for each request ("new"), one that the client resends ("resend"), one that has
    `stored` messages and gets only new ones ("thin"), or a few turns that each follow the answer
    before ("chain").
    """

    name: str
    server: Server
    habit: Habit = "new"
    stored: int = 0
    mode: str = "stitch"
    dialect: DialectName = "openai_chat"
    store: bool = True  # of the Responses API
    websocket: bool = False

    def client(self) -> Client:
        """A connection to be opened."""
        if self.websocket:
            return WebSocketClient(self.server, self.mode)
        return HttpClient(self.server, self.dialect, self.mode)


_numbers = count(1)


class _Conversation:
    """What one client sends, request after request."""

    def __init__(self, arm: Arm, cell: Cell) -> None:
        self._arm, self._cell = arm, cell
        self._rng = random.Random(next(_numbers))
        self._begin()

    def _begin(self) -> None:
        self.session = "" if self._arm.habit == "chain" else f"bench-{next(_numbers)}"
        self._newest, self._turns = "", 0
        self._kept: list[bytes] = []
        if self._arm.habit == "resend":  # as much as the cell says
            self._kept = self._history(self._cell.size // (2 * _MESSAGE) * 2)
            self._longest = len(self._kept) + 32

    def _history(self, length: int) -> list[bytes]:
        said = [words(self._rng, _MESSAGE) for _ in range(length)]
        return [assistant(text) if n % 2 else user(text) for n, text in enumerate(said)]

    def seed(self) -> bytes | None:
        """What must have been said before anything is measured."""
        if not self._arm.stored:
            return None
        return written([*self._history(self._arm.stored - 2), user("go on")], stream=False)

    def next(self) -> bytes:
        """The next request's body."""
        match self._arm.habit:
            case "resend":
                return self._resent()
            case "chain" if self._turns == _CHAIN:
                self._begin()
            case "new":
                self.session = f"bench-{next(_numbers)}"
        self._turns += 1
        return self._written([user(words(self._rng, self._cell.size - 130))])

    def hear(self, reply: Reply) -> None:
        """Takes note of the answer."""
        if self._arm.habit == "chain":
            self._newest = reply.response_id

    def _resent(self) -> bytes:
        if len(self._kept) > self._longest:
            self._begin()
        self._kept.append(user(words(self._rng, 500)))
        body = self._written(self._kept)
        said = "word " * (CHUNKS - 1) if self._cell.stream else ANSWER
        self._kept.append(assistant(said))
        return body

    def _written(self, messages: list[bytes]) -> bytes:
        arm, stream = self._arm, self._cell.stream
        return written(messages, arm.dialect, stream=stream, after=self._newest, store=arm.store)


@dataclass(frozen=True, slots=True)
class Sample:
    """One arm in one cell in one round: milliseconds, and requests per second."""

    total: float  # median
    first: float  # median, until the first byte
    cpu: float  # of the process in between, per request
    rate: float


async def run(arm: Arm, cell: Cell, seconds: float) -> Sample:
    """Asks for so long, at least once on each connection."""
    replies: list[Reply] = []
    least = 2 if cell.clients == 1 else 1

    async def ask(client: Client, said: _Conversation) -> None:
        asked = 0
        while asked < least or time.perf_counter() < end:
            body = said.next()
            reply = await client.ask(body, said.session)
            said.hear(_checked(reply, arm))
            replies.append(reply)
            asked += 1

    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(arm.client()) for _ in range(cell.clients)]
        conversations = [_Conversation(arm, cell) for _ in clients]
        for client, said in zip(clients, conversations, strict=True):
            if (seed := said.seed()) is not None:
                await client.ask(seed, said.session)
                await client.ask(said.next(), said.session)  # the first cut, if one is due
        used, started = arm.server.cpu(), time.perf_counter()
        end = started + seconds
        async with asyncio.TaskGroup() as group:
            for client, said in zip(clients, conversations, strict=True):
                group.create_task(ask(client, said))
        elapsed, used = time.perf_counter() - started, arm.server.cpu() - used
    return Sample(
        total=median(reply.total for reply in replies) * 1e3,
        first=median(reply.first for reply in replies) * 1e3,
        cpu=used * 1e3 / len(replies),
        rate=len(replies) / elapsed,
    )


def _checked(reply: Reply, arm: Arm) -> Reply:
    state = reply.headers.get("x-stitcher-status", "")
    if reply.status != 200 or state.startswith(("bypass", "error")):
        raise RuntimeError(f"{arm.name}: {reply.status} {state} {reply.body[:200]!r}")
    return reply
