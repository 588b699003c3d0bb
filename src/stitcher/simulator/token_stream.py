"""A prompt token by token: which prefix ends at a given token, and where two prompts part.

For the caches whose boundaries do not fall on the ends of pieces. How the prompt was cut into
pieces makes no difference. Knows nothing of entries or lifetimes.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from stitcher.simulator.prefix_chain import Link, Span

BYTES_PER_TOKEN = 4


def spans_of(links: Sequence[Link]) -> tuple[Span, ...]:
    """All that the links hold; a link without content is one span, known by its hash."""
    starts = [0, *(link.tokens for link in links)]
    return tuple(
        span
        for link, (start, end) in zip(links, pairwise(starts), strict=True)
        for span in link.spans or (Span(link.hash, end - start),)
    )


def prefixes(spans: Sequence[Span], lengths: Iterable[int]) -> Iterator[bytes]:
    """The hash of the prefix of each length, in tokens; lengths come in rising order from 1."""
    wanted = iter(lengths)
    length = next(wanted, None)
    before, done = b"", 0
    for span in spans:
        # Begun anew with the digest of all that came before: no text can look like a span's end.
        running = hashlib.blake2b(b"t" if span.text else b"w", digest_size=16, key=before)
        hashed = 0 if span.text else len(span.content)
        running.update(span.content[:hashed])
        while length is not None and length <= done + span.tokens:
            inside = length - done
            if span.text:
                running.update(span.content[hashed : inside * BYTES_PER_TOKEN])
                hashed = inside * BYTES_PER_TOKEN
                yield running.digest()
            else:
                yield running.digest() + b"%d" % inside
            length = next(wanted, None)
        running.update(span.content[hashed:])
        before, done = running.digest(), done + span.tokens


def common_tokens(one: Sequence[Span], other: Sequence[Span]) -> int:
    """The length of the longest common token prefix."""
    same = 0
    for a, b in zip(one, other, strict=False):
        if a == b:
            same += a.tokens
            continue
        return same + _common_text(a, b)
    return same


def _common_text(a: Span, b: Span) -> int:
    """How many tokens two different spans begin with alike."""
    if not (a.text and b.text):
        return 0
    low, high = 0, min(len(a.content), len(b.content))
    if a.content[:high] == b.content[:high]:
        low = high
    while low < high:
        middle = (low + high + 1) // 2
        if a.content[low:middle] == b.content[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low // BYTES_PER_TOKEN
