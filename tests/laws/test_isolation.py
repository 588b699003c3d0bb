"""Isolation: nobody's words reach the provider in another's request.

Tenants, sessions, clients with ids of their own and clients without any talk at once, over any API,
in the same few words, so that only their secrets tell them apart. Some give the id of an answer or
of an item that somebody else got.

Seen to fail: with sessions looked up by name without the tenant (bob is sent what ann said), and
with an agent that joins a name speaking in its main thread (thin clients are sent its history). It
does not notice an anonymous client being led to another's session of its own tenant: such a client
gets nothing put back, whatever session it is in. With ids of responses, or of items, looked up
without the tenant, whoever gives another's is sent what that one said.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from hypothesis import example, given, settings
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


DIALECT = st.sampled_from(["openai_chat", "anthropic", "openai_responses"])
SURE = {"role": "assistant", "content": "Sure."}


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
        n = len(self.bodies)
        part = {"type": "output_text", "text": "Sure.", "annotations": []}
        item = {"type": "message", "id": f"msg_{n}", "role": "assistant", "content": [part]}
        said = {
            "openai_chat": {"choices": [{"index": 0, "message": SURE}]},
            "anthropic": {
                "type": "message",
                **SURE,
                "content": [{"type": "text", "text": "Sure."}],
            },
            "openai_responses": {"id": f"resp_{n}", "status": "completed", "output": [item]},
        }[incoming.dialect]
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


Turn = tuple[tuple[str, str, str], str, bool, bool]


@settings(max_examples=40, deadline=None)
@given(
    turns=st.lists(st.tuples(WHO, DIALECT, st.booleans(), st.booleans()), min_size=2, max_size=14)
)
def test_nobody_sees_anothers_words(turns: list[Turn]) -> None:
    asyncio.run(_talk(turns))


async def _talk(turns: list[Turn]) -> None:
    provider = _Provider()
    store = MemoryStore()
    exchange = Exchange(settings=Settings(), store=store, upstream=provider)
    histories: dict[tuple[str, str, str], list[dict[str, str]]] = {}
    for who, dialect, thin, restarts in turns:
        _, session, uuid = who
        if restarts:
            exchange = Exchange(settings=Settings(), store=store, upstream=provider)
        # An agent's threads stay its own also where it shares a name; its secret is its own then.
        history = histories.setdefault(who, [])
        asked = {"role": "user", "content": f"hi, I am {_secret(who)}" if not history else "go on"}
        history.append(asked)
        named = bool(session) and not uuid
        messages = [asked] if thin and named else list(history)
        headers = [("x-claude-code-session-id", uuid)] if uuid else []
        await exchange.converse(
            _incoming(who, dialect, _body(dialect, messages), headers), _Client()
        )
        history.append(SURE)
        assert _secrets(provider.bodies[-1]) == {_secret(who)}


ANN = ("ann", "", "")


@settings(max_examples=30, deadline=None)
@example(  # the same answer twice at one place: its first id names an item still
    turns=[
        (ANN, "", 0, False),
        (ANN, "answer", 0, False),
        (ANN, "answer", 0, False),
        (ANN, "item", 1, False),
    ]
)
@given(
    turns=st.lists(
        st.tuples(WHO, st.sampled_from(["", "answer", "item"]), st.integers(0, 9), st.booleans()),
        min_size=2,
        max_size=12,
    )
)
def test_an_id_is_worth_nothing_to_another_tenant(
    turns: list[tuple[tuple[str, str, str], str, int, bool]],
) -> None:
    asyncio.run(_refer(turns))


async def _refer(turns: list[tuple[tuple[str, str, str], str, int, bool]]) -> None:
    provider = _Provider()
    store = MemoryStore()
    exchange = Exchange(settings=Settings(), store=store, upstream=provider)
    answered: list[tuple[str, set[str]]] = []  # whose, and what stood before each answer and in it
    for who, refers, which, restarts in turns:
        tenant = who[0]
        if restarts:
            exchange = Exchange(settings=Settings(), store=store, upstream=provider)
        n = which % len(answered) if answered else -1
        asked: list[Any] = [{"role": "user", "content": f"hi, I am {_secret(who)}"}]
        more: dict[str, str] = {}
        mine = n >= 0 and answered[n][0] == tenant
        if n >= 0 and refers == "answer":
            more = {"previous_response_id": f"resp_{n + 1}"}
        elif n >= 0 and refers == "item":
            asked = [{"type": "item_reference", "id": f"msg_{n + 1}"}, *asked]
        body = _body("openai_responses", asked, **more)
        # Without a name, so that nothing else than the id says what came before.
        anonymous = (tenant, "", "")
        await exchange.converse(_incoming(anonymous, "openai_responses", body, []), _Client())
        sent = provider.bodies[-1]
        seen = _secrets(sent)
        expected = {_secret(who)}
        if more and mine:
            expected |= answered[n][1]
        assert seen == expected
        if refers == "item" and n >= 0:
            assert (b"item_reference" not in sent) == mine
        # What follows an answer of nobody known is passed on, and not remembered.
        answered.append((tenant if mine or not more else "", seen))


def _secret(who: tuple[str, str, str]) -> str:
    return "<{}/{}/{}>".format(*who)


def _secrets(body: bytes) -> set[str]:
    return set(re.findall(r"<\w+/\w*/[\w-]*>", body.decode()))


def _body(dialect: str, messages: list[Any], **more: str) -> bytes:
    history = "input" if dialect == "openai_responses" else "messages"
    return json.dumps({"model": "m", history: messages, **more}).encode()


def _incoming(who: tuple[str, str, str], dialect: Any, body: bytes, headers: Headers) -> Incoming:
    tenant, session, _ = who
    return Incoming(
        dialect=dialect,
        path="/v1/any",
        query="",
        headers=headers,
        body=body,
        decoded=body,
        tenant=tenant,
        mode="stitch",
        session=session or None,
    )
