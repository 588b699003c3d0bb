"""Codex 0.169.0 over a WebSocket: a warm-up, then what is new after the answer before it."""

import pytest

from tests.exchange.codex import AGENT, NAME, PROMPT, ROOT, TOOLS, Codex
from tests.exchange.dialogue import Dialogue
from tests.exchange.line import Line
from tests.exchange.messages import Message
from tests.exchange.provider import Step


@pytest.mark.parametrize("keeps", [True, False])
class TestOverAConnection:
    """`openai_base_url`: a warm-up, then what is new and the id of the answer before it."""

    def _process(self, talk: Dialogue, keeps: bool, items: list[Message]) -> tuple[Codex, str]:
        """A new process: it warms up, with nothing where its tools stand in an item."""

        codex = Codex(talk, line=Line(talk.provider, keeps=keeps), items=items)
        warmed = codex.sends([], generate=False)
        return codex, codex.client.id_of(warmed)

    def _chained(self, codex: Codex, after: str, *new: Message) -> str:
        codex.items += new
        reply = codex.sends(list(new), previous_response_id=after)
        assert reply.status == 200
        codex.items += codex.client.answer_in(reply)["items"]
        return codex.client.id_of(reply)

    def test_turns(self, talk: Dialogue, keeps: bool) -> None:
        codex, after = self._process(talk, keeps, [])
        after = self._chained(codex, after, TOOLS, PROMPT, codex.message("one"))
        after = self._chained(codex, after, codex.message("two"))
        self._chained(codex, after, codex.message("three"))
        assert talk.sessions == [NAME]
        assert talk.log(NAME).said == [
            "user: one",
            "assistant: Reply 1 to: one",
            "user: two",
            "assistant: Reply 2 to: two",
            "user: three",
            "assistant: Reply 3 to: three",
        ]
        sent = talk.provider.last.messages
        assert len(sent) == (1 if keeps else 7)
        assert keeps or [item.get("id") for item in sent[:2]] == ["at_1", "msg_prompt"]

    def test_a_new_process_sends_everything_after_its_warm_up(
        self, talk: Dialogue, keeps: bool
    ) -> None:
        codex, after = self._process(talk, keeps, [])
        self._chained(codex, after, TOOLS, PROMPT, codex.message("one"))
        talk.restart()
        resumed, after = self._process(talk, keeps, [])
        resumed.thread = ROOT
        history = [*codex.items, codex.message("two")]
        self._chained(resumed, after, *history)
        log = talk.log(NAME)
        assert len(log.said) == 4
        assert log.everything.count("user: one") == 1
        sent = talk.provider.last.said
        assert sent.count("user: one") == 1

    def test_after_an_error_the_whole_history_without_an_id(
        self, talk: Dialogue, keeps: bool
    ) -> None:

        codex, after = self._process(talk, keeps, [])
        after = self._chained(codex, after, TOOLS, PROMPT, codex.message("one"))
        talk.provider.then(Step(status=500))
        new = codex.message("two")
        assert codex.sends([new], previous_response_id=after).status == 500
        codex.items.append(new)
        reply = codex.sends(codex.items)
        assert reply.status == 200
        assert talk.provider.last.untouched
        log = talk.log(NAME)
        assert log.said[-2:] == ["user: two", "assistant: Reply 2 to: two"]
        assert log.everything.count("user: two") == 1

    def test_a_connection_that_was_lost_within_a_chain(self, talk: Dialogue, keeps: bool) -> None:

        codex, after = self._process(talk, keeps, [])
        after = self._chained(codex, after, PROMPT, codex.message("one"))
        codex.line = Line(talk.provider, keeps=keeps)
        self._chained(codex, after, codex.message("two"))
        assert [line.split(":")[0] for line in talk.provider.last.said] == [
            "developer",
            "user",
            "assistant",
            "user",
        ]

    def test_a_sub_agent_on_a_connection_of_its_own(self, talk: Dialogue, keeps: bool) -> None:
        """A warm fork, which warms up with its parent's input: both go on side by side."""
        codex, after = self._process(talk, keeps, [])
        after = self._chained(codex, after, TOOLS, PROMPT, codex.message("one"))
        line = Line(talk.provider, keeps=keeps)
        agent = Codex(talk, thread=AGENT, parent=ROOT, line=line, items=list(codex.items))
        warmed = agent.client.id_of(agent.sends(agent.items, generate=False))
        asked = self._chained(agent, warmed, agent.message("Look around."))
        after = self._chained(codex, after, codex.message("two"))
        self._chained(agent, asked, agent.message("And further."))
        self._chained(codex, after, codex.message("three"))
        log = talk.log(NAME)
        assert talk.sessions == [NAME]
        assert len(log.said) == 6
        assert not any("Look around." in line for line in log.said)
        assert len(log.path(f"agent-{AGENT}")) == 6
        assert log.everything.count("user: one") == 1
