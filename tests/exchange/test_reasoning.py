"""Reasoning of the Responses API: with the item it led to, or not at all.

OpenAI refuses reasoning "without its required following item", and an item that names itself by
its id without the reasoning it was made with.
"""

import json
from typing import Any

import pytest

from tests.exchange.conftest import OpenDialogue
from tests.exchange.dialogue import Client, Dialogue
from tests.exchange.messages import Message, answering, assistant, call_ids, results, tools, user
from tests.exchange.provider import Provider, Step

SEALED = {"include": ["reasoning.encrypted_content"]}


@pytest.fixture
def thinker(talk: Dialogue) -> Client:
    """A thin client whose reasoning comes sealed, as one that stores nothing asks for it."""
    return talk.client("openai_responses", session="s", extra={**SEALED, "store": False})


@pytest.fixture
def trusting(talk: Dialogue) -> Client:
    """A thin client whose provider keeps the reasoning: only its id comes back."""
    return talk.client("openai_responses", session="s")


def _kinds(client: Client) -> list[str]:
    """What went up, as types; a message as who says it."""
    return [item.get("role") or item["type"] for item in client.talk.provider.last.messages]


def _raw_items(document: Any) -> list[Message]:
    items = document["output"]
    assert isinstance(items, list)
    return items


class TestKept:
    def test_it_comes_back_unchanged_before_its_item(self, thinker: Client) -> None:
        said = _raw_items(thinker.says("one [[think]]").json)
        assert said[0]["encrypted_content"]
        thinker.says("two")
        assert thinker.talk.provider.last.messages[1:3] == said

    def test_as_the_very_bytes(self, thinker: Client) -> None:
        said = thinker.says("one [[think]]").body
        thinker.says("two")
        start = said.index(b'{"id":"rs_')
        reasoning = said[start : said.index(b"}]", start) + 2]
        assert reasoning in thinker.talk.provider.last.body

    def test_from_a_stream(self, thinker: Client) -> None:
        thinker.stream = True
        thinker.says("one [[think]] [[redacted]]")
        thinker.says("two")
        assert _kinds(thinker) == ["user", "reasoning", "assistant", "user"]

    def test_after_a_restart(self, thinker: Client) -> None:
        thinker.says("one [[think]]")
        thinker.talk.restart()
        thinker.says("two")
        assert _kinds(thinker) == ["user", "reasoning", "assistant", "user"]

    def test_with_a_call(self, thinker: Client) -> None:
        thinker.extra["tools"] = tools("openai_responses")
        called = thinker.answer_in(thinker.says("go [[think]] [[tool look {}]] [[tool look {}]]"))
        one, two = call_ids(called)
        thinker.sends(results("openai_responses", (one, "a"), (two, "b")))
        assert _kinds(thinker) == [
            "user",
            "reasoning",
            "function_call",
            "function_call",
            "function_call_output",
            "function_call_output",
        ]

    def test_along_a_chain(self, trusting: Client) -> None:
        trusting.session = None
        one = trusting.says("one [[think]]")
        trusting.follows(one, "two")
        assert trusting.talk.provider.last.messages[1:3] == _raw_items(one.json)

    def test_a_client_that_leaves_it_out_says_the_same(self, thinker: Client) -> None:
        """The AI SDK 7 sends back what was said, not what was thought."""
        thinker.resends("one [[think]]")
        spoken = thinker.history[1]["items"][1]["content"][0]["text"]
        bare: Message = {"role": "assistant", "content": spoken}
        thinker.sends([user("one [[think]]"), bare, user("two")])
        assert thinker.talk.provider.last.untouched
        assert not {"rebased", "rewound"} & set(thinker.talk.log("s").kinds)


class TestLeftOut:
    def test_with_a_call_that_was_never_answered(self, thinker: Client) -> None:
        thinker.extra["tools"] = tools("openai_responses")
        thinker.says("go [[think]] [[tool look {}]]")
        thinker.says("never mind")
        assert _kinds(thinker) == ["user", "user"]

    @pytest.mark.parametrize("leaves_at", range(2, 9))
    def test_where_the_stream_was_cut(self, thinker: Client, leaves_at: int) -> None:
        """Cut at any event: reasoning stands before something it led to, or nowhere."""
        thinker.stream = True
        thinker.says("zero")
        thinker.sends([user("one [[think]] [[long 9]]")], leaves_at=leaves_at)
        thinker.says("two")
        kinds = _kinds(thinker)
        if "reasoning" in kinds:
            assert kinds[kinds.index("reasoning") + 1] == "assistant"

    def test_where_only_an_id_names_it_and_the_provider_is_to_keep_nothing(
        self, trusting: Client
    ) -> None:
        """Neither is the item named that it led to: it would not stand without its reasoning."""
        said = _raw_items(trusting.says("one [[think]]").json)
        trusting.says("two")
        assert [item.get("id") for item in trusting.talk.provider.last.messages[1:3]] == [
            said[0]["id"],
            said[1]["id"],
        ]
        trusting.says("three", store=False)
        assert _kinds(trusting) == ["user", "assistant", "user", "assistant", "user"]
        assert "id" not in trusting.talk.provider.last.messages[1]
        assert trusting.talk.provider.last.messages[1]["content"] == said[1]["content"]

    def test_what_came_sealed_stays_then(self, trusting: Client) -> None:
        trusting.says("one [[think]]", **SEALED)
        trusting.says("two", store=False)
        assert _kinds(trusting) == ["user", "reasoning", "assistant", "user"]


FOREIGN: Message = {
    "items": [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAAforeign"},
        {"type": "message", "id": "msg_1", "role": "assistant", "content": "Far away."},
    ]
}


class TestNamedInVain:
    """A provider that keeps reasoning, and is named some that it has not kept."""

    @pytest.fixture
    def kept(self, opened: OpenDialogue) -> Client:
        return opened(provider=Provider(keeps=True)).client("openai_responses", session="s")

    def test_what_it_kept_it_is_named(self, kept: Client) -> None:
        kept.says("one [[think]]")
        kept.says("two")
        assert _kinds(kept) == ["user", "reasoning", "assistant", "user"]

    def test_of_an_answer_it_was_not_to_keep(self, kept: Client) -> None:
        kept.says("one [[think]]", store=False)
        self._goes_on(kept)

    def test_of_an_answer_that_was_cut_off(self, kept: Client) -> None:
        kept.stream = True
        kept.sends([user("one [[think]] [[long 30]]")], leaves_at=20)
        assert kept.talk.log("s").said[-1].startswith("assistant: word1")
        self._goes_on(kept)

    def _goes_on(self, client: Client) -> None:
        """It is asked once; what it does not know is not named to it again."""
        with client.talk.refusing("it has not kept that reasoning"):
            assert client.says("two").status == 200
        assert _kinds(client) == ["user", "assistant", "user"]
        assert client.says("three").status == 200
        assert _kinds(client) == ["user", "assistant", "user", "assistant", "user"]


class TestUnreadable:
    """What one organisation or provider has sealed, no other can read."""

    def _answered_elsewhere(self, client: Client) -> None:
        client.talk.provider.then(Step(body=answering("openai_responses", FOREIGN)))
        client.says("one")

    def test_the_request_goes_once_more_without_any(self, thinker: Client) -> None:
        self._answered_elsewhere(thinker)
        with thinker.talk.refusing("it was sealed elsewhere"):
            reply = thinker.says("two")
        assert reply.status == 200
        assert _kinds(thinker) == ["user", "assistant", "user"]
        assert "id" not in thinker.talk.provider.last.messages[1]
        assert thinker.talk.log("s").said[-1] == "assistant: Reply 2 to: two"

    def test_once_and_no_more(self, thinker: Client) -> None:
        self._answered_elsewhere(thinker)
        sealed = "The encrypted_content could not be verified."
        thinker.talk.provider.then(*[Step(status=400, message=sealed)] * 5)
        reply = thinker.says("two")
        assert (reply.status, len(thinker.talk.provider.seen)) == (400, 3)
        assert sealed in reply.body.decode()

    def test_a_provider_that_keeps_no_reasoning_is_asked_to_read_it_once(
        self, trusting: Client
    ) -> None:
        trusting.says("one [[think]]")
        unknown = "Item with id 'rs_1' not found."
        trusting.talk.provider.then(Step(status=404, message=unknown))
        assert trusting.says("two").status == 200
        asked = len(trusting.talk.provider.seen)
        trusting.says("three [[think]]")
        trusting.says("four")
        trusting.talk.restart()
        trusting.says("five")
        assert "reasoning" not in _kinds(trusting)
        assert len(trusting.talk.provider.seen) == asked + 3, "nothing was sent twice again"

    def test_what_the_client_sent_itself_is_its_own_affair(self, thinker: Client) -> None:
        with thinker.talk.refusing("the client says what the provider cannot read"):
            reply = thinker.sends([user("one"), FOREIGN, user("two")])
        assert thinker.talk.provider.last.untouched
        assert b"invalid_encrypted_content" in reply.body
        assert len(thinker.talk.provider.seen) == 1


class TestCompaction:
    """A compaction item stands for a conversation; what is in it only the provider knows."""

    def _compacted(self, client: Client) -> Message:
        client.resends("one")
        reply = client.sends([*client.history, user("two"), {"type": "compaction_trigger"}])
        (item,) = _raw_items(reply.json)
        return item

    def test_it_comes_back_unchanged(self, thinker: Client) -> None:
        item = self._compacted(thinker)
        thinker.says("three")
        assert item in thinker.talk.provider.last.messages
        raw = json.dumps(item, separators=(",", ":")).encode()
        assert raw in thinker.talk.provider.last.body

    def test_what_it_stands_for_is_not_put_back(self, thinker: Client) -> None:
        item = self._compacted(thinker)
        thinker.says("three")
        assert _kinds(thinker) == ["compaction", "user"]
        thinker.sends([item, user("three"), assistant("Reply 3 to: three"), user("four")])
        assert _kinds(thinker) == ["compaction", "user", "assistant", "user"]
        assert thinker.talk.provider.last.untouched

    def test_another_api_is_sent_what_it_stands_for(self, thinker: Client) -> None:
        """There it has no form: without the rest nothing would be left."""
        self._compacted(thinker)
        chat = thinker.talk.client("openai_chat", session="s")
        chat.says("three")
        assert chat.saw() == ["user: one", "assistant: Reply 1 to: one", "user: two", "user: three"]

    def test_the_trigger_is_said_once(self, thinker: Client) -> None:
        self._compacted(thinker)
        thinker.says("three")
        assert "compaction_trigger" not in _kinds(thinker)
        assert thinker.talk.log("s").kinds.count("aside") == 1

    def test_a_client_that_keeps_its_own_history_goes_on_from_it_alone(
        self, talk: Dialogue
    ) -> None:
        client = talk.client("openai_responses", headers=[("x-session-id", "abc")])
        item = self._compacted(client)
        client.sends([item, user("three")])
        assert talk.provider.last.untouched
        assert talk.sessions == ["client-abc"]
