"""Who keeps an answer that is named by its id: we, the provider, its connection, or nobody."""

from typing import Any

import pytest

from tests.exchange.conftest import OpenDialogue
from tests.exchange.dialogue import Client, Dialogue, FakeReply
from tests.exchange.messages import user
from tests.exchange.provider import Provider, Step


@pytest.fixture
def anyone(talk: Dialogue) -> Client:
    """Somebody who says nothing of any session."""
    return talk.client("openai_responses")


def _refused(client: Client, reply: FakeReply) -> None:
    """The request went on as it came, to a provider that keeps no responses."""
    assert client.talk.provider.last.untouched
    assert reply.status == 400
    assert reply.said.startswith("bypass; ")
    assert reply.said.endswith(" is not in the log")


class TestNotStored:
    """`store: false` asks the provider to forget the answer: its id names nothing later."""

    def test_over_http(self, anyone: Client) -> None:
        one = anyone.says("one", store=False)
        with anyone.talk.refusing("the client asked not to store it"):
            _refused(anyone, anyone.follows(one, "two"))

    @pytest.mark.parametrize("keeps", [True, False])
    def test_over_a_connection_it_names_it_for_as_long(self, talk: Dialogue, keeps: bool) -> None:
        """Codex 0.169.0 chains so, though it stores nothing."""
        caller = talk.caller(keeps=keeps)
        one = caller.says("one", store=False)
        two = caller.follows(one, "two", store=False)
        three = caller.follows(two, "three", store=False)
        assert b"Reply 3 to: three" in three.body
        assert talk.provider.last.untouched == keeps
        assert talk.log(one.session).said[-1] == "assistant: Reply 3 to: three"


class TestConnection:
    def test_what_the_provider_knows_from_it_is_not_sent_again(self, talk: Dialogue) -> None:
        caller = talk.caller(keeps=True)
        one = caller.says("one")
        two = caller.follows(one, "two")
        assert caller.saw() == ["user: two"]
        assert talk.provider.last.json["previous_response_id"] == caller.id_of(one)
        assert (two.said, two.restored) == ("passthrough", 0)

    def test_what_was_said_before_it_is(self, talk: Dialogue) -> None:
        """Another connection knows nothing of what this one was told."""
        caller = talk.caller(keeps=True)
        one = caller.says("one")
        again = talk.caller(keeps=True)
        two = again.follows(one, "two")
        assert again.saw() == ["user: one", "assistant: Reply 1 to: one", "user: two"]
        again.follows(two, "three")
        assert again.saw() == ["user: three"]

    def test_what_the_provider_has_forgotten_meanwhile(self, talk: Dialogue) -> None:
        """Its own connection was made anew under ours: what that one held is put back."""
        caller = talk.caller(keeps=True)
        one = caller.says("one")
        lost = "previous_response_not_found"
        talk.provider.then(Step(status=400, message=lost))
        two = caller.follows(one, "two")
        assert (two.status, two.restored) == (200, 2)
        assert caller.saw() == ["user: one", "assistant: Reply 1 to: one", "user: two"]
        assert talk.log(one.session).everything.count("user: two") == 1

    def test_one_that_was_lost_after_a_restart_of_ours(self, talk: Dialogue) -> None:
        one = talk.caller(keeps=True).says("one")
        talk.restart()
        again = talk.caller(keeps=False)
        again.follows(one, "two")
        assert again.saw() == ["user: one", "assistant: Reply 1 to: one", "user: two"]

    @pytest.mark.parametrize("said", [[], [{"role": "developer", "content": "Be brief."}]])
    def test_a_warm_up_that_everything_follows(
        self, talk: Dialogue, said: list[dict[str, Any]]
    ) -> None:
        caller = talk.caller()
        warmed = caller.sends(said, generate=False, store=False)
        one = caller.follows(warmed, "one", store=False)
        caller.follows(one, "two", store=False)
        spoken = ["user: one", "assistant: Reply 1 to: one", "user: two"]
        assert caller.saw() == [*(["developer: Be brief."] if said else []), *spoken]
        assert talk.sessions == [one.session]
        assert talk.log(one.session).said[-1] == "assistant: Reply 2 to: two"


class TestKeptUpstream:
    """`--responses-state upstream`: the provider keeps responses, and is left to."""

    @pytest.fixture
    def kept(self, opened: OpenDialogue) -> Client:
        talk = opened(provider=Provider(keeps=True), responses_state="upstream")
        return talk.client("openai_responses")

    def test_the_request_goes_on_as_it_came_and_is_remembered(self, kept: Client) -> None:
        one = kept.says("one")
        two = kept.follows(one, "two")
        assert kept.talk.provider.last.untouched
        assert two.json["output"][0]["content"][0]["text"] == "Reply 2 to: two"
        assert kept.talk.log(one.session).said[-2:] == ["user: two", "assistant: Reply 2 to: two"]

    def test_an_id_that_only_the_provider_knows(self, kept: Client) -> None:
        elsewhere = Dialogue(provider=kept.talk.provider)
        one = elsewhere.client("openai_responses").says("one")
        two = kept.follows(one, "two")
        assert two.status == 200
        assert two.said.startswith("bypass; ")
        assert two.json["output"][0]["content"][0]["text"] == "Reply 2 to: two"
        elsewhere.end()


def test_only_looking_on(opened: OpenDialogue) -> None:
    """Observed, a chain is recorded as it would have been sent; then it is put back."""
    talk = opened(provider=Provider(keeps=True))
    client = talk.client("openai_responses", mode="observe")
    one = client.says("one")
    two = client.follows(one, "two")
    assert talk.provider.last.untouched
    assert two.said.startswith("observe; ")
    client.mode = "stitch"
    client.follows(two, "three")
    assert len(client.saw()) == 5
    assert talk.log(one.session).said[-1] == "assistant: Reply 3 to: three"


class TestInTheBackground:
    """`background: true` is answered later, to be fetched: only the provider has it."""

    QUEUED = b'{"id": "resp_b", "object": "response", "status": "queued", "output": []}'

    def test_what_follows_it_is_the_providers_affair(self, anyone: Client) -> None:
        one = anyone.says("one")
        anyone.talk.provider.then(Step(body=self.QUEUED))
        anyone.follows(one, "two", background=True)
        with anyone.talk.refusing("this provider keeps nothing"):
            reply = anyone.sends([user("three")], previous_response_id="resp_b")
        _refused(anyone, reply)

    def test_the_conversation_goes_on_from_before_it(self, anyone: Client) -> None:
        one = anyone.says("one")
        anyone.talk.provider.then(Step(body=self.QUEUED))
        anyone.follows(one, "two", background=True)
        anyone.follows(one, "three")
        assert anyone.saw() == ["user: one", "assistant: Reply 1 to: one", "user: three"]
