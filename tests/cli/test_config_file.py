"""The configuration file: reading what people write, writing what only they can read."""

import os
import stat
from pathlib import Path

import pytest

from stitcher.cli import config_file
from stitcher.errors import SettingsError


def test_no_file_and_an_empty_one_say_nothing(tmp_path: Path) -> None:
    assert config_file.read(tmp_path / "absent.json") == {}
    (tmp_path / "empty.json").write_text(" \n")
    assert config_file.read(tmp_path / "empty.json") == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{\n  "port": 1,\n}', "line 3, column 1: not JSON"),
        (b"port = 1", "line 1, column 1: not JSON"),
        (b"[1]", "found a JSON array, expected an object"),
        (b"3", "found a JSON number, expected an object"),
        (b"null", "found a JSON null, expected an object"),
        (b'{"model": "\xff"}', "byte 11 is not UTF-8"),
        (b'{"a":' + b"[" * 200_000, "not"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        config_file.read(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_directory_in_its_place(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        config_file.read(tmp_path)
    with pytest.raises(SettingsError, match="cannot be written"):
        config_file.write(tmp_path, {})
    assert list(tmp_path.iterdir()) == []


def test_written_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config.json"
    before = os.umask(0)
    try:
        config_file.write(path, {"model": "é", "port": 1})
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert config_file.read(path) == {"model": "é", "port": 1}
    assert not config_file.readable_by_others(path)
    path.chmod(0o640)
    assert config_file.readable_by_others(path)


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config.json"
    config_file.write(path, {"port": 1})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SettingsError, match="No space left on device"):
        config_file.write(path, {"port": 2})
    assert config_file.read(path) == {"port": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    target = tmp_path / "dotfiles" / "stitcher.json"
    target.write_text("{}")
    link = tmp_path / "config.json"
    link.symlink_to(target)
    config_file.write(link, {"port": 3})
    assert link.is_symlink()
    assert config_file.read(target) == {"port": 3}


def test_its_place(tmp_path: Path) -> None:
    assert config_file.location({}) == Path.home() / ".stitcher" / "config.json"
    assert config_file.location({"STITCHER_CONFIG": " "}) == config_file.location({})
    assert config_file.location({"STITCHER_CONFIG": "/x/y"}) == Path("/x/y")
