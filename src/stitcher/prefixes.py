"""Names of prompts' prefixes: digests of all that decides whether a provider finds one again. Pure.

A prefix is named by its last message and by all that decides a hit beside the messages: model,
tools, system prompt, parameters, and where the window begins. No prompt is hashed for it: whatever
was sent once goes out as it did.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from stitcher.core.item import digest
from stitcher.core.ledger import Held
from stitcher.providers.caching import cache_rules
from stitcher.wire.call import Call

NAMED: Final = 16
"""Hex digits of a chain that name a message within one thread."""

_CONTEXT: Final = 8
_MARKER: Final = re.compile(
    rb'(?:,\s*|(?<=\{)\s*)"(?:cache_control|prompt_cache_breakpoint)"\s*:\s*\{[^{}]*\}'
)
_EMPTIED: Final = re.compile(rb"\{\s*,")  # where the marker stood first
# The first that a marker names says for how long; the last is what OpenAI's asks for without.
_LIFETIMES: Final = ((b'"1h"', 3_600), (b'"12h"', 43_200), (b"prompt_cache_breakpoint", 1_800))
_SHORTEST: Final = 300
# Told apart by themselves.
_NOT_PARAMETERS: Final = frozenset({"model", "system", "tools"})


@dataclass(frozen=True, slots=True)
class Part:
    """What is known of a system prompt, or of tools, without keeping them."""

    digest: str = ""  # without breakpoints
    size: int = 0  # bytes
    lifetime: int = 0  # seconds that the last breakpoint in it asks for; 0 for none

    def __bool__(self) -> bool:
        return self.size > 0


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before the messages, and the parameters that a prefix depends on."""

    model: str
    tools: Part
    system: Part
    settings: str  # digest
    tokens: int  # of both, before calibration


@dataclass(frozen=True, slots=True)
class Names:
    """Of the prefixes that end before the messages; `context` is the end of the others' names."""

    tools: str
    system: str
    context: str

    def message(self, chain: str) -> str:
        """Of the prefix that ends with a message."""
        return chain[:NAMED] + self.context


def names_of(head: Head, dialect: str, window: str) -> Names:
    """The names under a head; `window` is the message that the messages begin with."""
    return _names(f"{dialect}/{head.model}", parts_of(head), window)


@lru_cache(maxsize=256)
def _names(model: str, parts: tuple[str, str, str], window: str) -> Names:
    tools = digest(f"{model}/{parts[0]}".encode())[:NAMED]
    system = digest(f"{tools}/{parts[1]}".encode())[:NAMED]
    context = digest(f"{system}/{parts[2]}/{window}".encode())[:_CONTEXT]
    return Names(tools, system, context)


def settings_of(call: Call) -> str:
    """A digest of the parameters that a prefix depends on, as the client wrote them."""
    members = call.members
    found = [(name, members[name]) for name in _parameters(call.model) if name in members]
    if not found:
        return ""
    told = [name.encode() + call.body[member.start : member.end] for name, member in found]
    return digest(b"\0".join(told))[:NAMED]


@lru_cache(maxsize=256)
def _parameters(model: str) -> tuple[str, ...]:
    names = {loss.change.partition(".")[0] for loss in cache_rules(model).losses}
    return tuple(sorted(names - _NOT_PARAMETERS))


def context_of(head: Head, dialect: str, window: str) -> str:
    """A digest of all that decides a hit beside the messages; `window` is where these begin."""
    return names_of(head, dialect, window).context


def parts_of(head: Head) -> tuple[str, str, str]:
    """Digests of tools, system prompt and parameters."""
    return head.tools.digest, head.system.digest, head.settings


def is_of(held: Held, context: str) -> bool:
    """True for an entry whose last message stands in that context."""
    return held.key[NAMED:] == context


@lru_cache(maxsize=256)
def part_of(part: bytes | None) -> Part:
    """A system prompt, or tools, as a client wrote them."""
    if not part:
        return Part()
    markers = _MARKER.findall(part)
    if not markers:
        return Part(digest(part)[:NAMED], len(part))
    bare = _EMPTIED.sub(b"{", _MARKER.sub(b"", part))
    asked = (seconds for sign, seconds in _LIFETIMES if sign in markers[-1])
    return Part(digest(bare)[:NAMED], len(part), next(asked, _SHORTEST))
