"""A client that hangs up, at every moment there is; and a log that fails."""

import asyncio

import pytest

from stitcher.errors import StoreError
from stitcher.store.memory import MemoryStore
from stitcher.store.protocol import SessionKey
from tests.exchange.conftest import OpenDialogue
from tests.exchange.dialogue import Client
from tests.exchange.messages import user
from tests.exchange.provider import Step


def _streaming(client: Client) -> Client:
    client.stream = True
    client.says("one")
    return client


@pytest.mark.parametrize("leaves_at", range(12))
def test_at_any_chunk_of_a_stream(client: Client, leaves_at: int) -> None:
    _streaming(client)
    reply = client.talk.run(client.sending([user("two [[long 5]]")], leaves_at=leaves_at))
    assert len(reply.chunks) < 12
    client.says("three")
    assert client.saw()[0] == "user: one"
    assert client.saw()[-1] == "user: three"
    heard = [line for line in client.saw() if line.startswith("assistant: word")]
    if leaves_at == 0:
        assert "user: two [[long 5]]" not in client.saw()
    for line in heard:
        assert "assistant: word1 word2 word3 word4 word5".startswith(line)


def test_after_the_finish_reason_the_answer_is_whole(client: Client) -> None:
    """The last chunk is not delivered, but everything was said."""
    _streaming(client)
    chunks = len(client.says("zwei").chunks)
    client.sends([user("two")], leaves_at=chunks)
    if client.dialect == "anthropic":
        assert client.talk.log("s").said[-1] == "assistant: Reply 3 to: two"
        return
    assert client.talk.log("s").turns[-1].status == "answered"


def test_before_the_headers_of_a_json_answer(client: Client) -> None:
    client.says("one")
    client.sends([user("two")], leaves_at=0)
    assert client.talk.log("s").said[-1] == "assistant: Reply 2 to: two"


async def _cancelled_when_held(client: Client, text: str, step: Step) -> None:
    client.talk.provider.arrived.clear()
    client.talk.provider.then(step)
    asked = asyncio.ensure_future(client.sending([user(text)]))
    await client.talk.provider.arrived.wait()
    await asyncio.sleep(0.01)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked


def test_cancelled_while_waiting_for_the_provider(client: Client) -> None:
    client.says("one")
    client.talk.run(_cancelled_when_held(client, "two", Step(hold=asyncio.Event())))
    assert client.talk.log("s").said == ["user: one", "assistant: Reply 1 to: one"]
    client.says("two")
    assert client.saw() == ["user: one", "assistant: Reply 1 to: one", "user: two"]


def test_cancelled_in_the_middle_of_a_stream(client: Client) -> None:
    _streaming(client)
    step = Step(hold=asyncio.Event(), hold_at=8)
    client.talk.run(_cancelled_when_held(client, "two [[long 30]]", step))
    assert client.talk.provider.left_early == 1
    assert client.talk.log("s").said[-1].startswith("assistant: word1")


class SlowStore(MemoryStore):
    """Each append ends when it is let go; a cancelled caller does not stop it."""

    def __init__(self) -> None:
        super().__init__()
        self.slow = False
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()

    async def append(self, key: SessionKey, lines: object) -> None:
        if self.slow:
            self.begun.set()
            await self.go_on.wait()
        await super().append(key, lines)  # type: ignore[arg-type]


@pytest.mark.parametrize("nth", [1, 2])
def test_cancelled_while_something_is_written(opened: OpenDialogue, dialect: str, nth: int) -> None:
    """What is in the log is what the next request goes on from, at once and after a restart."""
    store = SlowStore()
    talk = opened(store=store)
    client = talk.client(dialect, session="s")
    client.says("one")

    async def story() -> None:
        store.slow = True
        asked = asyncio.ensure_future(client.sending([user("two")]))
        for _ in range(nth):  # the question, then the answer
            await store.begun.wait()
            store.begun.clear()
            if nth == 2 and _ == 0:
                store.go_on.set()
                await asyncio.sleep(0)
                store.go_on.clear()
        asked.cancel()
        await asyncio.sleep(0)
        store.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await asked
        store.slow = False

    talk.run(story())
    warm = talk.exchange._sessions._open[SessionKey("local", "s")].tree
    assert warm.tips == talk.log("s").tree.tips
    assert set(warm.nodes) == set(talk.log("s").tree.nodes)
    assert len(talk.log("s").said) == (2 if nth == 1 else 4)


class FailingStore(MemoryStore):
    """Fails at appends or at reads while it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.appends_left: int | None = None
        self.unreadable = False

    async def append(self, key: SessionKey, lines: object) -> None:
        if self.appends_left is not None:
            if not self.appends_left:
                raise StoreError("no space left on the device")
            self.appends_left -= 1
        await super().append(key, lines)  # type: ignore[arg-type]

    def newest_first(self, key: SessionKey):  # type: ignore[no-untyped-def]
        if self.unreadable:
            raise StoreError("cannot read the log")
        return super().newest_first(key)

    def exists(self, key: SessionKey) -> bool:
        if self.unreadable:
            raise StoreError("cannot read the log")
        return super().exists(key)


@pytest.fixture
def failing(opened: OpenDialogue, dialect: str) -> Client:
    return opened(store=FailingStore()).client(dialect, session="s")


def test_a_question_that_cannot_be_written_goes_on_without_memory(failing: Client) -> None:
    failing.says("one")
    store = failing.talk.store
    assert isinstance(store, FailingStore)
    store.appends_left = 0
    reply = failing.says("two")
    assert reply.said == "bypass; no space left on the device"
    assert failing.talk.provider.last.untouched
    assert reply.json
    store.appends_left = None
    failing.says("three")
    assert failing.saw() == ["user: one", "assistant: Reply 1 to: one", "user: three"]


def test_a_log_that_cannot_be_read(failing: Client) -> None:
    failing.says("one")
    failing.talk.restart()
    store = failing.talk.store
    assert isinstance(store, FailingStore)
    store.unreadable = True
    reply = failing.says("two")
    assert reply.said == "bypass; cannot read the log"
    assert failing.talk.provider.last.untouched
    store.unreadable = False
    failing.says("three")
    assert failing.saw()[0] == "user: one"


def test_an_anonymous_one_too(failing: Client) -> None:
    failing.session = None
    store = failing.talk.store
    assert isinstance(store, FailingStore)
    store.unreadable = True
    assert failing.says("two").said == "bypass; cannot read the log"
    store.unreadable = False


def test_an_answer_that_cannot_be_written_reaches_the_client(failing: Client) -> None:
    failing.says("one")
    store = failing.talk.store
    assert isinstance(store, FailingStore)
    store.appends_left = 1
    reply = failing.says("two")
    assert reply.error is None
    assert reply.json
    store.appends_left = None
    failing.says("three")
    assert failing.saw() == [
        "user: one",
        "assistant: Reply 1 to: one",
        "user: two",
        "user: three",
    ]


def test_in_a_stream_too(failing: Client) -> None:
    failing.stream = True
    store = failing.talk.store
    assert isinstance(store, FailingStore)
    store.appends_left = 1
    reply = failing.says("one")
    assert reply.finished
    store.appends_left = None
