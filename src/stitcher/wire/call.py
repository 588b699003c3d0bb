"""One request, read: its head, its messages as items, and what else decides where it belongs."""

from collections.abc import Sequence
from dataclasses import dataclass

from stitcher.core.item import Item
from stitcher.wire.members import Member


@dataclass(frozen=True, slots=True)
class Call:
    """A request body and what was read from it."""

    dialect: str
    body: bytes
    members: dict[str, Member]
    model: str
    stream: bool
    items: tuple[Item, ...]  # the history; system prompt and tools are the head
    system: bytes | None  # verbatim; for Chat Completions an array of the leading messages
    tools: bytes | None
    head_digest: str  # of system and tools, without what changes from request to request
    head_tokens: int
    answer_tokens: int | None  # the most the client lets the model say
    breakpoints: int = 0  # cache breakpoints the client set, everywhere
    marks_messages: bool = False  # at least one of them on a message
    asks_usage: bool = True  # False only for a stream that would not report any
    tool_names: Sequence[str] = ()
    system_start: str = ""
    user_id: str | None = None
    cache_key: str | None = None
    marks_last_message: bool | None = None
