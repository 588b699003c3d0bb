"""Items that a request names by their ids alone: the items themselves, out of our log.

What was never said through us, or was asked to be forgotten, stays a name: the provider may know
it. Knows nothing of what else a request says.
"""

import asyncio
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import partial

import msgspec

from stitcher.core.log import Message, Settled, Tree
from stitcher.messages.unreadable import Unreadable
from stitcher.ports import Headers, Incoming
from stitcher.responses_api.pointers import Pointer, Pointers
from stitcher.sessions import Sessions
from stitcher.store.protocol import SessionKey, Store
from stitcher.wire import entries
from stitcher.wire.call import Call
from stitcher.wire.dialects import read_item
from stitcher.wire.openai_responses import NAME, parse
from stitcher.wire.openai_responses.reference import dereferenced, ids, referred


class References:
    """Finds the items that ids stand for."""

    def __init__(self, sessions: Sessions, pointers: Pointers, store: Store) -> None:
        self._sessions = sessions
        self._pointers = pointers
        self._store = store

    async def resolve(self, incoming: Incoming, call: Call) -> tuple[Incoming, Call]:
        """The request as it would be if it said what it refers to; itself if it refers to nothing.

        Raises StoreError.
        """
        names = self.left(call)
        items = await self._items(incoming.tenant, names) if names else {}
        if not items:
            return incoming, call
        # A whole history is read anew: others would notice the wait.
        told = await asyncio.to_thread(lambda: parse(dereferenced(call.body, items)))
        headers = _unencoded(incoming.headers)
        return replace(incoming, body=told.body, decoded=told.body, headers=headers), told

    def left(self, call: Call) -> list[str]:
        """The ids that a request gives instead of items."""
        return referred(call.items) if call.dialect == NAME else []

    async def _items(self, tenant: str, names: Sequence[str]) -> dict[str, bytes]:
        places = await self._pointers.find_items(tenant, names)
        found: dict[str, bytes] = {}
        for place in dict.fromkeys(places.values()):
            key = SessionKey(tenant, place.session)
            async with self._sessions.use(key) as session, session.changing:
                found |= await session.answer(partial(_said, place))
            older = {name for name, at in places.items() if at == place and name not in found}
            if older:
                found |= await asyncio.to_thread(self._written, key, older)
        return {name: found[name] for name in names if name in found}

    def _written(self, key: SessionKey, names: AbstractSet[str]) -> dict[str, bytes]:
        """Items as they were when they got those ids, by these.

        The same answer given again stands at the same place, under the ids it has now: its older
        ids are in its older lines only.
        """
        found: dict[str, bytes] = {}
        told = [(name, msgspec.json.encode(name)) for name in names]
        for line in self._store.newest_first(key):
            if not any(written in line.data for name, written in told if name not in found):
                continue
            try:
                entry = entries.decode(line.data, read_item)
            except Unreadable:
                continue
            if isinstance(entry, Message | Settled) and entry.item is not None:
                said = ids(entry.item.raw)
                found |= {name: said[name] for name in names & said.keys() if name not in found}
            if len(found) == len(names):
                break
        return found


def _said(place: Pointer, tree: Tree, whole: bool) -> dict[str, bytes] | None:
    """What a response said, by ids; None where the log has to be read further back."""
    said: dict[str, bytes] = {}
    for node in tree.back_from(place.of):
        if node.chain == place.asked:
            return said
        said |= ids(node.item.raw)
    return said if whole else None


def _unencoded(headers: Headers) -> Headers:
    return [(name, value) for name, value in headers if name.lower() != "content-encoding"]
