import errno
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stitcher.errors import DataDirLocked, StoreError
from stitcher.store.lock import DataDirLock, Owner, owner

HOLDER = """
import sys
from pathlib import Path
from stitcher.store.lock import DataDirLock
lock = DataDirLock(Path(sys.argv[1]))
lock.acquire()
lock.set_url("http://127.0.0.1:8081")
print("held", flush=True)
sys.stdin.read()
"""


def test_another_process_is_named_with_the_way_out(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        lock = DataDirLock(tmp_path)
        with pytest.raises(DataDirLocked) as refusal:
            lock.acquire()
        found = owner(tmp_path)
        holder.kill()
        holder.wait()
    text = str(refusal.value)
    assert f"in use by process {holder.pid} on {socket.gethostname()}" in text
    assert "at http://127.0.0.1:8081, since 2" in text
    assert "--data-dir" in text
    assert found is not None
    assert (found.pid, found.url) == (holder.pid, "http://127.0.0.1:8081")
    assert abs(time.time() - found.started) < 60
    assert (tmp_path / ".owner.json").exists(), "a killed process leaves it behind"
    assert owner(tmp_path) is None, "what it left behind proves nothing"
    lock.acquire()
    assert owner(tmp_path) == json_owner(tmp_path)
    lock.release()


def json_owner(data_dir: Path) -> Owner:
    return Owner(**json.loads((data_dir / ".owner.json").read_text()))


def test_the_owner_is_known_until_it_lets_go(tmp_path: Path) -> None:
    data_dir = tmp_path / "new" / "data"
    assert owner(data_dir) is None
    assert not data_dir.exists()
    lock = DataDirLock(data_dir)
    with pytest.raises(StoreError, match="acquire it first"):
        lock.set_url("http://127.0.0.1:1")
    lock.acquire()
    found = owner(data_dir)
    assert found is not None
    assert (found.pid, found.host, found.url) == (os.getpid(), socket.gethostname(), None)
    lock.set_url("http://127.0.0.1:1")
    found = owner(data_dir)
    assert found is not None
    assert found.url == "http://127.0.0.1:1"
    lock.release()
    lock.release()
    assert owner(data_dir) is None
    assert [path.name for path in data_dir.iterdir()] == [".lock"]


def test_one_process_cannot_hold_it_twice(tmp_path: Path) -> None:
    lock = DataDirLock(tmp_path)
    lock.acquire()
    with pytest.raises(DataDirLocked, match=f"process {os.getpid()}"):
        DataDirLock(tmp_path).acquire()
    lock.release()


def test_an_owner_that_has_not_said_its_name_is_an_owner(tmp_path: Path) -> None:
    lock = DataDirLock(tmp_path)
    lock.acquire()
    (tmp_path / ".owner.json").write_text("{")
    found = owner(tmp_path)
    assert found is not None
    assert (found.pid, found.host) == (0, "unknown")
    lock.release()


def test_files_are_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        lock = DataDirLock(tmp_path / "data")
        lock.acquire()
    finally:
        os.umask(before)
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "data" / ".lock").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "data" / ".owner.json").stat().st_mode & 0o777 == 0o600
    lock.release()


def test_a_file_where_the_directory_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "data"):
        with pytest.raises(StoreError, match="file stands where a directory is needed"):
            DataDirLock(path).acquire()


@pytest.mark.parametrize(
    ("number", "fix"), [(errno.EROFS, "Mount that file system"), (errno.EACCES, "chmod u[+]rwX")]
)
def test_a_directory_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, fix: str
) -> None:
    """By a failing call, not by permissions: those do not stop root."""
    real = os.open

    def refused(path: str, *arguments: int, **named: int) -> int:
        if str(path).endswith(".lock"):
            raise OSError(number, os.strerror(number))
        return real(path, *arguments, **named)

    (tmp_path / "data").mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refused)
        with pytest.raises(StoreError, match=f"cannot use the data directory .*data: .*{fix}"):
            DataDirLock(tmp_path / "data").acquire()
    (tmp_path / "data" / ".owner.json.new").mkdir()
    with pytest.raises(StoreError, match="cannot write"):
        DataDirLock(tmp_path / "data").acquire()
    assert owner(tmp_path / "data") is None, "the lock was let go again"
