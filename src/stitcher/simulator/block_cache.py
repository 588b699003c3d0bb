"""vLLM's automatic prefix cache: full blocks of tokens, evicted by least recent use.

Knows nothing of dialects: it is given chains of links.
"""

from collections import OrderedDict
from collections.abc import Sequence

from stitcher.simulator.prefix_chain import Link
from stitcher.simulator.reading import Reading
from stitcher.simulator.token_stream import prefixes, spans_of


class BlockCache:
    """Only full blocks are cached, those of generated tokens too (vLLM docs, prefix caching).

    A hit stops before the last token, because at least one has to be computed to go on from. Blocks
    of a request are freed in reverse order, so its tail is evicted first. That blocks in use by a
    running request are not evicted is not modelled.
    """

    def __init__(self, block: int = 16, capacity: int = 65_536) -> None:
        """`capacity` is in blocks: 65,536 of 16 tokens are about a million tokens."""
        self._block = block
        self._capacity = capacity
        self._blocks: OrderedDict[tuple[str, bytes], None] = OrderedDict()

    def begin(self, scope: str, links: Sequence[Link], minimum: int, start: float) -> Reading:
        total = links[-1].tokens if links else 0
        hits = 0
        for hash_ in self._hashes(links, total - 1):
            if (scope, hash_) not in self._blocks:
                break
            self._blocks.move_to_end((scope, hash_))
            hits += 1
        read = hits * self._block
        return Reading(scope, start, total, read if read >= minimum else 0, links=tuple(links))

    def settle(self, reading: Reading, now: float, grown: Sequence[Link] = ()) -> None:
        links = grown or reading.links
        total = links[-1].tokens if links else 0
        for hash_ in reversed(self._hashes(links, total)):
            self._blocks[reading.scope, hash_] = None
            self._blocks.move_to_end((reading.scope, hash_))
        while len(self._blocks) > self._capacity:
            self._blocks.popitem(last=False)

    def _hashes(self, links: Sequence[Link], tokens: int) -> list[bytes]:
        """The hashes of the full blocks among the first so many tokens."""
        return list(prefixes(spans_of(links), range(self._block, tokens + 1, self._block)))
