"""A handoff (openai-agents 0.24): another agent goes on, with its own instructions and tools.

The history stays; what stands before it changes in its middle, and may change back.
"""

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.exchange.dialogue import Client, Dialogue, FakeReply
from tests.exchange.messages import Message, call_ids, items_of, results, systems, tools, user

Head = dict[str, Any]

TRIAGE: Head = {
    "instructions": "You send people on.",
    "tools": tools("openai_responses", "to_billing"),
}
BILLING: Head = {"instructions": "You know bills.", "tools": tools("openai_responses", "bill")}
GO = "My bill is wrong. [[tool to_billing {}]]"
HANDED = '{"assistant": "Billing"}'


@dataclass
class Runner:
    """The Agents SDK's loop: it sends all the items it has, or what is new after an answer."""

    client: Client
    items: list[Message] = field(default_factory=list)

    def turn(self, agent: Head, *new: Message) -> FakeReply:
        self.items += new
        reply = self.client.sends(self.items, **agent)
        self.items += items_of(self.client.answer_in(reply))
        return reply

    def handed(self) -> Message:
        """What the handoff's call is told."""
        (result,) = results("openai_responses", (call_ids({"items": self.items})[-1], HANDED))
        return result


def _seen_head(talk: Dialogue) -> tuple[list[str], list[str]]:
    body = talk.provider.last.json
    return systems("openai_responses", body), [tool["name"] for tool in body.get("tools") or ()]


@pytest.mark.parametrize("session", ["s", None])
def test_by_a_client_that_resends(talk: Dialogue, session: str | None) -> None:
    runner = Runner(talk.client("openai_responses", session=session))
    runner.turn(TRIAGE, user(GO))
    runner.turn(BILLING, runner.handed())
    assert _seen_head(talk) == (["You know bills."], ["bill"])
    runner.turn(BILLING, user("thanks"))
    last = runner.turn(TRIAGE, user("and now?"))
    assert all(seen.untouched for seen in talk.provider.seen)
    log = talk.log(last.session)
    assert len(talk.sessions) == 1
    assert len(log.said) == len(log.everything) == 8
    assert not {"rewound", "rebased"} & set(log.kinds)
    assert log.kinds.count("head") == 3


def test_over_a_restart(talk: Dialogue) -> None:
    runner = Runner(talk.client("openai_responses"))
    runner.turn(TRIAGE, user(GO))
    talk.restart()
    last = runner.turn(BILLING, runner.handed())
    assert talk.provider.last.untouched
    assert len(talk.log(last.session).said) == 4


def test_by_a_thin_client(talk: Dialogue) -> None:
    """Whoever speaks last is whom a request without instructions is lent to."""
    client = talk.client("openai_responses", session="s")
    called = client.answer_in(client.says(GO, **TRIAGE))
    handed = results("openai_responses", (call_ids(called)[0], HANDED))
    client.sends(handed, **BILLING)
    assert _seen_head(talk) == (["You know bills."], ["bill"])
    assert client.saw()[1:] == ["assistant: [call to_billing]", f"tool: [result {HANDED}]"]
    client.says("thanks")
    assert _seen_head(talk) == (["You know bills."], ["bill"])


def test_along_a_chain(talk: Dialogue) -> None:
    """Each request brings its own: nothing of the agent before it goes on."""
    client = talk.client("openai_responses")
    asked = client.says(GO, **TRIAGE)
    handed = results("openai_responses", (call_ids(client.answer_in(asked))[0], HANDED))
    told = client.follows(asked, *handed, **BILLING)
    assert _seen_head(talk) == (["You know bills."], ["bill"])
    thanks = client.follows(told, "thanks", **TRIAGE)
    assert _seen_head(talk) == (["You send people on."], ["to_billing"])
    client.follows(thanks, "bye")
    assert _seen_head(talk) == ([], [])
    assert len(client.saw()) == 7


def test_with_a_filter_that_leaves_the_handoff_out(talk: Dialogue) -> None:
    """`remove_all_tools`: the next agent is shown the words alone; its version is the path now."""
    runner = Runner(talk.client("openai_responses", session="s"))
    runner.turn(TRIAGE, user("Hello."))
    runner.turn(TRIAGE, user(GO))
    runner.items = [item for item in runner.items if "call_id" not in item]
    runner.turn(BILLING, user("Please."))
    assert talk.provider.last.untouched
    assert talk.log("s").said == [
        "user: Hello.",
        "assistant: Reply 1 to: Hello.",
        f"user: {GO}",
        "user: Please.",
        "assistant: Reply 3 to: Please.",
    ]
    assert "assistant: [call to_billing]" in talk.log("s").everything
