"""Pointers: an id a provider gave leads to a place in the log, today and after a restart."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from stitcher.core.log import Turn
from stitcher.responses_api import pointers
from stitcher.responses_api.pointers import Pointer, Pointers
from stitcher.sessions import Sessions
from stitcher.store.jsonl import JsonlStore
from stitcher.store.memory import MemoryStore
from stitcher.store.protocol import Line, SessionKey, Store

TALK = SessionKey("local", "talk")
PLACE = Pointer("talk", "main", asked="a1", of="a2", head="h", stored=True)
OTHER = Pointer("talk", "main/side", asked="b1", of="b2", head="", stored=False)


def reopened(store: Store) -> Store:
    """The store as another process finds it."""
    if isinstance(store, MemoryStore):
        return store
    root = store._directory.root  # type: ignore[attr-defined]
    asyncio.run(store.close())
    return JsonlStore(root)


@pytest.fixture(params=["memory", "files", "rolling"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    kinds: dict[str, Callable[[], Store]] = {
        "memory": MemoryStore,
        "files": lambda: JsonlStore(tmp_path),
        "rolling": lambda: JsonlStore(tmp_path, roll_bytes=300),
    }
    made = kinds[request.param]()
    asyncio.run(made.append(TALK, [b'{"type":"message"}']))
    yield made
    if isinstance(made, JsonlStore):
        asyncio.run(made.close())


def add(store: Store, response_id: str, pointer: Pointer = PLACE, tenant: str = "local") -> None:
    asyncio.run(Pointers(store).add(tenant, response_id, pointer))


def find(store: Store, response_id: str, tenant: str = "local") -> Pointer | None:
    return asyncio.run(Pointers(store).find(tenant, response_id))


def test_an_id_is_found_while_running_and_after_a_restart(store: Store) -> None:
    async def running() -> Pointer | None:
        index = Pointers(store)
        await index.add("local", "resp_1", PLACE)
        return await index.find("local", "resp_1")

    assert asyncio.run(running()) == PLACE
    assert find(reopened(store), "resp_1") == PLACE


def test_an_id_nobody_gave_is_not_found(store: Store) -> None:
    add(store, "resp_1")
    assert find(store, "resp_2") is None
    assert find(store, "resp_") is None


@pytest.mark.parametrize(
    "response_id",
    ["", "\0", "\udcff", "a/../b", '"}\n{"type":"pointer"', "😀" * 3, "x" * 100_000, "chatcmpl-1"],
    ids=ascii,
)
def test_any_text_is_an_id(store: Store, response_id: str) -> None:
    add(store, response_id)
    add(store, "resp_1", OTHER)
    assert find(store, response_id) == PLACE


def test_an_id_given_twice_leads_to_the_newer_answer(store: Store) -> None:
    add(store, "resp_1", OTHER)
    add(store, "resp_1", PLACE)
    assert find(reopened(store), "resp_1") == PLACE


def test_an_id_is_found_by_its_tenant_only(store: Store) -> None:
    asyncio.run(store.append(SessionKey("t", "talk"), [b'{"type":"message"}']))
    add(store, "resp_1", PLACE)
    assert find(store, "resp_1", "t") is None
    add(store, "resp_1", OTHER, "t")
    assert find(store, "resp_1", "t") == OTHER
    assert find(store, "resp_1") == PLACE


def test_a_removed_id_is_gone_until_it_is_given_again(store: Store) -> None:
    async def story() -> list[Pointer | None]:
        index = Pointers(store)
        await index.add("local", "resp_1", PLACE)
        await index.remove("local", "resp_1")
        removed = await index.find("local", "resp_1")
        await index.remove("local", "never given")
        return [removed, await Pointers(store).find("local", "resp_1")]

    assert asyncio.run(story()) == [None, None]
    store = reopened(store)
    assert find(store, "resp_1") is None
    add(store, "resp_1", OTHER)
    assert find(store, "resp_1") == OTHER


def test_a_purged_session_takes_its_responses_along(store: Store) -> None:
    async def story() -> Pointer | None:
        index = Pointers(store)
        await index.add("local", "resp_1", PLACE)
        assert await Sessions(store).purge(TALK)
        return await index.find("local", "resp_1")

    assert asyncio.run(story()) is None
    assert find(store, "resp_1") is None


def test_a_session_begun_again_does_not_bring_its_responses_back(store: Store) -> None:
    """They name messages it does not have; the one given in it since then is found."""
    add(store, "resp_1")
    store = reopened(store)

    async def story() -> list[Pointer | None]:
        index = Pointers(store)
        assert await Sessions(store).purge(TALK)
        gone = await index.find("local", "resp_1")
        await store.append(TALK, [b'{"type":"message"}'])
        await index.add("local", "resp_2", OTHER)
        return [gone, await index.find("local", "resp_1"), await index.find("local", "resp_2")]

    assert asyncio.run(story()) == [None, None, OTHER]


def test_nothing_that_was_said_outlives_its_session(tmp_path: Path) -> None:
    """A session is named after its first words: neither they nor the name are left anywhere."""
    words = "hunter2-is-my-password"
    said = SessionKey("local", f"{words}-0123456789ab")
    place = replace(PLACE, session=said.name)

    async def story(store: Store, response_id: str) -> None:
        index = Pointers(store)
        line = b'{"type":"message","text":"hunter2 is my password"}'
        await asyncio.gather(
            store.append(said, [line]),
            index.add("local", response_id, place, ["msg_1"]),
        )
        assert _files_with(tmp_path, b"hunter2")

    store = JsonlStore(tmp_path)
    asyncio.run(story(store, "resp_1"))
    asyncio.run(store.close())
    store = JsonlStore(tmp_path)  # what stood in the journal is in its place
    asyncio.run(story(store, "resp_2"))
    assert find(store, "resp_1") == place
    assert find_items(store, "msg_1") == {"msg_1": place}

    assert asyncio.run(Sessions(store).purge(said))
    assert _files_with(tmp_path, b"hunter2") == []
    assert [find(store, "resp_1"), find(store, "resp_2")] == [None, None]
    assert find_items(store, "msg_1") == {}
    asyncio.run(store.close())
    assert _files_with(tmp_path, b"hunter2") == []


def _files_with(root: Path, words: bytes) -> list[Path]:
    """Whatever has the words in its name or in its bytes."""
    return [
        path
        for path in root.rglob("*")
        if words in bytes(path) or (path.is_file() and words in path.read_bytes())
    ]


def find_items(store: Store, *item_ids: str, tenant: str = "local") -> dict[str, Pointer]:
    return asyncio.run(Pointers(store).find_items(tenant, item_ids))


def test_an_item_leads_to_the_response_it_was_part_of(store: Store) -> None:
    async def running() -> dict[str, Pointer]:
        index = Pointers(store)
        await index.add("local", "resp_1", PLACE, ["rs_1", "msg_1"])
        await index.add("local", "resp_2", OTHER, ["msg_2"])
        return await index.find_items("local", ["msg_2", "rs_1", "msg_3"])

    assert asyncio.run(running()) == {"msg_2": OTHER, "rs_1": PLACE}
    store = reopened(store)
    assert find_items(store, "msg_1", "msg_2") == {"msg_1": PLACE, "msg_2": OTHER}
    assert find_items(store, "msg_1", tenant="other") == {}


def test_an_item_of_a_removed_response_is_gone(store: Store) -> None:
    async def story() -> dict[str, Pointer]:
        index = Pointers(store)
        await index.add("local", "resp_1", PLACE, ["msg_1"])
        await index.remove("local", "resp_1")
        return await index.find_items("local", ["msg_1"])

    assert asyncio.run(story()) == {}
    assert find_items(reopened(store), "msg_1") == {}


def test_an_item_that_was_sought_in_vain_is_found_once_it_is_there(store: Store) -> None:
    async def story() -> list[dict[str, Pointer]]:
        index = Pointers(store)
        sought = [await index.find_items("local", ["msg_1"])]
        await index.add("local", "resp_1", PLACE, ["msg_1"])
        return [*sought, await index.find_items("local", ["msg_1"])]

    assert asyncio.run(story()) == [{}, {"msg_1": PLACE}]


def test_the_index_is_no_session(store: Store) -> None:
    for number in range(50):
        add(store, f"resp_{number}")
    assert [info.key for info in store.sessions()] == [TALK]
    assert Sessions(store).counts("local")["sessions"] == 1


def test_many_ids_survive_the_rolling_of_their_logs(store: Store) -> None:
    places = {f"resp_{n}": replace(PLACE, asked=f"a{n}") for n in range(200)}

    async def story() -> None:
        index = Pointers(store)
        await asyncio.gather(*(index.add("local", *entry) for entry in places.items()))

    asyncio.run(story())
    store = reopened(store)
    assert {name: find(store, name) for name in places} == places


def test_a_crash_after_an_acknowledged_answer_loses_nothing(tmp_path: Path) -> None:
    """Answer and pointer go to the disk in one batch; what the journal holds is put back."""
    turn = Turn("main", 1.0, "answered", "", "", "m", 200, 1, None)

    async def story() -> None:
        store = JsonlStore(tmp_path / "data")
        async with Sessions(store).use(TALK) as session:
            await asyncio.gather(
                session.append([turn]), Pointers(store).add("local", "resp_1", PLACE)
            )
        # The power goes: of the files only what the journal can give back is there again.
        (tmp_path / "after").mkdir()
        journal = (tmp_path / "data" / ".journal").read_bytes()
        (tmp_path / "after" / ".journal").write_bytes(journal)
        await store.close()

    asyncio.run(story())
    after = JsonlStore(tmp_path / "after")
    assert find(after, "resp_1") == PLACE
    assert [json.loads(line.data)["type"] for line in after.oldest_first(TALK)] == ["turn"]
    asyncio.run(after.close())


def test_a_damaged_line_hides_no_other(store: Store) -> None:
    add(store, "resp_1")
    key = pointers._log_of(("local", pointers._digest("resp_1")))
    damaged = pointers._line(("local", pointers._digest("resp_1")), OTHER, "talk", [])[:-1]
    asyncio.run(store.append(key, [damaged, b"\xff", b"[]"]))
    assert find(store, "resp_1") == PLACE


class CountingStore(MemoryStore):
    """Counts the lines that were read."""

    read = 0

    def newest_first(self, key: SessionKey) -> Iterator[Line]:
        for line in super().newest_first(key):
            self.read += 1
            yield line


def test_memory_is_bounded_and_what_was_used_last_is_not_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pointers, "_IN_MEMORY", 3)
    store = CountingStore()

    async def story() -> None:
        await store.append(TALK, [b"{}"])
        index = Pointers(store)
        for number in range(10):
            await index.add("local", f"resp_{number}", PLACE)
        assert len(index._recent) == 3
        await index.find("local", "resp_9")
        assert store.read == 0
        assert await index.find("local", "resp_0") == PLACE
        read = store.read
        assert read > 0
        await index.find("local", "resp_0")
        assert store.read == read

    asyncio.run(story())


def test_the_items_of_a_long_conversation_are_found_in_one_reading_of_the_index() -> None:
    store = CountingStore()
    names = [f"msg_{number}" for number in range(50)]

    async def story() -> None:
        await store.append(TALK, [b"{}"])
        index = Pointers(store)
        for number, name in enumerate(names):
            await index.add("local", f"resp_{number}", PLACE, [name])
        assert await Pointers(store).find_items("local", names) == dict.fromkeys(names, PLACE)

    asyncio.run(story())
    assert store.read <= len(names)


def test_an_item_leads_to_where_its_response_stands_now() -> None:
    store = MemoryStore()

    async def story() -> dict[str, Pointer]:
        await store.append(TALK, [b"{}"])
        index = Pointers(store)
        await index.add("local", "resp_1", OTHER, ["msg_1"])
        await index.add("local", "resp_1", PLACE)
        return await Pointers(store).find_items("local", ["msg_1"])

    assert asyncio.run(story()) == {"msg_1": PLACE}


class TickingStore(MemoryStore):
    """Notes in which turn of the event loop each append begins."""

    tick = 0

    def __init__(self) -> None:
        super().__init__()
        self.begun: dict[str, int] = {}

    async def append(self, key: SessionKey, lines: Sequence[bytes]) -> None:
        self.begun[key.name] = self.tick
        await super().append(key, lines)

    def count(self) -> None:
        """Counts until the loop ends."""
        self.tick += 1
        asyncio.get_running_loop().call_soon(self.count)


def test_a_place_goes_to_the_disk_in_one_batch_with_the_answer() -> None:
    """What reaches a store before the event loop waits again is one batch, with one sync."""
    store = TickingStore()

    async def story() -> None:
        store.count()
        async with Sessions(store).use(TALK) as session:
            turn = Turn("main", 1.0, "answered", "", "", "m", 200, 1, None)
            added = Pointers(store).add("local", "resp_1", PLACE)
            await asyncio.gather(session.append([turn]), added)

    asyncio.run(story())
    assert len(store.begun) == 2
    assert len(set(store.begun.values())) == 1


class SlowStore(MemoryStore):
    """While its log is read, something is appended."""

    meanwhile: Callable[[], None] | None = None

    def newest_first(self, key: SessionKey) -> Iterator[Line]:
        lines: Sequence[Line] = list(super().newest_first(key))
        if self.meanwhile:
            self.meanwhile()
        yield from lines


def test_what_is_written_while_the_log_is_read_counts() -> None:
    store = SlowStore()

    async def story() -> Pointer | None:
        await store.append(TALK, [b"{}"])
        await Pointers(store).add("local", "resp_1", OTHER)
        index = Pointers(store)
        loop = asyncio.get_running_loop()

        def write() -> None:
            adding = index.add("local", "resp_1", PLACE)
            asyncio.run_coroutine_threadsafe(adding, loop).result(10)

        store.meanwhile = write
        return await index.find("local", "resp_1")

    assert asyncio.run(story()) == PLACE
