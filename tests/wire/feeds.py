"""The same bytes as a decoder may meet them: whole, one at a time, cut anywhere."""

import random
from collections.abc import Iterator
from itertools import pairwise


def feeds(data: bytes) -> Iterator[list[bytes]]:
    """Chunkings of `data`: whole, bytewise, with empty chunks, and several random ones."""
    yield [data]
    yield [data[n : n + 1] for n in range(len(data))]
    yield [b"", data, b""]
    for seed in range(4):
        dice = random.Random(seed)
        cuts = sorted(dice.randrange(len(data) + 1) for _ in range(1 + seed * 4))
        edges = [0, *cuts, len(data)]
        yield [data[a:b] for a, b in pairwise(edges)]
