"""Isolation: nobody's words reach the provider in another's request.

Tenants, sessions, clients with ids of their own and clients without any talk at once, in the same
few words, so that only their secrets tell them apart.

Seen to fail: with sessions looked up by name without the tenant (bob is sent what ann said), and
with an agent that joins a name speaking in its main thread (thin clients are sent its history). It
does not notice an anonymous client being led to another's session of its own tenant: such a client
gets nothing put back, whatever session it is in.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from stitcher.exchange import Exchange
from stitcher.ports import Answer, Headers, Incoming
from stitcher.settings import Settings
from stitcher.store.memory import MemoryStore

WHO = st.tuples(
    st.sampled_from(["ann", "bob"]),  # tenant
    st.sampled_from(["", "", "one", "two"]),  # session name; none for anonymous
    st.sampled_from(["", "", "uuid-1", "uuid-2"]),  # Claude Code's session id
)


@dataclass
class _Said:
    status: int
    headers: Headers
    body: bytes

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self.body


@dataclass
class _Provider:
    """Answers with the same few words, whoever asks."""

    bodies: list[bytes] = field(default_factory=list)

    @asynccontextmanager
    async def send(self, incoming: Incoming, body: bytes) -> AsyncIterator[Answer]:
        self.bodies.append(body)
        said = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Sure."}}]}
        yield _Said(200, [("content-type", "application/json")], json.dumps(said).encode())


@dataclass
class _Client:
    """Keeps what comes back."""

    started: bool = False
    body: bytes = b""

    async def start(self, status: int, headers: Headers, *, length: int | None = None) -> None:
        self.started = True

    async def write(self, chunk: bytes) -> None:
        self.body += chunk

    async def finish(self) -> None:
        pass


@settings(max_examples=40, deadline=None)
@given(turns=st.lists(st.tuples(WHO, st.booleans(), st.booleans()), min_size=2, max_size=14))
def test_nobody_sees_anothers_words(turns: list[tuple[tuple[str, str, str], bool, bool]]) -> None:
    asyncio.run(_talk(turns))


async def _talk(turns: list[tuple[tuple[str, str, str], bool, bool]]) -> None:
    provider = _Provider()
    store = MemoryStore()
    exchange = Exchange(settings=Settings(), store=store, upstream=provider)
    histories: dict[tuple[str, str, str], list[dict[str, str]]] = {}
    for who, thin, restarts in turns:
        tenant, session, uuid = who
        if restarts:
            exchange = Exchange(settings=Settings(), store=store, upstream=provider)
        secret = f"<{tenant}/{session}/{uuid}>"
        # An agent's threads stay its own also where it shares a name; its secret is its own then.
        history = histories.setdefault(who, [])
        asked = {"role": "user", "content": f"hi, I am {secret}" if not history else "go on"}
        history.append(asked)
        named = bool(session) and not uuid
        messages = [asked] if thin and named else list(history)
        headers = [("x-claude-code-session-id", uuid)] if uuid else []
        body = json.dumps({"model": "m", "messages": messages}).encode()
        incoming = Incoming(
            dialect="openai_chat",
            path="/v1/chat/completions",
            query="",
            headers=headers,
            body=body,
            decoded=body,
            tenant=tenant,
            mode="stitch",
            session=session or None,
        )
        await exchange.converse(incoming, _Client())
        history.append({"role": "assistant", "content": "Sure."})
        seen = set(re.findall(r"<\w+/\w*/[\w-]*>", provider.bodies[-1].decode()))
        assert seen == {secret}
