import errno
import logging
import os
from pathlib import Path

import pytest

from stitcher.store import disk
from stitcher.store.logfile import LogFile, ReadLimits

pytestmark = pytest.mark.usefixtures("unsynced")

RECORD = b'{"type":"message","message":{"content":"h\xc3\xa9llo"}}\n'
BEFORE = b'{"n":1}\n{"n":2}\n'


def opened(directory: Path, limits: ReadLimits | None = None) -> LogFile:
    return LogFile(directory, limits or ReadLimits(), durable=True)


@pytest.mark.parametrize("cut", range(len(RECORD) + 1))
def test_an_unfinished_last_line_is_moved_aside_at_every_length(
    tmp_path: Path, cut: int, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "active.jsonl").write_bytes(BEFORE + RECORD[:cut])
    with caplog.at_level(logging.WARNING):
        log = opened(tmp_path)
    log.append(b"new\n")
    log.accept()
    log.close()
    whole = cut in (0, len(RECORD))
    assert (tmp_path / "active.jsonl").read_bytes() == (
        BEFORE + RECORD[: cut if whole else 0] + b"new\n"
    )
    assert [path.read_bytes() for path in tmp_path.glob("torn.*")] == (
        [] if whole else [RECORD[:cut]]
    )
    assert len(caplog.messages) == (0 if whole else 1)
    if not whole:
        assert f"last line of {cut} bytes at byte {len(BEFORE)}, kept in torn.1" in caplog.text
        assert "llo" not in caplog.text


def test_unfinished_lines_never_replace_each_other(tmp_path: Path) -> None:
    for number in range(3):
        with (tmp_path / "active.jsonl").open("ab") as file:
            file.write(b"unfinished %d" % number)
        opened(tmp_path).close()
    saved = {path.name: path.read_bytes() for path in tmp_path.glob("torn.*")}
    assert saved == {f"torn.{n + 1}": b"unfinished %d" % n for n in range(3)}
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in tmp_path.glob("torn.*"))


def test_an_unfinished_line_that_cannot_be_saved_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "active.jsonl").write_bytes(BEFORE + b"unfin")

    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(disk, "write", full)
        with pytest.raises(OSError, match="No space"):
            opened(tmp_path)
    assert (tmp_path / "active.jsonl").read_bytes() == BEFORE + b"unfin"
    assert list(tmp_path.glob("torn.*")) == []
    opened(tmp_path).close()
    assert (tmp_path / "torn.1").read_bytes() == b"unfin"


def test_what_is_pending_is_not_to_be_read(tmp_path: Path) -> None:
    limits = ReadLimits()
    log = opened(tmp_path, limits)
    log.append(b"one\n")
    assert limits.end_of(log.fd)[1] == 0
    log.accept()
    assert limits.end_of(log.fd)[1] == 4
    log.append(b"two\n")
    log.append(b"three\n")
    assert limits.end_of(log.fd)[1] == 4
    assert log.pending == b"two\nthree\n"
    log.take_back()
    assert limits.end_of(log.fd)[1] == 4
    assert log.path.read_bytes() == b"one\n"
    log.close()


def test_bytes_that_cannot_be_cut_off_are_hidden_until_they_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = ReadLimits()
    log = opened(tmp_path, limits)
    log.append(b"one\n")
    log.accept()
    log.append(b"failed\n")

    def broken(fd: int, length: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(disk, "truncate", broken)
        log.take_back()
        assert log.path.read_bytes() == b"one\nfailed\n"
        assert limits.end_of(log.fd)[1] == 4
        with pytest.raises(OSError, match="Input/output"):
            log.append(b"two\n")
        assert log.is_current()
    log.append(b"two\n")
    log.accept()
    assert log.path.read_bytes() == b"one\ntwo\n"
    assert limits.end_of(log.fd)[1] == 8
    log.close()


def test_closing_tries_again_to_cut_and_says_if_it_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(fd: int, length: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    log = opened(tmp_path)
    log.append(b"failed\n")
    with monkeypatch.context() as patch:
        patch.setattr(disk, "truncate", broken)
        log.take_back()
    log.close()
    assert log.path.read_bytes() == b""
    log = opened(tmp_path)
    log.append(b"failed\n")
    monkeypatch.setattr(disk, "truncate", broken)
    log.take_back()
    log.close()
    assert "what follows byte 0 belongs to an append that failed" in caplog.text


def test_a_change_behind_our_back_is_noticed(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.append(b"one\n")
    log.accept()
    assert log.is_current()
    with log.path.open("ab") as file:
        file.write(b"somebody else's\n")
    assert not log.is_current()
    log.path.unlink()
    assert not log.is_current()
    log.path.write_bytes(b"one\n")
    assert not log.is_current()
    log.close()


def test_putting_away_takes_the_next_free_number(tmp_path: Path) -> None:
    (tmp_path / "active.004.jsonl").write_bytes(b"old\n")
    log = opened(tmp_path)
    log.append(b"one\n")
    log.accept()
    log.put_away()
    assert (tmp_path / "active.005.jsonl").read_bytes() == b"one\n"
    assert not log.path.exists()


def test_files_that_were_open_to_others_become_private(tmp_path: Path) -> None:
    (tmp_path / "active.jsonl").touch(mode=0o644)
    opened(tmp_path).close()
    assert (tmp_path / "active.jsonl").stat().st_mode & 0o777 == 0o600
