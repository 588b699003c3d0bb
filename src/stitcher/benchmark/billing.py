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
from stitcher.benchmark.conversation import Block, Conversation
from stitcher.benchmark.prompt import Prompt
from stitcher.core.breakpoints import MOST_BREAKPOINTS
from stitcher.simulator.cache import AutomaticCache, BreakpointCache, Reading
from stitcher.simulator.prefix_chain import Link

_FIRST_TOKEN: Final = 1.0  # seconds; what was written can be read from then on
_SCOPE: Final = "bench"


@dataclass(frozen=True, slots=True)
class Bill:
    """Input tokens of one request by what they cost."""

    read: int
    written: int
    plain: int

    @property
    def tokens(self) -> int:
        return self.read + self.written + self.plain

    def cost(self, cell: Cell) -> float:
        """In prices of a plain input token."""
        return self.plain + self.written * cell.prices.write + self.read * cell.prices.read


def bills(conversation: Conversation, prompts: Iterable[Prompt], cell: Cell) -> Iterator[Bill]:
    """Each request's bill, of a cache that begins empty."""
    chain, cache = _Chain(cell), _Cache(cell)
    for request, prompt in zip(conversation.requests, prompts, strict=True):
        links = chain.extended(prompt)
        reading = cache.begin(links, request.at)
        cache.settle(reading, request.at + min(_FIRST_TOKEN, request.seconds))
        yield Bill(reading.read, reading.written_5m + reading.written_1h, reading.plain)


class _Cache:
    """The simulator's cache of a cell's regime."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._looking_back = BreakpointCache()
        self._automatic = AutomaticCache()

    def begin(self, links: Sequence[Link], now: float) -> Reading:
        minimum = self._cell.minimum
        if self._cell.regime == "look-back":
            return self._looking_back.begin(_SCOPE, links, minimum, now)
        return self._automatic.begin(_SCOPE, links, minimum, now, rounding=self._cell.rounding)

    def settle(self, reading: Reading, now: float) -> None:
        cache = self._looking_back if self._cell.regime == "look-back" else self._automatic
        cache.settle(reading, now)


class _Chain:
    """The links of one prompt after the other; what they share is hashed once."""

    def __init__(self, cell: Cell) -> None:
        self._everywhere = cell.regime == "everywhere"
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
            ttl = self._ttl if self._everywhere else None
            links.append(Link(hash_, tokens, n, ttl, readable=self._everywhere))
        self._blocks, self._links = prompt.blocks, links
        if self._everywhere:
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
