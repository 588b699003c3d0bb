"""System prompt and tools: what a request without them is lent, and what moves them."""

from itertools import pairwise

from tests.exchange.conftest import OpenDialogue
from tests.exchange.dialogue import Client
from tests.exchange.messages import extends, systems, tools, user, with_system
from tests.exchange.provider import Step


def _with_system(client: Client, text: str, *texts: str) -> None:
    made = with_system(client.dialect, text, [user(one) for one in texts])
    messages = made.pop("messages")
    client.sends(messages, **made)


def _system(client: Client) -> list[str]:
    return systems(client.dialect, client.talk.provider.last.json)


def test_a_thin_request_gets_the_last_system_prompt(client: Client) -> None:
    _with_system(client, "Be brief.", "one")
    client.says("two")
    assert _system(client) == ["Be brief."]


def test_its_own_system_prompt_stands(client: Client) -> None:
    _with_system(client, "Be brief.", "one")
    _with_system(client, "Be kind.", "two")
    assert _system(client) == ["Be kind."]
    client.says("three")
    assert _system(client) == ["Be kind."]


def test_one_that_was_refused_is_lent_to_nobody(client: Client) -> None:
    _with_system(client, "Be brief.", "one")
    client.talk.provider.then(Step(status=400))
    _with_system(client, "Be refused.", "two")
    client.says("three")
    assert _system(client) == ["Be brief."]
    _with_system(client, "Be refused.", "four")  # taken now
    client.talk.restart()
    client.says("five")
    assert _system(client) == ["Be refused."]


def test_where_the_first_was_refused_none_is_lent(client: Client) -> None:
    client.talk.provider.then(Step(status=400))
    _with_system(client, "Be refused.", "one")
    client.says("two")
    assert _system(client) == []


def test_after_a_restart(client: Client) -> None:
    _with_system(client, "Be brief.", "one")
    client.talk.restart()
    client.says("two")
    assert _system(client) == ["Be brief."]


def test_a_whole_history_without_a_system_prompt_is_lent_none(client: Client) -> None:
    _with_system(client, "Be brief.", "one")
    client.history = [user("one"), client.talk.log("s").path()[-1]]
    client.resends("two")
    assert client.talk.provider.last.untouched


def test_tools_and_system_of_a_tool_loop(client: Client) -> None:
    made = with_system(client.dialect, "Be brief.", [user("go [[tool look {}]]")])
    client.sends(made.pop("messages"), tools=tools(client.dialect), **made)
    client.says("never mind")
    assert _system(client) == ["Be brief."]


def test_a_head_that_stays_keeps_the_prefix(client: Client) -> None:
    _with_system(client, "Be brief.", "one")
    bodies = []
    for n in range(4):
        client.says(f"m{n}")
        bodies.append(client.talk.provider.last.body)
    assert all(extends(after, before) for before, after in pairwise(bodies))


def test_the_head_is_the_same_warm_and_cold(opened: OpenDialogue, dialect: str) -> None:
    """What is lent depends on the log, not on how much of it happens to be in memory."""
    talk = opened(max_tokens=2_000)
    client = talk.client(dialect, session="s")
    client.sends([user("go [[tool look {}]]")], tools=tools(dialect))
    for n in range(140):  # the call is far behind the cut by then, and not read again
        client.says(f"m{n} [[long 60]]")
    client.says("warm")
    warm = talk.provider.last.json
    talk.restart()
    client.says("cold")
    assert ("tools" in warm) == ("tools" in talk.provider.last.json)
