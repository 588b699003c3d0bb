"""What Codex 0.169.0 does over HTTP: the whole history each time."""

import json
import random

import pytest

from tests.exchange.codex import (
    AGENT,
    CHECKPOINT,
    NAME,
    PROMPT,
    ROOT,
    SUMMARY,
    TOOLS,
    Codex,
    all_untouched,
    moved,
)
from tests.exchange.dialogue import Dialogue, FakeReply
from tests.exchange.messages import Message, extends
from tests.exchange.provider import Step


@pytest.fixture
def codex(talk: Dialogue) -> Codex:
    return Codex(talk)


class TestOverHttp:
    """The whole history each time."""

    def test_turns_pass_untouched_and_stand_once(self, codex: Codex) -> None:
        for text in ("one [[think]]", "two", "three"):
            codex.asks(text)
        assert all_untouched(codex.talk)
        log = codex.talk.log(NAME)
        assert log.said == [
            "user: one [[think]]",
            "assistant: Reply 1 to: one [[think]]",
            "user: two",
            "assistant: Reply 2 to: two",
            "user: three",
            "assistant: Reply 3 to: three",
        ]
        assert not {"rewound", "rebased"} & set(log.kinds)
        assert log.kinds.count("head") == 1

    def test_another_process_goes_on(self, codex: Codex) -> None:
        codex.asks("one")
        codex.talk.restart()
        Codex(codex.talk, items=codex.items, order=random.Random(2)).asks("two")
        assert all_untouched(codex.talk)
        assert codex.talk.log(NAME).kinds.count("message") == 4

    def test_a_model_whose_tools_are_an_item(self, codex: Codex) -> None:
        """`additional_tools` comes first, and a custom tool is called."""
        codex.items = [TOOLS, PROMPT]
        codex.asks('one [[tool exec {"input": "ls"}]]', tools=None)
        called = codex.items[-1]
        assert called["type"] == "custom_tool_call"
        output = {"type": "custom_tool_call_output", "call_id": called["call_id"], "output": "a.py"}
        codex.items.append(output)
        codex.sends(codex.items, tools=None)
        assert all_untouched(codex.talk)
        assert codex.talk.log(NAME).said[2:] == [
            "tool: [result a.py]",
            "assistant: Tool said: a.py",
        ]

    def test_the_same_after_an_error(self, codex: Codex) -> None:
        """The retry is byte-identical."""

        codex.asks("one")
        codex.talk.provider.then(Step(status=503), Step(status=429))
        codex.items.append(codex.message("two"))
        body = json.dumps(codex.client.body(codex.items, **codex.members())).encode()
        for status in (503, 429, 200):
            assert codex.client.sends_bytes(body).status == status
        assert codex.talk.log(NAME).kinds.count("message") == 4


class TestCutStream:
    """Cut off, it asks again with every item that was complete by then at its input's end."""

    def _reasoning(self, reply: FakeReply) -> Message:
        done = [line for line in reply.body.split(b"\n") if b"response.output_item.done" in line]
        item = json.loads(next(line for line in done if line.startswith(b"data: "))[6:])["item"]
        assert item["type"] == "reasoning"
        return {**item, "content": None}

    @pytest.mark.parametrize("again", [1, 3])
    def test_the_answer_stands_once(self, codex: Codex, again: int) -> None:
        codex.asks("one")
        asked = codex.message("two [[think]] [[long 30]]")
        codex.items.append(asked)
        for _ in range(again):
            cut = codex.sends(codex.items, leaves_at=20)
            assert not cut.finished
            codex.items.append(self._reasoning(cut))
        reply = codex.sends(codex.items)
        codex.items += codex.client.answer_in(reply)["items"]
        codex.asks("three")
        assert all_untouched(codex.talk)
        said = codex.talk.log(NAME).said
        assert [line for line in said if line.startswith("user: ")] == [
            "user: one",
            "user: two [[think]] [[long 30]]",
            "user: three",
        ]
        assert len(said) == 6
        assert codex.talk.log(NAME).everything.count("user: two [[think]] [[long 30]]") == 1

    def test_a_whole_message_before_the_cut(self, codex: Codex) -> None:
        """What is complete is the client's own: what comes then goes on after it."""
        codex.asks("one")
        codex.items.append(codex.message("two [[commentary Let me see.]]"))
        whole = codex.sends(codex.items)
        codex.items.append(codex.client.answer_in(whole)["items"][0])
        again = codex.sends(codex.items)
        codex.items += codex.client.answer_in(again)["items"]
        codex.asks("three")
        assert all_untouched(codex.talk)
        assert codex.talk.log(NAME).said.count("assistant: Let me see.") >= 1
        assert codex.talk.log(NAME).said[-2] == "user: three"


class TestSubAgents:
    def _forked(self, codex: Codex) -> Codex:
        """A warm fork: it begins with all of its parent's input."""
        agent = Codex(codex.talk, thread=AGENT, parent=ROOT, items=list(codex.items))
        agent.asks("Look around.")
        return agent

    def test_one_stores_its_own_messages_only(self, codex: Codex) -> None:
        codex.asks("one")
        codex.asks("two")
        before = codex.talk.log(NAME).kinds.count("message")
        self._forked(codex)
        log = codex.talk.log(NAME)
        assert log.kinds.count("message") == before + 2
        assert [m["role"] for m in log.path(f"agent-{AGENT}")][-2:] == ["user", "assistant"]
        assert not any("Look around." in line for line in log.said)

    def test_both_go_on(self, codex: Codex) -> None:
        codex.asks("one")
        agent = self._forked(codex)
        codex.asks("two")
        codex.talk.restart()
        agent.asks("And further.")
        codex.asks("three")
        assert all_untouched(codex.talk)
        assert len(codex.talk.log(NAME).said) == 6
        assert codex.talk.sessions == [NAME]
        assert moved(codex.talk, "main") == set()

    def test_a_review_beside_it(self, codex: Codex) -> None:
        """Begins with nothing of its parent's."""
        codex.asks("one")
        Codex(codex.talk, thread=AGENT, parent=ROOT).asks("Review the changes.")
        codex.asks("two")
        assert all_untouched(codex.talk)
        assert len(codex.talk.log(NAME).said) == 4
        assert len(codex.talk.log(NAME).path(f"agent-{AGENT}")) == 2


class TestCompaction:
    def _with_a_history(self, codex: Codex) -> None:
        for text in ("one", "two"):
            codex.asks(text)

    def _goes_on(self, codex: Codex) -> None:
        """With its prompt as it was, and all else anew: one of four items is equal."""
        first, second = (item for item in codex.items if item.get("role") == "user")
        fresh = [{**item, "id": item["id"] + "c"} for item in (first, second)]
        codex.items = [PROMPT, *fresh, {**codex.message(SUMMARY), "id": "msg_sum"}]
        for text in ("three", "four"):
            codex.asks(text)

    def test_by_a_question_of_its_own(self, codex: Codex) -> None:
        """The whole history without tools, and a request for a summary, which is none of it."""
        self._with_a_history(codex)
        asks = Codex(codex.talk, kind="compaction")
        asks.sends([*codex.items, asks.message(CHECKPOINT)], tools=[], parallel_tool_calls=False)
        self._goes_on(codex)
        assert all_untouched(codex.talk)
        log = codex.talk.log(NAME)
        assert log.said[:4] == ["user: one", "user: two", f"user: {SUMMARY}", "user: three"]
        assert log.said[-2:] == ["user: four", f"assistant: {_last_words(codex)}"]
        assert not any("CHECKPOINT" in line for line in log.said)
        assert log.everything.count("user: three") == 1
        assert moved(codex.talk, "main") == {"Rebased"}

    def test_by_an_item(self, codex: Codex) -> None:
        """OpenAI makes the summary itself, of which only it knows what is in it."""
        self._with_a_history(codex)
        reply = codex.sends([*codex.items, {"type": "compaction_trigger"}])
        (made,) = codex.client.answer_in(reply)["items"]
        assert made["type"] == "compaction"
        codex.items = [PROMPT, codex.items[1], made]
        for text in ("three", "four"):
            codex.asks(text)
        assert all_untouched(codex.talk)
        log = codex.talk.log(NAME)
        assert log.said[:3] == ["user: one", "assistant: [compaction]", "user: three"]
        assert log.everything.count("user: three") == 1
        bodies = [seen.body for seen in codex.talk.provider.seen[-2:]]
        assert extends(bodies[1], bodies[0])


def _last_words(codex: Codex) -> str:
    text = codex.items[-1]["content"][0]["text"]
    assert isinstance(text, str)
    return text


def test_under_a_name_it_is_beside_a_thin_client(talk: Dialogue) -> None:
    codex = Codex(talk, name="notes")
    codex.asks("one")
    thin = talk.client("openai_responses", session="notes")
    thin.says("two")
    codex.asks("three")
    assert thin.saw()[-1] == "user: three"
    assert all_untouched(talk)
    assert talk.sessions == ["notes"]
