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

_SECONDS = 5.0


class NotAnswering(StitcherError):
    """A process owns the data directory, but its proxy does not answer."""


def owner(data_dir: Path) -> Any | None:
    """The process that owns the data directory: pid, host, started, url. None when nobody does."""
    from stitcher.store.lock import owner as lock_owner

    return lock_owner(data_dir)


def stats(url: str, settings: Settings) -> dict[str, Any]:
    """What the running proxy counts."""
    status, answer = _ask("GET", f"{url}/v1/stitcher/stats", settings)
    if status != 200 or not isinstance(answer, dict):
        raise NotAnswering(f"{url}/v1/stitcher/stats answered {status}, expected 200 with JSON")
    return answer


def purge(url: str, name: str, tenant: str, settings: Settings) -> bool:
    """Has the running proxy remove a session; False when it had none of that name."""
    place = f"{url}/v1/stitcher/sessions/{quote(name, safe='')}"
    status, answer = _ask("DELETE", f"{place}?tenant={quote(tenant, safe='')}", settings)
    if status in (200, 202, 204):
        return True
    if status == 404:
        return False
    raise StitcherError(f"the proxy at {url} did not purge it: {_reason(status, answer)}")


def _reason(status: int, answer: object) -> str:
    error = answer.get("error") if isinstance(answer, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    return f"HTTP {status}" + (f", {message}" if message else "")


def _ask(method: str, url: str, settings: Settings) -> tuple[int, object]:
    request = urllib.request.Request(url, method=method)
    if settings.proxy_token:
        request.add_header("X-Stitcher-Token", settings.proxy_token)
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
