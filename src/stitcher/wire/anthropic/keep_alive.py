"""The request of the Messages API that reads a prompt and generates nothing.

Anthropic, "Prompt caching", 2026-08-21: `max_tokens` of 0 writes and reads the cache like any
request and answers with no content; reading renews an entry for nothing. What decides a hit beside
the messages (thinking, effort, tools) has to be the same, so a request that is refused with
`max_tokens` of 0 for one of those cannot be made without it.
"""

from typing import Any, Final

from stitcher.messages.unreadable import Unreadable
from stitcher.wire.members import Member, members, replaced, without
from stitcher.wire.values import decoded, unless_null

_FORCED: Final = ("any", "tool")


def ping(body: bytes) -> bytes | None:
    """The body as a request that only keeps its prefix alive; None where none would be taken.

    Every byte of it stays but `max_tokens` and `stream`.
    """
    try:
        found = members(body)
        limit = found.get("max_tokens")
        if limit is None or _is_refused(body, found):
            return None
        return without(replaced(body, limit, b"0"), "stream")
    except Unreadable:
        return None


def _is_refused(body: bytes, found: dict[str, Member]) -> bool:
    """True for what the page says is not taken with `max_tokens` of 0, and for a price unknown."""

    def value(name: str) -> Any:
        member = found.get(name)
        return decoded(unless_null(body[member.start : member.end])) if member else None

    thinking, choice, output = value("thinking"), value("tool_choice"), value("output_config")
    return (
        _of(thinking, "type") == "enabled"
        or _of(choice, "type") in _FORCED
        or _of(output, "format") is not None
        or value("output_format") is not None  # the same, as the beta had it
        or value("speed") not in (None, "standard")  # fast mode has prices of its own
    )


def _of(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None
