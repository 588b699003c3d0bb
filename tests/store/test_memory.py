"""The conformance suite in test_protocol.py covers the rest."""

import asyncio

from stitcher.store.memory import MemoryStore
from stitcher.store.protocol import SessionKey


def test_lines_are_counted_and_have_places() -> None:
    async def story() -> None:
        store = MemoryStore()
        key = SessionKey("local", "a")
        assert store.count_lines(key) == 0
        await store.append(key, [b"12345", b"6"])
        assert store.count_lines(key) == 2
        assert [line.place for line in store.oldest_first(key)] == ["memory:0", "memory:6"]
        await store.close()

    asyncio.run(story())
