import logging
from contextlib import nullcontext
from pathlib import Path

import pytest

from stitcher.errors import StoreError
from stitcher.store import disk
from stitcher.store.directory import DataDirectory
from stitcher.store.journal import Journal, Record, recover
from stitcher.store.protocol import SessionKey
from tests.store.faults import FailingDisk

pytestmark = pytest.mark.usefixtures("unsynced")

CHAT = SessionKey("local", "chat")
FAR = SessionKey("t\udcff" * 30_000, "long " * 100)


def content(root: Path, key: SessionKey = CHAT) -> bytes:
    return (DataDirectory(root).of(key) / "active.jsonl").read_bytes()


def written(root: Path, *records: Record) -> Journal:
    journal = Journal(DataDirectory(root))
    journal.add(records)
    journal.close()
    return journal


def test_records_are_brought_to_their_places(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    written(
        tmp_path, Record(CHAT, 0, b"one\n"), Record(FAR, 0, b"far\n"), Record(CHAT, 4, b"two\n")
    )
    with caplog.at_level(logging.WARNING):
        recover(DataDirectory(tmp_path))
    assert content(tmp_path) == b"one\ntwo\n"
    assert content(tmp_path, FAR) == b"far\n"
    assert {key for key, _ in DataDirectory(tmp_path).all()} == {CHAT, FAR}
    assert "brought back 12 bytes" in caplog.text
    assert (tmp_path / ".journal").read_bytes() == b""


def test_what_is_in_its_place_is_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    directory = DataDirectory(tmp_path).make(CHAT)
    (directory / "active.jsonl").write_bytes(b"one\ntwo\nlater\n")
    written(tmp_path, Record(CHAT, 4, b"two\n"))
    recover(DataDirectory(tmp_path))
    assert content(tmp_path) == b"one\ntwo\nlater\n"
    assert caplog.text == ""


def test_bytes_that_a_loss_of_power_left_empty_are_replaced(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path).make(CHAT)
    (directory / "active.jsonl").write_bytes(b"one\n" + bytes(4))
    written(tmp_path, Record(CHAT, 4, b"two\n"))
    recover(DataDirectory(tmp_path))
    assert content(tmp_path) == b"one\ntwo\n"


def test_a_journal_cut_at_any_byte_gives_its_whole_records(tmp_path: Path) -> None:
    far = SessionKey("t", "x")
    records = [Record(CHAT, 0, b"one\n"), Record(far, 0, b"far\n"), Record(CHAT, 4, b"two\n")]
    written(tmp_path, *records)
    whole = (tmp_path / ".journal").read_bytes()
    seen = set()
    for cut in range(len(whole) + 1):
        root = tmp_path / str(cut)
        root.mkdir()
        (root / ".journal").write_bytes(whole[:cut])
        recover(DataDirectory(root))
        seen.add(frozenset(content(root, key) for key, _ in DataDirectory(root).all()))
    assert seen == {
        frozenset[bytes](),
        frozenset({b"one\n"}),
        frozenset({b"one\n", b"far\n"}),
        frozenset({b"one\ntwo\n", b"far\n"}),
    }


@pytest.mark.parametrize("place", [0, 4, 8, 20, 30, -1])
def test_a_damaged_record_ends_the_journal(tmp_path: Path, place: int) -> None:
    written(tmp_path, Record(CHAT, 0, b"one\n"))
    data = bytearray((tmp_path / ".journal").read_bytes())
    data[place] ^= 1
    (tmp_path / ".journal").write_bytes(data)
    recover(DataDirectory(tmp_path))
    assert list(DataDirectory(tmp_path).all()) == []


def test_a_file_that_is_gone_is_not_invented(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    written(tmp_path, Record(CHAT, 100, b"one\n"))
    recover(DataDirectory(tmp_path))
    assert list(DataDirectory(tmp_path).all()) == []
    assert "is gone: appends to it in .journal are left out" in caplog.text


def test_a_file_that_lacks_what_came_before_is_not_guessed(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path).make(CHAT)
    (directory / "active.jsonl").write_bytes(b"one\n")
    written(tmp_path, Record(CHAT, 100, b"two\n"))
    with pytest.raises(StoreError, match="found 4 bytes, expected at least 100"):
        recover(DataDirectory(tmp_path))
    assert content(tmp_path) == b"one\n"
    assert (tmp_path / ".journal").stat().st_size > 0


@pytest.mark.parametrize("healthy", range(4))
@pytest.mark.parametrize("lasting", [False, True])
def test_records_of_a_failed_add_never_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, healthy: int, lasting: bool
) -> None:
    journal = Journal(DataDirectory(tmp_path))
    journal.add([Record(CHAT, 0, b"one\n")])
    faulty = FailingDisk(healthy, 5, lasting=lasting, short=True)
    faulty.install(monkeypatch)
    failed = healthy < 2  # a write and a sync
    with pytest.raises(StoreError, match="cannot write") if failed else nullcontext():
        journal.add([Record(CHAT, 4, b"failed\n")])
    if lasting and failed:
        with pytest.raises(StoreError, match="cannot empty"):
            journal.add([Record(CHAT, 4, b"failed too\n")])
        assert not journal.is_empty
    faulty.armed = False
    journal.add([Record(CHAT, 4 if failed else 11, b"two\n")])
    journal.close()
    recover(DataDirectory(tmp_path))
    assert content(tmp_path) == (b"one\ntwo\n" if failed else b"one\nfailed\ntwo\n")


def test_an_emptied_journal_is_empty_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(DataDirectory(tmp_path))
    journal.reset()
    assert not (tmp_path / ".journal").exists()
    journal.add([Record(CHAT, 0, b"one\n")])
    synced: list[int] = []
    monkeypatch.setattr(disk, "sync_length", synced.append)
    journal.reset()
    assert len(synced) == 1
    assert journal.is_empty
    assert (tmp_path / ".journal").stat().st_size == 0
    journal.close()
