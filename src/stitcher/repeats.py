"""When two replies say the same thing: near-identical text in which nothing that tells differs.

Similarity is rapidfuzz's; what may differ at all is decided here. Only used at a cut, to send an
old reply as a stub when a newer one says it again: where there is any doubt the old one stays.
"""

import re
from dataclasses import dataclass

from rapidfuzz.fuzz import ratio

NEAR = 95.0
"""Least similarity (normalised insertions and deletions, 0 to 100).

No threshold tells a repeat from a false friend: in the table of tests/test_repeats.py repeats score
97.5 to 100, and texts apart in one number, name, path, unit, date or "not" 97.0 to 99.9. So what
tells something must be equal; the threshold bounds what the rest may make up.
"""

# Words that say nothing where they begin a sentence. A closed list: any other word tells
# something ("passed" and "failed" are one word apart as well).
_COURTESIES = {"absolutely", "again", "alright", "apologies", "certainly"}
_COURTESIES |= {"ok", "okay", "please", "sorry", "sure", "thanks"}
_SENTENCE_MARKS = re.compile(r"(?:(?<=[\w)\]\"'’”`*])[.,;…]|(?<=[^\W\d_])!)+$")
_ENDS_SENTENCE = (".", "!", "?", "…", ":")


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply's text, read once for as many comparisons as there are."""

    text: str
    telling: str  # what must be equal in two replies that say the same


def read(text: str) -> Reply:
    """Reads what tells something in a reply.

    Blank lines, white space at the end of lines and between words, courtesies that begin a
    sentence, and the marks and capitals of sentences do not. Everything else does, in order and
    on its line: words, numbers, signs, and the indentation, which programs speak by.
    """
    told: list[str] = []
    for line in text.splitlines():
        words = line.split()
        if not words:
            continue
        told.append("\n" + line[: len(line) - len(line.lstrip())])
        begins = True
        for word in words:
            bare = _SENTENCE_MARKS.sub("", word)
            if begins and bare.casefold() in _COURTESIES:
                continue
            told.append(bare[:1].lower() + bare[1:] if begins else bare)
            begins = word.endswith(_ENDS_SENTENCE)
    return Reply(text, "\0".join(told))


def near_identical(one: Reply, other: Reply) -> bool:
    """True when nothing that one reply says is missing from the other."""
    if one.telling != other.telling:
        return False
    return ratio(one.text, other.text, score_cutoff=NEAR) >= NEAR
