"""Says what a method and a path mean: whose call it is and where it goes. Pure.

Clients disagree about who writes `/v1`: base URLs are given with it, without it, and with it
once more from the client itself. So any number of leading `/v1` is accepted and exactly one goes
up where the provider's endpoints have one. Refuses to know about headers beyond their names,
about bodies, and about servers.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Literal
from urllib.parse import quote, unquote_to_bytes

from stitcher.errors import ClientError
from stitcher.ports import DialectName

Provider = Literal["openai", "anthropic"]


class Kind(Enum):
    """What a request is."""

    DIALECT = auto()  # a conversation's call
    COUNT_TOKENS = auto()  # relayed, but it carries a whole history; also to be compacted
    STATE = auto()  # of the Responses API, which we keep: what was said under an id
    RELAY = auto()  # passed through
    HEALTH = auto()
    STATS = auto()
    SESSION = auto()  # one of our own sessions, by name
    UNKNOWN = auto()  # below our own prefix, but nothing we have


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes: `path` is the provider's, percent-encoded as the client sent it."""

    kind: Kind
    provider: Provider
    path: str
    dialect: DialectName | None = None
    session: str | None = None
    allowed: tuple[str, ...] = ()  # methods, of our own endpoints
    named: tuple[str, ...] = ()  # of state: the segments of the path, decoded


# The first segment of every endpoint the two providers serve below /v1 (their API references,
# November 2026). Given without /v1 these still get one; any other bare path is left alone.
_OPENAI_ROOTS: Final = frozenset(
    {
        "assistants",
        "audio",
        "batches",
        "chat",
        "chatkit",
        "completions",
        "containers",
        "conversations",
        "embeddings",
        "engines",
        "evals",
        "files",
        "fine_tuning",
        "images",
        "models",
        "moderations",
        "organization",
        "projects",
        "realtime",
        "responses",
        "threads",
        "uploads",
        "vector_stores",
        "videos",
        "webhooks",
    }
)
_ANTHROPIC_ROOTS: Final = frozenset({"complete", "messages", "organizations", "skills"})
_ANTHROPIC_HEADERS: Final = frozenset({"anthropic-version", "anthropic-beta", "x-api-key"})
_OWN: Final = "stitcher"
_ID: Final = "*"
# What is asked of state (OpenAI API reference, "Responses" and "Conversations", November 2026). To
# cancel a response is the provider's: it alone is still at work on one.
_STATE: Final[dict[tuple[str, ...], tuple[str, ...]]] = {
    ("responses", _ID): ("GET", "DELETE"),
    ("responses", _ID, "input_items"): ("GET",),
    ("conversations",): ("POST",),
    ("conversations", _ID): ("GET", "POST", "DELETE"),
    ("conversations", _ID, "items"): ("GET", "POST"),
    ("conversations", _ID, "items", _ID): ("GET", "DELETE"),
}
_WHOLE_HISTORIES: Final = ("responses/input_tokens", "responses/compact")


def resolve(method: str, path: str, header_names: Collection[str] = ()) -> Route:
    """The route of a raw (still encoded) path; `header_names` are lower-case."""
    given, rest = _without_versions(path)
    if path == "/healthz":
        return Route(Kind.HEALTH, "openai", path, allowed=("GET", "HEAD"))
    if rest == _OWN or rest.startswith(f"{_OWN}/"):
        return _own(path, rest.removeprefix(_OWN).removeprefix("/"))
    if method == "POST" and rest == "chat/completions":
        return Route(Kind.DIALECT, "openai", "/v1/chat/completions", "openai_chat")
    if method == "POST" and rest == "responses":
        return Route(Kind.DIALECT, "openai", "/v1/responses", "openai_responses")
    if method == "POST" and rest == "messages":
        return Route(Kind.DIALECT, "anthropic", "/v1/messages", "anthropic")
    if method == "POST" and rest == "messages/count_tokens":
        return Route(Kind.COUNT_TOKENS, "anthropic", "/v1/messages/count_tokens")
    if method == "POST" and rest in _WHOLE_HISTORIES:
        return Route(Kind.COUNT_TOKENS, "openai", f"/v1/{rest}")
    if (named := _state(method, rest)) is not None:
        return Route(Kind.STATE, "openai", f"/v1/{rest}", named=named)
    if rest == "api/hello":  # Claude Code's greeting: at the root, whatever the base URL
        return Route(Kind.RELAY, "anthropic", "/api/hello")
    return _passthrough(path, given, rest, header_names)


def _without_versions(path: str) -> tuple[int, str]:
    """How many leading /v1 there were, and what follows them without its slash."""
    given, rest = 0, path.removeprefix("/")
    while rest == "v1" or rest.startswith(("v1/", "/")):
        given += rest.startswith("v1")
        rest = rest[1:] if rest.startswith("/") else rest[3:]
    return given, rest


def _own(path: str, rest: str) -> Route:
    if rest == "stats":
        return Route(Kind.STATS, "openai", path, allowed=("GET", "HEAD"))
    if rest.startswith("sessions/") and (name := rest.removeprefix("sessions/")):
        return Route(Kind.SESSION, "openai", path, session=decoded_name(name), allowed=("DELETE",))
    return Route(Kind.UNKNOWN, "openai", path)


def _state(method: str, rest: str) -> tuple[str, ...] | None:
    """The segments of a path below which we keep state, if it is asked for with this method."""
    segments = rest.removesuffix("/").split("/")
    shape = tuple(_ID if n % 2 else segment for n, segment in enumerate(segments))
    if method not in _STATE.get(shape, ()) or "" in segments:
        return None
    return tuple(map(decoded_name, segments))


def _passthrough(path: str, given: int, rest: str, header_names: Collection[str]) -> Route:
    root = rest.partition("/")[0]
    anthropic = root in _ANTHROPIC_ROOTS or not _ANTHROPIC_HEADERS.isdisjoint(header_names)
    provider: Provider = "anthropic" if anthropic else "openai"
    if given or root in _OPENAI_ROOTS or root in _ANTHROPIC_ROOTS:
        bare = given and not rest and not path.endswith("/")
        return Route(Kind.RELAY, provider, "/v1" if bare else f"/v1/{rest}")
    return Route(Kind.RELAY, provider, path)


def decoded_name(text: str) -> str:
    """A percent-encoded name: UTF-8, or Latin-1 where it is not UTF-8."""
    raw = unquote_to_bytes(text.encode("utf-8", "surrogateescape"))
    return text_of(raw)


def permitted(name: str) -> str:
    """A session's name as clients may give it. Raises ClientError: some are the program's own."""
    if "\0" in name:
        raise ClientError("session: found a name with a NUL in it, expected one without")
    return name


def text_of(raw: bytes) -> str:
    """Bytes of a header or path as text. Every byte sequence is one: Latin-1 refuses none."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def text_headers(raw: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """Raw headers as text."""
    try:
        return [(name.decode(), value.decode()) for name, value in raw]
    except UnicodeDecodeError:
        return [(text_of(name), text_of(value)) for name, value in raw]


def split_target(target: str) -> tuple[str, str]:
    """The path and query of a request target; the absolute form (RFC 9112 3.2.2) loses its host."""
    if not target.startswith("/") and "://" in target:
        target = "/" + target.partition("://")[2].partition("/")[2]
    if not target.isascii() or "#" in target:
        target = quote(target.encode("utf-8", "surrogateescape"), safe=_PRINTABLE)
    path, _, query = target.partition("?")
    return path, query


_PRINTABLE: Final = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != "#")


def take_session(query: str) -> tuple[str | None, str]:
    """The `session` parameter's value (None when absent or empty), and the query without it.

    Raises ClientError for a name that no session may have.
    """
    if "session" not in query:
        return None, query
    name: str | None = None
    kept: list[str] = []
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        if key == "session":
            name = name or decoded_name(value.replace("+", " ")) or None
        else:
            kept.append(pair)
    return name and permitted(name), "&".join(kept)
