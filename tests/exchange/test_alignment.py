"""The alignment table of the design: what a client sends, and what becomes of it."""

from itertools import pairwise

import pytest

from stitcher.store.memory import MemoryStore
from stitcher.store.protocol import SessionKey
from tests.exchange.dialogue import Client, Dialogue
from tests.exchange.messages import assistant, extends, shown, spoken, user
from tests.exchange.provider import Step


class TestThinClient:
    def test_only_new_messages_are_appended_and_the_rest_is_put_back(self, client: Client) -> None:
        client.says("one")
        assert client.saw() == ["user: one"]
        reply = client.says("two")
        assert client.saw() == ["user: one", "assistant: Reply 1 to: one", "user: two"]
        assert reply.restored == 2
        assert reply.said == "stitched"
        assert client.talk.log("s").said == [
            "user: one",
            "assistant: Reply 1 to: one",
            "user: two",
            "assistant: Reply 2 to: two",
        ]

    def test_the_first_request_goes_out_untouched(self, client: Client) -> None:
        reply = client.says("one")
        assert client.talk.provider.last.untouched
        assert reply.said == "passthrough"
        assert reply.restored == 0

    def test_several_new_messages_at_once(self, client: Client) -> None:
        client.says("one")
        client.says("two", "three")
        assert client.saw()[2:] == ["user: two", "user: three"]

    def test_a_stream_is_remembered_as_well(self, talk: Dialogue, dialect: str) -> None:
        client = talk.client(dialect, session="s", stream=True)
        client.says("one")
        client.says("two")
        assert client.saw() == ["user: one", "assistant: Reply 1 to: one", "user: two"]

    def test_memory_outlives_the_process(self, client: Client) -> None:
        client.says("one")
        client.talk.restart()
        client.says("two")
        assert client.saw() == ["user: one", "assistant: Reply 1 to: one", "user: two"]

    def test_each_request_extends_the_one_before_byte_for_byte(self, client: Client) -> None:
        for n in range(6):
            client.says(f"message {n}")
        bodies = [seen.body for seen in client.talk.provider.seen]
        assert all(extends(after, before) for before, after in pairwise(bodies))


class TestResendingClient:
    def test_only_the_new_message_is_appended(self, client: Client) -> None:
        client.resends("one")
        client.resends("two")
        reply = client.resends("three")
        assert reply.said == "passthrough"
        assert client.talk.provider.last.untouched
        assert client.talk.log("s").said == [
            "user: one",
            "assistant: Reply 1 to: one",
            "user: two",
            "assistant: Reply 2 to: two",
            "user: three",
            "assistant: Reply 3 to: three",
        ]

    def test_nothing_of_it_marks_the_log_as_rewritten(self, client: Client) -> None:
        for text in ("one", "two", "three"):
            client.resends(text)
        assert not {"rewound", "rebased", "compacted"} & set(client.talk.log("s").kinds)

    def test_after_a_restart_too(self, client: Client) -> None:
        client.resends("one")
        client.resends("two")
        client.talk.restart()
        client.resends("three")
        assert len(client.talk.log("s").everything) == 6


class TestTruncatingClient:
    """Sends the newest part of its history; what it dropped is put back."""

    @pytest.mark.parametrize("last", [3, 5])
    def test_a_window_is_completed(self, client: Client, last: int) -> None:
        for n in range(1, 5):
            client.resends(f"m{n}")
        reply = client.resends("m5", last=last)
        assert client.saw() == [
            line for n in range(1, 5) for line in (f"user: m{n}", f"assistant: Reply {n} to: m{n}")
        ] + ["user: m5"]
        assert reply.restored == 9 - last
        assert len(client.talk.log("s").everything) == 10

    def test_a_window_that_begins_with_an_answer(self, client: Client) -> None:
        if client.dialect == "anthropic":
            pytest.skip("this provider wants a user's message first, so no such client works")
        for n in range(1, 4):
            client.resends(f"m{n}")
        client.resends("m4", last=4)
        assert len(client.saw()) == 7

    def test_after_a_restart(self, client: Client) -> None:
        for n in range(1, 5):
            client.resends(f"m{n}")
        client.talk.restart()
        assert client.resends("m5", last=3).restored == 6

    def test_an_edit_by_a_client_that_trims(self, client: Client) -> None:
        for n in range(1, 6):
            client.resends(f"m{n}")
        client.history[-2] = user("m5, better")
        del client.history[-1]
        reply = client.sends(client.history[-5:])
        assert client.saw()[:2] == ["user: m1", "assistant: Reply 1 to: m1"]
        assert client.saw()[-1] == "user: m5, better"
        assert "user: m5" not in client.saw()
        assert reply.restored == 4
        assert "user: m5" in client.talk.log("s").everything


class TestRetry:
    def test_a_failed_question_asked_again_stands_once(self, client: Client) -> None:
        client.says("one")
        client.talk.provider.then(Step(status=500))
        assert client.says("two").status == 500
        client.says("two")
        assert client.saw() == ["user: one", "assistant: Reply 1 to: one", "user: two"]
        assert client.talk.log("s").everything.count("user: two") == 1

    def test_another_question_after_a_failed_one(self, client: Client) -> None:
        client.says("one")
        client.talk.provider.then(Step(status=500))
        client.says("two")
        client.says("three")
        assert client.saw() == ["user: one", "assistant: Reply 1 to: one", "user: three"]

    def test_a_resending_client_asks_again(self, client: Client) -> None:
        client.resends("one")
        client.talk.provider.then(Step(status=529), Step(status=529))
        client.resends("two")
        again = client.history[:]
        client.sends(again)
        client.sends(again)
        assert client.saw() == ["user: one", "assistant: Reply 1 to: one", "user: two"]
        assert client.talk.log("s").everything.count("user: two") == 1

    def test_a_failed_retry_of_a_whole_history_does_not_empty_the_path(
        self, client: Client
    ) -> None:
        client.resends("one")
        client.talk.provider.then(Step(status=500), Step(status=500))
        client.resends("two")
        client.sends(client.history)  # a retry, which fails as well
        client.says("three")  # somebody else on the same session, with nothing but a question
        assert client.saw() == ["user: one", "assistant: Reply 1 to: one", "user: three"]

    def test_an_unanswered_question_asked_again_after_a_crash(self, client: Client) -> None:
        client.says("one")
        client.says("two")
        _lose_last_answer(client.talk)
        client.talk.restart()
        client.says("two")
        assert client.saw() == ["user: one", "assistant: Reply 1 to: one", "user: two"]

    def test_the_retry_of_a_whole_history_after_a_crash_fails(self, client: Client) -> None:
        client.resends("one")
        client.resends("two")
        _lose_last_answer(client.talk)
        client.talk.restart()
        client.talk.provider.then(Step(status=500))
        client.sends(client.history[:-1])
        client.says("three")
        assert client.saw()[0] == "user: one"

    def test_after_an_answer_that_was_cut_off(self, client: Client) -> None:
        client.stream = True
        client.says("one")
        client.sends([user("two [[long 30]]")], leaves_at=7)
        cut = client.talk.log("s").said[-1]
        assert cut.startswith("assistant: ")
        assert not cut.endswith("word30")
        client.says("two [[long 30]]")
        assert client.saw()[2:] == ["user: two [[long 30]]"]
        assert client.talk.log("s").said[-1].endswith("word30")

    def test_a_new_question_after_an_answer_that_was_cut_off(self, client: Client) -> None:
        client.stream = True
        client.says("one")
        client.sends([user("two [[long 30]]")], leaves_at=7)
        client.says("three")
        assert client.saw()[2] == "user: two [[long 30]]"
        assert client.saw()[3].startswith("assistant: word1")
        assert client.saw()[4] == "user: three"


def _lose_last_answer(talk: Dialogue) -> None:
    """As if the machine had stopped before the last answer was written."""
    assert isinstance(talk.store, MemoryStore)
    lines = [line.data for line in talk.store.oldest_first(SessionKey("local", "s"))]
    answers = [n for n, line in enumerate(lines) if line.startswith(b'{"type":"message"')]
    talk.store.purge(SessionKey("local", "s"))
    talk.run(talk.store.append(SessionKey("local", "s"), lines[: answers[-1]]))


class TestRepeat:
    def test_yes_twice_is_two_messages(self, client: Client) -> None:
        client.says("yes")
        client.says("yes")
        assert client.saw() == ["user: yes", "assistant: Reply 1 to: yes", "user: yes"]
        assert len(client.talk.log("s").everything) == 4

    def test_yes_four_times(self, client: Client) -> None:
        for _ in range(4):
            client.says("yes")
        assert client.saw().count("user: yes") == 4

    def test_yes_twice_by_a_resending_client(self, client: Client) -> None:
        client.resends("yes")
        client.resends("yes")
        assert client.talk.provider.last.untouched
        assert len(client.talk.log("s").everything) == 4

    def test_same_text_in_two_images_apart(self, client: Client) -> None:
        for png in ("AAAA", "BBBB"):
            client.sends([shown(client.dialect, "what is it?", png)])
        assert len(client.talk.provider.last.messages) == 3


class TestEdit:
    def test_the_old_branch_is_kept(self, client: Client) -> None:
        client.resends("one")
        client.resends("two")
        client.history[2:] = []
        client.resends("two, better")
        log = client.talk.log("s")
        assert log.said[2] == "user: two, better"
        assert "user: two" in log.everything
        assert "assistant: Reply 2 to: two" in log.everything
        assert "rewound" in log.kinds

    def test_a_regeneration(self, client: Client) -> None:
        client.resends("one")
        client.resends("two [[n]]")
        client.history.pop()
        client.sends(client.history)
        log = client.talk.log("s")
        assert log.everything.count("user: two [[n]]") == 1
        assert len(log.said) == 4

    def test_a_thin_client_goes_on_where_the_edit_ends(self, client: Client) -> None:
        client.resends("one")
        client.resends("two")
        client.history[2:] = []
        client.resends("two, better")
        client.says("three")
        assert "user: two" not in client.saw()
        assert client.saw()[-3] == "user: two, better"

    def test_back_to_the_old_branch(self, client: Client) -> None:
        client.resends("one")
        client.resends("two")
        old = list(client.history)
        client.history[2:] = []
        client.resends("two, better")
        client.history = old
        client.resends("three")
        assert client.talk.log("s").said == [
            "user: one",
            "assistant: Reply 1 to: one",
            "user: two",
            "assistant: Reply 2 to: two",
            "user: three",
            "assistant: Reply 3 to: three",
        ]
        assert len(client.talk.log("s").everything) == 8

    def test_an_edit_of_the_very_first_message(self, client: Client) -> None:
        client.resends("one")
        client.history = []
        client.history = [user("uno"), assistant("Hello"), user("and?")]
        client.sends(client.history)
        assert client.saw() == ["user: uno", "assistant: Hello", "user: and?"]


class TestAdoption:
    def test_a_conversation_that_began_elsewhere(self, client: Client) -> None:
        client.sends([user("a"), assistant("b"), user("c")])
        assert client.talk.provider.last.untouched
        client.says("d")
        assert client.saw() == [
            "user: a",
            "assistant: b",
            "user: c",
            "assistant: Reply 2 to: c",
            "user: d",
        ]


class TestClientThatCompacts:
    def test_its_version_is_the_path_now(self, client: Client) -> None:
        for n in range(1, 4):
            client.resends(f"m{n}")
        client.sends([user("Summary: we spoke of m1 to m3."), assistant("Understood."), user("m4")])
        assert client.talk.provider.last.untouched
        client.says("m5")
        assert client.saw()[:3] == [
            "user: Summary: we spoke of m1 to m3.",
            "assistant: Understood.",
            "user: m4",
        ]
        log = client.talk.log("s")
        assert "rebased" in log.kinds
        assert "user: m1" in log.everything

    def test_it_keeps_the_newest_messages(self, client: Client) -> None:
        for n in range(1, 4):
            client.resends(f"m{n}")
        kept = client.history[-2:]
        client.sends([user("Summary of m1 and m2."), assistant("Understood."), *kept, user("m4")])
        assert client.talk.provider.last.untouched
        log = client.talk.log("s")
        assert [line for line in log.kinds if line == "rebased"] == ["rebased"]
        assert log.said[:2] == ["user: Summary of m1 and m2.", "assistant: Understood."]
        assert log.said[2:4] == ["user: m3", "assistant: Reply 3 to: m3"]


class TestClientThatLeavesOut:
    def test_middle_messages_dropped(self, client: Client) -> None:
        for n in range(1, 6):
            client.resends(f"m{n}")
        client.history = client.history[:2] + client.history[-2:]
        client.resends("m6")
        assert client.talk.provider.last.untouched
        assert client.talk.log("s").said == [
            "user: m1",
            "assistant: Reply 1 to: m1",
            "user: m5",
            "assistant: Reply 5 to: m5",
            "user: m6",
            "assistant: Reply 3 to: m6",
        ]
        # The next one finds it in place.
        client.resends("m7")
        assert client.talk.log("s").kinds.count("rebased") == 1

    def test_messages_of_the_user_merged(self, client: Client) -> None:
        if client.dialect == "openai_chat":
            merged = user("m1\n\nm2")
        else:
            merged = spoken(client.dialect, "m1", "m2")
        client.sends([user("m1"), user("m2")])
        answer = assistant("Reply 2 to: m2")
        client.sends([merged, answer, user("m3")])
        assert client.talk.provider.last.untouched
        assert len(client.talk.log("s").said) == 4

    def test_an_empty_answer_dropped(self, client: Client) -> None:
        client.resends("one")
        client.sends([*client.history, user("[[empty]]")])
        client.sends([*client.history, user("[[empty]]"), user("three")])
        assert client.talk.provider.last.untouched
        assert client.talk.log("s").said[:4] == [
            "user: one",
            "assistant: Reply 1 to: one",
            "user: [[empty]]",
            "user: three",
        ]

    def test_a_thin_client_after_an_empty_answer(self, client: Client) -> None:
        client.says("one")
        client.says("[[empty]]")
        client.says("three")
        assert client.saw() == [
            "user: one",
            "assistant: Reply 1 to: one",
            "user: [[empty]]",
            "user: three",
        ]
