"""From the digest of a session's name to the name, for an index that is to hold no names.

A session is named after the first words said in it, and the index outlives what is purged, so
only digests are in it. Which name one stands for is known as long as there is such a session.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable

from stitcher.core.item import digest
from stitcher.store.protocol import Store

_IN_MEMORY = 200_000  # names, or as many as there are of the tenant that was read last

_Names = dict[str, str | None]  # by digest; None: no session has that name


class SessionNames:
    """The names of all tenants' sessions, read when one is asked for that nobody here has said."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tenants: OrderedDict[str, _Names] = OrderedDict()  # last asked about at the end
        self._reading = asyncio.Lock()

    def digest_of(self, tenant: str, name: str) -> str:
        """What is written down in place of a name. From now on `find` knows the name by it."""
        made = _digest(name)
        known = self._known(tenant)
        if made not in known:
            self._forget_others()
            if len(known) >= _IN_MEMORY:
                known.clear()
        known[made] = name
        return made

    async def find(self, tenant: str, digests: Iterable[str]) -> dict[str, str]:
        """The names that the digests stand for, of those sessions that there are or were just now.

        Raises StoreError.
        """
        wanted = set(digests)
        known = self._known(tenant)
        if wanted - known.keys():
            async with self._reading:  # who waited may find it done
                known = self._known(tenant)
                if unknown := wanted - known.keys():
                    read = await asyncio.to_thread(self._read, tenant, unknown)
                    # What was said while the names were being read is newer.
                    known = self._tenants[tenant] = read | self._known(tenant)
                    self._forget_others()
        names = ((made, known.get(made)) for made in wanted)
        return {made: name for made, name in names if name is not None}

    def _known(self, tenant: str) -> _Names:
        known = self._tenants.setdefault(tenant, {})
        self._tenants.move_to_end(tenant)
        return known

    def _read(self, tenant: str, unknown: Iterable[str]) -> _Names:
        missing: _Names = dict.fromkeys(unknown)
        return missing | {_digest(name): name for name in self._store.names(tenant)}

    def _forget_others(self) -> None:
        count = sum(map(len, self._tenants.values()))
        while count > _IN_MEMORY and len(self._tenants) > 1:
            count -= len(self._tenants.popitem(last=False)[1])


def _digest(name: str) -> str:
    return digest(name.encode("utf-8", "surrogatepass"))
