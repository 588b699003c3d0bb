"""The borders of the exchange: what it is given by, and asks of, whoever speaks HTTP.

The exchange knows these shapes only; the proxy's HTTP shell fills them. Nothing here does anything.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

Headers = Sequence[tuple[str, str]]
DialectName = Literal["openai_chat", "openai_responses", "anthropic"]
Mode = Literal["stitch", "observe", "off"]


class ClientGone(Exception):
    """The client closed its connection before the answer was complete."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """One request of a client on a dialect's endpoint, body read and decoded."""

    dialect: DialectName
    path: str  # below the upstream's base, as sent up: "/v1/messages"
    query: str  # raw query string for the upstream, without "?" and without our own parameters
    headers: Headers  # as the client sent them, hop-by-hop ones included
    body: bytes  # as received
    decoded: bytes  # after undoing content-encoding; the same object as `body` where there was none
    tenant: str
    mode: Mode
    session: str | None  # explicit name: X-Stitcher-Session header or ?session=
    channel: "Channel | None" = None  # the way up of a connection that lasts (WebSocket)


class Answer(Protocol):
    """The provider's answer while it is arriving."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Headers: ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives, content-encoding undone. Raises UpstreamError when cut off."""
        ...


class Upstream(Protocol):
    """Sends requests to the providers."""

    def send(self, incoming: Incoming, body: bytes) -> AbstractAsyncContextManager[Answer]:
        """POSTs `body` to the incoming request's provider with the client's own headers.

        `body is incoming.body` sends exactly what the client sent, its content-encoding included;
        any other body goes out unencoded. Leaving the context early cancels the request upstream.
        Raises UpstreamError (or UpstreamTimeout) when there is no answer.
        """
        ...


class Channel(Upstream, Protocol):
    """The way up of one client's connection, over which the provider may keep state."""

    def holds(self, response_id: str) -> bool:
        """True while the provider knows that response from this very connection."""
        ...


class Reply(Protocol):
    """The way back to the client. Every method raises ClientGone when there is nobody any more."""

    @property
    def started(self) -> bool:
        """True once status and headers have gone out: from then on nothing can be retried."""
        ...

    async def start(self, status: int, headers: Headers, *, length: int | None = None) -> None:
        """Sends status and headers; a known length makes it a plain body, else chunks follow."""
        ...

    async def write(self, chunk: bytes) -> None:
        """Sends a chunk at once."""
        ...

    async def finish(self) -> None:
        """Ends the body."""
        ...
