"""Conversations that nobody named: told apart, and found again, by their messages alone."""

import pytest

from tests.exchange.conftest import OpenDialogue
from tests.exchange.dialogue import Client, Dialogue
from tests.exchange.messages import assistant, user
from tests.exchange.provider import Step


@pytest.fixture
def anyone(talk: Dialogue, dialect: str) -> Client:
    return talk.client(dialect)


def test_a_history_is_found_by_what_it_continues(anyone: Client) -> None:
    first = anyone.resends("hello there")
    second = anyone.resends("and again")
    assert first.session == second.session
    assert first.session.startswith("hello-there-")
    assert anyone.talk.log(first.session).kinds.count("message") == 4


def test_nothing_is_put_back(anyone: Client) -> None:
    anyone.resends("one")
    anyone.says("two")
    assert anyone.saw() == ["user: two"]


def test_found_again_after_a_restart(anyone: Client) -> None:
    first = anyone.resends("one")
    anyone.resends("two")
    anyone.talk.restart()
    assert anyone.resends("three").session == first.session
    assert len(anyone.talk.sessions) == 1


def test_two_with_the_same_first_message_are_two(anyone: Client) -> None:
    other = anyone.talk.client(anyone.dialect)
    one, two = anyone.resends("hi"), other.resends("hi")
    assert one.session != two.session


def test_the_answers_tell_two_with_the_same_beginning_apart(anyone: Client) -> None:
    other = anyone.talk.client(anyone.dialect)
    anyone.history, other.history = [user("hi")], [user("hi")]
    one = anyone.sends([user("hi"), assistant("Hello A"), user("go on")])
    two = other.sends([user("hi"), assistant("Hello B"), user("go on")])
    assert one.session != two.session
    anyone.talk.restart()
    again = anyone.sends(
        [user("hi"), assistant("Hello A"), user("go on"), assistant("Reply 2 to: go on"), user("x")]
    )
    assert again.session == one.session


def test_found_among_many_with_the_same_beginning_after_a_restart(anyone: Client) -> None:
    for n in range(10):
        anyone.sends([user("hi"), assistant(f"Hello {n}"), user("go on")])
    assert len(anyone.talk.sessions) == 10
    anyone.talk.restart()
    for n in (0, 9):
        anyone.sends([user("hi"), assistant(f"Hello {n}"), user("go on, please")])
    assert len(anyone.talk.sessions) == 10


def test_the_same_history_in_two_tenants_is_two_conversations(talk: Dialogue, dialect: str) -> None:
    ann, bob = (talk.client(dialect, tenant=name) for name in ("ann", "bob"))
    ann.resends("hi")
    bob.resends("hi")
    ann.resends("more")
    bob.resends("more")
    for tenant in ("ann", "bob"):
        assert [i.key.tenant for i in talk.store.sessions(tenant)] == [tenant]


def test_a_failed_first_question_asked_again_is_the_same_conversation(anyone: Client) -> None:
    anyone.talk.provider.then(Step(status=500))
    first = anyone.says("one")
    assert anyone.says("one").session == first.session
    assert anyone.talk.sessions == [first.session]


def test_so_is_one_whose_answer_was_cut_off(anyone: Client) -> None:
    anyone.stream = True
    first = anyone.sends([user("one [[long 40]]")], leaves_at=9)
    assert anyone.says("one [[long 40]]").session == first.session


def test_so_is_one_that_ended_before_anything_was_said(anyone: Client) -> None:
    anyone.stream = True
    anyone.talk.provider.then(Step(cut_after=0))
    first = anyone.says("one")
    assert anyone.says("one").session == first.session


def test_an_edit_stays_in_its_conversation(anyone: Client) -> None:
    first = anyone.resends("one")
    anyone.resends("two")
    anyone.history[2:] = []
    assert anyone.resends("two, better").session == first.session


def test_a_conversation_with_nothing_to_name_it_by(anyone: Client) -> None:
    reply = anyone.says("你好")
    assert reply.session.startswith("conversation-")


def test_an_own_key_is_an_identity(talk: Dialogue) -> None:
    """`prompt_cache_key` names a family of conversations (OpenClaw, Codex)."""
    client = talk.client(extra={"prompt_cache_key": "abc"})
    assert client.resends("one").session == "key-abc"
    client.resends("two")
    assert client.talk.provider.last.untouched


def test_parallel_first_questions_do_not_meet(opened: OpenDialogue, dialect: str) -> None:
    import asyncio

    talk = opened()
    anyone = talk.client(dialect)

    async def story() -> list[str]:
        sent = [anyone.sending([user("hi")]) for _ in range(5)]
        return [reply.session for reply in await asyncio.gather(*sent)]

    assert len(set(talk.run(story()))) == 5
