"""How many tokens of each request were seen before, as llmbuffer's benchmark counts them.

Four characters are a token, in a list of messages rounded down once; cached is the longest prefix
of whole messages that some earlier request began with. No minimum, no lifetime, no breakpoints.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Counted:
    """One request's tokens."""

    total: int
    cached: int


def characters(message: Message) -> int:
    """Characters of a message's content and tool calls, as text or as JSON."""
    content = message.get("content", "")
    found = len(content if isinstance(content, str) else json.dumps(content))
    calls = message.get("tool_calls")
    return found + (len(json.dumps(calls)) if calls else 0)


def counted(requests: Iterable[list[Message]]) -> list[Counted]:
    """The requests of one conversation, in order."""
    seen: dict[str, Any] = {}  # a tree: what follows each message that was seen
    found: list[Counted] = []
    for messages in requests:
        total, cached, here, known = 0, 0, seen, True
        for message in messages:
            total += characters(message)
            said = json.dumps(message, sort_keys=True)
            known = known and said in here
            cached = total if known else cached
            here = here.setdefault(said, {})
        found.append(Counted(total // 4, cached // 4))
    return found
