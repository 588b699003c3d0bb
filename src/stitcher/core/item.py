"""One message: the bytes it was said in, and what must be known of them without reading them.

An `Item` is made by `wire/`, which reads a dialect; nothing in `core/` opens `raw`. Two questions
about an item have two answers: `identity` says whether two items are the same message, `rendering`
whether a model would read the same tokens. The bytes answer neither.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from stitcher.core.role import Role

ROOT = ""
"""The chain of the empty conversation."""

DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Item:
    """One message of one dialect."""

    raw: bytes  # its JSON, verbatim
    dialect: str
    role: Role
    identity: str  # hex digest: role, text, calls, results; no ids, no spacing
    rendering: str  # hex digest: what a model is shown of it
    calls: tuple[str, ...]  # ids of the tool calls it makes
    answers: tuple[str, ...]  # ids of the tool calls it answers
    tokens: int  # estimate, before calibration
    thinks: bool = False  # carries thinking that is signed or encrypted
    compacts: bool = False  # stands for all that was said before it
    is_item: bool = False  # one of several that an answer may be
    positions: int = 1  # as a provider's look-back counts them
    kept_for: int = 0  # seconds that its cache breakpoint asks for; 0 where it has none

    @property
    def starts_turn(self) -> bool:
        """True for what a person says: the only place where a window may begin."""
        return self.role == "user" and not self.answers


def digest(data: bytes) -> str:
    """A hex digest of 128 bits. The same on every machine: it is written into the log."""
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).hexdigest()


def chain(parent: str, identity: str) -> str:
    """Names a message by itself and everything before it: a shared beginning is a shared name."""
    return digest(f"{parent}/{identity}".encode())


def chains(identities: Iterable[str], parent: str = ROOT) -> Iterator[str]:
    """The chain after each of the identities, in order."""
    for identity in identities:
        parent = chain(parent, identity)
        yield parent
