"""`conversation`: an object that everything said in it is added to, kept here for any provider."""

import asyncio
import json

import pytest

from stitcher.responses_api.conversation_objects import ConversationObjects
from stitcher.wire.openai_responses import read_item
from tests.exchange.conftest import OpenDialogue
from tests.exchange.dialogue import Client, Dialogue, FakeReply
from tests.exchange.messages import Message, assistant, call, call_ids, results, tools, user
from tests.exchange.provider import Provider, Step


def _made(talk: Dialogue, *items: Message, tenant: str = "local") -> str:
    """A new conversation object that holds these items; its id."""
    objects = ConversationObjects(talk.exchange.sessions, talk.store)
    read = [read_item(json.dumps(item).encode()) for item in items]
    document = json.loads(talk.run(objects.create(tenant, read, b"{}")))
    return str(document["id"])


@pytest.fixture
def anyone(talk: Dialogue) -> Client:
    return talk.client("openai_responses")


@pytest.mark.parametrize("as_object", [False, True])
def test_what_was_said_in_it_is_put_back(anyone: Client, as_object: bool) -> None:
    name = _made(anyone.talk)
    anyone.extra["conversation"] = {"id": name} if as_object else name
    anyone.says("one")
    reply = anyone.says("two")
    assert anyone.saw() == ["user: one", "assistant: Reply 1 to: one", "user: two"]
    assert "conversation" not in anyone.talk.provider.last.json
    assert (reply.session, reply.said) == (name, "stitched")


def test_and_what_it_was_made_with(anyone: Client) -> None:
    name = _made(anyone.talk, {"role": "developer", "content": "Be brief."}, user("zero"))
    anyone.says("one", conversation=name)
    assert anyone.saw() == ["developer: Be brief.", "user: zero", "user: one"]


def test_after_a_restart(anyone: Client) -> None:
    anyone.extra["conversation"] = _made(anyone.talk, user("zero"), assistant("nil"))
    anyone.says("one")
    anyone.talk.restart()
    anyone.says("two")
    assert anyone.saw()[:3] == ["user: zero", "assistant: nil", "user: one"]


@pytest.mark.parametrize("back_to", [0, 1])
def test_what_goes_on_from_one_of_its_answers_by_id_is_a_branch(
    anyone: Client, back_to: int
) -> None:
    """Whether it is the last answer or not: the conversation stays as it was."""
    name = _made(anyone.talk)
    answers = [anyone.says(text, conversation=name).json["id"] for text in ("one", "two")]
    branch = anyone.says("aside", previous_response_id=answers[back_to])
    before = ["user: one", "assistant: Reply 1 to: one", "user: two", "assistant: Reply 2 to: two"]
    assert anyone.saw() == [*before[: 2 * back_to + 2], "user: aside"]
    anyone.says("three", conversation=name)
    assert anyone.saw() == [*before, "user: three"]
    anyone.says("further", previous_response_id=branch.json["id"])
    assert anyone.saw()[-3] == "user: aside"
    assert anyone.talk.sessions == [name]


def test_whatever_is_said_is_added(anyone: Client) -> None:
    """The API says where items stand, so none is taken for a history sent again."""
    anyone.extra["conversation"] = _made(anyone.talk)
    anyone.says("one")
    anyone.sends([user("one"), assistant("Reply 1 to: one"), user("two")])
    assert anyone.saw() == [
        "user: one",
        "assistant: Reply 1 to: one",
        "user: one",
        "assistant: Reply 1 to: one",
        "user: two",
    ]
    assert not {"rebased", "rewound"} & set(anyone.talk.log(anyone.extra["conversation"]).kinds)


def test_yes_after_yes(anyone: Client) -> None:
    anyone.extra["conversation"] = _made(anyone.talk)
    for _ in range(3):
        anyone.says("yes")
    assert anyone.saw().count("user: yes") == 3


def test_a_call_and_its_result(anyone: Client) -> None:
    anyone.extra |= {"conversation": _made(anyone.talk), "tools": tools("openai_responses")}
    (called,) = call_ids(anyone.answer_in(anyone.says("go [[tool look {}]]")))
    anyone.sends(results("openai_responses", (called, "sunny")))
    assert anyone.saw()[1:] == ["assistant: [call look]", "tool: [result sunny]"]


def test_a_call_that_the_client_brings_along_with_its_result(anyone: Client) -> None:
    anyone.extra |= {"conversation": _made(anyone.talk), "tools": tools("openai_responses")}
    done = call("openai_responses", "call_a")
    anyone.sends([user("go"), done, *results("openai_responses", ("call_a", "sunny"))])
    anyone.says("thanks")
    assert anyone.saw()[1:3] == ["assistant: [call look]", "tool: [result sunny]"]


def test_two_requests_at_once_are_taken_one_after_the_other(anyone: Client) -> None:
    """What the second one means depends on the answer to the first."""
    name = _made(anyone.talk)

    async def both() -> list[FakeReply]:
        asked = (anyone.sending([user(text)], conversation=name) for text in ("one", "two"))
        return await asyncio.gather(*asked)

    anyone.talk.run(both())
    assert anyone.saw() == ["user: one", "assistant: Reply 1 to: one", "user: two"]
    assert anyone.talk.log(name).said[-1] == "assistant: Reply 2 to: two"


def test_the_same_request_after_an_error(anyone: Client) -> None:
    name = anyone.extra["conversation"] = _made(anyone.talk)
    anyone.says("one")
    anyone.talk.provider.then(Step(status=500))
    anyone.says("two")
    anyone.says("two")
    assert anyone.saw() == ["user: one", "assistant: Reply 1 to: one", "user: two"]
    assert anyone.talk.log(name).everything.count("user: two") == 1


def test_instructions_belong_to_a_request(anyone: Client) -> None:
    anyone.extra["conversation"] = _made(anyone.talk)
    anyone.says("one", instructions="Be brief.")
    anyone.says("two")
    assert "instructions" not in anyone.talk.provider.last.json


def test_an_answer_in_it_may_be_followed_by_its_id(anyone: Client) -> None:
    name = _made(anyone.talk)
    one = anyone.says("one", conversation=name)
    two = anyone.follows(one, "two")
    assert two.session == name
    assert anyone.saw() == ["user: one", "assistant: Reply 1 to: one", "user: two"]


def test_two_histories_at_once(anyone: Client) -> None:
    """As OpenAI refuses it; taken for either of them it would be answered from the wrong one."""
    one = anyone.says("one")
    reply = anyone.follows(one, "two", conversation=_made(anyone.talk))
    assert (reply.status, reply.said) == (400, "refused")
    assert reply.json["error"]["code"] == "mutually_exclusive_parameters"
    assert len(anyone.talk.provider.seen) == 1


def test_an_id_that_nobody_made(anyone: Client) -> None:
    with anyone.talk.refusing("such a provider keeps no conversations"):
        reply = anyone.says("one", conversation="conv_never")
    assert anyone.talk.provider.last.untouched
    assert reply.said.startswith("bypass; ")
    assert reply.said.endswith(" is not in the log")
    assert anyone.talk.sessions == []


def test_a_session_is_none(talk: Dialogue) -> None:
    """Only what was made as a conversation is one: a name alone gives nobody a session."""
    talk.client("openai_responses", session="conv_x").says("one")
    with talk.refusing("such a provider keeps no conversations"):
        talk.client("openai_responses").says("two", conversation="conv_x")
    assert talk.provider.last.untouched


def test_one_of_another_tenant(talk: Dialogue) -> None:
    name = _made(talk, user("a secret"), tenant="ann")
    with talk.refusing("ann's conversation is none of bob's"):
        talk.client("openai_responses", tenant="bob").says("two", conversation=name)
    assert talk.provider.last.untouched


def test_one_that_was_deleted(anyone: Client) -> None:
    name = _made(anyone.talk)
    objects = ConversationObjects(anyone.talk.exchange.sessions, anyone.talk.store)
    anyone.talk.run(objects.delete("local", name))
    reply = anyone.says("one", conversation=name)
    assert (reply.status, reply.said) == (404, "refused")
    assert anyone.talk.provider.seen == []


def test_kept_upstream_it_is_the_providers(opened: OpenDialogue) -> None:
    provider = Provider(keeps=True)
    talk = opened(provider=provider, responses_state="upstream")
    client = talk.client("openai_responses")
    with talk.refusing("the provider has made no such conversation"):
        reply = client.says("one", conversation="conv_theirs")
    assert talk.provider.last.untouched
    assert reply.status == 404
