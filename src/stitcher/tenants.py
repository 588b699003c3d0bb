"""Names the tenant of a request: whose sessions it may see.

With tenancy `local` there is one owner. With tenancy `key` a tenant is the keyed hash of the
credential that was presented: the data directory never holds a provider's key, nor a plain hash
of one that a copy of the directory could be searched with. The hashing key is made once and kept
beside the sessions. Refuses to know how a credential travels in a request.
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Final, Protocol

from stitcher.errors import NotAuthorised, StoreError

LOCAL: Final = "local"
KEY_FILE: Final = ".tenant-key"
_KEY_BYTES: Final = 32
_NAME_DIGITS: Final = 24


class Tenants(Protocol):
    """Tells tenants apart."""

    def of(self, credential: str | None) -> str:
        """The tenant of a credential. Raises NotAuthorised where one is needed and missing."""
        ...


class OneTenant:
    """Everybody is the owner of this machine."""

    def of(self, credential: str | None) -> str:
        """Always `local`."""
        return LOCAL


class TenantPerCredential:
    """Two credentials never name the same tenant."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, credential: str | None) -> str:
        """The first 24 hexadecimal digits of HMAC-SHA256 over the credential."""
        if not credential:
            raise NotAuthorised(
                "found no API key in the request, expected one: this proxy keeps the"
                " conversations of each key apart (--tenancy key). Send Authorization: Bearer"
                " KEY or x-api-key: KEY"
            )
        raw = credential.encode("utf-8", "surrogatepass")
        return hmac.new(self._key, raw, hashlib.sha256).hexdigest()[:_NAME_DIGITS]


def load_tenant_key(data_dir: Path) -> bytes:
    """The hashing key of a data directory, made at the first call. Raises StoreError."""
    path = data_dir / KEY_FILE
    try:
        if not path.exists():
            _make(path)
        key = bytes.fromhex(path.read_text("ascii"))
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or type(error).__name__}") from None
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise StoreError(
            f"{path}: expected {2 * _KEY_BYTES} hexadecimal digits. Without the key that was"
            " there, the sessions of earlier callers cannot be found again: restore the file,"
            " or remove it to begin anew"
        )
    return key


def _make(path: Path) -> None:
    """Writes a new key so that a crash leaves either none or a whole one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(_KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
