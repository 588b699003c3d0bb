"""A prompt as a chain of hashed pieces: what every prefix cache is decided on.

A piece's hash covers everything before it. Knows nothing of dialects, entries or lifetimes.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a piece, for the caches that look inside pieces.

    Token k of a text is its bytes 4(k-1) to 4k, which is the counting rule of `counting`. Anything
    else (an image, what marks a message's beginning) is known as a whole: its tokens differ from
    another's from the first on.
    """

    content: bytes
    tokens: int
    text: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """The end of one piece: the hash of the whole prefix and its cumulative tokens.

    `position` numbers the places a look-back counts; `ttl` is the lifetime in seconds that a
    breakpoint here asks for, None where there is no breakpoint; `readable` says whether a look-up
    may stop here. `spans` are the piece's content; without them a place inside the piece is known
    by the piece's hash and the tokens before the place, so two different pieces have nothing in
    common: right for a benchmark whose messages differ from their beginning.
    """

    hash: bytes
    tokens: int
    position: int
    ttl: int | None = None
    readable: bool = True
    spans: tuple[Span, ...] = ()


class Chain:
    """Takes a prompt piece by piece and keeps the links."""

    def __init__(self, seed: bytes, tokens: int = 0) -> None:
        """`tokens` stand before the first piece, as the seed does."""
        self.links: list[Link] = []
        self.tokens = tokens
        self._hash = hashlib.blake2b(seed, digest_size=16)
        self._opening: tuple[Span, ...] = (Span(seed, tokens),)
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
        spans: Sequence[Span] = (),
    ) -> None:
        self.mix(piece)
        self.tokens += tokens
        if not same_position:
            self._position += 1
        inside = (*self._opening, *spans) if spans else ()
        self._opening = () if spans else self._opening
        self.links.append(
            Link(self._hash.digest(), self.tokens, self._position, ttl, readable, inside)
        )
