"""Finds the session a request belongs to, where the request does not say it.

A named request is found by its name, a client's own by its id. For the rest only the messages can
tell: the conversation whose path the request continues from its first message on, or a new one,
named after that first message.
"""

import re
from collections import OrderedDict

from stitcher.core.item import chains
from stitcher.core.log import Tree
from stitcher.core.threads import Claim, opening
from stitcher.sessions import Sessions
from stitcher.store.protocol import SessionKey
from stitcher.wire.call import Call
from stitcher.wire.dialect import Dialect

_REMEMBERED = 65_536  # ends of anonymous paths kept in memory
_MOST_NAMESAKES = 64  # conversations with the same opening that are looked at on disk

_Place = tuple[str, str]  # tenant, chain


class Conversations:
    """Which session each conversation is in."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._ends: OrderedDict[_Place, str] = OrderedDict()  # → session

    async def find(self, tenant: str, claim: Claim, call: Call, dialect: Dialect) -> SessionKey:
        """The session a request belongs to; a new one's name where there is none yet."""
        if claim.kind != "anonymous":
            return SessionKey(tenant, claim.session)
        names = list(chains(item.identity for item in call.items))
        for name in reversed(names):
            if (session := self._ends.get((tenant, name))) is not None:
                return SessionKey(tenant, session)
        base = f"{_slug(call, dialect)}-{opening(call.items)[:12]}"
        free = self._first_free(tenant, base)
        if any(item.role == "assistant" for item in call.items):
            for number in range(free - 1, max(0, free - 1 - _MOST_NAMESAKES), -1):
                namesake = _numbered(tenant, base, number)
                if await self._continues(namesake, set(names)):
                    return namesake
        return _numbered(tenant, base, self._first_free(tenant, base))

    def answered(self, key: SessionKey, claim: Claim, tree: Tree) -> None:
        """Remembers where an anonymous conversation ends now."""
        if claim.kind == "anonymous" and (tip := tree.tips.get(claim.thread)):
            self._remember(key, tip)

    def failed(self, key: SessionKey, claim: Claim, asked: str) -> None:
        """Remembers a question that got no answer, so that asking again is not a new one."""
        if claim.kind == "anonymous":
            self._remember(key, asked)

    def _remember(self, key: SessionKey, end: str) -> None:
        self._ends[(key.tenant, end)] = key.name
        self._ends.move_to_end((key.tenant, end))
        while len(self._ends) > _REMEMBERED:
            self._ends.popitem(last=False)

    def _first_free(self, tenant: str, base: str) -> int:
        """The first number no conversation with this opening has: doubling, then halving."""
        taken, free = 0, 1
        while self._sessions.exists(_numbered(tenant, base, free)):
            taken, free = free, free * 2
        while free - taken > 1:
            middle = (taken + free) // 2
            if self._sessions.exists(_numbered(tenant, base, middle)):
                taken = middle
            else:
                free = middle
        return free

    async def _continues(self, key: SessionKey, names: set[str]) -> bool:
        """True when an answer of that session stands on the request's path.

        Also one that the client brought along: a client that ends each request with a message it
        leaves out of the next one (OpenClaw 2026.9.6) repeats none of ours at its place.
        """

        def shared(tree: Tree, whole: bool) -> bool | None:
            nodes = (tree.nodes.get(name) for name in names)
            if any(node is not None and node.item.role == "assistant" for node in nodes):
                return True
            return False if whole else None

        async with self._sessions.use(key) as session, session.changing:
            return await session.answer(shared)


def _numbered(tenant: str, base: str, number: int) -> SessionKey:
    return SessionKey(tenant, base if number == 1 else f"{base}-{number}")


def _slug(call: Call, dialect: Dialect) -> str:
    """The first words of the conversation, as a name."""
    first = next((item for item in call.items if item.role == "user"), next(iter(call.items), None))
    said = (dialect.text(first.raw) if first else None) or "conversation"
    words = re.sub(r"[^a-z0-9]+", "-", said[:200].lower()).strip("-")
    return words[:32].strip("-") or "conversation"
