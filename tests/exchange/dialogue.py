"""Dialogues in process: clients that talk to a provider through the exchange, and what is left.

    talk = Dialogue()
    ann = talk.client("anthropic", session="ann")   # a thin client: sends only what is new
    ann.says("hi")
    talk.provider.last.said == ["user: hi"]         # what the provider saw
    talk.log("ann").said == ["user: hi", "assistant: Reply 1 to: hi"]

`client.says` is a thin client, `client.resends` sends its whole history each time, `client.follows`
names the answer it goes on from, `client.sends` sends exactly the messages it is given. When a
dialogue ends, every request must have been one a provider accepts, and every log must verify.
"""

import asyncio
import json
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from stitcher.core.log import Entry, Tree, Turn
from stitcher.exchange import Exchange
from stitcher.ports import ClientGone, DialectName, Headers, Incoming, Mode
from stitcher.settings import Settings
from stitcher.store.memory import MemoryStore
from stitcher.store.protocol import SessionKey, Store
from stitcher.verify import verify
from stitcher.wire import entries
from stitcher.wire.dialect import Received
from stitcher.wire.dialects import DIALECTS, read_item
from tests.exchange.line import Line
from tests.exchange.messages import Message, items_of, user
from tests.exchange.provider import Provider, line_of
from tests.exchange.virtual_time import VirtualTime

T = TypeVar("T")

MODELS = {
    "openai_chat": "gpt-6",
    "openai_responses": "gpt-6",
    "anthropic": "claude-haiku-4-5",
}
PATHS = {
    "openai_chat": "/v1/chat/completions",
    "openai_responses": "/v1/responses",
    "anthropic": "/v1/messages",
}
NAMES: dict[str, DialectName] = {
    "openai_chat": "openai_chat",
    "openai_responses": "openai_responses",
    "anthropic": "anthropic",
}


class FakeReply:
    """What reached the client; it may hang up at some chunk (0: before the headers)."""

    def __init__(self, leaves_at: int | None = None) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.chunks: list[bytes] = []
        self.finished = False
        self.error: BaseException | None = None
        self._leaves_at = leaves_at

    @property
    def started(self) -> bool:
        return self.status > 0

    async def start(self, status: int, headers: Headers, *, length: int | None = None) -> None:
        self._leave(0)
        self.status = status
        self.headers = {name.lower(): value for name, value in headers}

    async def write(self, chunk: bytes) -> None:
        self._leave(len(self.chunks) + 1)
        self.chunks.append(chunk)

    async def finish(self) -> None:
        self._leave(len(self.chunks) + 1)
        self.finished = True

    def _leave(self, at: int) -> None:
        if self._leaves_at is not None and at >= self._leaves_at:
            raise ClientGone

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def restored(self) -> int:
        return int(self.headers["x-stitcher-restored"])

    @property
    def said(self) -> str:
        return self.headers["x-stitcher-status"]

    @property
    def session(self) -> str:
        return self.headers["x-stitcher-session"]


@dataclass
class Log:
    """One session's log as a fresh process would read it."""

    tree: Tree
    written: list[Entry]

    def path(self, thread: str | None = None) -> list[Message]:
        """The messages of a thread; of the main one, whichever dialect it is in."""
        mains = (one for one in ("main", "main/anthropic") if one in self.tree.tips)
        thread = thread or next(mains, "main")
        return [json.loads(n.item.raw) for n in self.tree.path(self.tree.tips.get(thread, ""))]

    @property
    def said(self) -> list[str]:
        """The path of the main thread, one line a message."""
        return [line_of(message) for message in self.path()]

    @property
    def turns(self) -> list[Turn]:
        """How each turn ended; where its answer is found by its id is written after it."""
        return [entry for entry in self.written if isinstance(entry, Turn)]

    @property
    def kinds(self) -> list[str]:
        return [type(entry).__name__.lower() for entry in self.written]

    @property
    def everything(self) -> list[str]:
        """All messages ever written, on the path or not."""
        return [line_of(json.loads(node.item.raw)) for node in self.tree.nodes.values()]


class Dialogue:
    """One exchange, its store and its provider, on a loop of their own."""

    def __init__(
        self, *, store: Store | None = None, provider: Provider | None = None, **settings: Any
    ) -> None:
        self._runner = asyncio.Runner()
        self.store: Store = store or MemoryStore()
        self.settings = Settings(**settings)
        self.provider = provider or Provider()
        self.refusals_expected = 0
        self.time = VirtualTime(1_000.0)
        self.provider.clock = lambda: self.now
        self.exchange = self._new_exchange()

    def _new_exchange(self) -> Exchange:
        return Exchange(
            settings=self.settings,
            store=self.store,
            upstream=self.provider,
            clock=lambda: self.now,
            sleep=self.time.sleep,
        )

    @property
    def now(self) -> float:
        return self.time.now

    @now.setter
    def now(self, seconds: float) -> None:
        """At once: nobody who sleeps notices."""
        self.time.now = seconds

    def passes(self, seconds: float, *, waking: bool = True) -> None:
        """Time goes by, and whoever waits for it does what they wait to do."""
        self.run(self.time.passes(seconds, waking=waking))

    def restart(self) -> None:
        """Another process on the same store."""
        self.run(self.time.end())
        self.exchange = self._new_exchange()

    def client(self, dialect: str = "openai_chat", **about: Any) -> "Client":
        return Client(self, dialect, **about)

    def caller(self, *, keeps: bool = False, **about: Any) -> "Client":
        """A client of the Responses API over a connection of its own, as over a WebSocket.

        `keeps` says that the provider speaks WebSocket too, and so knows what was said on it.
        """
        return self.client(
            "openai_responses", stream=True, line=Line(self.provider, keeps=keeps), **about
        )

    def key(self, session: str, *, tenant: str = "local") -> SessionKey:
        return SessionKey(tenant, session)

    def purge(self, session: str, *, tenant: str = "local") -> None:
        assert self.run(self.exchange.purge(self.key(session, tenant=tenant)))

    def run(self, story: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(asyncio.wait_for(story, 20))

    def log(self, session: str, *, tenant: str = "local") -> Log:
        key = SessionKey(tenant, session)
        written = [
            entry
            for line in self.store.oldest_first(key)
            if (entry := entries.decode(line.data, read_item)) is not None
        ]
        tree = Tree()
        for entry in reversed(written):
            tree.prepend(entry)
        return Log(tree, written)

    @property
    def sessions(self) -> list[str]:
        return sorted(info.key.name for info in self.store.sessions())

    @contextmanager
    def refusing(self, why: str) -> Iterator[None]:
        """Declares that the provider refuses what is sent meanwhile, and why that is right."""
        assert why
        before = self._refused()
        yield
        assert self._refused() > before, f"nothing was refused, though {why}"
        self.refusals_expected += self._refused() - before

    def _refused(self) -> int:
        return sum(seen.refusal is not None for seen in self.provider.seen)

    def end(self) -> None:
        """What holds after every dialogue."""
        try:
            refused = [(s.refusal, s.body[:3000]) for s in self.provider.seen if s.refusal]
            assert len(refused) == self.refusals_expected, refused
            for info in self.store.sessions():
                assert verify(self.store, info.key).problems == ()
                self._check_both_folds(info.key)
        finally:
            self.run(self.exchange.close())
            self._runner.close()

    def _check_both_folds(self, key: SessionKey) -> None:
        """A log means the same read forwards and backwards."""
        log = self.log(key.name, tenant=key.tenant)
        forwards = Tree()
        for entry in log.written:
            forwards.append(entry)
        assert forwards.tips == log.tree.tips
        assert forwards.windows == log.tree.windows
        assert {n: (v.item.raw, v.settled) for n, v in forwards.nodes.items()} == {
            n: (v.item.raw, v.settled) for n, v in log.tree.nodes.items()
        }


@dataclass
class Client:
    """Somebody with a dialect, a habit of naming sessions, and perhaps a history."""

    talk: Dialogue
    dialect: str
    session: str | None = None
    stream: bool = False
    tenant: str = "local"
    mode: Mode = "stitch"
    line: Line | None = None  # a connection that lasts
    headers: Sequence[tuple[str, str]] = ()
    extra: dict[str, Any] = field(default_factory=dict)  # further members of each body
    history: list[Message] = field(default_factory=list)

    # ── the three habits ─────────────────────────────────────────────────────────────────

    def says(self, *texts: str, **extra: Any) -> FakeReply:
        """A thin client: only what is new."""
        return self.sends([user(text) for text in texts], **extra)

    def resends(self, text: str, *, last: int | None = None, **extra: Any) -> FakeReply:
        """A client that keeps its history: all of it each time, or only the `last` messages."""
        self.history.append(user(text))
        reply = self.sends(self.history[-last:] if last else self.history, **extra)
        if reply.error is None and reply.status == 200:
            self.history.append(self.answer_in(reply))
        return reply

    def sends(self, messages: list[Message], **extra: Any) -> FakeReply:
        """Exactly these messages."""
        return self.talk.run(self.sending(messages, **extra))

    async def sending(
        self, messages: list[Message], *, leaves_at: int | None = None, **extra: Any
    ) -> FakeReply:
        reply = FakeReply(leaves_at)
        body = json.dumps(self.body(messages, **extra), ensure_ascii=False).encode()
        return await self.sending_bytes(body, reply)

    async def sending_bytes(self, body: bytes, reply: FakeReply) -> FakeReply:
        """The reply; what went wrong is kept in it, as the HTTP shell would turn it into 5xx."""
        try:
            await self.talk.exchange.converse(self.incoming(body), reply)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            reply.error = error
        return reply

    def sends_bytes(self, body: bytes) -> FakeReply:
        return self.talk.run(self.sending_bytes(body, FakeReply()))

    def follows(self, reply: FakeReply, *said: str | Message, **extra: Any) -> FakeReply:
        """Only what is new, after the answer that `reply` was: the Responses API's own habit."""
        messages = [user(one) if isinstance(one, str) else one for one in said]
        return self.sends(messages, previous_response_id=self.id_of(reply), **extra)

    # ── what it is made of ───────────────────────────────────────────────────────────────

    def body(self, messages: list[Message], **extra: Any) -> dict[str, Any]:
        made: dict[str, Any] = {"model": MODELS[self.dialect]}
        if self.dialect == "openai_responses":
            made["input"] = [item for message in messages for item in items_of(message)]
        else:
            made["messages"] = messages
        if self.dialect == "anthropic":
            made["max_tokens"] = 100
        if self.line is not None:
            made = {"type": "response.create", **made}  # which is always answered with a stream
        elif self.stream:
            made["stream"] = True
        return {k: v for k, v in (made | self.extra | extra).items() if v is not None}

    def incoming(self, body: bytes) -> Incoming:
        return Incoming(
            dialect=NAMES[self.dialect],
            path=PATHS[self.dialect],
            query="",
            headers=[("content-type", "application/json"), *self.headers],
            body=body,
            decoded=body,
            tenant=self.tenant,
            mode=self.mode,
            session=self.session,
            channel=self.line,
        )

    def answer_in(self, reply: FakeReply) -> Message:
        """The answer as this client keeps it."""
        received = self._received(reply)
        assert received.message is not None, reply.body
        said = [json.loads(message) for message in (received.message, *received.further)]
        if self.dialect == "openai_responses":
            return {"items": [item for one in said for item in items_of(one)]}
        assert isinstance(said[0], dict)
        return said[0]

    def id_of(self, reply: FakeReply) -> str:
        """The id the Responses API gave an answer."""
        name = self._received(reply).response_id
        assert name, reply.body
        return name

    def _received(self, reply: FakeReply) -> Received:
        fold = DIALECTS[self.dialect].fold(stream=self.stream, hide_usage=False)
        fold.feed(reply.body)
        fold.close()
        return fold.received()

    def saw(self) -> list[str]:
        """What the provider saw of its last request."""
        return self.talk.provider.last.said
