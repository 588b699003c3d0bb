"""When two replies say the same thing: near-identical text, and not one number apart.

Similarity is rapidfuzz's; what counts as near is decided here. Only used at a cut, to send an old
reply as a stub when a newer one says it again.
"""

import re

from rapidfuzz.fuzz import ratio

NEAR = 95.0
"""Least similarity (normalised insertions and deletions, 0 to 100).

Real repeats (a status report said again, an apology reworded by a word) score 96 to 100; replies
that share a template but speak of something else score up to 93. tests/test_repeats.py keeps both.
"""

_TELLING = re.compile(r"\d+(?:[.,:]\d+)*|\b(?:not|no|never|nor|none|without|cannot)\b|\w+n't\b")


def near_identical(one: str, other: str) -> bool:
    """True when nothing that one reply says is missing from the other.

    One changed number or negation makes another reply of an otherwise equal text, so these must
    be the same, in order.
    """
    if one == other:
        return True
    if _TELLING.findall(one.lower()) != _TELLING.findall(other.lower()):
        return False
    return ratio(one, other, score_cutoff=NEAR) >= NEAR
