"""`previous_response_id`: only what is new and the id of the answer before it.

The provider here keeps nothing, as most do not: what an id stands for comes out of the log.
"""

import asyncio
import json
from itertools import pairwise

import pytest

from tests.exchange.conftest import OpenDialogue
from tests.exchange.dialogue import Client, Dialogue, FakeReply
from tests.exchange.messages import call_ids, extends, results, systems, tools, user
from tests.exchange.provider import Provider, Step

WORDS = "[[long 60]]"  # an answer of about 150 tokens


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


class TestExpanding:
    def test_what_an_id_stands_for_is_put_back(self, anyone: Client) -> None:
        one = anyone.says("one")
        two = anyone.follows(one, "two")
        assert anyone.saw() == ["user: one", "assistant: Reply 1 to: one", "user: two"]
        assert (two.restored, two.said, two.session) == (2, "stitched", one.session)
        assert "previous_response_id" not in anyone.talk.provider.last.json
        assert anyone.talk.log(one.session).said == [
            "user: one",
            "assistant: Reply 1 to: one",
            "user: two",
            "assistant: Reply 2 to: two",
        ]

    def test_input_that_is_a_mere_string(self, anyone: Client) -> None:
        one = anyone.says("one")
        anyone.follows(one, input="two")
        assert anyone.saw()[-1] == "user: two"

    def test_each_request_extends_the_one_before_byte_for_byte(self, anyone: Client) -> None:
        reply = anyone.says("m0")
        for n in range(1, 12):
            if n in (4, 9):
                anyone.talk.restart()
            anyone.stream = n % 3 == 0
            reply = _after(anyone, reply, f"m{n} [[think]]", n)
        bodies = [seen.body for seen in anyone.talk.provider.seen]
        assert all(extends(after, before) for before, after in pairwise(bodies))
        assert len(anyone.talk.sessions) == 1

    def test_an_answer_from_long_before_a_restart(self, anyone: Client) -> None:
        """What an id stands for is found however much was said since, and nothing after it."""
        replies = [anyone.says("m0")]
        for n in range(1, 90):
            replies.append(anyone.follows(replies[-1], f"m{n}"))
        anyone.talk.restart()
        anyone.follows(replies[2], "another way")
        assert anyone.saw()[4:] == ["user: m2", "assistant: Reply 3 to: m2", "user: another way"]

    def test_the_result_of_a_call_as_the_only_input(self, anyone: Client) -> None:
        asked = anyone.says("go [[tool look {}]]", tools=tools("openai_responses"))
        (called,) = call_ids(anyone.answer_in(asked))
        told = anyone.follows(asked, *results("openai_responses", (called, "sunny")))
        assert anyone.saw()[1:] == ["assistant: [call look]", "tool: [result sunny]"]
        assert told.status == 200

    def test_an_id_goes_before_a_name(self, anyone: Client) -> None:
        """Whoever names an answer means that one, whatever else the request says of itself."""
        one = anyone.says("one")
        other = anyone.talk.client("openai_responses", session="other")
        other.says("elsewhere")
        assert other.follows(one, "two").session == one.session
        assert other.saw()[0] == "user: one"

    def test_a_thin_request_by_name_goes_on_after_it(self, talk: Dialogue) -> None:
        client = talk.client("openai_responses", session="s")
        one = client.says("one")
        client.follows(one, "two")
        client.says("three")
        assert client.saw()[2:] == ["user: two", "assistant: Reply 2 to: two", "user: three"]


def _after(client: Client, reply: FakeReply, text: str, n: int) -> FakeReply:
    """Follows an answer that may have been a stream when this one is none."""
    stream = client.stream
    client.stream = (n - 1) % 3 == 0 and n > 1
    name = client.id_of(reply)
    client.stream = stream
    return client.sends([user(text)], previous_response_id=name)


class TestBesideAWholeHistory:
    """The Agents SDK chains, or sends all it has: the one conversation is known by either."""

    @pytest.mark.parametrize("restarts", [False, True])
    def test_all_of_it_after_a_chain(self, anyone: Client, restarts: bool) -> None:
        one = anyone.says("one")
        two = anyone.follows(one, "two")
        history = [user("one"), anyone.answer_in(one), user("two"), anyone.answer_in(two)]
        if restarts:
            anyone.talk.restart()
        three = anyone.sends([*history, user("three")])
        assert anyone.talk.provider.last.untouched
        assert anyone.talk.sessions == [one.session]
        assert len(anyone.talk.log(one.session).everything) == 6
        anyone.follows(three, "four")
        assert len(anyone.saw()) == 7

    def test_a_chain_after_all_of_it(self, anyone: Client) -> None:
        anyone.resends("one")
        two = anyone.resends("two")
        anyone.talk.restart()
        three = anyone.follows(two, "three")
        assert anyone.saw()[2:] == ["user: two", "assistant: Reply 2 to: two", "user: three"]
        assert three.session == two.session

    def test_all_of_it_and_the_id_as_well(self, anyone: Client) -> None:
        """Said so, it is said twice: the API takes items for what they are."""
        one = anyone.resends("one")
        anyone.follows(one, *[user("one"), {"role": "assistant", "content": "Again."}], "two")
        assert anyone.saw() == [
            "user: one",
            "assistant: Reply 1 to: one",
            "user: one",
            "assistant: Again.",
            "user: two",
        ]


class TestWhatCarriesOver:
    """OpenAI: "the instructions from a previous response will not be carried over"."""

    def test_instructions_do_not(self, anyone: Client) -> None:
        one = anyone.says("one", instructions="Be brief.")
        anyone.follows(one, "two")
        assert "instructions" not in anyone.talk.provider.last.json
        assert anyone.follows(one, "three", instructions="Be kind.").status == 200
        assert systems("openai_responses", anyone.talk.provider.last.json) == ["Be kind."]

    def test_what_a_developer_says_first_does(self, anyone: Client) -> None:
        """It is input, and input goes on, also where the client said so only once."""
        prompt = {"role": "developer", "content": "Be brief."}
        reply = anyone.sends([prompt, user("one")])
        for text in ("two", "three"):
            reply = anyone.follows(reply, text)
            assert anyone.saw()[:2] == ["developer: Be brief.", "user: one"]
        assert anyone.saw().count("developer: Be brief.") == 1

    def test_and_what_one_says_later_stays_where_it_was_said(self, anyone: Client) -> None:
        one = anyone.says("one")
        two = anyone.follows(one, {"role": "developer", "content": "Be kind."}, "two")
        anyone.follows(two, "three")
        assert anyone.saw()[2:4] == ["developer: Be kind.", "user: two"]

    def test_tools_do_not(self, anyone: Client) -> None:
        one = anyone.says("one", tools=tools("openai_responses"))
        anyone.follows(one, "two")
        assert "tools" not in anyone.talk.provider.last.json

    def test_nothing_of_a_head_is_lent_to_a_fork(self, anyone: Client) -> None:
        """A later answer's developer does not speak in what goes on from an earlier one."""
        one = anyone.sends([{"role": "developer", "content": "Be brief."}, user("one")])
        anyone.sends([{"role": "developer", "content": "Be kind."}, user("else")])
        anyone.follows(one, "two")
        assert anyone.saw()[0] == "developer: Be brief."


class TestForks:
    def test_two_ways_on_from_one_answer(self, anyone: Client) -> None:
        one = anyone.says("one")
        left, right = anyone.follows(one, "left"), anyone.follows(one, "right")
        anyone.follows(left, "and?")
        assert anyone.saw()[2:] == ["user: left", "assistant: Reply 2 to: left", "user: and?"]
        anyone.follows(right, "and?")
        assert anyone.saw()[2:] == ["user: right", "assistant: Reply 2 to: right", "user: and?"]
        assert anyone.talk.log(one.session).everything.count("user: one") == 1

    @pytest.mark.parametrize("texts", [("left", "right"), ("same", "same")])
    def test_at_once(self, anyone: Client, texts: tuple[str, str]) -> None:
        one = anyone.says("one")
        name = anyone.id_of(one)

        async def both() -> list[FakeReply]:
            asked = (anyone.sending([user(t)], previous_response_id=name) for t in texts)
            return await asyncio.gather(*asked)

        replies = anyone.talk.run(both())
        for reply, text in zip(replies, texts, strict=True):
            anyone.follows(reply, "and?")
            assert anyone.saw()[2:] == [f"user: {text}", f"assistant: Reply 2 to: {text}",
                                        "user: and?"]  # fmt: skip
        assert anyone.talk.sessions == [one.session]

    def test_the_same_question_again_is_a_second_answer(self, anyone: Client) -> None:
        """Both ids stand for the same words; either may be followed."""
        one = anyone.says("one")
        first, second = anyone.follows(one, "two"), anyone.follows(one, "two")
        assert anyone.id_of(first) != anyone.id_of(second)
        for reply in (first, second):
            anyone.follows(reply, "three")
            assert anyone.saw()[2:4] == ["user: two", "assistant: Reply 2 to: two"]


class TestFailures:
    def test_the_same_request_after_an_error(self, anyone: Client) -> None:
        one = anyone.says("one")
        anyone.talk.provider.then(Step(status=500))
        assert anyone.follows(one, "two").status == 500
        before = anyone.talk.provider.last.body
        anyone.follows(one, "two")
        assert anyone.talk.provider.last.body == before
        assert anyone.talk.log(one.session).everything.count("user: two") == 1

    def test_an_item_that_was_refused_and_put_right(self, anyone: Client) -> None:
        one = anyone.says("one")
        with anyone.talk.refusing("the provider knows no such field"):
            anyone.follows(one, {**user("two"), "future": 1})
        with anyone.talk.refusing("it goes out as it did, and then as it is"):
            two = anyone.follows(one, "two")
        assert two.status == 200
        anyone.follows(two, "three")
        assert len(anyone.saw()) == 5

    def test_an_id_that_nobody_gave(self, anyone: Client) -> None:
        anyone.says("one")
        with anyone.talk.refusing("such a provider keeps no responses"):
            _refused(anyone, anyone.sends([user("two")], previous_response_id="resp_never"))
        assert len(anyone.talk.sessions) == 1

    def test_an_answer_of_another_tenant(self, talk: Dialogue) -> None:
        ann, bob = (talk.client("openai_responses", tenant=name) for name in ("ann", "bob"))
        one = ann.says("a secret")
        with talk.refusing("ann's answer is none of bob's"):
            _refused(bob, bob.follows(one, "two"))
        assert b"secret" not in talk.provider.last.body

    def test_with_tenants_by_their_keys_it_is_not_even_asked_for(
        self, opened: OpenDialogue
    ) -> None:
        """The provider may not tell them apart: then it would answer bob from what ann said."""
        talk = opened(tenancy="key", provider=Provider(keeps=True))
        ann, bob = (talk.client("openai_responses", tenant=name) for name in ("ann", "bob"))
        one = ann.says("a secret")
        reply = bob.follows(one, "two")
        assert reply.json["error"]["code"] == "previous_response_not_found"
        assert (reply.status, len(talk.provider.seen)) == (400, 1)

    def test_an_answer_of_a_purged_session(self, anyone: Client) -> None:
        one = anyone.says("one")
        anyone.talk.purge(one.session)
        with anyone.talk.refusing("what was purged is gone"):
            _refused(anyone, anyone.follows(one, "two"))

    def test_and_of_one_that_has_been_begun_anew_since(self, talk: Dialogue) -> None:
        client = talk.client("openai_responses", session="s")
        one = client.says("one")
        talk.purge("s")
        client.says("begun anew")
        with talk.refusing("what was purged is gone, also where the name is used again"):
            reply = client.follows(one, "two")
        assert talk.provider.last.untouched
        assert (reply.status, reply.said) == (400, "bypass; the response it follows was purged")

    def test_an_answer_that_was_cut_off(self, anyone: Client) -> None:
        """What the client had seen of it stands for it."""
        anyone.stream = True
        cut = anyone.sends([user(f"one {WORDS}")], leaves_at=9)
        anyone.follows(cut, "two")
        assert anyone.saw()[1].startswith("assistant: word1 word2")
        assert not anyone.saw()[1].endswith("word60")
        assert anyone.saw()[2:] == ["user: two"]

    def test_the_same_request_after_its_answer_was_cut_off(self, anyone: Client) -> None:
        one = anyone.says("one")
        name = anyone.id_of(one)
        anyone.stream = True
        asked = [user(f"two {WORDS}")]
        cut = anyone.sends(asked, previous_response_id=name, leaves_at=9)
        whole = anyone.sends(asked, previous_response_id=name)
        for reply, ends in ((whole, True), (cut, False)):
            anyone.follows(reply, "three")
            assert anyone.saw()[2] == f"user: two {WORDS}"
            assert anyone.saw()[3].endswith("word60") == ends
        assert anyone.talk.log(one.session).everything.count(f"user: two {WORDS}") == 1

    def test_an_answer_that_was_cut_off_before_its_first_word(self, anyone: Client) -> None:
        anyone.stream = True
        cut = anyone.sends([user("one")], leaves_at=2)
        with anyone.talk.refusing("there is nothing to go on from"):
            _refused(anyone, anyone.follows(cut, "two"))

    def test_an_answer_that_said_nothing(self, anyone: Client) -> None:
        one = anyone.says("one")
        empty = anyone.follows(one, "two [[empty]]")
        anyone.follows(empty, "three")
        assert anyone.saw()[2:] == ["user: two [[empty]]", "user: three"]

    @pytest.mark.parametrize("name", [5, [], {}, "", "x" * 10_000, "\ud800", "../../x"])
    def test_an_odd_id(self, anyone: Client, name: object) -> None:
        anyone.says("one")
        body = json.dumps(anyone.body([user("two")], previous_response_id=name)).encode()
        anyone.sends_bytes(body)
        assert anyone.talk.provider.last.untouched
        refused = anyone.talk.provider.last.refusal is not None
        anyone.talk.refusals_expected = int(refused)
        assert anyone.says("three").status == 200


class TestBudget:
    def test_a_chain_is_cut_back_and_then_grows(self, opened: OpenDialogue) -> None:
        talk = opened(max_tokens=2_000)
        client = talk.client("openai_responses")
        prompt = {"role": "developer", "content": "Be brief."}
        replies = [client.sends([prompt, user(f"m {WORDS}")])]
        for n in range(30):
            replies.append(client.follows(replies[-1], f"m{n} {WORDS}"))
        bodies = [seen.body for seen in talk.provider.seen]
        breaks = [n for n in range(1, 31) if not extends(bodies[n], bodies[n - 1])]
        assert len(breaks) == talk.log(replies[0].session).kinds.count("compacted") >= 2
        assert all(int(reply.headers["x-stitcher-tokens"]) <= 2_000 for reply in replies)
        assert all(seen.said[0] == "developer: Be brief." for seen in talk.provider.seen)

    def test_a_restart_moves_no_cut(self, opened: OpenDialogue) -> None:
        warm, cold = opened(max_tokens=2_000), opened(max_tokens=2_000)
        for talk in (warm, cold):
            reply = talk.client("openai_responses").says(f"m {WORDS}")
            for n in range(25):
                if talk is cold:
                    talk.restart()
                reply = talk.client("openai_responses").follows(reply, f"m{n} {WORDS}")
        assert [s.body for s in warm.provider.seen] == [s.body for s in cold.provider.seen]

    def test_going_on_from_before_the_cut(self, opened: OpenDialogue) -> None:
        talk = opened(max_tokens=2_000)
        client = talk.client("openai_responses")
        replies = [client.says(f"m {WORDS}")]
        for n in range(25):
            replies.append(client.follows(replies[-1], f"m{n} {WORDS}"))
        client.follows(replies[1], "another way")
        assert client.saw()[0] == f"user: m {WORDS}"
        assert len(client.saw()) == 5
