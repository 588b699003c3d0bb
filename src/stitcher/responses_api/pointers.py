"""From a provider's id of a response to its place in our log.

The index is a few logs of its own beside the sessions, appended to with the very batch that holds
the answer, and read from the newest line back. Of an id only its digest is written: ids are
providers' own, of any length and with any characters. Knows nothing of what stands at the place.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

import msgspec

from stitcher.core.item import digest
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


class _Line(msgspec.Struct, tag_field="type", tag="pointer", omit_defaults=True):
    """One line of the index."""

    key: str  # digest of the id
    session: str = ""
    thread: str = "main"
    asked: str = ""
    of: str = ""
    head: str = ""
    stored: bool = False
    deleted: bool = False


_encode = msgspec.json.encode
_decoder = msgspec.json.Decoder(_Line)

_GONE = Pointer("", "", "", "", "", stored=False, deleted=True)

_Key = tuple[str, str]  # tenant, digest of the id


class Pointers:
    """The index of all tenants."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._recent: OrderedDict[_Key, Pointer] = OrderedDict()

    async def find(self, tenant: str, response_id: str) -> Pointer | None:
        """Where the response of that id stands; None for an unknown or deleted one.

        Also None where the session it stood in has been purged: what is there now may be another of
        that name, which does not hold the place. Where an id was given twice, the newest answer
        counts. Raises StoreError.
        """
        key = (tenant, _digest(response_id))
        pointer = self._recent.get(key)
        if pointer is None:
            read = await asyncio.to_thread(self._read, key)
            # What was written while the log was being read is newer.
            pointer = self._recent.get(key) or read
            if pointer is None:
                return None
        self._remember(key, pointer)
        if pointer.deleted or not self._store.exists(SessionKey(tenant, pointer.session)):
            return None
        return pointer

    async def add(self, tenant: str, response_id: str, pointer: Pointer) -> None:
        """Writes down where a response stands; on return that is durable. Raises StoreError."""
        await self._append((tenant, _digest(response_id)), pointer)

    async def remove(self, tenant: str, response_id: str) -> None:
        """Forgets an id for good; on return that is durable. Raises StoreError."""
        await self._append((tenant, _digest(response_id)), _GONE)

    async def _append(self, key: _Key, pointer: Pointer) -> None:
        self._recent.pop(key, None)
        await self._store.append(_log_of(key), [_line(key, pointer)])
        self._remember(key, pointer)

    def _remember(self, key: _Key, pointer: Pointer) -> None:
        self._recent[key] = pointer
        self._recent.move_to_end(key)
        if len(self._recent) > _IN_MEMORY:
            self._recent.popitem(last=False)

    def _read(self, key: _Key) -> Pointer | None:
        sought = key[1].encode()
        for line in self._store.newest_first(_log_of(key)):
            if sought not in line.data:
                continue
            try:
                found = _decoder.decode(line.data)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue  # a damaged line says nothing
            if found.key == key[1]:
                return Pointer(
                    session=found.session,
                    thread=found.thread,
                    asked=found.asked,
                    of=found.of,
                    head=found.head,
                    stored=found.stored,
                    deleted=found.deleted,
                )
        return None


def _digest(response_id: str) -> str:
    return digest(response_id.encode("utf-8", "surrogatepass"))


def _log_of(key: _Key) -> SessionKey:
    tenant, name = key
    return SessionKey(tenant, f"{RESERVED}responses-{int(name[:4], 16) % _SHARDS:02x}")


def _line(key: _Key, pointer: Pointer) -> bytes:
    return _encode(
        _Line(
            key=key[1],
            session=pointer.session,
            thread=pointer.thread,
            asked=pointer.asked,
            of=pointer.of,
            head=pointer.head,
            stored=pointer.stored,
            deleted=pointer.deleted,
        )
    )
