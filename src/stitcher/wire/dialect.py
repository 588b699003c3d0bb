"""What the exchange asks of a dialect. Each dialect is a package of pure functions behind this."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from stitcher.core.item import Item
from stitcher.core.layout import Piece
from stitcher.messages.parts import NeutralHead, Part
from stitcher.wire.call import Call


@dataclass(frozen=True, slots=True)
class Received:
    """A provider's answer, as far as it has arrived."""

    message: bytes | None  # the message to remember; None when nothing worth keeping arrived
    others: tuple[bytes, ...]  # further choices of the same request
    complete: bool  # the provider said that it was done
    usage: bytes | None  # verbatim; for a stream of several reports, merged
    reported: int | None  # input tokens the provider counted, cached ones included
    further: tuple[bytes, ...] = ()  # what the same answer says after `message`, in order
    response_id: str = ""  # what the provider calls the answer, where it can be referred to
    response: bytes | None = None  # the whole response object, verbatim


class Fold(Protocol):
    """Puts an answer together from its chunks. The result does not depend on how they were cut."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Takes in a chunk; gives back what of it goes to the client, in order."""
        ...

    def close(self) -> list[bytes]:
        """No more chunks; gives back what was held."""
        ...

    @property
    def ended(self) -> bool:
        """True once the client could know that the answer is complete."""
        ...

    def received(self) -> Received:
        """The answer so far."""
        ...


class Dialect(Protocol):
    """One provider API's way of writing conversations."""

    @property
    def NAME(self) -> str: ...

    @property
    def USER_SPEAKS_FIRST(self) -> bool:
        """True where a history that begins with an assistant is refused."""
        ...

    def parse(self, body: bytes) -> Call:
        """Reads a request. Raises Unreadable, with what was found, for one it cannot."""
        ...

    def read_item(self, raw: bytes) -> Item:
        """Reads one message. Raises Unreadable."""
        ...

    def read_answer(self, raw: bytes) -> Item:
        """Reads a message that a provider gave as its answer. Raises Unreadable."""
        ...

    def change(self, piece: Piece) -> bytes | None:
        """The piece's bytes after its changes; None when nothing is left to send."""
        ...

    def text(self, raw: bytes) -> str | None:
        """What a message says if it says nothing but text, else None."""
        ...

    def build(
        self, call: Call, *, system: bytes | None, tools: bytes | None, messages: Sequence[bytes]
    ) -> bytes:
        """The client's body with other messages, and with a head where it brought none."""
        ...

    def ask_usage(self, body: bytes) -> bytes:
        """The body with a stream's usage asked for."""
        ...

    def ping(self, body: bytes) -> bytes | None:
        """The body as a request that reads its prefix from the cache, to keep it, and nothing more.

        None where the API has no such request, or would refuse this one.
        """
        ...

    def mark_head(self, body: bytes, lifetime: int) -> bytes:
        """The body with cache breakpoints at its head's ends, two at most, where there are any.

        `lifetime` is for how many seconds the provider is asked to keep it.
        """
        ...

    def with_key(self, body: bytes, key: str) -> bytes:
        """The body with a cache key, where the dialect has them and the body has none."""
        ...

    def fold(self, *, stream: bool, hide_usage: bool) -> Fold:
        """A fold for one answer. `hide_usage` keeps a usage report we asked for from the client."""
        ...

    def continuing(self, call: Call, system: bytes | None, *, begins: bool) -> Call:
        """The call as if the client had sent what goes on of the head of the answer it follows.

        `begins` says that this answer has no history: the call begins it.
        """
        ...

    def cannot_read_thinking(self, status: int, body: bytes) -> bool:
        """True for an error that says so of thinking or reasoning that was put back."""
        ...

    def too_long(self, status: int, body: bytes) -> bool:
        """True for an error that says the request does not fit the model's context window."""
        ...

    def parts(self, item: Item) -> Sequence[Part]:
        """What a message says, in no dialect's words. Raises Unreadable."""
        ...

    def written(self, parts: Sequence[Part]) -> Sequence[bytes]:
        """Messages that say `parts`, in order; what has no form here is left out."""
        ...

    def head(self, system: bytes | None, tools: bytes | None) -> NeutralHead:
        """System prompt and tools, as `Call` has them, in no dialect's words. Raises Unreadable."""
        ...

    def written_head(self, head: NeutralHead) -> tuple[bytes | None, bytes | None]:
        """The head as `system` and `tools` for `build`."""
        ...
