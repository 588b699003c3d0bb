"""A prompt as a chain of hashed pieces: what every prefix cache is decided on.

A piece's hash covers everything before it. Knows nothing of dialects, entries or lifetimes.
"""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Link:
    """The end of one piece: the hash of the whole prefix and its cumulative tokens.

    `position` numbers the places a look-back counts; `ttl` is the lifetime in seconds that a
    breakpoint here asks for, None where there is no breakpoint; `readable` says whether a look-up
    may stop here.
    """

    hash: bytes
    tokens: int
    position: int
    ttl: int | None = None
    readable: bool = True


class Chain:
    """Takes a prompt piece by piece and keeps the links."""

    def __init__(self, seed: bytes) -> None:
        self.links: list[Link] = []
        self.tokens = 0
        self._hash = hashlib.blake2b(seed, digest_size=16)
        self._position = -1

    def mix(self, settings: bytes) -> None:
        """Settings that change everything after them but are no place to stop at."""
        self._hash.update(b"%d " % len(settings))
        self._hash.update(settings)

    def add(
        self,
        piece: bytes,
        tokens: int,
        *,
        ttl: int | None = None,
        same_position: bool = False,
        readable: bool = True,
    ) -> None:
        self.mix(piece)
        self.tokens += tokens
        if not same_position:
            self._position += 1
        self.links.append(Link(self._hash.digest(), self.tokens, self._position, ttl, readable))
