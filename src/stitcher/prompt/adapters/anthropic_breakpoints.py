"""The cache breakpoints of a Messages request: at which ends, and with which lifetime.

A history is long: it is walked from its end, as far back as the ends that matter.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from stitcher.core.breakpoints import MOST_BREAKPOINTS, Place, chosen
from stitcher.messages.anthropic.marking import (
    Marker,
    markable,
    marked_blocks,
    marked_message,
    markers,
)
from stitcher.messages.anthropic.message import Block, block_tokens, blocks, positions
from stitcher.messages.counting import Counter
from stitcher.messages.json_text import json_text
from stitcher.messages.translation import Written
from stitcher.providers.caching import CacheRules

Ttl = Literal["5m", "1h"]

_TOOLS: Final = -2  # instead of a message's index
_SYSTEM: Final = -1


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a request is made of, in the order the provider reads it."""

    tools: list[Block]
    system: list[Block]
    messages: list[Written]


@dataclass(frozen=True, slots=True)
class Ends:
    """Which ends of the messages matter; the indices are sources of `Written`."""

    tail: bool  # the prompt's very end will be read again
    history: int | None  # the last message that stays, whatever comes
    written: int | None  # the last that the request before had in common with this one


def marked(
    prompt: Prompt, ends: Ends, *, counter: Counter, rules: CacheRules, taken: int, ttl: Ttl
) -> Prompt:
    """The prompt with breakpoints of ours, at most four with those `taken` already."""
    last = len(prompt.messages) - 1
    history, written = (_upto(prompt, end) for end in (ends.history, ends.written))
    tail = _markable_upto(prompt, last) if ends.tail else None
    wanted = [n for n in (tail, history) if n is not None]
    wanted += [zone for zone in (_SYSTEM, _TOOLS) if markable(_zone(prompt, zone)) is not None]
    places = _places(prompt, {*wanted, *([] if written is None else [written])})
    enough = _enough(prompt, counter, rules.minimum)
    picked = chosen(
        [places[n] for n in wanted if n >= enough],
        written=None if written is None or written < enough else places[written],
        free=MOST_BREAKPOINTS - taken,
        lookback=rules.lookback,
    )
    for n in picked:
        prompt = _with(prompt, n, _lifetime(prompt, n, ttl) if taken else marker_of(ttl))
    return prompt


def _zone(prompt: Prompt, zone: int) -> list[Block]:
    return prompt.tools if zone == _TOOLS else prompt.system


def _upto(prompt: Prompt, source: int | None) -> int | None:
    """The last message that may be marked of those that came from `source` or before."""
    if source is None:
        return None
    n = len(prompt.messages) - 1
    while n >= 0 and prompt.messages[n].source > source:
        n -= 1
    return _markable_upto(prompt, n)


def _markable_upto(prompt: Prompt, last: int) -> int | None:
    for n in range(last, -1, -1):
        message = prompt.messages[n].message
        if message.get("clear_at") is None and markable(_content(prompt, n)) is not None:
            return n
    return None


def _content(prompt: Prompt, n: int) -> list[Block]:
    return blocks(prompt.messages[n].message.get("content"))


def _places(prompt: Prompt, wanted: set[int]) -> dict[int, Place]:
    """The ends with the positions between them; what is before the first counts as far away."""
    first = min((n for n in wanted if n >= 0), default=0)
    places: dict[int, Place] = {}
    position = 0
    for n in range(first, len(prompt.messages)):
        position += positions(_content(prompt, n))
        if n in wanted:
            places[n] = Place(n, position, 0)
    far = -len(prompt.messages) - len(prompt.system) - 1_000
    for zone in wanted & {_TOOLS, _SYSTEM}:
        places[zone] = Place(zone, far + zone, 0)
    return places


def _enough(prompt: Prompt, counter: Counter, minimum: int) -> int:
    """The first end (tools, system, or a message's) that is far enough in to be cached."""
    tokens = 0
    for n, size in _sizes(prompt, counter):
        tokens += size
        if tokens >= minimum:
            return n
    return len(prompt.messages)


def _sizes(prompt: Prompt, counter: Counter) -> Iterator[tuple[int, int]]:
    for zone in (_TOOLS, _SYSTEM):
        yield zone, sum(counter.text(json_text(block)) for block in _zone(prompt, zone))
    for n in range(len(prompt.messages)):
        yield n, sum(block_tokens(block, counter) for block in _content(prompt, n))


def _with(prompt: Prompt, n: int, marker: Marker) -> Prompt:
    if n == _TOOLS:
        return replace(prompt, tools=marked_blocks(prompt.tools, marker))
    if n == _SYSTEM:
        return replace(prompt, system=marked_blocks(prompt.system, marker))
    messages = list(prompt.messages)
    messages[n] = replace(messages[n], message=marked_message(messages[n].message, marker))
    return replace(prompt, messages=messages)


def marker_of(ttl: Ttl) -> Marker:
    """A breakpoint of this lifetime."""
    return {"type": "ephemeral"} if ttl == "5m" else {"type": "ephemeral", "ttl": ttl}


def _lifetime(prompt: Prompt, n: int, ttl: Ttl) -> Marker:
    """The marker for an end: long ones must stand before short ones, the caller's included."""
    values: list[Any] = [prompt.tools, prompt.system, *(one.message for one in prompt.messages)]
    at = n + 2
    if any(_has(value, "1h") for value in values[at + 1 :]):
        return marker_of("1h")
    return marker_of("5m" if any(_has(value, "5m") for value in values[:at]) else ttl)


def _has(value: Any, ttl: Ttl) -> bool:
    """True where a marker of that lifetime stands somewhere in it."""
    if isinstance(value, list):
        return any(_has(inner, ttl) for inner in value)
    if not isinstance(value, dict) or not markers(value):
        return False
    own = value.get("cache_control")
    if isinstance(own, dict) and (own.get("ttl") or "5m") == ttl:
        return True
    return _has(value.get("content"), ttl)
