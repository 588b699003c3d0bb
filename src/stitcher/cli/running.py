"""Talks to the proxy that runs on a data directory, if one does.

Refuses to know what its answers are shown as.
"""

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

from stitcher.errors import StitcherError
from stitcher.settings import Settings
from stitcher.store.lock import Owner
from stitcher.store.lock import owner as lock_owner
from stitcher.store.protocol import SessionKey
from stitcher.tenants import LOCAL, TenantPerCredential, load_tenant_key

_SECONDS = 5.0


class NotAnswering(StitcherError):
    """A process owns the data directory, but its proxy does not answer."""


def owner(data_dir: Path) -> Owner | None:
    """The process that owns the data directory. None when nobody does."""
    return lock_owner(data_dir)


def check_answering(url: str, settings: Settings) -> None:
    """Raises NotAnswering when there is no proxy at the address, or one that hangs."""
    status, _ = _ask("GET", f"{url}/healthz", settings)
    if status != 200:
        raise NotAnswering(f"{url}/healthz answered {status}, expected 200")


def stats(url: str, settings: Settings) -> dict[str, Any]:
    """What the running proxy counts for whom these settings speak for."""
    status, answer = _ask("GET", f"{url}/v1/stitcher/stats", settings)
    if status in (401, 403):
        return {}
    if status != 200 or not isinstance(answer, dict):
        raise NotAnswering(f"{url}/v1/stitcher/stats answered {status}, expected 200 with JSON")
    return answer


def purge(url: str, key: SessionKey, settings: Settings) -> bool:
    """Has the running proxy remove a session; False when it had none of that name.

    The proxy takes the tenant from the credential it is shown. So one is shown only if it is this
    tenant's, and without one nothing is asked: a session of that name may be somebody else's too.
    """
    credential = None
    if key.tenant == LOCAL and settings.tenancy != "local":
        raise StitcherError(
            f"session {key.name!r} belongs to no key, and the running proxy keeps keys apart"
            " (tenancy key): stop the proxy first, then purge it"
        )
    if key.tenant != LOCAL:
        credential = _credential_of(key.tenant, settings)
        if credential is None:
            raise StitcherError(
                f"session {key.name!r} belongs to the tenant {key.tenant}, and none of the keys"
                " configured here is this tenant's: stop the proxy first, then purge it"
            )
    place = f"{url}/v1/stitcher/sessions/{quote(key.name, safe='')}?tenant={key.tenant}"
    status, answer = _ask("DELETE", place, settings, credential)
    if status in (200, 202, 204):
        return True
    if status == 404:
        return False
    raise StitcherError(f"the proxy at {url} did not purge it: {_reason(status, answer)}")


def _reason(status: int, answer: object) -> str:
    error = answer.get("error") if isinstance(answer, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    return f"HTTP {status}" + (f", {message}" if message else "")


def _credential_of(tenant: str, settings: Settings) -> str | None:
    tenants = TenantPerCredential(load_tenant_key(settings.data_dir))
    known = (settings.api_key, settings.api_key_anthropic, settings.proxy_token)
    return next((one for one in known if one and tenants.of(one) == tenant), None)


def _ask(
    method: str, url: str, settings: Settings, credential: str | None = None
) -> tuple[int, object]:
    request = urllib.request.Request(url, method=method)
    if settings.proxy_token:
        request.add_header("X-Stitcher-Token", settings.proxy_token)
    if credential:
        request.add_header("Authorization", f"Bearer {credential}")
    # A proxy of the environment (http_proxy) must not carry what goes to this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_SECONDS) as response:
            return response.status, _decoded(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, _decoded(error.read())
    except OSError as error:
        reason = getattr(error, "reason", None) or error
        raise NotAnswering(f"the proxy at {url} does not answer: {reason}") from None


def _decoded(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        return None
