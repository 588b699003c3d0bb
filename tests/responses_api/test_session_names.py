"""Names of sessions: a digest leads to one as long as there is such a session."""

import asyncio
from collections.abc import Callable

import pytest

from stitcher.responses_api import session_names
from stitcher.responses_api.session_names import SessionNames
from stitcher.store.memory import MemoryStore
from stitcher.store.protocol import SessionKey


class CountingStore(MemoryStore):
    """Counts how often the sessions were listed, and may change while they are."""

    listings = 0
    meanwhile: Callable[[], None] | None = None

    def names(self, tenant: str) -> list[str]:
        self.listings += 1
        found = super().names(tenant)
        if self.meanwhile:
            self.meanwhile()
        return found


def filled(*names: str, tenant: str = "local") -> CountingStore:
    store = CountingStore()
    for name in names:
        asyncio.run(store.append(SessionKey(tenant, name), [b"{}"]))
    return store


def digest_of(name: str) -> str:
    """A session's digest as it was written by another process."""
    return SessionNames(MemoryStore()).digest_of("local", name)


def find(names: SessionNames, *sought: str, tenant: str = "local") -> set[str]:
    digests = [digest_of(name) for name in sought]
    found = asyncio.run(names.find(tenant, digests))
    assert all(digest_of(name) == digest for digest, name in found.items())
    return set(found.values())


def test_all_names_are_read_once() -> None:
    store = filled("tea", "\udcff 😀", "")
    names = SessionNames(store)
    assert find(names, "tea", "") == {"tea", ""}
    assert find(names, "\udcff 😀") == {"\udcff 😀"}
    assert store.listings == 1


def test_a_name_that_was_said_here_is_not_read() -> None:
    store = filled()
    names = SessionNames(store)
    names.digest_of("local", "tea")
    assert find(names, "tea") == {"tea"}
    assert store.listings == 0


def test_names_are_read_again_for_a_session_begun_since_then() -> None:
    store = filled("tea")
    names = SessionNames(store)
    find(names, "tea")
    asyncio.run(store.append(SessionKey("local", "milk"), [b"{}"]))
    assert find(names, "milk") == {"milk"}
    assert store.listings == 2


def test_a_session_that_is_gone_is_sought_once() -> None:
    """Somebody may ask for each of its responses."""
    store = filled("tea")
    names = SessionNames(store)
    assert find(names, "purged") == set()
    assert find(names, "purged", "tea") == {"tea"}
    assert store.listings == 1
    names.digest_of("local", "purged")
    assert find(names, "purged") == {"purged"}


def test_a_name_is_found_for_its_tenant_only() -> None:
    names = SessionNames(filled("tea", tenant="t"))
    assert find(names, "tea") == set()
    assert find(names, "tea", tenant="t") == {"tea"}


def test_a_name_said_while_the_others_are_read_is_known() -> None:
    store = filled("tea")
    names = SessionNames(store)
    digest = digest_of("milk")

    def begin() -> None:
        store.meanwhile = None
        names.digest_of("local", "milk")

    store.meanwhile = begin
    assert asyncio.run(names.find("local", [digest])) == {digest: "milk"}


def test_many_who_ask_at_once_share_one_reading() -> None:
    store = filled("tea", "milk")
    names = SessionNames(store)

    async def story() -> list[dict[str, str]]:
        sought = [[digest_of(name)] for name in ("tea", "milk") * 10]
        return await asyncio.gather(*(names.find("local", one) for one in sought))

    assert {name for found in asyncio.run(story()) for name in found.values()} == {"tea", "milk"}
    assert store.listings == 1


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_names, "_IN_MEMORY", 5)
    store = filled("tea")
    names = SessionNames(store)
    for tenant in ("local", "t"):
        for number in range(8):
            names.digest_of(tenant, f"chat-{number}")
    assert sum(map(len, names._tenants.values())) <= 5
    assert find(names, "tea") == {"tea"}
