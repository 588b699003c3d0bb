"""Items that a request names by their ids alone: the items themselves, out of our log.

What was never said through us, or was asked to be forgotten, stays a name: the provider may know
it. Knows nothing of what else a request says.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from stitcher.core.log import Tree
from stitcher.ports import Headers, Incoming
from stitcher.responses_api.pointers import Pointer, Pointers
from stitcher.sessions import Sessions
from stitcher.store.protocol import SessionKey
from stitcher.wire.call import Call
from stitcher.wire.openai_responses import NAME, parse
from stitcher.wire.openai_responses.reference import dereferenced, ids, referred


class References:
    """Finds the items that ids stand for."""

    def __init__(self, sessions: Sessions, pointers: Pointers) -> None:
        self._sessions = sessions
        self._pointers = pointers

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
        return {name: found[name] for name in names if name in found}


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
