"""An answer on its way into a dialect's words: ids, pieces of text, the wire's JSON.

Knows nothing of how a dialect orders its events.
"""

import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

_WORD = re.compile(r"\s*\S+\s*|\s+")
_ARGUMENT_PIECE = 7
# Stands in a text for the byte that the server breaks; a noncharacter, so no text has it.
BROKEN_BYTE = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Composed:
    """A finished answer: the document of a plain one, the events of a streamed one.

    `keep` makes the provider remember it, where it remembers anything.
    """

    document: dict[str, Any]
    events: Callable[[], Iterator[bytes]]
    usage: dict[str, Any]
    keep: Callable[[], None] = lambda: None


class Ids:
    """Deterministic identifiers: `msg_sim_000001`, `msg_sim_000002`, and so on by prefix."""

    def __init__(self) -> None:
        self._counters: dict[str, Iterator[int]] = {}

    def next(self, prefix: str, taken: frozenset[str] = frozenset()) -> str:
        """The next id that the conversation does not hold: a restart begins again at 1."""
        counter = self._counters.setdefault(prefix, itertools.count(1))
        return next(
            candidate for number in counter if (candidate := f"{prefix}{number:06}") not in taken
        )


def to_json(value: Any) -> bytes:
    """Compact JSON with text unescaped, as providers send it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError:
        # A lone surrogate heard as an escape can only be said as an escape.
        return json.dumps(value, separators=(",", ":")).encode()


def text_pieces(text: str) -> Iterator[str]:
    """A text word by word, as a stream delivers it; the pieces join to the text exactly."""
    for word in _WORD.finditer(text):
        yield word.group()


def argument_pieces(arguments: str) -> Iterator[str]:
    for start in range(0, len(arguments), _ARGUMENT_PIECE):
        yield arguments[start : start + _ARGUMENT_PIECE]
