"""The Responses API with hostile and unlucky clients: what they hear, what the log keeps."""

import json
import threading
from typing import Any

import pytest

from stitcher import exchange
from stitcher.planning import Plan, plan
from stitcher.responses_api import references
from stitcher.store.protocol import RESERVED, SessionKey
from stitcher.wire.call import Call
from stitcher.wire.openai_responses import parse
from tests.exchange.dialogue import Dialogue
from tests.exchange.messages import Message, user

API = "openai_responses"


def test_a_conversation_cannot_be_named_like_a_log_of_the_programs_own() -> None:
    talk = Dialogue(responses_state="upstream")
    index = f"{RESERVED}responses-00"
    with talk.refusing("the provider has no such conversation either"):
        reply = talk.client(API).says("hi", conversation=index)
    assert reply.said.startswith("bypass; ")
    assert talk.provider.last.json["conversation"] == index
    assert list(talk.store.newest_first(SessionKey("local", index))) == []
    talk.end()


@pytest.mark.parametrize("about", ["previous_response_id", "conversation"])
def test_who_only_observes_refuses_nothing(about: str) -> None:
    talk = Dialogue(tenancy="key", mode="observe")
    with talk.refusing("the provider has not heard of it either"):
        reply = talk.client(API, mode="observe").says("hi", **{about: "conv_nobody"})
    assert reply.said.startswith("bypass; ")
    assert talk.provider.last.untouched
    talk.end()


def test_a_long_history_to_put_back_holds_up_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    planned: list[int] = []

    def noted(*about: Any) -> Plan | None:
        planned.append(threading.get_ident())
        return plan(*about)

    monkeypatch.setattr(exchange, "plan", noted)
    monkeypatch.setattr(exchange, "_MANY_MESSAGES", 2)
    talk = Dialogue()
    client = talk.client(API)
    second = client.follows(client.says("one"), "two")
    assert set(planned) == {threading.get_ident()}
    planned.clear()
    assert client.follows(second, "three").restored == 4
    assert threading.get_ident() not in planned
    assert planned
    talk.end()


def test_items_put_in_the_place_of_their_ids_hold_up_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[int] = []

    def noted(body: bytes) -> Call:
        read.append(threading.get_ident())
        return parse(body)

    monkeypatch.setattr(references, "parse", noted)
    talk = Dialogue()
    client = talk.client(API)
    first = client.says("one")
    (said,) = json.loads(first.body)["output"]
    named: Message = {"type": "item_reference", "id": said["id"]}
    assert client.sends([user("one"), named, user("two")]).status == 200
    assert talk.provider.last.messages[1] == said
    assert len(read) == 1
    assert threading.get_ident() not in read
    talk.end()
