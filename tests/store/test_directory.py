import os
from pathlib import Path

import pytest

from stitcher.store.directory import DataDirectory, log_stats, next_rolled, rolled_files
from stitcher.store.names import component
from stitcher.store.protocol import SessionKey


def local(name: str) -> SessionKey:
    return SessionKey("local", name)


def put_log(directory: Path, file: str = "active.jsonl") -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / file).write_bytes(b"{}\n")


@pytest.mark.parametrize(
    "name", ["Chat", "user:123", "Grüße", "with space", ".hidden", "con", "@me", "a%b"]
)
def test_a_directory_with_the_plain_name_goes_on_being_used(tmp_path: Path, name: str) -> None:
    put_log(tmp_path / name)
    data = DataDirectory(tmp_path)
    assert data.of(local(name)) == tmp_path / name
    assert data.make(local(name)) == tmp_path / name
    assert [key for key, _ in data.all()] == [local(name)]


def test_a_plain_name_with_only_rolled_files_counts(tmp_path: Path) -> None:
    put_log(tmp_path / "Chat", "active.007.jsonl")
    assert DataDirectory(tmp_path).of(local("Chat")) == tmp_path / "Chat"


@pytest.mark.parametrize(
    "name", ["..", ".", "a/b", "/etc", "", "x\0y", "../inner", "\ud800", "a" * 300]
)
def test_a_plain_name_that_is_no_component_is_not_used(tmp_path: Path, name: str) -> None:
    inner = tmp_path / "inner"
    put_log(tmp_path)
    put_log(inner)
    put_log(inner / "a" / "b")
    assert DataDirectory(inner).of(local(name)) == inner / component(name)


def test_a_plain_name_is_not_used_where_it_is_another_names_component(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    put_log(data.make(local("A")))
    assert data.of(local("A")).name == "%41"
    assert data.of(local("%41")).name == "%2541"
    long = "é" * 500
    put_log(data.make(local(long)))
    assert data.of(local(component(long))).name != component(long)


def test_a_tenants_directory_is_no_session(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    put_log(data.make(SessionKey("t1", "chat")))
    assert data.of(local("@t1")) == tmp_path / "%40t1"
    assert [key for key, _ in data.all()] == [SessionKey("t1", "chat")]
    assert [key for key, _ in data.all("local")] == []


def test_a_directory_that_calls_itself_the_local_tenant_is_ignored(tmp_path: Path) -> None:
    put_log(tmp_path / "@local" / "chat")
    assert list(DataDirectory(tmp_path).all()) == []


def test_a_file_system_that_folds_case_does_not_make_sessions_meet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_log(tmp_path / "chat")
    (tmp_path / "Chat").symlink_to(tmp_path / "chat")  # found by its name, but ...
    monkeypatch.setattr("os.listdir", lambda path: ["chat"])  # ... not spelt like this
    assert DataDirectory(tmp_path).of(local("Chat")) == tmp_path / "%43hat"


def test_many_sessions_are_listed_with_one_look_at_their_parent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {f"chat-{number}" for number in range(50)}
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "active.jsonl").write_bytes(b"{}\n")
    looks: list[object] = []
    listdir = os.listdir

    def counted(path: Path) -> list[str]:
        looks.append(path)
        return listdir(path)

    monkeypatch.setattr(os, "listdir", counted)
    assert {key.name for key, _ in DataDirectory(tmp_path).all("local")} == names
    assert len(looks) <= 1


def test_long_names_are_kept_inside(tmp_path: Path) -> None:
    session, tenant = "Ein sehr langer Name 😀 " * 400, "tenant " * 100
    data = DataDirectory(tmp_path)
    directory = data.make(SessionKey(tenant, session))
    put_log(directory)
    assert directory.is_relative_to(tmp_path)
    assert (directory / "name").read_text() == session
    assert [key for key, _ in data.all()] == [SessionKey(tenant, session)]
    assert [key for key, _ in data.all(tenant)] == [SessionKey(tenant, session)]
    (directory / "name").write_text("another")
    assert [key.name for key, _ in data.all()] == []  # it belongs to nobody who could open it
    data.make(SessionKey(tenant, session))
    assert [key.name for key, _ in data.all()] == [session]


def test_a_local_directory_that_lost_its_long_name_is_listed_under_its_own(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    directory = data.make(local("x" * 1000))
    put_log(directory)
    (directory / "name").unlink()
    assert list(data.all()) == [(local(directory.name), directory)]


def test_files_and_missing_directories_are_not_sessions(tmp_path: Path) -> None:
    (tmp_path / "note.txt").touch()
    data = DataDirectory(tmp_path)
    assert list(data.all()) == []
    assert list(DataDirectory(tmp_path / "missing").all()) == []
    assert log_stats(tmp_path / "missing") == []
    assert log_stats(tmp_path / "note.txt") == []
    assert rolled_files(tmp_path / "missing") == []


def test_rolled_files_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    names = ["active.1000.jsonl", "active.002.jsonl", "active.999.jsonl", "active.010.jsonl"]
    for name in [
        *names,
        "active.jsonl",
        "active.x.jsonl",
        "active.003.jsonl.bak",
        "torn.1",
        "name",
    ]:
        (tmp_path / name).write_bytes(b"x")
    assert [number for number, _ in rolled_files(tmp_path)] == [2, 10, 999, 1000]
    assert next_rolled(tmp_path).name == "active.1001.jsonl"
    assert len(log_stats(tmp_path)) == 5


def test_the_first_rolled_file_is_number_one(tmp_path: Path) -> None:
    assert next_rolled(tmp_path).name == "active.001.jsonl"
