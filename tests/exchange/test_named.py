"""Several clients on one named session, each with its own habits."""

import asyncio
import json
from pathlib import Path

import pytest

from stitcher.store.jsonl import JsonlStore
from stitcher.store.protocol import SessionKey
from tests.exchange.conftest import OpenDialogue
from tests.exchange.dialogue import Client, Dialogue, FakeReply
from tests.exchange.messages import Message, assistant, user
from tests.exchange.provider import Step


def test_thin_after_full(client: Client) -> None:
    client.resends("one")
    client.resends("two")
    client.says("three")
    assert len(client.saw()) == 5
    assert client.saw()[-1] == "user: three"


def test_full_after_thin_without_what_the_other_said(client: Client) -> None:
    client.resends("one")
    client.says("two")  # another client; the first one does not see it
    client.resends("three")
    assert "user: two" not in client.saw()
    assert "user: two" in client.talk.log("s").everything


def test_full_after_thin_with_everything(client: Client) -> None:
    client.says("one")
    client.says("two")
    client.history = client.talk.log("s").path()
    client.resends("three")
    assert client.talk.provider.last.untouched
    assert client.talk.log("s").kinds.count("message") == 6


def test_python_after_javascript(talk: Dialogue) -> None:
    """The AI SDK sends answers flattened, without ids and extras; the official SDK dumps them."""
    plain: list[Message] = [user("one"), assistant("Reply 1 to: one"), user("two")]
    dumped: list[Message] = [
        {"content": [{"type": "text", "text": "one"}], "role": "user"},
        {"content": "Reply 1 to: one", "refusal": None, "role": "assistant", "annotations": []},
        user("two"),
        {"content": "Reply 2 to: two", "refusal": None, "role": "assistant", "annotations": []},
        user("three"),
    ]
    client = talk.client(session="s")
    client.sends(plain)
    client.sends(dumped)
    assert talk.log("s").kinds.count("message") == 6
    assert not {"rewound", "rebased"} & set(talk.log("s").kinds)


def test_a_history_that_renders_differently_goes_out_as_it_did_first(talk: Dialogue) -> None:
    """Tool arguments re-serialised (Pydantic AI, the AI SDK) must not move the cached prefix."""
    client = talk.client(session="s", extra={"tools": _tools()})

    def called(arguments: str) -> Message:
        function = {"name": "look", "arguments": arguments}
        made = {"id": "call_1", "type": "function", "function": function}
        return {"role": "assistant", "content": None, "tool_calls": [made]}

    result: Message = {"role": "tool", "tool_call_id": "call_1", "content": "sunny"}
    history: list[Message] = [user("one"), called('{"city": "x", "day": 1}'), result]
    client.sends(history)
    spoken = talk.log("s").path()[-1]
    client.sends([user("one"), called('{"day":1,"city":"x"}'), result, spoken, user("two")])
    first, second = talk.provider.seen
    assert second.messages[:3] == first.messages
    assert not second.untouched


def _tools() -> list[dict[str, object]]:
    return [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]


def test_a_name_belongs_to_one_tenant(talk: Dialogue, dialect: str) -> None:
    ann = talk.client(dialect, session="s", tenant="ann")
    bob = talk.client(dialect, session="s", tenant="bob")
    ann.says("ann's secret")
    bob.says("hi")
    assert bob.saw() == ["user: hi"]
    ann.says("again")
    assert ann.saw()[0] == "user: ann's secret"


class TestParallel:
    def test_thin_requests_are_taken_one_after_the_other(self, client: Client) -> None:
        async def story() -> None:
            held = asyncio.Event()
            client.talk.provider.then(Step(hold=held))
            first = asyncio.ensure_future(client.sending([user("one")]))
            await client.talk.provider.arrived.wait()
            second = asyncio.ensure_future(client.sending([user("two")]))
            await asyncio.sleep(0.01)
            assert len(client.talk.provider.seen) == 1
            held.set()
            await asyncio.gather(first, second)

        client.talk.run(story())
        assert client.saw() == ["user: one", "assistant: Reply 1 to: one", "user: two"]

    def test_a_thin_request_whose_client_leaves_lets_the_next_one_go(self, client: Client) -> None:
        async def story() -> None:
            client.talk.provider.then(Step(hold=asyncio.Event()))
            first = asyncio.ensure_future(client.sending([user("one")]))
            await client.talk.provider.arrived.wait()
            second = asyncio.ensure_future(client.sending([user("two")]))
            await asyncio.sleep(0)
            first.cancel()
            await asyncio.gather(first, second, return_exceptions=True)

        client.talk.run(story())
        assert client.saw() == ["user: two"]
        assert len(client.talk.provider.seen) == 2

    def test_of_two_whole_histories_both_are_kept(self, client: Client) -> None:
        client.resends("one")
        history = client.history

        async def story() -> None:
            held = asyncio.Event()
            client.talk.provider.then(Step(hold=held))
            first = asyncio.ensure_future(client.sending([*history, user("left")]))
            await asyncio.sleep(0.01)
            second = asyncio.ensure_future(client.sending([*history, user("right")]))
            await second
            held.set()
            await first

        client.talk.run(story())
        everything = client.talk.log("s").everything
        assert {"user: left", "user: right"} <= set(everything)
        assert "assistant: Reply 2 to: left" in everything
        assert "assistant: Reply 2 to: right" in everything

    def test_one_that_fails_late_does_not_undo_the_other(self, client: Client) -> None:
        client.resends("one")
        history = client.history

        async def story() -> None:
            held = asyncio.Event()
            client.talk.provider.then(Step(hold=held, status=500))
            first = asyncio.ensure_future(client.sending([*history, user("left")]))
            await asyncio.sleep(0.01)
            await client.sending([*history, user("right")])
            held.set()
            await first

        client.talk.run(story())
        client.says("three")
        assert client.saw()[2:] == ["user: right", "assistant: Reply 2 to: right", "user: three"]


class TestPurge:
    def test_a_session_purged_between_two_requests_is_empty(self, client: Client) -> None:
        client.says("one")
        assert client.talk.run(client.talk.exchange.purge(_key()))
        client.says("two")
        assert client.saw() == ["user: two"]

    def test_a_purge_of_nothing_is_said(self, talk: Dialogue) -> None:
        assert not talk.run(talk.exchange.purge(_key()))
        assert talk.exchange._sessions.counts("local")["sessions_in_memory"] == 0

    def test_purged_while_an_answer_is_awaited(self, client: Client) -> None:
        client.says("one")
        replies: list[FakeReply] = []

        async def story() -> None:
            held = asyncio.Event()
            client.talk.provider.arrived.clear()
            client.talk.provider.then(Step(hold=held))
            asked = asyncio.ensure_future(client.sending([user("two")]))
            await client.talk.provider.arrived.wait()
            await client.talk.exchange.purge(_key())
            held.set()
            replies.append(await asked)

        client.talk.run(story())
        assert json.loads(replies[0].body)  # the client gets its answer
        assert client.talk.sessions == []  # and nothing of it comes back
        client.says("three")
        assert client.saw() == ["user: three"]
        client.talk.restart()
        client.says("four")
        assert client.saw() == ["user: three", "assistant: Reply 1 to: three", "user: four"]

    def test_a_request_that_waits_for_the_purge_is_remembered(self, client: Client) -> None:
        client.says("one")

        async def story() -> None:
            await asyncio.gather(client.talk.exchange.purge(_key()), client.sending([user("two")]))

        client.talk.run(story())
        client.talk.restart()
        client.says("three")
        assert client.saw()[-3:] == ["user: two", "assistant: Reply 1 to: two", "user: three"]
        assert "user: one" not in client.saw()


def _key() -> SessionKey:
    return SessionKey("local", "s")


@pytest.mark.parametrize("name", ["../../etc", "a\0b", "\U0001f9f5", "x" * 10_000, "a/b", "."])
def test_any_text_is_a_name(opened: OpenDialogue, tmp_path: Path, name: str) -> None:
    talk = opened(store=JsonlStore(tmp_path / "data", durability="os"))
    client = talk.client(session=name)
    client.says("one")
    assert client.says("two").restored == 2
    assert talk.sessions == [name]
    assert {path.name for path in tmp_path.iterdir()} == {"data"}
