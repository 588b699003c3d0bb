"""Loss: whatever line the log ends at, what was acknowledged is there, once.

Killing the process leaves the log at a line's end (the store cuts off a torn line).

Seen to fail: with only the newest message of a request written (what is there is not the beginning
of what was said); with `_thin` appending always, and with failed turns left on the path (a question
is there twice); with known messages written again (43 lines for 16 messages).
"""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from stitcher.core.log import Tree
from stitcher.store.memory import MemoryStore
from stitcher.store.protocol import SessionKey
from stitcher.verify import verify
from stitcher.wire import entries
from stitcher.wire.dialects import read_item
from tests.laws.test_alignment import DIALECT, TURN, play
from tests.laws.world import TOOLS, World, user

KEY = SessionKey("local", "s")


@settings(max_examples=30, deadline=None)
@given(dialect=DIALECT, turns=st.lists(TURN, min_size=1, max_size=5), at=st.integers(0, 200))
def test_a_conversation_goes_on_from_any_line_its_log_ends_at(
    dialect: str, turns: list[tuple[str, str, str, int, int, bool]], at: int
) -> None:
    whole = World(dialect)
    play(whole, turns)
    kept = whole.log[: at % (len(whole.log) + 1)]
    again = World(dialect, log=list(kept), tree=_read(kept), provider=whole.provider)
    stored = [node.item.identity for node in again.path()]
    everything = [node.item.identity for node in whole.path()]
    assert stored == everything[: len(stored)], "what is there is the beginning of what was said"
    # The client, which saw it all, comes back and sends it all.
    again.said = [*whole.said, user("still there?")]
    again.ask(again.said, tools=TOOLS[dialect])
    again.check_path()
    assert len(again.sent[-1]) == len(again.said)


@settings(max_examples=30, deadline=None)
@given(dialect=DIALECT, turns=st.lists(TURN, min_size=1, max_size=5))
def test_a_log_verifies(dialect: str, turns: list[tuple[str, str, str, int, int, bool]]) -> None:
    world = World(dialect)
    play(world, turns)
    store = MemoryStore()
    asyncio.run(store.append(KEY, world.log))
    report = verify(store, KEY)
    assert report.problems == ()
    messages = [line for line in world.log if line.startswith(b'{"type":"message"')]
    assert report.messages == len(messages)
    # Every message once, whatever was asked twice.
    assert report.messages == len(world.said)


def _read(log: list[bytes]) -> Tree:
    tree = Tree(whole=True)
    for line in log:
        entry = entries.decode(line, read_item)
        assert entry is not None
        tree.append(entry)
    return tree
