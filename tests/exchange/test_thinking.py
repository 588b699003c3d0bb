"""Signed thinking: kept whole, or left out whole where what it was bound to is gone."""

from tests.exchange.conftest import OpenDialogue
from tests.exchange.dialogue import Client, Dialogue
from tests.exchange.messages import call_ids, results, tools, user

BINDING = "claude-opus-5-5"


def _thinker(talk: Dialogue, model: str = BINDING) -> Client:
    return talk.client("anthropic", session="s", extra={"model": model, "max_tokens": 64})


def _kinds(client: Client) -> list[list[str]]:
    return [
        [block["type"] for block in message["content"]]
        for message in client.talk.provider.last.messages
        if message["role"] == "assistant"
    ]


def test_thinking_comes_back_whole(talk: Dialogue) -> None:
    client = _thinker(talk)
    client.says("one [[think]]")
    client.says("two [[think]]")
    client.says("three")
    assert _kinds(client) == [["thinking", "text"]] * 2


def test_from_a_stream_too(talk: Dialogue) -> None:
    client = _thinker(talk)
    client.stream = True
    client.says("one [[think]] [[redacted]]")
    client.says("two")
    assert "thinking" in _kinds(client)[0]


def test_after_a_restart(talk: Dialogue) -> None:
    client = _thinker(talk)
    client.says("one [[think]]")
    talk.restart()
    client.says("two")
    assert _kinds(client) == [["thinking", "text"]]


def test_a_changed_head_drops_the_old_thinking(talk: Dialogue) -> None:
    client = _thinker(talk)
    client.says("one [[think]]", system="Be brief.")
    client.says("two [[think]]", system="Be kind.")
    assert _kinds(client) == [["text"]]
    client.says("three", system="Be kind.")
    assert _kinds(client)[0] == ["text"]


def test_a_cut_drops_the_old_thinking(opened: OpenDialogue) -> None:
    client = _thinker(opened(max_tokens=2_000))
    while "compacted" not in client.talk.log("s").kinds:
        client.says("go on [[think]] [[long 60]]")
    kinds = _kinds(client)
    assert kinds
    assert all(one == ["text"] for one in kinds)
    client.says("last")
    assert _kinds(client) == [*kinds, ["thinking", "text"]]


def test_a_model_that_does_not_bind_keeps_it_over_a_cut(opened: OpenDialogue) -> None:
    client = _thinker(opened(max_tokens=2_000), "claude-haiku-4-5")
    while "compacted" not in client.talk.log("s").kinds:
        client.says("go on [[think]] [[long 60]]")
    client.says("last")
    assert all("thinking" in kinds for kinds in _kinds(client))


def test_in_a_tool_loop_of_a_thin_client(talk: Dialogue) -> None:
    client = _thinker(talk)
    client.extra |= {
        "tools": tools("anthropic"),
        "max_tokens": 4000,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
    }
    called = client.answer_in(client.says("go [[think]] [[tool look {}]]"))
    client.sends(results("anthropic", (call_ids(called)[0], "sunny")))
    assert _kinds(client) == [["thinking", "tool_use"]]


def test_thinking_of_a_call_that_was_never_answered_goes_with_it(talk: Dialogue) -> None:
    client = _thinker(talk)
    client.extra["tools"] = tools("anthropic")
    client.says("go [[think]] [[tool look {}]]")
    client.says("never mind [[think]]")
    client.says("and?")
    assert all("tool_use" not in kinds for kinds in _kinds(client))


def test_an_edit_binds_to_the_new_branch(talk: Dialogue) -> None:
    client = _thinker(talk)
    client.resends("one [[think]]")
    client.resends("two [[think]]")
    client.history[2:] = []
    client.resends("two, better [[think]]")
    client.says("three")
    assert _kinds(client) == [["thinking", "text"]] * 2


def test_a_stream_cut_in_its_thinking_leaves_none(talk: Dialogue) -> None:
    client = _thinker(talk)
    client.stream = True
    client.says("zero")
    client.sends([user("one [[think]]")], leaves_at=4)
    client.says("two")
    assert all("thinking" not in kinds for kinds in _kinds(client))
