"""Strategies for JSON as nobody would write it but anybody may send it."""

import json
from random import Random
from typing import Any

from hypothesis import strategies as st

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
KEY = st.sampled_from(["a", "b", "messages", 'quo"te', "back\\", "}", ",", "", "é🧵", "\n"])
SCALAR = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXT
)
VALUE = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEY, inner, max_size=3),
    max_leaves=8,
)
# One of each kind, for members that should have been of another.
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(None, True, 0, -1, 1.5, 2**70, "", " ", "x", "{}"),
        *([], {}, [1], ["x"], [[]], [{}], [None], {"a": 1}, {"type": "text"}),
        *([{"type": "text", "text": None}], {"id": [], "index": "0"}),
    ]
)


def spelled(value: Any) -> st.SearchStrategy[str]:
    """`value` as JSON, with odd spacing and escapes."""
    return st.integers(0, 2**32).map(lambda seed: _spell(value, Random(seed)))


def _spell(value: Any, dice: Random) -> str:
    before, after = _space(dice), _space(dice)
    if isinstance(value, dict):
        members = [f"{_spell(key, dice)}:{_spell(inner, dice)}" for key, inner in value.items()]
        return before + "{" + (",".join(members) or _space(dice)) + "}" + after
    if isinstance(value, list):
        values = [_spell(inner, dice) for inner in value]
        return before + "[" + (",".join(values) or _space(dice)) + "]" + after
    if isinstance(value, str) and dice.random() < 0.5:
        return before + '"' + "".join(_escaped(char) for char in value) + '"' + after
    return before + json.dumps(value, ensure_ascii=dice.random() < 0.5) + after


def _space(dice: Random) -> str:
    return "".join(dice.choices(" \t\r\n", k=dice.choice((0, 0, 1, 2))))


def _escaped(char: str) -> str:
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[n : n + 2].hex()}" for n in range(0, len(units), 2))
