"""What every store does, whatever it keeps its lines in."""

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from stitcher.errors import StoreError
from stitcher.store.jsonl import JsonlStore
from stitcher.store.memory import MemoryStore
from stitcher.store.protocol import RESERVED, SessionKey, Store

Make = Callable[[], Store]
CHAT = SessionKey("local", "chat")
NASTY = [
    "../x",
    "a\0b",
    "😀",
    "a" * 10_000,
    "",
    ".",
    "..",
    "Chat",
    "CHAT",
    "con",
    "@t",
    "\udcff",
    "a/b",
]


@pytest.fixture(params=["memory", "fsync", "os", "rolling"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    def memory() -> Store:
        return MemoryStore()

    def fsync() -> Store:
        return JsonlStore(tmp_path / "data")

    def os() -> Store:
        return JsonlStore(tmp_path / "data", durability="os")

    def rolling() -> Store:
        return JsonlStore(tmp_path / "data", roll_bytes=20)

    kinds: dict[str, Make] = {"memory": memory, "fsync": fsync, "os": os, "rolling": rolling}
    return kinds[request.param]


def newest(store: Store, key: SessionKey = CHAT) -> list[bytes]:
    return [line.data for line in store.newest_first(key)]


def oldest(store: Store, key: SessionKey = CHAT) -> list[bytes]:
    return [line.data for line in store.oldest_first(key)]


def test_lines_come_back_in_both_orders(make: Make) -> None:
    async def story() -> None:
        store = make()
        await store.append(CHAT, [b'{"a":1}', b'{"a":2}'])
        await store.append(CHAT, [b'{"a":3}'])
        assert oldest(store) == [b'{"a":1}', b'{"a":2}', b'{"a":3}']
        assert newest(store) == oldest(store)[::-1]
        await store.close()

    asyncio.run(story())


def test_bytes_are_kept_as_they_are(make: Make) -> None:
    odd = [
        b"\xff\xfe not UTF-8",
        b"\0",
        b"\r",
        "\u2028é😀".encode(),
        b" ",
        b"x" * 300_000,
        b"{not json",
    ]

    async def story() -> None:
        store = make()
        await store.append(CHAT, odd)
        assert oldest(store) == odd
        assert newest(store) == odd[::-1]
        await store.close()

    asyncio.run(story())


def test_places_differ_and_are_the_same_both_ways(make: Make) -> None:
    async def story() -> None:
        store = make()
        for number in range(10):
            await store.append(CHAT, [b"%d" % number, b"and more"])
        places = [line.place for line in store.oldest_first(CHAT)]
        assert len(set(places)) == 20
        assert places == [line.place for line in store.newest_first(CHAT)][::-1]
        await store.close()

    asyncio.run(story())


def test_an_unknown_session_has_nothing(make: Make) -> None:
    async def story() -> None:
        store = make()
        assert newest(store) == oldest(store) == []
        assert not store.exists(CHAT)
        assert store.sessions() == []
        assert not store.purge(CHAT)
        await store.append(CHAT, [])
        assert not store.exists(CHAT)
        await store.close()

    asyncio.run(story())


def test_no_two_sessions_meet(make: Make) -> None:
    keys = [SessionKey(t, n) for t in ("local", "t", "T", "..", "x" * 999) for n in NASTY]

    async def story() -> None:
        store = make()
        async with asyncio.TaskGroup() as tasks:
            for number, key in enumerate(keys):
                tasks.create_task(store.append(key, [b"%d" % number]))
        for number, key in enumerate(keys):
            assert newest(store, key) == [b"%d" % number]
        assert {info.key for info in store.sessions()} == set(keys)
        assert {info.key for info in store.sessions("T")} == {k for k in keys if k.tenant == "T"}
        await store.close()

    asyncio.run(story())


def test_sessions_are_listed_by_last_use_with_their_size(make: Make) -> None:
    async def story() -> None:
        store = make()
        for name in ("a", "b", "c", "a"):
            await store.append(SessionKey("local", name), [b"12345"])
            await asyncio.sleep(0.011)  # file systems know the time to a tick of 10 ms at worst
        found = store.sessions()
        assert [info.key.name for info in found] == ["a", "c", "b"]
        assert [info.size for info in found] == [12, 6, 6]
        assert all(info.files >= 1 for info in found)
        await store.close()

    asyncio.run(story())


def test_names_are_those_of_one_tenants_sessions(make: Make) -> None:
    async def story() -> None:
        store = make()
        for name in NASTY:
            await store.append(SessionKey("local", name), [b"{}"])
            await store.append(SessionKey("t", f"{name} too"), [b"{}"])
        await store.append(SessionKey("local", f"{RESERVED}index"), [b"{}"])
        assert sorted(store.names("local")) == sorted(NASTY)
        assert sorted(store.names("t")) == sorted(f"{name} too" for name in NASTY)
        assert store.names("nobody") == []
        assert store.purge(SessionKey("local", NASTY[0]))
        assert sorted(store.names("local")) == sorted(NASTY[1:])
        await store.close()

    asyncio.run(story())


def test_purge_removes_one_session_for_good(make: Make) -> None:
    other = SessionKey("t", "chat")

    async def story() -> None:
        store = make()
        for key in (CHAT, other):
            for _ in range(9):
                await store.append(key, [b"something private"])
        assert store.purge(CHAT)
        assert not store.purge(CHAT)
        assert not store.exists(CHAT)
        assert newest(store) == []
        assert len(newest(store, other)) == 9
        await store.append(CHAT, [b"anew"])
        assert newest(store) == [b"anew"]
        await store.close()

    asyncio.run(story())


def test_many_tasks_on_many_sessions_keep_their_order(make: Make) -> None:
    keys = [SessionKey("local", f"session {number}") for number in range(12)]

    async def talk(store: Store, key: SessionKey, who: int) -> None:
        for number in range(8):
            await store.append(key, [b"%d:%d" % (who, number), b"%d:%d answer" % (who, number)])

    async def story() -> None:
        store = make()
        async with asyncio.TaskGroup() as tasks:
            for key, who in itertools.product(keys, range(3)):
                tasks.create_task(talk(store, key, who))
        for key in keys:
            found = oldest(store, key)
            assert len(found) == 3 * 8 * 2
            for who in range(3):
                mine = [line for line in found if line.startswith(b"%d:" % who)]
                pairs = ([b"%d:%d" % (who, n), b"%d:%d answer" % (who, n)] for n in range(8))
                assert mine == list(itertools.chain(*pairs))
            for question, answer in zip(found[::2], found[1::2], strict=True):
                assert answer == question + b" answer"
        await store.close()

    asyncio.run(story())


def test_a_reader_sees_the_log_as_it_was_when_it_began(make: Make) -> None:
    async def story() -> None:
        store = make()
        for number in range(6):
            await store.append(CHAT, [b"line %d" % number])
        reader = store.newest_first(CHAT)
        assert next(reader).data == b"line 5"
        for number in range(6, 20):
            await store.append(CHAT, [b"line %d" % number])
        assert [line.data for line in reader] == [b"line %d" % n for n in (4, 3, 2, 1, 0)]
        await store.close()

    asyncio.run(story())


def test_what_is_not_a_line_is_refused(make: Make) -> None:
    async def story() -> None:
        store = make()
        for bad in (b"", b"a\nb", b"a\n"):
            with pytest.raises(ValueError, match="a line of a log"):
                await store.append(CHAT, [b"good", bad])
        assert not store.exists(CHAT)
        await store.close()

    asyncio.run(story())


def test_a_closed_store_refuses_and_can_be_closed_again(make: Make) -> None:
    async def story() -> None:
        store = make()
        await store.append(CHAT, [b"kept"])
        await store.close()
        await store.close()
        with pytest.raises(StoreError, match="closed"):
            await store.append(CHAT, [b"late"])

    asyncio.run(story())


def test_close_waits_for_what_is_queued(make: Make) -> None:
    async def story() -> None:
        store = make()
        appends = [asyncio.ensure_future(store.append(CHAT, [b"%d" % n])) for n in range(50)]
        await asyncio.sleep(0)  # every append is queued, none is waited for
        await store.close()
        await asyncio.gather(*appends)
        assert oldest(store) == [b"%d" % n for n in range(50)]

    asyncio.run(story())
