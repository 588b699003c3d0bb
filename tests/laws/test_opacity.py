"""Opacity: fields and block types nobody here knows are stored and sent as they came.

Seen to fail: with messages re-encoded when they are stored (other bytes come back); with the
members of a message, stored or put back, reduced to known ones; with unknown blocks left out of
what is put back.
"""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stitcher.planning import plan
from stitcher.wire.dialects import DIALECTS
from tests.laws.test_alignment import DIALECT
from tests.laws.world import World, answer, user

VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
UNKNOWN = st.dictionaries(st.from_regex(r"x_[a-zé]{1,4}", fullmatch=True), VALUE, max_size=3)
SPACE = st.sampled_from([None, 1, "\t"])


@settings(max_examples=60, deadline=None)
@given(
    dialect=DIALECT,
    message=UNKNOWN,
    block=UNKNOWN,
    body=UNKNOWN,
    indent=SPACE,
    escape=st.booleans(),
)
def test_what_nobody_knows_is_put_back_as_it_was_said(
    dialect: str,
    message: dict[str, Any],
    block: dict[str, Any],
    body: dict[str, Any],
    indent: Any,
    escape: bool,
) -> None:
    world = World(dialect)
    first = {
        "role": "user",
        **message,
        "content": [{"type": "text", "text": "hé"}, {"type": "x_new", **block}],
    }
    raw = json.dumps(first, indent=indent, ensure_ascii=escape).encode()
    history = "input" if dialect == "openai_responses" else "messages"
    asked = b'{"model":"m","max_tokens":9,"' + history.encode() + b'":[' + raw + b"]}"
    dialect_of = DIALECTS[dialect]
    made = plan(world.tree, dialect_of.parse(asked), dialect_of, world.terms())
    assert made is not None
    world.write(made.entries)
    world.reply(made, answer(dialect, "said"))
    extra = {**body, history: [user("next")], "model": "m", "max_tokens": 9}
    thin = json.dumps(extra, indent=indent).encode()
    again = plan(world.tree, dialect_of.parse(thin), dialect_of, world.terms())
    assert again is not None
    # The one exception: a line break outside a string would end the log's line.
    kept = raw.replace(b"\n", b"")
    if dialect != "anthropic":  # its blocks lose their breakpoints
        assert kept in again.body
    sent = json.loads(again.body)
    assert {key: sent[key] for key in body} == body
    back = sent[history][0]
    assert {key: back[key] for key in message} == message
    assert {key: back["content"][1][key] for key in block} == block
