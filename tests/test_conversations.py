"""Whose session a request without a name continues."""

import asyncio
import json
from typing import Any

import pytest

from stitcher import conversations
from stitcher.conversations import Conversations
from stitcher.core.threads import Claim
from stitcher.sessions import Sessions
from stitcher.store.memory import MemoryStore
from stitcher.store.protocol import SessionKey
from stitcher.wire import openai_chat
from tests.exchange.dialogue import Dialogue
from tests.exchange.messages import assistant, user

ANYONE = Claim("anonymous", "", "main")


def _find(store: MemoryStore, messages: list[dict[str, Any]], tenant: str = "local") -> str:
    call = openai_chat.parse(json.dumps({"model": "m", "messages": messages}).encode())

    async def story() -> SessionKey:
        return await Conversations(Sessions(store)).find(tenant, ANYONE, call, openai_chat)

    key = asyncio.run(story())
    assert key.tenant == tenant
    return key.name


@pytest.mark.parametrize(
    ("said", "slug"),
    [
        ("Hello there!", "hello-there-"),
        ("  ../../etc/passwd ", "etc-passwd-"),
        ("\u00c9t\u00e9", "t-"),
        ("\U0001f9f5", "conversation-"),
        ("x" * 500, "x" * 32 + "-"),
        ("", "conversation-"),
    ],
)
def test_a_new_one_is_named_after_its_first_words(said: str, slug: str) -> None:
    name = _find(MemoryStore(), [user(said), user("more")])
    assert name.startswith(slug)
    assert len(name) == len(slug) + 12


def test_the_same_words_make_the_same_name_on_any_machine() -> None:
    assert _find(MemoryStore(), [user("hi")]) == _find(MemoryStore(), [user("hi ")])


def _with(*histories: list[dict[str, Any]]) -> MemoryStore:
    store = MemoryStore()
    talk = Dialogue(store=store)
    for history in histories:
        talk.client().sends(history)
    talk._runner.close()
    return store


def test_a_name_that_is_taken_gets_a_number() -> None:
    store = _with([user("hi")], [user("hi")])
    name = _find(store, [user("hi")])
    assert name.endswith("-3")


def test_the_number_is_found_without_asking_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    store = _with(*[[user("hi")]] * 33)
    asked: list[SessionKey] = []
    exists = MemoryStore.exists

    def counted(self: MemoryStore, key: SessionKey) -> bool:
        asked.append(key)
        return exists(self, key)

    monkeypatch.setattr(MemoryStore, "exists", counted)
    assert _find(store, [user("hi")]).endswith("-34")
    assert len(asked) < 30


def test_a_history_is_told_by_an_answer_on_its_path() -> None:
    store = _with([user("hi"), assistant("A"), user("x")], [user("hi"), assistant("B"), user("x")])
    names = {
        said: _find(store, [user("hi"), assistant(said), user("y")]) for said in ("A", "B", "C")
    }
    assert len(set(names.values())) == 3
    assert names["C"].endswith("-3")


def test_only_so_many_namesakes_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "_MOST_NAMESAKES", 2)
    store = _with(*[[user("hi"), assistant(said), user("x")] for said in "ABCD"])
    assert _find(store, [user("hi"), assistant("A"), user("y")]).endswith("-5")
    assert _find(store, [user("hi"), assistant("D"), user("y")]).endswith("-4")


def test_another_tenants_conversation_is_never_found() -> None:
    store = _with([user("hi"), assistant("A"), user("x")])
    assert not store.exists(SessionKey("other", _find(store, [user("hi")], "other")))


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "_REMEMBERED", 3)
    found = Conversations(Sessions(MemoryStore()))
    for n in range(10):
        found.failed(SessionKey("local", f"s{n}"), ANYONE, f"end {n}")
    assert len(found._ends) == 3
