"""The requests that somebody's session file tells of, as a conversation of sizes.

Tokens are the provider's own where the file has its usage, and estimates elsewhere. No text is
kept. Knows nothing of files.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from stitcher.benchmark.conversation import Block, Conversation, Request
from stitcher.core.tokens import estimate
from stitcher.messages.counting import Counter
from stitcher.messages.json_text import json_text
from stitcher.messages.reading import tokens_of
from stitcher.messages.unreadable import Unreadable


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a session file."""

    at: float
    tokens: int  # an estimate
    is_reply: bool
    is_result: bool = False  # of a tool
    reply: str = ""  # what the parts of one reply have in common; "" where nothing says


@dataclass(frozen=True, slots=True)
class Usage:
    """What the provider counted for the request that the messages before ended."""

    prompt: int
    output: int


@dataclass(slots=True)
class _Asked:
    """One request in the making."""

    at: float
    said: int = 0
    results: bool = False
    reply: int = 0
    answered: float = 0.0
    key: str = ""
    usage: Usage | None = None


def conversation(told: Iterable[Said | Usage]) -> Conversation:
    """The conversation that these messages make."""
    asked = [one for one in _requests(told) if one.reply]
    grown = _grown(asked)
    first = asked[0] if asked else _Asked(0.0)
    head = first.usage.prompt - first.said if first.usage else 1
    requests = [
        Request(
            one.at,
            Block(b"said %d" % n, said),
            not one.results,
            Block(b"reply %d" % n, reply),
            max(0.0, one.answered - one.at),
        )
        for n, (one, (said, reply)) in enumerate(zip(asked, grown, strict=True))
    ]
    return Conversation(Block(b"head", max(1, head)), requests)


def _requests(told: Iterable[Said | Usage]) -> Iterator[_Asked]:
    """A request is what was said until a reply, and that reply whole."""
    open_: _Asked | None = None  # being answered
    said: _Asked | None = None  # being said
    for one in told:
        if isinstance(one, Usage):
            if open_ is not None:
                open_.usage = one
        elif not one.is_reply:
            said = said or _Asked(one.at)
            said.at = max(said.at, one.at)
            said.said += one.tokens
            said.results = said.results or one.is_result
        elif said is not None and not (open_ and one.reply and one.reply == open_.key):
            if open_ is not None:
                yield open_
            open_, said = said, None
            _answered(open_, one)
        elif open_ is not None:
            _answered(open_, one)
    if open_ is not None:
        yield open_


def _answered(asked: _Asked, one: Said) -> None:
    asked.reply += one.tokens
    asked.answered = max(asked.answered, one.at)
    asked.key = one.reply


def _grown(asked: Sequence[_Asked]) -> list[tuple[int, int]]:
    """Tokens said and replied in each request: by how much the prompt grew, where that is known."""
    said = [max(1, one.said) for one in asked]
    reply = [one.usage.output if one.usage else one.reply for one in asked]
    for n, (before, now) in enumerate(pairwise(asked)):
        if before.usage is None or now.usage is None:
            continue
        more = now.usage.prompt - before.usage.prompt
        if more > 1:  # else the client has cut or rewritten its history
            reply[n] = min(reply[n], more - 1)
            said[n + 1] = more - reply[n]
    return list(zip(said, (max(1, one) for one in reply), strict=True))


def message_tokens(message: Mapping[str, Any], family: str) -> int:
    """An estimate, also for a message of no known form."""
    try:
        return max(1, tokens_of(dict(message), Counter(family)))
    except Unreadable:
        return estimate(len(json_text(message)), family)


def seconds_of(stamp: object) -> float:
    """A time as a number; 0 for what is none."""
    try:
        return datetime.fromisoformat(str(stamp)).timestamp()
    except ValueError:
        return 0.0
