"""Says which headers go up to the provider and which come back to the client. Pure.

What is left keeps its order, its duplicates and its letter case. Header values are text as
`routes.text_of` makes it. Refuses to know about credentials (`access`) and content (`encodings`).
"""

from collections.abc import Iterable
from typing import Final

from stitcher.ports import Headers
from stitcher.proxy.encodings import SUPPORTED

OWN_PREFIX: Final = "x-stitcher-"

# RFC 9110 7.6.1 (and Keep-Alive, Proxy-Connection from the same section's list), plus
# Proxy-Authorization, which is meant for the first proxy that reads it (11.7.2).
_HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# Host names us. Content-Length is set anew by whoever frames the body. Expect was answered here:
# a second wait for "100 Continue" further up would delay every such request.
_OURS_TO_SET: Final = frozenset({"host", "content-length", "expect"})
# True of the client's bytes only.
_OF_THE_BODY: Final = frozenset(
    {"content-encoding", "content-md5", "digest", "content-digest", "repr-digest"}
)


def find(headers: Headers, name: str) -> str | None:
    """The first value of a header, by its lower-case name."""
    return next((value for key, value in headers if key.lower() == name), None)


def find_all(headers: Headers, name: str) -> list[str]:
    """Every value of a header, by its lower-case name."""
    return [value for key, value in headers if key.lower() == name]


def listed(values: Iterable[str]) -> list[str]:
    """The members of comma-separated header values, lower-case, in order."""
    return [part.strip().lower() for value in values for part in value.split(",") if part.strip()]


def upward(headers: Headers) -> list[tuple[str, str]]:
    """The client's headers as a relayed request carries them."""
    dropped = _hops(headers) | _OURS_TO_SET
    return [
        (name, value)
        for name, value in headers
        if (low := name.lower()) not in dropped and not low.startswith(OWN_PREFIX)
    ]


def readable(headers: Headers) -> list[tuple[str, str]]:
    """The same headers, asking only for content encodings that can be undone here."""
    return [
        (name, wanted)
        for name, value in headers
        if (wanted := _decodable(value) if name.lower() == "accept-encoding" else value)
        or name.lower() != "accept-encoding"
    ]


def for_another_body(headers: Headers) -> list[tuple[str, str]]:
    """The same headers without those that describe the bytes of the client's body."""
    return [(name, value) for name, value in headers if name.lower() not in _OF_THE_BODY]


def downward(headers: Headers) -> list[tuple[str, str]]:
    """The provider's headers as the client gets them, Content-Length included."""
    dropped = _hops(headers)
    return [
        (name, value)
        for name, value in headers
        if (low := name.lower()) not in dropped and not low.startswith(OWN_PREFIX)
    ]


def without(headers: Headers, *names: str) -> list[tuple[str, str]]:
    """The headers but for some, by their lower-case names."""
    return [(name, value) for name, value in headers if name.lower() not in names]


def _hops(headers: Headers) -> frozenset[str]:
    named = listed(find_all(headers, "connection"))
    return _HOP_BY_HOP.union(named) if named else _HOP_BY_HOP


def _decodable(accept: str) -> str:
    members = (member.strip() for member in accept.split(","))
    return ", ".join(
        member
        for member in members
        if (name := member.partition(";")[0].strip().lower()) in SUPPORTED or name == "identity"
    )
