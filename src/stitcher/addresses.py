"""The addresses in settings: of the provider's API, of this machine, and what they may look like.

Refuses to know which setting an address belongs to.
"""

import ipaddress
from urllib.parse import urlsplit


class Unexpected(ValueError):
    """What was expected; the caller knows what was found and where it came from."""


def host_name(value: str) -> str:
    """An address or host name without its brackets. Raises Unexpected."""
    bare = value.strip().removeprefix("[").removesuffix("]")
    if not bare or "/" in bare or any(c.isspace() for c in bare):
        raise Unexpected("an address or host name without scheme or port, such as 127.0.0.1")
    if ":" in bare:
        try:
            ipaddress.ip_address(bare)
        except ValueError:
            raise Unexpected("an address without a port (the port has its own setting)") from None
    return bare


def upstream_base(value: str) -> str:
    """The base of a provider's API: no `/v1` and no slash at its end, other prefixes kept."""
    text = value.strip()
    example = "an http:// or https:// address such as https://api.openai.com"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise Unexpected(example) from None
    if parts.scheme not in ("http", "https"):
        bare = text.partition("://")[2] or text
        raise Unexpected(f"{example} (did you mean http://{bare}?)" if bare else example)
    if not parts.hostname or port == 0 or any(c.isspace() for c in text):
        raise Unexpected(example)
    if parts.username is not None:
        raise Unexpected("an address without a user name or password (a key goes into api-key)")
    if parts.query or parts.fragment:
        raise Unexpected("an address without a query or fragment")
    segments = [part for part in parts.path.split("/") if part]
    if segments[-1:] in (["messages"], ["responses"]) or segments[-2:] == ["chat", "completions"]:
        raise Unexpected("the API's base address, not one of its endpoints")
    while segments and segments[-1] == "v1":
        segments.pop()
    return "/".join((f"{parts.scheme}://{parts.netloc}", *segments))


def is_loopback(host: str) -> bool:
    """True when only this machine can reach the address. A name is trusted only if it says so."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def url_of(host: str, port: int) -> str:
    """The address a client on this machine uses; a wildcard address is reached at loopback."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"
