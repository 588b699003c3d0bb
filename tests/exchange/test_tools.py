"""Tool loops: calls and results stay together, whoever puts them back."""

from tests.exchange.dialogue import Client, Dialogue
from tests.exchange.messages import call_ids, results, tools, user
from tests.exchange.provider import Step

CALL = '[[tool look {"at": 1}]]'


def _with_tools(client: Client) -> Client:
    client.extra["tools"] = tools(client.dialect)
    return client


def test_a_thin_client_sends_only_the_result(client: Client) -> None:
    _with_tools(client)
    called = client.answer_in(client.says(CALL))
    client.sends(results(client.dialect, (call_ids(called)[0], "sunny")))
    assert client.talk.provider.last.said[-1].endswith("[result sunny]")
    client.says("thanks")
    assert [line.split(":")[0] for line in client.saw()] == [
        "user",
        "assistant",
        "user" if client.dialect == "anthropic" else "tool",
        "assistant",
        "user",
    ]


def test_the_result_is_sent_again_after_an_error(client: Client) -> None:
    _with_tools(client)
    called = client.answer_in(client.says(CALL))
    result = results(client.dialect, (call_ids(called)[0], "sunny"))
    client.talk.provider.then(Step(status=500))
    client.sends(result)
    client.sends(result)
    assert len(client.saw()) == 3


def test_an_unanswered_call_is_taken_out_when_the_client_moves_on(client: Client) -> None:
    _with_tools(client)
    client.says(f"first {CALL}")
    client.says("never mind")
    assert not any("[call" in line for line in client.saw())
    assert client.saw()[-1] == "user: never mind"
    client.says("and now?")
    assert not any("[call" in line for line in client.saw())


def test_the_words_beside_an_unanswered_call_stay(client: Client) -> None:
    _with_tools(client)
    client.says(f"[[say Let me look.]] {CALL}")
    client.says("never mind")
    assert "assistant: Let me look." in client.saw()


def test_two_calls_answered_in_another_order(client: Client) -> None:
    _with_tools(client)
    called = client.answer_in(client.says(f"{CALL} {CALL}"))
    one, two = call_ids(called)
    client.sends(results(client.dialect, (two, "second"), (one, "first")))
    client.says("thanks")
    assert "[call look]" in client.saw()[1]


def test_one_result_of_two_is_the_clients_own_mistake(client: Client) -> None:
    _with_tools(client)
    called = client.answer_in(client.says(f"{CALL} {CALL}"))
    one, two = call_ids(called)
    with client.talk.refusing("a result is missing, and the provider says which"):
        reply = client.sends(results(client.dialect, (one, "first")))
    assert reply.status == 400
    assert two in reply.body.decode()
    client.sends(results(client.dialect, (one, "first"), (two, "second")))
    assert "[result" in client.saw()[-1]


def test_tools_are_lent_where_the_history_has_calls(client: Client) -> None:
    called = client.answer_in(client.says(CALL, tools=tools(client.dialect)))
    client.sends(results(client.dialect, (call_ids(called)[0], "sunny")))
    lent = client.talk.provider.last.json["tools"]
    for tool in lent:
        tool.pop("cache_control", None)
    assert lent == tools(client.dialect)


def test_tools_are_not_lent_to_a_history_without_calls(client: Client) -> None:
    client.says("hi", tools=tools(client.dialect))
    client.says("again")
    assert "tools" not in client.talk.provider.last.json


def test_a_stream_of_calls_is_put_back_whole(talk: Dialogue, dialect: str) -> None:
    client = _with_tools(talk.client(dialect, session="s", stream=True))
    called = client.answer_in(client.says(f"{CALL} {CALL}"))
    one, two = call_ids(called)
    client.sends(results(dialect, (one, "a"), (two, "b")))
    client.says("thanks")
    if dialect == "openai_responses":  # there each call is an item of its own
        assert client.saw()[1:3] == ["assistant: [call look]"] * 2
        return
    assert client.saw()[1] == "assistant: [call look] [call look]"


def test_a_stream_cut_inside_a_call_leaves_no_call(client: Client) -> None:
    _with_tools(client)
    client.stream = True
    client.sends([user(f"[[say Let me look.]] {CALL}")], leaves_at=9)
    client.says("what?")
    assert not any("[call" in line for line in client.saw())


def test_ids_that_the_client_rewrote_are_the_ones_that_go_out(talk: Dialogue) -> None:
    """OpenClaw 2026.9.6 strips punctuation from tool ids: call_1 → call1."""
    client = _with_tools(talk.client(session="s"))
    called = client.answer_in(client.says(CALL))
    rewritten = {**called, "tool_calls": [{**called["tool_calls"][0], "id": "call1"}]}
    client.sends([user(CALL), rewritten, *results("openai_chat", ("call1", "sunny"))])
    client.says("thanks")
    ids = client.talk.provider.last.messages[1]["tool_calls"][0]["id"]
    assert ids == client.talk.provider.last.messages[2]["tool_call_id"] == "call1"
