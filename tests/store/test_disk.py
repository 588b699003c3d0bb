import errno
import os
from pathlib import Path

import pytest

from stitcher.store import disk


def test_a_failure_says_what_where_why_and_what_to_do() -> None:
    error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert str(disk.failure("append to", Path("/data/x"), error)) == (
        "cannot append to /data/x: No space left on device (ENOSPC). "
        "Free space on that disk, or move the log with --data-dir"
    )
    unknown = str(disk.failure("read", Path("/data/x"), OSError("odd")))
    assert unknown.startswith("cannot read /data/x: OSError (no error number). Check that disk")


def test_a_failure_of_permission_names_the_owner(tmp_path: Path) -> None:
    error = OSError(errno.EACCES, os.strerror(errno.EACCES))
    text = str(disk.failure("write", tmp_path / "missing" / "file", error))
    assert f"{tmp_path} belongs to user {tmp_path.stat().st_uid} and you are {os.geteuid()}" in text
    assert "chmod u+rwX" in text


def test_a_short_write_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "write", lambda fd, data: os.write(fd, bytes(data)[:3]))
    fd = disk.open_file(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
    disk.write_all(fd, b"0123456789")
    os.close(fd)
    assert (tmp_path / "file").read_bytes() == b"0123456789"


def test_a_write_that_makes_no_progress_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "write", lambda fd, data: 0)
    fd = disk.open_file(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
    with pytest.raises(OSError, match="gives no reason"):
        disk.write_all(fd, b"x")
    os.close(fd)


def test_one_write_is_one_system_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    real = disk.write

    def counted(fd: int, data: bytes | memoryview) -> int:
        sizes.append(len(data))
        return real(fd, data)

    monkeypatch.setattr(disk, "write", counted)
    fd = disk.open_file(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
    disk.write_all(fd, b"x" * 10_000_000)
    os.close(fd)
    assert sizes == [10_000_000]


def test_without_a_data_sync_the_whole_file_is_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.delattr(os, "fdatasync", raising=False)
    monkeypatch.setattr(os, "fsync", synced.append)
    disk.sync(7)
    assert synced == [7]


def test_directories_are_private_and_a_file_in_the_way_is_an_error(tmp_path: Path) -> None:
    disk.make_directories(tmp_path / "a" / "b")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    assert not disk.make_directory(tmp_path / "a")
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        disk.make_directory(tmp_path / "file")
    with pytest.raises(OSError, match="file"):
        disk.make_directories(tmp_path / "file" / "below")


def test_making_private_leaves_what_belongs_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    disk.make_private(shared, 0o700)
    assert shared.stat().st_mode & 0o777 == 0o700

    def refused(path: Path, mode: int) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    shared.chmod(0o755)
    monkeypatch.setattr(os, "chmod", refused)
    disk.make_private(shared, 0o700)
