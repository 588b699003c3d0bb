"""Responses that were given before: their body, what they answered, and forgetting them.

Reads what the exchange wrote when an answer ended. Knows nothing of HTTP, and does not speak to
the provider, which may hold a copy.
"""

import asyncio

import msgspec

from stitcher.core.item import ROOT
from stitcher.core.log import NO_HEAD, Head, Node, Response, Tree
from stitcher.messages.unreadable import Unreadable
from stitcher.responses_api.listed import listed
from stitcher.responses_api.pages import PageQuery, page
from stitcher.responses_api.pointers import Pointer, Pointers
from stitcher.responses_api.refusal import no_response
from stitcher.sessions import Sessions
from stitcher.store.protocol import SessionKey, Store
from stitcher.wire import entries
from stitcher.wire.dialects import read_item

_LINE = b'{"type":"response",'


class StoredResponses:
    """What is kept of the responses of all tenants."""

    def __init__(self, sessions: Sessions, pointers: Pointers, store: Store) -> None:
        self._sessions = sessions
        self._pointers = pointers
        self._store = store

    async def get(self, tenant: str, response_id: str) -> bytes | None:
        """The response object, verbatim; None where the provider was still at work on it.

        Raises Refusal (404) and StoreError.
        """
        pointer = await self._found(tenant, response_id)
        if pointer.pending:
            return None
        key = SessionKey(tenant, pointer.session)
        body = await asyncio.to_thread(self._read, key, response_id)
        if body is None:
            raise no_response(response_id)
        return body

    async def expect(self, tenant: str, response_id: str) -> None:
        """Raises Refusal (404) where `get` finds nothing to give."""
        await self._found(tenant, response_id)

    async def forget(self, tenant: str, response_id: str) -> bytes:
        """Lets go of the response; what was said stays in its session. Returns the document."""
        await self._found(tenant, response_id)
        await self._pointers.remove(tenant, response_id)
        return msgspec.json.encode({"id": response_id, "object": "response", "deleted": True})

    async def input_items(self, tenant: str, response_id: str, query: PageQuery) -> bytes:
        """A page of all that the response answered, from the conversation's beginning on.

        Leading system and developer messages are items, instructions are not. Raises Refusal.
        """
        pointer = await self._found(tenant, response_id)
        asked, head = pointer.asked, pointer.head

        def read(tree: Tree, whole: bool) -> tuple[list[Node], Head | None] | None:
            path = tree.path(asked)
            begun = asked == ROOT or (path and path[0].parent == ROOT)
            known = head in ("", NO_HEAD) or head in tree.heads_by_digest
            if whole or (begun and known):
                return path, tree.heads_by_digest.get(head)
            return None

        key = SessionKey(tenant, pointer.session)
        async with self._sessions.use(key) as session, session.changing:
            path, under = await session.answer(read, takes_long=True)
        if asked != ROOT and not path:
            raise no_response(response_id)  # the session was purged, and another begun
        return await asyncio.to_thread(lambda: page(listed(path, under), query))

    async def _found(self, tenant: str, response_id: str) -> Pointer:
        pointer = await self._pointers.find(tenant, response_id)
        if pointer is None or not pointer.stored:
            raise no_response(response_id)
        return pointer

    def _read(self, key: SessionKey, response_id: str) -> bytes | None:
        named = msgspec.json.encode(response_id)
        for line in self._store.newest_first(key):
            if not line.data.startswith(_LINE) or named not in line.data:
                continue
            try:
                entry = entries.decode(line.data, read_item)
            except Unreadable:
                continue
            if isinstance(entry, Response) and entry.id == response_id:
                return entry.body
        return None
