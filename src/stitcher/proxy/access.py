"""Decides who may use the proxy, and with whose key. Pure.

Three questions, in this order: does the request come from where a request to this proxy may come
from (a web page can make a browser send requests to loopback), does it carry the proxy token if
one is set, and which credential goes up. Refuses to know what a request is about.
"""

import hmac
import ipaddress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from stitcher.errors import NotAuthorised
from stitcher.ports import Headers
from stitcher.proxy import headers as header_rules
from stitcher.proxy.errors import Forbidden
from stitcher.proxy.routes import Provider
from stitcher.settings import Settings

TOKEN_HEADER: Final = "x-stitcher-token"

# Where clients put a key: both providers' own ways, and Azure's and Google's for upstreams that
# speak the OpenAI dialect.
_CARRIERS: Final = ("authorization", "x-api-key", "api-key", "x-goog-api-key")

# Names by which a container reaches the loopback of the machine it runs on. Resolved by the
# container engine, never by public DNS, so no foreign page can be behind them.
_CONTAINER_HOSTS: Final = frozenset(
    {"host.docker.internal", "gateway.docker.internal", "host.containers.internal"}
)


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that may go on."""

    headers: Headers  # the client's, without the proxy token, with the configured key if lent
    credential: str | None  # what names the tenant


class Gate:
    """The door of one proxy."""

    def __init__(self, settings: Settings) -> None:
        self._token = settings.proxy_token
        self._host = settings.host.lower()
        self._keys = {"openai": settings.api_key, "anthropic": settings.api_key_anthropic}
        # Where a caller shows nothing of its own, being able to connect is all the authority
        # there is, and a web page can borrow that.
        self._ambient = settings.tenancy == "local" and settings.proxy_token is None

    def admit(self, headers: Headers, provider: Provider, *, guarded: bool) -> Admission:
        """Lets a request in, or raises Forbidden or NotAuthorised.

        `guarded`: it can read or write memory, so no web page may have sent it.
        """
        self._check_host(headers)
        verified, kept, credential = self._sort_credentials(headers, provider)
        if not verified:
            raise NotAuthorised(
                "found no valid proxy token, expected it as X-Stitcher-Token, or in place of the"
                " API key (Authorization: Bearer TOKEN, or x-api-key: TOKEN)"
            )
        lent = None if credential else self._key_to_lend(provider)
        if guarded or lent:
            self._check_origin(headers)
        if lent:
            kept = [*header_rules.without(kept, *_CARRIERS), _carry(lent, provider)]
        return Admission(kept, credential or self._token)

    def _sort_credentials(
        self, headers: Headers, provider: Provider
    ) -> tuple[bool, Headers, str | None]:
        """Whether the token was shown, the headers without it, and the caller's own credential."""
        verified = self._token is None
        kept: list[tuple[str, str]] = []
        found: dict[str, str] = {}
        for name, value in headers:
            low = name.lower()
            if low == TOKEN_HEADER:
                verified = verified or self._is_token(value)
                continue
            if low in _CARRIERS:
                secret = _secret(low, value)
                if self._is_token(secret):
                    verified = True
                    continue
                found.setdefault(low, secret)
            kept.append((name, value))
        first = ("x-api-key",) if provider == "anthropic" else ()
        credential = next((found[name] for name in (*first, *_CARRIERS) if found.get(name)), None)
        return verified, kept, credential

    def _is_token(self, value: str) -> bool:
        if self._token is None:
            return False
        found = value.strip().encode("utf-8", "surrogatepass")
        return hmac.compare_digest(found, self._token.encode())

    def _key_to_lend(self, provider: Provider) -> str | None:
        """The configured key. Under per-key tenancy alone nobody has shown a right to it."""
        return self._keys[provider] if self._ambient or self._token is not None else None

    def _check_host(self, headers: Headers) -> None:
        """Refuses a foreign name that resolves to loopback (DNS rebinding)."""
        if not self._ambient:
            return
        for value in header_rules.find_all(headers, "host"):
            name = _without_port(value)
            if not (is_local(name) or name == self._host or name in _CONTAINER_HOSTS):
                raise Forbidden(
                    f"Host: found {value[:100]!r}, expected localhost or the address this proxy"
                    " listens on. Call it by that, or set a proxy token (--proxy-token SECRET)"
                )

    def _check_origin(self, headers: Headers) -> None:
        if not self._ambient:
            return
        for value in header_rules.find_all(headers, "origin"):
            if not _own_origin(value):
                raise Forbidden(
                    f"Origin: found {value[:100]!r}, expected none or one on this machine: a web"
                    " page may not use the memory and the keys of this proxy. To allow it, set a"
                    " proxy token (--proxy-token SECRET) and send it with each request"
                )


def is_local(name: str) -> bool:
    """True of a host name that always means this machine (RFC 6761 6.3)."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _own_origin(value: str) -> bool:
    """A page on this machine, or no page: desktop applications have schemes of their own."""
    try:
        parts = urlsplit(value.strip())
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme in ("http", "https"):
        return is_local(host)
    # "null" is any sandboxed page's origin; an extension runs in the browser beside the pages.
    return parts.scheme != "" and not parts.scheme.endswith("-extension")


def _without_port(host: str) -> str:
    text = host.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0].removesuffix(".")


def _secret(carrier: str, value: str) -> str:
    """The key itself: of Authorization what follows the scheme."""
    if carrier != "authorization":
        return value.strip()
    scheme, _, rest = value.strip().partition(" ")
    return rest.strip() if rest or scheme.lower() == "bearer" else scheme


def _carry(key: str, provider: Provider) -> tuple[str, str]:
    return ("x-api-key", key) if provider == "anthropic" else ("Authorization", f"Bearer {key}")
