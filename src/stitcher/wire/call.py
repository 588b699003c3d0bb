"""One request, read: its head, its messages as items, and what else decides where it belongs."""

from collections.abc import Sequence
from dataclasses import dataclass

from stitcher.core.item import Item
from stitcher.wire.members import Member


@dataclass(frozen=True, slots=True)
class Aside:
    """Something said with one request only: it stands before the history's item number `before`."""

    before: int  # index into `Call.items`; their number for the end
    raw: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """A request body and what was read from it."""

    dialect: str
    body: bytes
    members: dict[str, Member]
    model: str
    stream: bool
    items: tuple[Item, ...]  # the history; system prompt and tools are the head
    # Verbatim; an array of the leading messages for Chat Completions, and for Responses of the
    # instructions, a JSON string, and the leading items.
    system: bytes | None
    tools: bytes | None
    head_digest: str  # of system and tools, without what changes from request to request
    head_tokens: int
    answer_tokens: int | None  # the most the client lets the model say
    # Cache breakpoints the client set, everywhere; what it asks of the cache for all of a request,
    # as an automatic breakpoint or OpenAI's options, counts as one.
    breakpoints: int = 0
    marks_messages: bool = False  # at least one of them on a message
    asks_usage: bool = True  # False only for a stream that would not report any
    tool_names: Sequence[str] = ()
    system_start: str = ""
    user_id: str | None = None
    cache_key: str | None = None
    marks_last_message: bool | None = None
    asides: tuple[Aside, ...] = ()  # what goes out with the messages and is none of the history
    after: str | None = None  # Responses: previous_response_id
    conversation: str | None = None  # Responses: the id of a conversation object
    stores: bool = True  # Responses: False when the client asks the provider to keep nothing
    background: bool = False  # Responses: answered later, to be fetched
    generates: bool = True  # Responses over WebSocket: False for a prewarm
