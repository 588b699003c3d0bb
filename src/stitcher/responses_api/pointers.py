"""From a provider's id of a response, or of an item in one, to its place in our log.

The index is a few logs of its own beside the sessions, appended to with the very batch that holds
the answer, and read from the newest line back. Of an id only its digest is written: ids are
providers' own, of any length and with any characters. So it is with the session's name: the index
outlives a purge, and the name is made of words said. Knows nothing of what stands at the place.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import msgspec

from stitcher.core.item import digest
from stitcher.responses_api.session_names import SessionNames
from stitcher.store.protocol import RESERVED, SessionKey, Store

_SHARDS = 16
"""Logs the index of a tenant is spread over: an old id is sought in one of them only.

Each is an open file of a busy proxy (of 256), so there are not more.
"""

_IN_MEMORY = 16_384  # places of the ids used last


@dataclass(frozen=True, slots=True)
class Pointer:
    """Where a response stands."""

    session: str
    thread: str
    asked: str  # chain of the last message it was an answer to
    of: str  # chain of its last message; `asked` where it said nothing
    head: str  # digest of the head it was given under
    stored: bool  # the client may fetch it by its id
    deleted: bool = False  # the client asked to forget it
    pending: bool = False  # the provider was still at work on it: only the question is in the log


class _Line(msgspec.Struct, tag_field="type", tag="pointer", omit_defaults=True):
    """One line of the index."""

    key: str  # digest of the id
    session: str = ""  # digest of its name
    thread: str = "main"
    asked: str = ""
    of: str = ""
    head: str = ""
    stored: bool = False
    deleted: bool = False
    pending: bool = False
    items: list[str] = []  # digests of the ids of what was said


_encode = msgspec.json.encode
_decoder = msgspec.json.Decoder(_Line)

_GONE = Pointer("", "", "", "", "", stored=False, deleted=True)

_Key = tuple[str, str]  # tenant, digest of the id


@dataclass(frozen=True, slots=True)
class _Items:
    """What the logs say of items."""

    responses: dict[str, str]  # digest of an item's id → of the response's that it was part of
    places: dict[str, _Line]  # of those responses, the newest lines


class Pointers:
    """The index of all tenants."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sessions = SessionNames(store)
        self._recent: OrderedDict[_Key, Pointer] = OrderedDict()
        self._items: OrderedDict[_Key, str] = OrderedDict()  # → digest of a response's id, or ""

    async def find(self, tenant: str, response_id: str) -> Pointer | None:
        """Where the response of that id stands; None for an unknown or deleted one.

        Also None where the session it stood in has been purged: what is there now may be another of
        that name, which does not hold the place. Where an id was given twice, the newest answer
        counts. Raises StoreError.
        """
        return await self._find((tenant, _digest(response_id)))

    async def knows(self, tenant: str, response_id: str) -> bool:
        """True for a response given here once, also where it is gone now. Raises StoreError."""
        key = (tenant, _digest(response_id))
        return key in self._recent or await asyncio.to_thread(self._read, key) is not None

    async def find_items(self, tenant: str, item_ids: Sequence[str]) -> dict[str, Pointer]:
        """Where the responses stand that items of those ids were part of; `find` for each.

        Items do not tell in which log of the index they are: those that were not heard of since the
        process began are sought in all of them, at once. Raises StoreError.
        """
        keys = {name: (tenant, _digest(name)) for name in item_ids}
        unknown = [key for key in keys.values() if key not in self._items]
        if unknown:
            read = await asyncio.to_thread(self._read_items, tenant, {key[1] for key in unknown})
            places = await self._pointers(tenant, read.places.values())
            # What was written while the logs were being read is newer.
            for response, place in places.items():
                if (tenant, response) not in self._recent:
                    self._remember((tenant, response), place)
            for key in unknown:
                response = self._items.get(key) or read.responses.get(key[1], "")
                self._remember_item(key, response)
        responses = {name: self._items.get(key, "") for name, key in keys.items()}
        found = {
            response: await self._find((tenant, response))
            for response in set(responses.values()) - {""}
        }
        standing = {name: found.get(response) for name, response in responses.items()}
        return {name: place for name, place in standing.items() if place is not None}

    async def _find(self, key: _Key) -> Pointer | None:
        pointer = self._recent.get(key)
        if pointer is None:
            read = await asyncio.to_thread(self._read, key)
            places = await self._pointers(key[0], [read]) if read else {}
            # What was written while the log was being read is newer.
            pointer = self._recent.get(key) or places.get(key[1])
            if pointer is None:
                return None
        self._remember(key, pointer)
        if pointer.deleted or not self._store.exists(SessionKey(key[0], pointer.session)):
            return None
        return pointer

    async def _pointers(self, tenant: str, lines: Collection[_Line]) -> dict[str, Pointer]:
        """What lines say, by their keys; where the session was purged, the response is gone."""
        names = await self._sessions.find(
            tenant, {line.session for line in lines if not line.deleted}
        )
        return {
            line.key: _pointer(line, names[line.session]) if line.session in names else _GONE
            for line in lines
        }

    async def add(
        self, tenant: str, response_id: str, pointer: Pointer, item_ids: Sequence[str] = ()
    ) -> None:
        """Writes down where a response and its items stand; on return that is durable.

        Raises StoreError.
        """
        key, items = (tenant, _digest(response_id)), [_digest(name) for name in item_ids]
        await self._append(key, pointer, items)
        for item in items:
            self._remember_item((tenant, item), key[1])

    async def remove(self, tenant: str, response_id: str) -> None:
        """Forgets an id for good; on return that is durable. Raises StoreError."""
        await self._append((tenant, _digest(response_id)), _GONE)

    async def _append(self, key: _Key, pointer: Pointer, items: Sequence[str] = ()) -> None:
        self._recent.pop(key, None)
        session = "" if pointer.deleted else self._sessions.digest_of(key[0], pointer.session)
        line = _line(key, pointer, session, items)
        # A task, as a session's append is one: begun together, both reach the store before the
        # event loop waits again, and with that one batch and one sync.
        await asyncio.shield(self._store.append(_log_of(key), [line]))
        self._remember(key, pointer)

    def _remember_item(self, key: _Key, response: str) -> None:
        self._items[key] = response
        self._items.move_to_end(key)
        if len(self._items) > _IN_MEMORY:
            self._items.popitem(last=False)

    def _remember(self, key: _Key, pointer: Pointer) -> None:
        self._recent[key] = pointer
        self._recent.move_to_end(key)
        if len(self._recent) > _IN_MEMORY:
            self._recent.popitem(last=False)

    def _read(self, key: _Key) -> _Line | None:
        sought = key[1].encode()
        for line in self._store.newest_first(_log_of(key)):
            if sought not in line.data:
                continue
            try:
                found = _decoder.decode(line.data)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue  # a damaged line says nothing
            if found.key == key[1]:
                return found
        return None

    def _read_items(self, tenant: str, wanted: set[str]) -> _Items:
        """Takes as long for many items as for one: a client may name all of a conversation's."""
        found = _Items({}, {})
        for number in range(_SHARDS):
            passed: set[str] = set()  # responses, of which an older line does not count
            for line in self._store.newest_first(_shard(tenant, number)):
                if len(found.responses) == len(wanted):
                    return found
                try:
                    told = _decoder.decode(line.data)
                except (msgspec.DecodeError, UnicodeDecodeError):
                    continue  # a damaged line says nothing
                for item in wanted.intersection(told.items):
                    found.responses.setdefault(item, told.key)
                    if told.key not in passed:
                        found.places[told.key] = told
                passed.add(told.key)
        return found


def _pointer(line: _Line, session: str) -> Pointer:
    return Pointer(
        session=session,
        thread=line.thread,
        asked=line.asked,
        of=line.of,
        head=line.head,
        stored=line.stored,
        deleted=line.deleted,
        pending=line.pending,
    )


def _digest(response_id: str) -> str:
    return digest(response_id.encode("utf-8", "surrogatepass"))


def _log_of(key: _Key) -> SessionKey:
    tenant, name = key
    return _shard(tenant, int(name[:4], 16) % _SHARDS)


def _shard(tenant: str, number: int) -> SessionKey:
    return SessionKey(tenant, f"{RESERVED}responses-{number:02x}")


def _line(key: _Key, pointer: Pointer, session: str, items: Sequence[str]) -> bytes:
    return _encode(
        _Line(
            key=key[1],
            session=session,
            thread=pointer.thread,
            asked=pointer.asked,
            of=pointer.of,
            head=pointer.head,
            stored=pointer.stored,
            deleted=pointer.deleted,
            pending=pointer.pending,
            items=list(items),
        )
    )
