"""What a provider bills for the prompts of a conversation: read, written, plain.

The caches are the simulator's own, fed with blocks instead of bodies. Every arm gets the same
breakpoints: the end of the head, what the prompt shares with the one before, the ends its layout
holds stable, and its tail.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from stitcher.benchmark.cells import Cell
from stitcher.benchmark.conversation import Block, Conversation, Request
from stitcher.benchmark.prompt import Prompt
from stitcher.core.breakpoints import MOST_BREAKPOINTS
from stitcher.simulator.cache import (
    BoundaryCache,
    BreakpointCache,
    Cache,
    IntervalCache,
    PrefixCache,
)
from stitcher.simulator.prefix_chain import Link

_FIRST_TOKEN: Final = 1.0  # seconds; what was written can be read from then on
_SCOPE: Final = "bench"


@dataclass(frozen=True, slots=True)
class Bill:
    """Input tokens of one request by what they cost."""

    read: int
    written: int  # 0 where writing costs nothing
    plain: int

    @property
    def tokens(self) -> int:
        return self.read + self.written + self.plain

    def cost(self, cell: Cell) -> float:
        """In prices of a plain input token."""
        return self.plain + self.written * cell.prices.write + self.read * cell.prices.read


def bills(conversation: Conversation, prompts: Iterable[Prompt], cell: Cell) -> Iterator[Bill]:
    """Each request's bill, of a cache that begins empty."""
    cache = _cache(cell)
    for request, links in zip(conversation.requests, chained(prompts, cell), strict=True):
        reading = cache.begin(_SCOPE, links, cell.minimum, request.at)
        cache.settle(reading, begins(request))
        yield Bill(reading.read, reading.written, reading.plain)


def chained(prompts: Iterable[Prompt], cell: Cell) -> Iterator[list[Link]]:
    """Each request as it is sent, with its breakpoints where the provider takes them."""
    chain = _Chain(cell)
    for prompt in prompts:
        yield chain.extended(prompt)


def begins(request: Request) -> float:
    """When a request's answer begins."""
    return request.at + min(_FIRST_TOKEN, request.seconds)


def _cache(cell: Cell) -> Cache:
    """The simulator's cache of a cell's regime."""
    match cell.regime:
        case "look-back":
            return BreakpointCache()
        case "breakpoints":
            return BoundaryCache()
        case "intervals":
            return IntervalCache(cell.rounding, cell.lifetime)
        case "prefixes":
            return PrefixCache(lifetime=cell.lifetime)


class _Chain:
    """The links of one prompt after the other; what they share is hashed once."""

    def __init__(self, cell: Cell) -> None:
        self._marked = cell.marks
        # Before a breakpoint, Anthropic's look-back stops at any block; OpenAI's at its own only.
        self._readable = cell.regime != "breakpoints"
        self._ttl = cell.lifetime
        self._blocks: Sequence[Block] = ()
        self._links: list[Link] = []  # of those, as they are without breakpoints
        self._marks: list[int] = []

    def extended(self, prompt: Prompt) -> list[Link]:
        shared = self._shared(prompt.blocks)
        links = self._links[:shared]
        hash_, tokens = (links[-1].hash, links[-1].tokens) if links else (b"", 0)
        for n in range(shared, len(prompt.blocks)):
            block = prompt.blocks[n]
            hash_ = hashlib.blake2b(hash_ + block.key, digest_size=16).digest()
            tokens += block.tokens
            links.append(Link(hash_, tokens, n, readable=self._readable))
        self._blocks, self._links = prompt.blocks, links
        if not self._marked:
            return links
        self._marks = _marks(prompt, max((n for n in self._marks if n < shared), default=-1))
        marked = links.copy()
        for n in self._marks:
            marked[n] = replace(links[n], ttl=self._ttl, readable=True)
        return marked

    def _shared(self, blocks: Sequence[Block]) -> int:
        """How many blocks the prompt has in common with the one before."""
        most = min(len(blocks), len(self._blocks))
        return next((n for n in range(most) if blocks[n] is not self._blocks[n]), most)


def _marks(prompt: Prompt, written: int) -> list[int]:
    """The blocks to mark, in order; `written` is the last marked one shared with before."""
    tail = len(prompt.blocks) - 1
    wanted = [tail] if prompt.lasting else []
    wanted += [n for n in (written, *prompt.stable[:1], 0, *prompt.stable[1:]) if n >= 0]
    return sorted(list(dict.fromkeys(wanted))[:MOST_BREAKPOINTS])
