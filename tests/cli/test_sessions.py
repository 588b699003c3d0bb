"""`stitcher sessions`: listing, showing, exporting and deleting what is kept."""

import json
from pathlib import Path
from typing import Any

import pytest

from stitcher.store.lock import DataDirLock
from tests.cli.conftest import Command


def said(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"type": "message", **more, "message": {"role": role, "content": content}}


@pytest.fixture
def two(stitcher: Command) -> Command:
    stitcher.write_session("trip to Rome", said("user", "hi"), said("assistant", "hello"))
    stitcher.write_session(
        "work", {"type": "head", "system": "Be kind."}, said("user", "x" * 3000), {"type": "turn"}
    )
    return stitcher


def test_nothing_yet(stitcher: Command) -> None:
    result = stitcher("sessions")
    assert (result.exit_code, result.stdout) == (0, f"No sessions yet in {stitcher.sessions}.\n")
    assert json.loads(stitcher("sessions", "--json").stdout) == []
    assert not stitcher.sessions.exists()


def test_the_list(two: Command) -> None:
    header, *rows = two("sessions").stdout.splitlines()
    assert header.split("  ")[0] == "name"
    assert header.split() == ["name", "messages", "size", "last", "used"]
    listed = {row[: header.index("messages")].strip(): row.split()[-5:] for row in rows}
    assert set(listed) == {"trip to Rome", "work"}
    assert listed["trip to Rome"][0] == "2"
    assert listed["work"][0:3] == ["1", "3.1", "KB"]


def test_the_list_as_json(two: Command) -> None:
    found = {each["name"]: each for each in json.loads(two("sessions", "--json").stdout)}
    log = two.sessions / "work" / "active.jsonl"
    assert found["work"] == {
        "name": "work",
        "tenant": "local",
        "messages": 1,
        "bytes": log.stat().st_size,
        "files": 1,
        "last_used": log.stat().st_mtime,
    }


def test_a_tenant_is_named_where_there_are_several(two: Command) -> None:
    two.write_session("work", said("user", "mine"), tenant="abc")
    assert two("sessions").stdout.splitlines()[0].split()[-1] == "tenant"
    result = two("sessions", "show", "work")
    assert result.exit_code == 2
    assert "add --tenant (" in result.stderr
    assert "mine" in two("sessions", "show", "work", "--tenant", "abc").stdout


def test_show(stitcher: Command) -> None:
    stitcher.write_session(
        "s",
        said("user", "first", chain="a", time=1_700_000_000),
        said("assistant", "hal", chain="b", parent="a", cut=True),
        {"type": "rewound", "to": "a"},
        said("user", "\x1b[2Jother", chain="c", parent="a"),
        said("user", "title?", chain="x", thread="side"),
        said("user", "long " * 1000, chain="d", parent="c"),
    )
    text = stitcher("sessions", "show", "s").stdout
    assert "[user]  2023-11-1" in text
    assert "[assistant]  thread main, CUT OFF, not on the path\nhal\n" in text
    assert "-- the client went back" in text
    assert "\\x1b[2Jother" in text
    assert "thread side\ntitle?\n" in text
    assert "3,800 more characters (--full shows them)" in text
    assert "long " * 1000 in stitcher("sessions", "show", "s", "--full").stdout
    only = stitcher("sessions", "show", "s", "--thread", "side").stdout
    assert only == "[user]  thread side\ntitle?\n\n"
    result = stitcher("sessions", "show", "s", "--thread", "sied")
    assert result.exit_code == 1
    assert "has no thread 'sied'; it has: main, side" in result.stderr


@pytest.mark.parametrize("command", ["show", "purge", "export"])
def test_a_name_that_is_not_there_gets_near_ones(two: Command, command: str) -> None:
    result = two("sessions", command, "wrok")
    assert result.exit_code == 1
    assert result.stderr == (
        "stitcher: there is no session 'wrok'; did you mean 'work'? See: stitcher sessions\n"
    )
    assert "did you mean 'trip to Rome'?" in two("sessions", command, "rome").stderr
    assert "there is no session 'zzz'. See" in two("sessions", command, "zzz").stderr


def test_names_that_would_leave_the_directory_are_names(two: Command, tmp_path: Path) -> None:
    (tmp_path / "active.jsonl").write_text("{}\n")
    for name in ("..", "../..", "a/../..", "\x00", "x" * 10_000, "👩\u202e"):
        result = two("sessions", "purge", "--yes", "--", name)
        assert result.exit_code == 1
        assert "there is no session" in result.stderr
    assert (tmp_path / "active.jsonl").exists()


def test_purge_asks_unless_told(two: Command) -> None:
    result = two("sessions", "purge", "work")
    assert result.exit_code == 2
    assert "not deleting work (1 message, 3.1 KB) without being asked to: add --yes" in (
        result.stderr
    )
    assert (two.sessions / "work").exists()
    result = two("sessions", "purge", "work", "--yes")
    assert (result.exit_code, result.stdout) == (0, "Deleted work (1 message, 3.1 KB).\n")
    assert not (two.sessions / "work").exists()
    assert "trip to Rome" in two("sessions").stdout


def test_purge_leaves_a_directory_alone_that_another_process_owns(two: Command) -> None:
    """One that does not say where it listens: there is nobody to ask."""
    lock = DataDirLock(two.sessions)
    lock.acquire()
    try:
        result = two("sessions", "purge", "work", "--yes")
    finally:
        lock.release()
    assert result.exit_code == 1
    assert "is in use by process" in result.stderr
    assert (two.sessions / "work" / "active.jsonl").exists()


def test_export_as_jsonl_is_the_log_verbatim(stitcher: Command, tmp_path: Path) -> None:
    log = stitcher.write_session("s")
    data = b'{"type":"message","message":{"role":"user","content":"\xc3\xa9 \\ud800"}}\n' * 3
    log.write_bytes(data + b'{"type":"mess')  # a torn line is no line
    assert stitcher("sessions", "export", "s").stdout_bytes == data
    target = tmp_path / "out.jsonl"
    result = stitcher("sessions", "export", "s", "--output", str(target))
    assert (result.exit_code, result.stdout) == (0, "")
    assert target.read_bytes() == data
    assert target.stat().st_mode & 0o777 == 0o600
    assert f"Wrote {target}" in result.stderr


def test_export_as_markdown(two: Command, tmp_path: Path) -> None:
    result = two("sessions", "export", "trip to Rome", "--format", "md")
    assert result.stdout == "# trip to Rome\n\n## user\n\nhi\n\n## assistant\n\nhello\n\n"
    result = two("sessions", "export", "work", "--output", str(tmp_path / "no" / "where"))
    assert result.exit_code == 1
    assert "No such file or directory" in result.stderr


def test_the_data_directory_may_stand_before_and_after(two: Command, tmp_path: Path) -> None:
    other = str(tmp_path / "other")
    assert two("sessions", "--data-dir", other).stdout.startswith("No sessions yet")
    assert two("sessions", "--data-dir", other, "show", "work").exit_code == 1
    assert two("sessions", "show", "work", "--data-dir", other).exit_code == 1
    assert (
        two("sessions", "--data-dir", other, "show", "work", "--data-dir", str(two.sessions))
    ).exit_code == 0


def test_a_data_directory_that_is_a_file(stitcher: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = stitcher("sessions", "--data-dir", str(tmp_path / "file"))
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert str(tmp_path / "file") in result.stderr
