"""The cache breakpoints of a Messages request: at which ends, and with which lifetime."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

from stitcher.core.breakpoints import Place, chosen
from stitcher.messages.anthropic.marking import (
    Marker,
    markable,
    marked_blocks,
    marked_message,
    markers,
)
from stitcher.messages.anthropic.message import Block, block_tokens, blocks
from stitcher.messages.counting import Counter
from stitcher.messages.json_text import json_text
from stitcher.messages.translation import Written
from stitcher.providers.caching import CacheRules

Ttl = Literal["5m", "1h"]
Zone = Literal["tools", "system", "messages"]

# One position however many follow each other (Anthropic, "Prompt caching", 2026-09).
_RUNS = ("tool_use", "tool_result")


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
    history: int | None  # the last message that stays
    written: int | None  # the last that the request before had in common with this one


@dataclass(frozen=True, slots=True)
class _Spot:
    """A place where a breakpoint may stand."""

    zone: Zone
    n: int  # index of the tool, block or message
    place: Place


def marked(
    prompt: Prompt, ends: Ends, *, counter: Counter, rules: CacheRules, free: int, ttl: Ttl
) -> Prompt:
    """The prompt with at most `free` breakpoints of ours."""
    spots = list(_spots(prompt, counter, rules.minimum))
    wanted = [spot.place for spot in _wanted(spots, prompt, ends)]
    written = _upto(spots, prompt, ends.written)
    picked = chosen(
        wanted,
        written=written.place if written else None,
        free=free,
        lookback=rules.lookback,
        minimum=rules.minimum,
    )
    for n in picked:
        prompt = _with(prompt, spots[n], _lifetime(prompt, spots[n], ttl))
    return prompt


def _spots(prompt: Prompt, counter: Counter, minimum: int) -> Iterator[_Spot]:
    """The ends of tools and system, and of every message, with their positions.

    Tokens are counted until they are enough to be cached: beyond, only the order matters.
    """
    position, tokens, index = 0, 0, 0
    for zone, found in (("tools", prompt.tools), ("system", prompt.system)):
        position += len(found)
        if tokens < minimum:
            tokens += sum(counter.text(json_text(block)) for block in found)
        if markable(found) is not None:
            yield _Spot("tools" if zone == "tools" else "system", 0, Place(index, position, tokens))
            index += 1
    for n, one in enumerate(prompt.messages):
        content = blocks(one.message.get("content"))
        position += _positions(content)
        if tokens < minimum:
            tokens += sum(block_tokens(block, counter) for block in content)
        if markable(content) is not None and one.message.get("clear_at") is None:
            yield _Spot("messages", n, Place(index, position, tokens))
            index += 1


def _positions(content: Sequence[Block]) -> int:
    kinds = [str(block.get("type")) for block in content]
    return len(kinds) - sum(one == other and one in _RUNS for one, other in pairwise(kinds))


def _wanted(spots: Sequence[_Spot], prompt: Prompt, ends: Ends) -> Iterator[_Spot]:
    """The ends worth marking, most wanted first: what changes most often is read most often."""
    said = [spot for spot in spots if spot.zone == "messages"]
    if ends.tail and said:
        yield said[-1]
    history = _upto(spots, prompt, ends.history)
    if history is not None:
        yield history
    yield from (spot for spot in reversed(spots) if spot.zone != "messages")


def _upto(spots: Sequence[_Spot], prompt: Prompt, source: int | None) -> _Spot | None:
    """The last spot that nothing after a message stands before."""
    if source is None:
        return None
    before = None
    for spot in spots:
        if spot.zone == "messages" and prompt.messages[spot.n].source > source:
            break
        if spot.zone == "messages":
            before = spot
    return before


def _with(prompt: Prompt, spot: _Spot, marker: Marker) -> Prompt:
    if spot.zone == "tools":
        return replace(prompt, tools=marked_blocks(prompt.tools, marker))
    if spot.zone == "system":
        return replace(prompt, system=marked_blocks(prompt.system, marker))
    messages = list(prompt.messages)
    said = messages[spot.n]
    messages[spot.n] = replace(said, message=marked_message(said.message, marker))
    return replace(prompt, messages=messages)


def marker_of(ttl: Ttl) -> Marker:
    """A breakpoint of this lifetime."""
    return {"type": "ephemeral"} if ttl == "5m" else {"type": "ephemeral", "ttl": ttl}


def _lifetime(prompt: Prompt, spot: _Spot, ttl: Ttl) -> Marker:
    """The marker for a spot: long ones must stand before short ones, the caller's included."""
    values: list[Any] = [prompt.tools, prompt.system, *(one.message for one in prompt.messages)]
    at = {"tools": 0, "system": 1}.get(spot.zone, spot.n + 2)
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
