"""What OpenClaw 2026.9.6 does in its three modes: it names no session, and sends its whole history.

Each request ends with a message that is gone next time, and tool calls come back under ids of its
own spelling.
"""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.exchange.dialogue import Client, Dialogue, FakeReply
from tests.exchange.messages import Message, call_ids, items_of, results, tools, user

STREAMED = {"openai_chat": {"stream_options": {"include_usage": True}}}


@dataclass
class OpenClaw:
    """One agent of it."""

    talk: Dialogue
    dialect: str
    session: str | None = None
    history: list[Message] = field(default_factory=list)
    minute: int = 0

    @property
    def client(self) -> Client:
        extra: dict[str, Any] = {"tools": tools(self.dialect), **STREAMED.get(self.dialect, {})}
        return self.talk.client(self.dialect, session=self.session, stream=True, extra=extra)

    def asks(self, text: str) -> FakeReply:
        self.history.append(user(f"[Sun 2026-11-22 18:12 UTC] {text}"))
        return self.goes_on()

    def tells(self, text: str) -> FakeReply:
        """The result of the call it was answered with, under the id it has made of it."""
        (called,) = call_ids(self.history[-1])
        self.history += results(self.dialect, (called, text))
        return self.goes_on()

    def goes_on(self) -> FakeReply:
        self.minute += 1
        return self.answered(self.client.sends([*self.history, self.context()]))

    def answered(self, reply: FakeReply) -> FakeReply:
        assert reply.status == 200, reply.body
        self.history.append(self.respelled(self.client.answer_in(reply)))
        return reply

    def context(self) -> Message:
        """What it says with one request only."""
        begin, end = "<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>", "<<<END_OPENCLAW_INTERNAL_CONTEXT>>>"
        text = f"{begin}\nIt is 18:{self.minute:02}.\n{end}"
        if self.dialect == "openai_responses":
            return {"role": "user", "content": [{"type": "input_text", "text": text}]}
        return user(text)

    def respelled(self, answer: Message) -> Message:
        """Ids without punctuation and arguments written anew; of items, no ids at all."""
        if self.dialect == "openai_responses":
            items = [dict(item) for item in answer["items"]]
            for item in items:
                item.pop("id", None)
                _compacted(item)
            return {"items": items}
        if self.dialect == "openai_chat":
            for one in answer.get("tool_calls") or ():
                one["id"] = one["id"].replace("_", "")
                _compacted(one["function"])
            return answer
        for block in answer["content"]:
            if block["type"] == "tool_use":
                block["id"] = block["id"].replace("_", "")
        return answer


def _compacted(function: Message) -> None:
    if "arguments" in function:
        function["arguments"] = json.dumps(json.loads(function["arguments"]), separators=(",", ":"))


@pytest.fixture(params=[None, "s"], ids=["anonymous", "named"])
def claw(talk: Dialogue, dialect: str, request: pytest.FixtureRequest) -> OpenClaw:
    return OpenClaw(talk, dialect, session=request.param)


def _of_users(talk: Dialogue) -> list[str]:
    return [line for line in talk.log(talk.sessions[0]).said if line.startswith("user: [Sun")]


def test_the_ephemeral_message_is_no_part_of_the_next_path(claw: OpenClaw) -> None:
    for n in range(4):
        claw.asks(f"m{n}")
        assert claw.talk.provider.last.untouched
    assert len(claw.talk.sessions) == 1
    log = claw.talk.log(claw.talk.sessions[0])
    assert _of_users(claw.talk) == [f"user: [Sun 2026-11-22 18:12 UTC] m{n}" for n in range(4)]
    assert len(log.said) == 8
    assert log.kinds.count("aside") == 4, "what was said is kept, beside the path"
    assert not {"rewound", "rebased"} & set(log.kinds)


def test_over_a_restart(claw: OpenClaw) -> None:
    claw.asks("m0")
    for n in range(1, 4):
        claw.talk.restart()
        claw.asks(f"m{n}")
        assert claw.talk.provider.last.untouched
    assert len(claw.talk.sessions) == 1
    assert len(claw.talk.log(claw.talk.sessions[0]).said) == 8


def test_a_tool_loop_under_respelled_ids(claw: OpenClaw) -> None:
    """What stands in the log has the client's ids from then on: its results name them."""
    claw.asks('go [[tool look {"at": 1}]]')
    claw.tells("sunny")
    claw.talk.restart()
    claw.asks("thanks")
    assert claw.talk.provider.last.untouched
    log = claw.talk.log(claw.talk.sessions[0])
    assert len(claw.talk.sessions) == 1
    assert len(log.said) == len(log.everything) == 6
    assert not {"rewound", "rebased"} & set(log.kinds)


def test_a_tool_loop_whose_context_stays_in_the_middle(talk: Dialogue) -> None:
    """In Responses mode: the message stays where it was for the loop, and none is added."""
    claw = OpenClaw(talk, "openai_responses")
    claw.asks("one")
    claw.history.append(user('[Sun 2026-11-22 18:12 UTC] go [[tool look {"at": 1}]]'))
    context = claw.context()
    loop = [*claw.history, context]
    claw.answered(claw.client.sends(loop))
    loop += items_of(claw.history[-1])
    told = results("openai_responses", (call_ids(claw.history[-1])[0], "sunny"))
    claw.history += told
    loop += told
    claw.answered(claw.client.sends(loop))
    assert talk.provider.last.untouched
    claw.asks("thanks")
    assert talk.provider.last.untouched
    log = talk.log(talk.sessions[0])
    assert len(talk.sessions) == 1
    assert [line.split(":")[0] for line in log.said] == [
        "user",
        "assistant",
        "user",
        "assistant",
        "tool",
        "assistant",
        "user",
        "assistant",
    ]
    assert not {"rewound", "rebased"} & set(log.kinds)
    assert log.kinds.count("aside") == 3


def test_two_agents_that_begin_alike(talk: Dialogue, dialect: str) -> None:
    """They are told apart by what they were answered, as far as they were."""
    first, second = OpenClaw(talk, dialect), OpenClaw(talk, dialect)
    first.asks("hello")
    second.asks("hello")
    first.asks("I am first.")
    second.asks("I am second.")
    assert talk.provider.last.untouched
    everything = [line for name in talk.sessions for line in talk.log(name).everything]
    assert sum("I am first." in line for line in everything if line.startswith("user")) == 1
    assert sum("I am second." in line for line in everything if line.startswith("user")) == 1


def test_a_thin_client_on_its_name_is_given_the_conversation_alone(
    talk: Dialogue, dialect: str
) -> None:
    claw = OpenClaw(talk, dialect, session="s")
    claw.asks('go [[tool look {"at": 1}]]')
    claw.tells("sunny")
    client = talk.client(dialect, session="s", extra={"tools": tools(dialect)})
    client.says("and?")
    assert not any("OPENCLAW" in line for line in client.saw())
    assert client.saw()[-1] == "user: and?"


@pytest.mark.parametrize("place", [0, 1, 2])
def test_its_context_goes_out_where_it_stands_when_a_history_is_put_in_front(
    talk: Dialogue, dialect: str, place: int
) -> None:
    """Under a name, sent with nothing but what is new: the body is made anew around it."""
    thin = talk.client(dialect, session="s")
    thin.says("one")
    context = OpenClaw(talk, dialect).context()
    news = [user("two"), user("three")]
    thin.sends([*news[:place], context, *news[place:]])
    saw = thin.saw()
    assert saw[:2] == ["user: one", "assistant: Reply 1 to: one"]
    assert [line for line in saw[2:] if "INTERNAL" not in line] == ["user: two", "user: three"]
    assert "INTERNAL" in saw[2 + place]
    thin.says("four")
    assert not any("INTERNAL" in line for line in thin.saw())
