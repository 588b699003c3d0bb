"""Sessions: read as far as a question needs, kept as far as the next one will."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from stitcher import sessions
from stitcher.core.log import Node, Tree
from stitcher.sessions import Session, Sessions
from stitcher.store.memory import MemoryStore
from stitcher.store.protocol import Line, SessionKey
from tests.exchange.dialogue import Dialogue
from tests.exchange.messages import user
from tests.exchange.provider import Step

KEY = SessionKey("local", "s")


class CountingStore(MemoryStore):
    """Counts the lines that were read."""

    read = 0

    def newest_first(self, key: SessionKey) -> Iterator[Line]:
        for line in super().newest_first(key):
            self.read += 1
            yield line


def _filled(turns: int) -> CountingStore:
    store = CountingStore()
    talk = Dialogue(store=store)

    def said(n: int) -> bytes:
        message = {"role": "assistant", "content": f"Yes, m{n}."}
        return json.dumps({"choices": [{"message": message}]}).encode()

    for n in range(turns):
        talk.provider.then(Step(body=said(n)))
        talk.client(session="s").says(f"m{n}")
    talk._runner.close()
    return store


def _newest(tree: Tree, whole: bool) -> Node | None:
    return next(tree.back_from(tree.tips.get("main", "")), None)


def _oldest(tree: Tree, whole: bool) -> Node | None:
    return list(tree.back_from(tree.tips["main"]))[-1] if whole else None


def _ask(store: MemoryStore) -> tuple[Session, Node, Node]:
    async def story() -> tuple[Session, Node, Node]:
        async with Sessions(store).use(KEY) as session, session.changing:
            newest = await session.answer(_newest)
            oldest = await session.answer(_oldest, takes_long=True)
            return session, newest, oldest

    return asyncio.run(story())


def test_a_question_about_the_end_reads_only_the_end() -> None:
    store = _filled(100)

    async def story() -> None:
        async with Sessions(store).use(KEY) as session, session.changing:
            await session.answer(_newest)

    asyncio.run(story())
    assert store.read <= 65


def test_a_question_about_the_beginning_reads_everything() -> None:
    store = _filled(100)
    _, newest, oldest = _ask(store)
    assert b"m99" in newest.item.raw
    assert b'"m0"' in oldest.item.raw


def test_a_new_session_needs_no_reading() -> None:
    store = CountingStore()

    async def story() -> bool:
        async with Sessions(store).use(KEY) as session, session.changing:
            return session.tree.whole

    assert asyncio.run(story())
    assert store.read == 0


def test_an_idle_session_keeps_its_newest_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "_IDLE_NODES", 10)
    session, newest, _ = _ask(_filled(100))
    assert len(session.tree.nodes) == 10
    assert newest.chain in session.tree.nodes
    assert not session.tree.whole


def test_and_reads_the_rest_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "_IDLE_NODES", 10)
    store = _filled(100)

    async def story() -> tuple[Node, Tree]:
        kept = Sessions(store)
        async with kept.use(KEY) as session, session.changing:
            await session.answer(_oldest)
        async with kept.use(KEY) as session, session.changing:
            assert len(session.tree.nodes) == 10
            return await session.answer(_oldest), session.tree

    oldest, tree = asyncio.run(story())
    assert b'"m0"' in oldest.item.raw
    assert len(tree.nodes) == 200


def test_what_is_kept_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "_IDLE_BYTES", 1_000)
    session, _, _ = _ask(_filled(100))
    assert 0 < session.weight <= 1_000


def test_a_window_in_use_is_not_read_twice() -> None:
    store = _filled(150)
    talk = Dialogue(store=store)
    talk.client(session="s").says("cold")
    before = store.read
    talk.client(session="s").says("warm")
    assert store.read == before
    assert talk.provider.last.messages[0]["content"] == "m0"
    talk._runner.close()


def test_a_question_that_failed_stays_known_beside_the_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sessions, "_IDLE_NODES", 1)
    talk = Dialogue()
    client = talk.client(session="s")
    for n in range(8):
        client.says(f"m{n}")
    talk.provider.then(Step(status=500))
    client.says("again?")
    idle = talk.exchange._sessions._open[KEY].tree.nodes.values()
    assert [b'"again?"' in node.item.raw for node in idle] == [False, True]
    talk._runner.close()


@pytest.mark.parametrize("limit", ["_SESSIONS_IN_MEMORY", "_BYTES_IN_MEMORY"])
def test_those_unused_for_longest_are_forgotten(
    monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    talk = Dialogue()
    talk.client(session="a").says("one")
    one = talk.exchange._sessions._open[SessionKey("local", "a")].weight
    assert one > 0
    monkeypatch.setattr(sessions, limit, 3 if "SESSIONS" in limit else 3 * one + 10)
    for name in ("b", "c", "a", "d"):
        talk.client(session=name).says("one")
    if "SESSIONS" in limit:
        assert [key.name for key in talk.exchange._sessions._open] == ["c", "a", "d"]
    assert SessionKey("local", "b") not in talk.exchange._sessions._open
    talk.client(session="b").says("two")
    assert talk.provider.last.said[0] == "user: one"
    held = talk.exchange._sessions._open.values()
    assert talk.exchange._sessions._weight == sum(session.weight for session in held)
    talk.end()


def test_lines_that_cannot_be_read_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    store = _filled(3)

    async def story() -> None:
        await store.append(KEY, [b"{", b'{"type":"message","chain":"x","message":5}'])

    asyncio.run(story())
    _, newest, _ = _ask(store)
    assert b"m2" in newest.item.raw
    assert "the line is left out" in caplog.text
    assert "memory:" in caplog.text


class TestWhole:
    def test_a_cancellation_waits_for_the_work_and_goes_on(self) -> None:
        async def story() -> list[str]:
            told: list[str] = []
            go_on = asyncio.Event()

            async def work() -> str:
                await go_on.wait()
                told.append("worked")
                return "done"

            async def caller() -> None:
                told.append(await sessions._whole(work()))
                try:
                    await asyncio.sleep(0)
                except asyncio.CancelledError:
                    told.append("cancelled")
                    raise

            task = asyncio.ensure_future(caller())
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.sleep(0)
            go_on.set()
            await asyncio.wait([task])
            assert task.cancelled()
            return told

        assert asyncio.run(story()) == ["worked", "done", "cancelled"]

    def test_a_time_limit_outside_stays_one(self) -> None:
        async def work() -> None:
            await asyncio.sleep(0.05)

        async def story() -> None:
            async with asyncio.timeout(0.01):
                await sessions._whole(work())
                await asyncio.sleep(1)

        with pytest.raises(TimeoutError):
            asyncio.run(story())

    def test_what_goes_wrong_is_raised(self) -> None:
        async def work() -> None:
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            asyncio.run(sessions._whole(work()))


def test_all_leading_system_messages_of_0_1_0_are_the_head() -> None:
    """One head, in the order they stand: what a thin request is lent."""
    said = [
        {"role": "system", "content": "Be brief."},
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two"},
    ]
    store = MemoryStore()
    lines = [json.dumps({"type": "message", "message": message}).encode() for message in said]
    asyncio.run(store.append(KEY, lines))
    talk = Dialogue(store=store)
    talk.client(session="s").says("three")
    assert [message["content"] for message in talk.provider.last.messages] == [
        "Be brief.",
        "Be kind.",
        "one",
        "two",
        "three",
    ]
    talk._runner.close()


def test_heads_of_earlier_requests_do_not_stay_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A prompt with a clock in it is another one each time, and may be long."""
    monkeypatch.setattr(sessions, "_IDLE_BYTES", 20_000)
    talk = Dialogue()
    client = talk.client("openai_responses", session="clock")
    rules = {"role": "developer", "content": "It is 12:00. " + "x" * 2_000}
    first = client.sends([rules, user("hi")])
    for minute in range(40):
        client.says("and now?", instructions=f"It is 12:{minute}. " + "x" * 2_000)
    ((_, session),) = talk.exchange.sessions._open.items()
    assert sum(len(head.system or b"") for head in session.tree.heads_by_digest.values()) < 20_000
    assert session.weight > 2_000 + sum(len(node.item.raw) for node in session.tree.nodes.values())
    client.follows(first, "what time was it?")
    assert talk.provider.last.messages[0] == rules
    talk.end()
