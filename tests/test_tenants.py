import stat
from pathlib import Path

import pytest

from stitcher.errors import NotAuthorised, StoreError
from stitcher.tenants import KEY_FILE, LOCAL, OneTenant, TenantPerCredential, load_tenant_key


def test_one_tenant_for_everybody() -> None:
    assert {OneTenant().of(None), OneTenant().of("sk-a")} == {LOCAL}


def test_two_credentials_are_two_tenants() -> None:
    tenants = TenantPerCredential(b"k" * 32)
    names = {tenants.of(credential) for credential in ("sk-a", "sk-b", "sk-a ", "ü", "\udcff")}
    assert len(names) == 5
    assert all(len(name) == 24 and set(name) <= set("0123456789abcdef") for name in names)
    assert LOCAL not in names


def test_name_depends_on_the_key_and_nothing_else() -> None:
    first, other = TenantPerCredential(b"k" * 32), TenantPerCredential(b"l" * 32)
    assert first.of("sk-a") == TenantPerCredential(b"k" * 32).of("sk-a")
    assert first.of("sk-a") != other.of("sk-a")


@pytest.mark.parametrize("credential", [None, ""])
def test_no_credential_no_tenant(credential: str | None) -> None:
    with pytest.raises(NotAuthorised, match="expected one"):
        TenantPerCredential(b"k" * 32).of(credential)


def test_key_is_made_once_and_private(tmp_path: Path) -> None:
    data_dir = tmp_path / "a" / "sessions"
    key = load_tenant_key(data_dir)
    assert len(key) == 32
    assert load_tenant_key(data_dir) == key
    assert [path.name for path in data_dir.iterdir()] == [KEY_FILE]
    assert stat.S_IMODE((data_dir / KEY_FILE).stat().st_mode) == 0o600
    assert load_tenant_key(tmp_path / "b") != key


@pytest.mark.parametrize("content", ["", "abcd", "z" * 64, "00" * 33])
def test_damaged_key_is_not_replaced_silently(tmp_path: Path, content: str) -> None:
    (tmp_path / KEY_FILE).write_text(content)
    with pytest.raises(StoreError, match="restore the file"):
        load_tenant_key(tmp_path)
    assert (tmp_path / KEY_FILE).read_text() == content


def test_unusable_directory_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError):
        load_tenant_key(tmp_path / "file")
