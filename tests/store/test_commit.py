import asyncio
import contextlib
import errno
import itertools
import random
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from stitcher.errors import StoreError
from stitcher.store import commit as commit_module
from stitcher.store import disk
from stitcher.store.commit import Committer
from stitcher.store.directory import DataDirectory
from stitcher.store.jsonl import JsonlStore
from stitcher.store.logfile import ReadLimits
from stitcher.store.protocol import SessionKey
from tests.store.faults import FailingDisk, PowerLoss

pytestmark = pytest.mark.usefixtures("unsynced")

A, B, C = (SessionKey("local", name) for name in ("a", "Beta", "c" * 300))


@contextlib.contextmanager
def committer(
    root: Path, *, durable: bool = True, roll_bytes: int = 10**9, open_files: int = 16
) -> Iterator[Committer]:
    made = Committer(
        DataDirectory(root),
        ReadLimits(),
        durable=durable,
        roll_bytes=roll_bytes,
        open_files=open_files,
    )
    try:
        yield made
    finally:
        made.close()


def lines_of(root: Path, key: SessionKey) -> list[bytes]:
    return [line.data for line in JsonlStore(root, read_only=True).oldest_first(key)]


def syncs_of(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is synced from now on, by the name of the file or directory."""
    seen: list[str] = []

    def note(name: str) -> None:
        real = getattr(disk, name)

        def operation(subject: int | Path) -> None:
            place = subject if isinstance(subject, Path) else Path(f"/proc/self/fd/{subject}")
            seen.append(place.resolve().name)
            real(subject)

        monkeypatch.setattr(disk, name, operation)

    note("sync")
    note("sync_directory")
    return seen


def test_a_batch_of_one_known_session_syncs_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with committer(tmp_path) as files:
        files.commit([(A, b"first\n")])
        files.checkpoint()
        seen = syncs_of(monkeypatch)
        assert files.commit([(A, b"one\n"), (A, b"two\n")]) == [None, None]
        assert seen == ["active.jsonl"]
        assert files.is_settled
        assert files.commit([(B, b"a new session has directories to sync as well\n")]) == [None]
        assert seen == ["active.jsonl", ".journal"]


def test_a_batch_of_many_sessions_syncs_the_journal_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [SessionKey("local", f"s{number}") for number in range(10)]
    with committer(tmp_path) as files:
        files.commit([(A, b"the journal's own entry is on the disk\n"), (B, b"x\n")])
        seen = syncs_of(monkeypatch)
        assert files.commit([(key, b"x\n") for key in keys]) == [None] * 10
        assert seen == [".journal"]
        files.checkpoint()
        assert seen.count("active.jsonl") == 12
        assert files.is_settled
        assert (tmp_path / ".journal").stat().st_size == 0


def test_nothing_is_synced_when_the_system_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = syncs_of(monkeypatch)
    with committer(tmp_path, durable=False, roll_bytes=10) as files:
        for _ in range(5):
            files.commit([(A, b"one\n"), (B, b"two\n")])
    assert seen == []
    assert not (tmp_path / ".journal").exists()


def test_files_are_rolled_before_an_append_and_not_after(tmp_path: Path) -> None:
    with committer(tmp_path, roll_bytes=8) as files:
        for number in range(5):
            files.commit([(A, b"%d..\n" % number)])
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "a").iterdir()}
    assert sizes == {"active.001.jsonl": 8, "active.002.jsonl": 8, "active.jsonl": 4}
    assert lines_of(tmp_path, A) == [b"%d.." % number for number in range(5)]


def test_a_batch_may_roll_in_its_middle(tmp_path: Path) -> None:
    with committer(tmp_path, roll_bytes=6) as files:
        batch = [(key, b"%d.\n" % n) for n in range(10) for key in (A, B)]
        assert files.commit(batch) == [None] * 20
    for key in (A, B):
        assert lines_of(tmp_path, key) == [b"%d." % n for n in range(10)]


def test_a_file_that_cannot_be_rolled_goes_on_growing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def busy(source: Path, target: Path) -> None:
        raise PermissionError(errno.EACCES, "another program has it open")

    with committer(tmp_path, roll_bytes=4) as files:
        with monkeypatch.context() as patch:
            patch.setattr(disk, "rename", busy)
            assert files.commit([(A, b"one\n"), (A, b"two\n")]) == [None, None]
        assert "is not rolled and goes on growing" in caplog.text
        assert files.commit([(A, b"three\n")]) == [None]
    assert lines_of(tmp_path, A) == [b"one", b"two", b"three"]
    assert (tmp_path / "a" / "active.001.jsonl").read_bytes() == b"one\ntwo\n"


def test_no_more_files_are_open_than_allowed(tmp_path: Path) -> None:
    keys = [SessionKey("local", f"s{number}") for number in range(12)]
    with committer(tmp_path, open_files=3) as files:
        for round_ in range(3):
            assert files.commit([(key, b"%d\n" % round_) for key in keys]) == [None] * 12
            links = (path.resolve() for path in Path("/proc/self/fd").iterdir())
            own = (link for link in links if link.is_relative_to(tmp_path))
            assert sum(link.name == "active.jsonl" for link in own) <= 3
    for key in keys:
        assert lines_of(tmp_path, key) == [b"0", b"1", b"2"]


def test_a_session_removed_behind_our_back_is_begun_anew(tmp_path: Path) -> None:
    with committer(tmp_path) as files:
        files.commit([(A, b"one\n"), (B, b"one\n")])
        (tmp_path / "a" / "active.jsonl").unlink()
        (tmp_path / "a").rmdir()
        assert files.commit([(A, b"two\n")]) == [None]
    assert lines_of(tmp_path, A) == [b"two"]


def test_what_another_program_appended_stays(tmp_path: Path) -> None:
    with committer(tmp_path) as files:
        files.commit([(A, b"one\n")])
        with (tmp_path / "a" / "active.jsonl").open("ab") as file:
            file.write(b"theirs\n")
        files.commit([(A, b"two\n")])
    assert lines_of(tmp_path, A) == [b"one", b"theirs", b"two"]


def test_an_unforeseen_error_takes_the_batch_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def surprise(fd: int) -> None:
        raise LookupError("not an OSError")

    with committer(tmp_path) as files:
        files.commit([(A, b"one\n")])
        with monkeypatch.context() as patch:
            patch.setattr(disk, "sync", surprise)
            with pytest.raises(LookupError):
                files.commit([(A, b"two\n")])
        assert files.commit([(A, b"three\n")]) == [None]
    assert lines_of(tmp_path, A) == [b"one", b"three"]


def test_records_that_were_taken_back_are_gone_before_anything_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left in the journal, they would be written over what follows them."""

    def broken(fd: int, length: int = 0) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with committer(tmp_path) as files:
        files.commit([(A, b"one\n"), (B, b"one\n")])
        files.checkpoint()
        with monkeypatch.context() as patch:
            patch.setattr(disk, "sync", broken)
            patch.setattr(disk, "truncate", broken)
            failed = files.commit([(A, b"failed\n"), (B, b"failed\n")])
            assert all(isinstance(error, StoreError) for error in failed)
        assert (tmp_path / ".journal").stat().st_size > 0
        assert files.commit([(A, b"two\n")]) == [None]
        assert (tmp_path / ".journal").stat().st_size == 0
    assert lines_of(tmp_path, A) == [b"one", b"two"]
    assert lines_of(tmp_path, B) == [b"one"]


def test_a_purge_that_is_not_durable_did_not_happen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with committer(tmp_path) as files:
        files.commit([(A, b"one\n")])
        files.checkpoint()
        with monkeypatch.context() as patch:
            patch.setattr(disk, "sync_directory", broken)
            with pytest.raises(StoreError, match="cannot remove"):
                files.set_aside(A)
        assert lines_of(tmp_path, A) == [b"one"]
        had_log, aside = files.set_aside(A)
        assert had_log
        assert aside is not None
        assert files.set_aside(A) == (False, None)


def test_after_a_failed_sync_the_journal_is_written_out_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A system that failed to sync a file once may forget what it had not written."""
    with committer(tmp_path) as files:
        files.commit([(A, b"one\n"), (B, b"one\n")])
        real = disk.sync

        def forgetful(fd: int) -> None:
            place = Path(f"/proc/self/fd/{fd}").resolve()
            with place.open("r+b") as file:
                file.write(bytes(4))
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(disk, "sync", forgetful)
        with pytest.raises(StoreError, match="cannot sync the logs"):
            files.checkpoint()
        assert not files.is_settled
        monkeypatch.setattr(disk, "sync", real)
        files.checkpoint()
        assert files.is_settled
    assert lines_of(tmp_path, A) == lines_of(tmp_path, B) == [b"one"]


Batches = Sequence[Sequence[tuple[SessionKey, bytes]]]
STORY: Batches = [
    [(A, b"a1\n")],
    [(A, b"a2\n"), (A, b"a3\na3 answer\n")],
    [(A, b"a4\n"), (B, b"b1\n"), (A, b"a5\n"), (C, b"c1\n")],
    [(B, b"b2\n")],
    [(A, b"a6\n"), (B, b"b3\n")],
]


def tell(files: Committer, batches: Batches, expected: dict[SessionKey, list[bytes]]) -> int:
    """Commits the batches and notes what was acknowledged. Returns how many appends failed."""
    failed = 0
    for batch in batches:
        for (key, data), error in zip(batch, files.commit(batch), strict=True):
            if error is None:
                expected.setdefault(key, []).extend(data.splitlines())
            else:
                failed += 1
                assert error.args[0].startswith(("cannot ", "/"))
    return failed


@pytest.mark.parametrize("durable", [True, False], ids=["fsync", "os"])
@pytest.mark.parametrize(
    ("error", "lasting"), [(errno.ENOSPC, True), (errno.EIO, False)], ids=["full", "broken once"]
)
@pytest.mark.parametrize("roll_bytes", [10, 10**6], ids=["rolling", "one file"])
def test_whichever_operation_fails_the_log_holds_what_was_acknowledged(
    tmp_path: Path, durable: bool, lasting: bool, error: int, roll_bytes: int
) -> None:
    failures_seen = 0
    for healthy in itertools.count():
        root = tmp_path / str(healthy)
        root.mkdir()
        expected: dict[SessionKey, list[bytes]] = {}
        with pytest.MonkeyPatch.context() as patch:
            faulty = FailingDisk(healthy, error, lasting=lasting, short=error == errno.ENOSPC)
            faulty.install(patch)
            with committer(root, durable=durable, roll_bytes=roll_bytes, open_files=2) as files:
                failures_seen += tell(files, STORY, expected)
                faulty.armed = False
                assert tell(files, STORY, expected) == 0, "the disk works again"
            for key in (A, B, C):
                assert lines_of(root, key) == expected[key], f"operation {healthy} failed"
        if not faulty.failures:
            break
    assert healthy > 15
    assert failures_seen > 5


def test_what_a_failing_disk_may_take_back_is_not_readable(tmp_path: Path) -> None:
    for healthy in range(40):
        store = JsonlStore(tmp_path / str(healthy), roll_bytes=10)
        writer = store._writable()
        expected: dict[SessionKey, list[bytes]] = {}
        with pytest.MonkeyPatch.context() as patch:
            faulty = FailingDisk(healthy, errno.EIO, lasting=True)
            faulty.install(patch)
            writer.call(partial(tell, store._committer, STORY, expected))
            for key in (A, B, C):
                assert [line.data for line in store.oldest_first(key)] == expected.get(key, [])
            faulty.armed = False
            asyncio.run(store.close())


@pytest.mark.parametrize("seed", range(30))
def test_a_loss_of_power_takes_nothing_acknowledged(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Random batches, checkpoints, purges; then what was synced is left, and a little more.

    Now and then a sync reports an error although it reached the disk.
    """
    rng = random.Random(seed)
    monkeypatch.setattr(commit_module, "JOURNAL_BYTES", 600)
    live = tmp_path / "live"
    live.mkdir()
    keys = [SessionKey("local" if n % 3 else f"t{n}", f"s{n}") for n in range(6)]
    acknowledged: dict[SessionKey, list[bytes]] = {key: [] for key in keys}
    with pytest.MonkeyPatch.context() as patch:
        power = PowerLoss(live, patch)
        synced = disk.sync

        def unreliable(fd: int) -> None:
            synced(fd)
            if rng.random() < 0.1:
                raise OSError(errno.EIO, "Input/output error")

        patch.setattr(disk, "sync", unreliable)
        with committer(live, roll_bytes=90, open_files=4) as files:
            for step in range(rng.randint(1, 25)):
                batch = [
                    (rng.choice(keys[: rng.choice([1, 6])]), b"%d:%d %s\n" % (step, n, b"x" * 9))
                    for n in range(rng.randint(1, 7))
                ]
                tell(files, [batch], acknowledged)
                with contextlib.suppress(StoreError):
                    if rng.random() < 0.1:
                        files.checkpoint()
                    if rng.random() < 0.1:
                        files.set_aside(gone := rng.choice(keys))
                        acknowledged[gone].clear()
            power.left_after(tmp_path / "after", rng)
    after = JsonlStore(tmp_path / "after")
    for key in keys:
        assert [line.data for line in after.oldest_first(key)] == acknowledged[key]
    asyncio.run(after.close())
