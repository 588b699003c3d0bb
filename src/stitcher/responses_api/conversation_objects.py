"""Conversations as objects: made by a client before anything is said, changed, read and deleted.

A conversation is a session of the log, named by the id it got; its items are the messages of the
session's main thread, so a response that is given in it adds to them. Knows nothing of HTTP.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import msgspec

from stitcher.core.item import ROOT, Item
from stitcher.core.log import Conversation, Entry, Node, Rebased, Tree
from stitcher.core.threads import MAIN
from stitcher.messages.unreadable import Unreadable
from stitcher.recording import place_of
from stitcher.responses_api.continuation import continued
from stitcher.responses_api.listed import Listed, in_this_dialect, listed
from stitcher.responses_api.pages import PageQuery, document, page
from stitcher.responses_api.refusal import no_conversation, no_item
from stitcher.sessions import Session, Sessions
from stitcher.store.protocol import SessionKey, Store
from stitcher.wire import entries
from stitcher.wire.dialects import read_item
from stitcher.wire.openai_responses import read_item as read_own
from stitcher.wire.openai_responses.unit import units

_PREFIX = "conv_"
_ID_BYTES = 24
_LINE = b'{"type":"conversation",'


class ConversationObjects:
    """The conversations of all tenants. Where an id is none of a tenant's, Refusal (404)."""

    def __init__(
        self, sessions: Sessions, store: Store, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._sessions = sessions
        self._store = store
        self._clock = clock

    async def exists(self, tenant: str, conversation_id: str) -> bool:
        """True for a conversation that was made here; False for an id nobody here has heard of.

        Raises Refusal for a conversation that was deleted, and StoreError.
        """
        key = SessionKey(tenant, conversation_id)
        if not conversation_id.startswith(_PREFIX) or not self._sessions.exists(key):
            return False
        async with self._sessions.use(key) as session, session.changing:
            said = await self._said(session)
        if said is not None and said.deleted:
            raise no_conversation(conversation_id)
        return said is not None

    async def create(self, tenant: str, items: list[Item], metadata: bytes) -> bytes:
        """Makes a conversation; returns its document."""
        now = self._clock()
        name = f"{_PREFIX}{secrets.token_hex(_ID_BYTES)}"
        made = Conversation(now, name, int(now), metadata)
        async with self._sessions.use(SessionKey(tenant, name)) as session, session.changing:
            said = continued(session.tree, place_of(ROOT, None), items, thread=MAIN, now=made.time)
            await session.append([made, *said])
        return _document(made)

    async def get(self, tenant: str, conversation_id: str) -> bytes:
        """Its document."""
        async with self._use(tenant, conversation_id) as (_, said):
            return _document(said)

    async def update(self, tenant: str, conversation_id: str, metadata: bytes) -> bytes:
        """Gives it other metadata; returns its document."""
        async with self._use(tenant, conversation_id) as (session, said):
            changed = Conversation(self._clock(), said.id, said.created_at, metadata)
            await session.append([changed])
        return _document(changed)

    async def delete(self, tenant: str, conversation_id: str) -> bytes:
        """Deletes the object; what was said stays in the log. Returns the document."""
        async with self._use(tenant, conversation_id) as (session, said):
            now = self._clock()
            gone = Conversation(now, said.id, said.created_at, said.metadata, deleted=True)
            await session.append([gone])
        return msgspec.json.encode(
            {"id": said.id, "object": "conversation.deleted", "deleted": True}
        )

    async def add_items(self, tenant: str, conversation_id: str, items: list[Item]) -> bytes:
        """Adds items at the end; returns their list. Waits for an answer that is being given."""
        async with self._write(tenant, conversation_id) as (session, _):
            tip = await session.answer(_end)
            place = place_of(tip, session.tree.nodes.get(tip))
            added = continued(session.tree, place, items, thread=MAIN, now=self._clock())
            await session.append(added)
            path = session.tree.path(session.tree.tips.get(MAIN, ROOT), since=tip)
        return document(listed(path))

    async def list_items(self, tenant: str, conversation_id: str, query: PageQuery) -> bytes:
        """A page of its items."""
        path = await self._path(tenant, conversation_id)
        return await asyncio.to_thread(lambda: page(listed(path), query))

    async def get_item(self, tenant: str, conversation_id: str, item_id: str) -> bytes:
        """One item."""
        path = await self._path(tenant, conversation_id)
        return await asyncio.to_thread(lambda: _sought(listed(path), item_id).shown())

    async def delete_item(self, tenant: str, conversation_id: str, item_id: str) -> bytes:
        """Takes an item out; reasoning goes with the item it belongs to. Returns the document."""
        async with self._write(tenant, conversation_id) as (session, said):
            path = await session.answer(_whole_path, takes_long=True)
            left = await asyncio.to_thread(_without, session.tree, path, item_id, self._clock())
            await session.append(left)
        return _document(said)

    async def _path(self, tenant: str, conversation_id: str) -> list[Node]:
        async with self._use(tenant, conversation_id) as (session, _):
            return await session.answer(_whole_path, takes_long=True)

    @asynccontextmanager
    async def _use(
        self, tenant: str, conversation_id: str
    ) -> AsyncIterator[tuple[Session, Conversation]]:
        """The session and what it says of itself, with the session's `changing` held."""
        key = SessionKey(tenant, conversation_id)
        if not conversation_id.startswith(_PREFIX) or not self._sessions.exists(key):
            raise no_conversation(conversation_id)
        async with self._sessions.use(key) as session, session.changing:
            said = await self._said(session)
            if said is None or said.deleted:
                raise no_conversation(conversation_id)
            yield session, said

    @asynccontextmanager
    async def _write(
        self, tenant: str, conversation_id: str
    ) -> AsyncIterator[tuple[Session, Conversation]]:
        """As `_use`, when no answer is being given: it would not follow what is written."""
        key = SessionKey(tenant, conversation_id)
        if not await self.exists(tenant, conversation_id):
            raise no_conversation(conversation_id)
        async with (
            self._sessions.use(key) as session,
            session.answering,
            self._use(tenant, conversation_id) as used,
        ):
            yield used

    async def _said(self, session: Session) -> Conversation | None:
        """What the session says of itself; found without reading its messages."""
        if session.tree.conversation is None and not session.tree.whole:
            found = await asyncio.to_thread(self._newest, session.key)
            session.tree.conversation = found
        return session.tree.conversation

    def _newest(self, key: SessionKey) -> Conversation | None:
        for line in self._store.newest_first(key):
            if line.data.startswith(_LINE):
                try:
                    entry = entries.decode(line.data, read_item)
                except Unreadable:
                    continue
                if isinstance(entry, Conversation):
                    return entry
        return None


def _end(tree: Tree, whole: bool) -> str | None:
    """The main thread's tip, once all that follows it has been read."""
    tip = tree.tips.get(MAIN)
    if tip is not None and (tip in tree.nodes or whole):
        return tip
    return ROOT if whole and tip is None else None


def _whole_path(tree: Tree, whole: bool) -> list[Node] | None:
    tip = tree.tips.get(MAIN)
    path = tree.path(tip) if tip else []
    return path if whole or (path and path[0].parent == ROOT) else None


def _sought(items: Sequence[Listed], item_id: str) -> Listed:
    found = next((item for item in items if item.id == item_id), None)
    if found is None:
        raise no_item(item_id)
    return found


def _without(tree: Tree, path: list[Node], item_id: str, now: float) -> list[Entry]:
    """The entries that take an item out of the path: what follows it is said again, by name."""
    items = listed(path)
    gone = _sought(items, item_id)
    beside = [item.said for item in items if item.chain == gone.chain and item.id != item_id]
    kept = [read_own(unit) for unit in units(beside)[0]]
    pieces = in_this_dialect(path)
    first = next(n for n, piece in enumerate(pieces) if piece.chain == gone.chain)
    after = next(n for n, node in enumerate(path, 1) if node.chain == gone.chain)
    onto = pieces[first - 1].chain if first else ROOT
    place = place_of(onto, tree.nodes.get(onto))
    again = continued(tree, place, [*kept, *path[after:]], thread=MAIN, now=now)
    return [Rebased(MAIN, now, onto), *again]


def _document(said: Conversation) -> bytes:
    return msgspec.json.encode(
        {
            "id": said.id,
            "object": "conversation",
            "created_at": said.created_at,
            "metadata": msgspec.Raw(said.metadata),
        }
    )
