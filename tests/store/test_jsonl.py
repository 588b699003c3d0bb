import asyncio
import errno
import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from stitcher.errors import DataDirLocked, StoreError
from stitcher.store import disk, lines
from stitcher.store.directory import rolled_files
from stitcher.store.jsonl import JsonlStore
from stitcher.store.protocol import SessionKey

CHAT = SessionKey("local", "chat")


def fill(data_dir: Path, *batches: list[bytes], key: SessionKey = CHAT, **options: Any) -> None:
    async def story() -> None:
        store = JsonlStore(data_dir, **options)
        for batch in batches:
            await store.append(key, batch)
        await store.close()

    asyncio.run(story())


def read(data_dir: Path, key: SessionKey = CHAT) -> list[bytes]:
    return [line.data for line in JsonlStore(data_dir, read_only=True).oldest_first(key)]


def old_proxy_writes(session: Path, number: int, roll_bytes: int) -> None:
    """One message as stitcher-proxy 0.1.0 appends it."""
    session.mkdir(parents=True, exist_ok=True)
    active = session / "active.jsonl"
    if active.exists() and active.stat().st_size >= roll_bytes:
        rolled = [int(path.name.split(".")[1]) for path in session.glob("active.*.jsonl")]
        active.rename(session / f"active.{max([*rolled, 0]) + 1:03d}.jsonl")
    record = {"type": "message", "message": {"role": "user", "content": f"Grüße {number}"}}
    with active.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record, ensure_ascii=False) + "\n")


@pytest.mark.parametrize("name", ["chat", "Chat", "user:1", "Grüße", "%41%"])
def test_a_directory_of_stitcher_proxy_opens_and_continues(tmp_path: Path, name: str) -> None:
    for number in range(20):
        old_proxy_writes(tmp_path / name, number, 200)
    before = {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
    key = SessionKey("local", name)
    fill(tmp_path, [b'{"type":"message"}'], key=key, roll_bytes=10**6)
    found = read(tmp_path, key)
    contents = [json.loads(line)["message"]["content"] for line in found[:-1]]
    assert contents == [f"Grüße {number}" for number in range(20)]
    assert found[-1] == b'{"type":"message"}'
    for file, data in before.items():
        assert (tmp_path / name / file).read_bytes().startswith(data)
    assert [info.key for info in JsonlStore(tmp_path, read_only=True).sessions()] == [key]
    old_proxy_writes(tmp_path / name, 20, 200)
    assert len(read(tmp_path, key)) == 22, "and the other way round"


def test_permissions_are_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        for tenant, name in (("local", "a"), ("t", "b" * 300)):
            fill(tmp_path / "data", [b"x"], [b"y"], key=SessionKey(tenant, name), roll_bytes=1)
    finally:
        os.umask(before)
    for directory, _, files in os.walk(tmp_path / "data"):
        assert Path(directory).stat().st_mode & 0o777 == 0o700, directory
        for file in files:
            assert (Path(directory) / file).stat().st_mode & 0o777 == 0o600, file


def test_reading_from_the_end_reads_only_what_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, *([b"%04d" % n + b"x" * 996 for n in range(250)] for _ in range(20)),
         durability="os", roll_bytes=10**6)  # fmt: skip
    sizes: list[int] = []
    real = lines._read

    def counted(file: Any, start: int, length: int) -> bytes:
        sizes.append(length)
        return real(file, start, length)

    monkeypatch.setattr(lines, "_read", counted)
    reader = JsonlStore(tmp_path, read_only=True).newest_first(CHAT)
    assert sizes == []
    assert next(reader).data.startswith(b"0249")
    assert sum(sizes) <= lines.BLOCK
    for _ in range(1100):  # across a rolled file's border
        next(reader)
    assert sum(sizes) <= 1101 * 1001 + 3 * lines.BLOCK
    reader.close()  # type: ignore[attr-defined]


def test_a_missing_rolled_file_is_skipped_and_reported_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill(tmp_path, *([b"%d" % number] for number in range(5)), roll_bytes=1)
    (tmp_path / "chat" / "active.002.jsonl").unlink()
    store = JsonlStore(tmp_path, read_only=True)
    for _ in range(2):
        assert [line.data for line in store.newest_first(CHAT)] == [b"4", b"3", b"2", b"0"]
        assert [line.data for line in store.oldest_first(CHAT)] == [b"0", b"2", b"3", b"4"]
    assert len(caplog.messages) == 1
    assert "active.002.jsonl is missing" in caplog.text


def test_an_unfinished_last_line_is_not_read_and_a_damaged_one_is(tmp_path: Path) -> None:
    (tmp_path / "chat").mkdir()
    content = b'{"n":1}\n\xff{damaged\n\n{"n":2}\n{"unfin'
    (tmp_path / "chat" / "active.jsonl").write_bytes(content)
    expected = [b'{"n":1}', b"\xff{damaged", b"", b'{"n":2}']
    assert read(tmp_path) == expected
    store = JsonlStore(tmp_path, read_only=True)
    assert [line.data for line in store.newest_first(CHAT)] == expected[::-1]
    assert store.count_lines(CHAT) == 4
    assert (tmp_path / "chat" / "active.jsonl").read_bytes() == content


def test_places_name_the_file_and_the_byte(tmp_path: Path) -> None:
    fill(tmp_path, [b"one", b"two"], [b"three"], roll_bytes=8)
    for line in JsonlStore(tmp_path, read_only=True).oldest_first(CHAT):
        file, offset = line.place.rsplit(":", 1)
        assert Path(file).read_bytes()[int(offset) :].startswith(line.data + b"\n")


def test_a_reader_beside_the_writer_sees_what_is_acknowledged(tmp_path: Path) -> None:
    async def story() -> None:
        store = JsonlStore(tmp_path, roll_bytes=50)
        for number in range(30):
            await store.append(CHAT, [b"line %d" % number])
            assert len(read(tmp_path)) == number + 1
        await store.close()

    asyncio.run(story())


def test_a_read_only_store_takes_no_lock_and_changes_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        writing = JsonlStore(tmp_path / "data")
        await writing.append(CHAT, [b"x"])
        reading = JsonlStore(tmp_path / "data", read_only=True)
        assert reading.exists(CHAT)
        with pytest.raises(StoreError, match="opened for reading"):
            await reading.append(CHAT, [b"y"])
        with pytest.raises(StoreError, match="opened for reading"):
            reading.purge(CHAT)
        with pytest.raises(StoreError, match="opened for reading"):
            reading.set_url("http://127.0.0.1:1")
        await reading.close()
        with pytest.raises(DataDirLocked):
            JsonlStore(tmp_path / "data")
        writing.set_url("http://127.0.0.1:1")
        await writing.close()

    asyncio.run(story())
    missing = JsonlStore(tmp_path / "missing", read_only=True)
    assert missing.sessions() == []
    assert not missing.exists(CHAT)
    assert not (tmp_path / "missing").exists()


@pytest.mark.parametrize("rolls", [1, 3])
def test_a_file_rolled_while_it_is_being_opened_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rolls: int
) -> None:
    async def story() -> None:
        store = JsonlStore(tmp_path, roll_bytes=1)
        for number in range(3):
            await store.append(CHAT, [b"%d" % number])
        for read_lines in (store.newest_first, store.oldest_first):
            before = [line.data for line in store.oldest_first(CHAT)]

            def meanwhile(directory: Path) -> list[tuple[int, Path]]:
                for _ in range(rolls):
                    store._writable().call(lambda: store._committer.commit([(CHAT, b"later\n")]))
                return rolled_files(directory)

            with monkeypatch.context() as patch:
                patch.setattr("stitcher.store.jsonl.rolled_files", meanwhile)
                found = list(read_lines(CHAT))
            assert sorted(line.data for line in found) == sorted(before)
            assert len({line.place for line in found}) == len(before)
        await store.close()

    asyncio.run(story())


def test_lines_are_counted_once_per_state_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []
    real = lines.count

    def noted(file: Any, end: int, beginnings: tuple[bytes, ...]) -> int:
        counted.append(end)
        return real(file, end, beginnings)

    monkeypatch.setattr(lines, "count", noted)

    async def story() -> None:
        store = JsonlStore(tmp_path, roll_bytes=4)
        await store.append(CHAT, [b"a", b"b"])
        await store.append(CHAT, [b"c"])
        assert store.count_lines(CHAT) == store.count_lines(CHAT) == 3
        assert counted == [4, 2]
        await store.append(CHAT, [b"d"])
        assert store.count_lines(CHAT) == 4
        assert counted == [4, 2, 4]
        assert store.count_lines(CHAT, b"a", b"d") == 2
        await store.close()

    asyncio.run(story())


def test_a_purge_leaves_nothing_behind(tmp_path: Path) -> None:
    async def story() -> None:
        store = JsonlStore(tmp_path, roll_bytes=1)
        for _ in range(5):
            await store.append(CHAT, [b"secret words"])
        late = asyncio.ensure_future(store.append(CHAT, [b"more secret words"]))
        await asyncio.sleep(0)
        assert await asyncio.to_thread(store.purge, CHAT), "what was queued is purged too"
        await late
        assert not store.exists(CHAT)
        await store.close()

    asyncio.run(story())
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in left if b"secret" in path.read_bytes()] == []


def test_an_unfinished_purge_is_finished_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def busy(path: Path) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy")

    async def story() -> None:
        store = JsonlStore(tmp_path)
        await store.append(CHAT, [b"secret words"])
        with monkeypatch.context() as patch:
            patch.setattr("shutil.rmtree", busy)
            with pytest.raises(StoreError, match=r"cannot remove .*\.purged"):
                store.purge(CHAT)
            assert not store.exists(CHAT)
            await store.close()
            await JsonlStore(tmp_path).close()
        assert "cannot remove" in caplog.text
        await JsonlStore(tmp_path).close()

    asyncio.run(story())
    assert not (tmp_path / ".purged").exists()


def test_a_full_disk_is_said_and_later_there_is_room_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async def story() -> None:
        store = JsonlStore(tmp_path)
        await store.append(CHAT, [b"before"])
        with monkeypatch.context() as patch:
            patch.setattr(disk, "write", full)
            with pytest.raises(StoreError, match=r"chat: No space left.*\(ENOSPC\)\. Free space"):
                await store.append(CHAT, [b"during"])
        await store.append(CHAT, [b"after"])
        await store.close()

    asyncio.run(story())
    assert read(tmp_path) == [b"before", b"after"]


def test_a_failing_sync_fails_the_append(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    async def story() -> None:
        store = JsonlStore(tmp_path)
        await store.append(CHAT, [b"before"])
        with monkeypatch.context() as patch:
            patch.setattr(disk, "sync", broken)
            with pytest.raises(StoreError, match=r"\(EIO\)"):
                await store.append(CHAT, [b"during"])
            assert [line.data for line in store.newest_first(CHAT)] == [b"before"]
        await store.append(CHAT, [b"after"])
        await store.close()

    asyncio.run(story())
    assert read(tmp_path) == [b"before", b"after"]


def test_what_cannot_be_read_is_an_error_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "chat" / "active.jsonl").mkdir(parents=True)
    store = JsonlStore(tmp_path, read_only=True)
    with pytest.raises(StoreError, match=r"cannot read .*active\.jsonl: Is a directory"):
        list(store.newest_first(CHAT))
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot list"):
        JsonlStore(tmp_path / "file", read_only=True).sessions()
    with pytest.raises(StoreError, match="file stands where a directory is needed"):
        JsonlStore(tmp_path / "file")


def test_a_session_whose_place_is_taken_by_a_file_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "chat").touch()
    other = SessionKey("local", "other")

    async def story() -> None:
        store = JsonlStore(tmp_path)
        with pytest.raises(StoreError, match="file stands where a directory is needed"):
            await store.append(CHAT, [b"x"])
        await store.append(other, [b"x"])
        await store.close()

    asyncio.run(story())
    assert read(tmp_path, other) == [b"x"]


WRITING = """
import asyncio, os, sys
from pathlib import Path
from stitcher.store.jsonl import JsonlStore
from stitcher.store.protocol import SessionKey

async def talk(store, session, start):
    key = SessionKey("local", f"s{session}")
    for number in range(start, start + 10_000):
        mark = b"%d:%d" % (session, number)
        await store.append(key, [b'{"question":"%s"}' % mark, b'{"answer":"%s"}' % mark])
        os.write(1, mark + b"\\n")

async def main():
    store = JsonlStore(Path(sys.argv[1]), durability=sys.argv[3], roll_bytes=500)
    await asyncio.gather(*(talk(store, session, int(sys.argv[2])) for session in range(5)))

asyncio.run(main())
"""


@pytest.mark.parametrize("durability", ["fsync", "os"])
def test_a_killed_process_leaves_every_acknowledged_line_exactly_once(
    tmp_path: Path, durability: str
) -> None:
    rng = random.Random(durability)
    acknowledged: list[bytes] = []
    for start in (0, 10_000, 20_000):
        with subprocess.Popen(
            [sys.executable, "-c", WRITING, str(tmp_path), str(start), durability],
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdout
            acknowledged += [process.stdout.readline() for _ in range(rng.randint(1, 250))]
            process.kill()
            acknowledged += process.stdout.readlines()
    found: list[bytes] = []
    for session in range(5):
        key = SessionKey("local", f"s{session}")
        fill(tmp_path, [b'{"after":"%d"}' % session], key=key)
        pairs = [next(iter(json.loads(line).items())) for line in read(tmp_path, key)]
        questions = [mark for kind, mark in pairs if kind == "question"]
        answers = [mark for kind, mark in pairs if kind == "answer"]
        assert questions == sorted(set(questions), key=lambda mark: int(mark.split(":")[1]))
        assert set(answers) <= set(questions)
        found += [mark.encode() for mark in answers]
    counts = Counter(found)
    assert max(counts.values()) == 1
    assert {mark.strip() for mark in acknowledged} <= counts.keys()
    assert len(acknowledged) > 20
