"""One name, three APIs: what came over one is put back in the words of another.

Each request below is checked by the rules of the provider it goes to.
"""

import json
import re
from collections.abc import Iterator
from itertools import pairwise, permutations

import pytest

from tests.exchange.conftest import OpenDialogue
from tests.exchange.dialogue import Client, Dialogue
from tests.exchange.messages import (
    answering,
    assistant,
    call,
    call_ids,
    extends,
    results,
    shown,
    systems,
    tools,
    user,
    with_system,
)
from tests.exchange.provider import Step

ALL = ("openai_chat", "anthropic", "openai_responses")
PAIRS = list(permutations(ALL, 2))
CALL = '[[tool look {"at": 1}]]'
LEGAL_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")


def _on(talk: Dialogue, dialect: str, **about: object) -> Client:
    return talk.client(dialect, session="s", **about)


def _ids(node: object) -> Iterator[str]:
    """The ids under which tools are called and answer, in a request."""
    if isinstance(node, dict):
        for key, value in node.items():
            called = key == "id" and ("function" in node or node.get("type") == "tool_use")
            if called or key in ("call_id", "tool_call_id", "tool_use_id"):
                assert isinstance(value, str)
                yield value
            else:
                yield from _ids(value)
    elif isinstance(node, list):
        for one in node:
            yield from _ids(one)


def _sent_ids(talk: Dialogue) -> list[str]:
    return list(_ids(talk.provider.last.messages))


@pytest.mark.parametrize("order", list(permutations(ALL)), ids=" ".join)
def test_one_conversation(talk: Dialogue, order: tuple[str, ...]) -> None:
    said: list[str] = []
    for n, dialect in enumerate([*order, order[0]], start=1):
        client = _on(talk, dialect)
        assert client.says(f"m{n}").status == 200
        assert client.saw() == [*said, f"user: m{n}"]
        said += [f"user: m{n}", f"assistant: Reply {n} to: m{n}"]
    assert talk.log("s").said == said
    assert talk.sessions == ["s"]


def test_after_a_restart_too(talk: Dialogue) -> None:
    for n, dialect in enumerate(ALL):
        _on(talk, dialect, stream=n == 1).says(f"m{n}")
        talk.restart()
    client = _on(talk, "openai_chat")
    client.says("last")
    assert len(client.saw()) == 7


class TestTools:
    @pytest.mark.parametrize(("first", "then"), PAIRS)
    def test_calls_and_results(self, talk: Dialogue, first: str, then: str) -> None:
        client = _on(talk, first, extra={"tools": tools(first)})
        called = client.answer_in(client.says(f"go {CALL} {CALL}"))
        one, two = call_ids(called)
        client.sends(results(first, (one, "sunny"), (two, "windy")))
        other = _on(talk, then)
        assert other.says("and?").status == 200
        said = " ".join(other.saw())
        assert said.count("[call look]") == 2
        assert said.index("[result sunny]") < said.index("[result windy]")
        ids = _sent_ids(talk)
        assert sorted(set(ids)) == sorted({one, two})
        assert len(ids) == 4

    @pytest.mark.parametrize(("first", "then"), PAIRS)
    def test_they_are_lent_in_the_other_words(self, talk: Dialogue, first: str, then: str) -> None:
        """A history that has calls is refused without the tools they call."""
        client = _on(talk, first)
        called = client.answer_in(client.says(CALL, tools=tools(first)))
        client.sends(results(first, (call_ids(called)[0], "sunny")))
        _on(talk, then).says("and?")
        (lent,) = talk.provider.last.json["tools"]
        assert "look" in (lent.get("name"), lent.get("function", {}).get("name"))

    @pytest.mark.parametrize(("first", "then"), PAIRS)
    def test_a_result_brought_over_another_api(self, talk: Dialogue, first: str, then: str) -> None:
        client = _on(talk, first, extra={"tools": tools(first)})
        (called,) = call_ids(client.answer_in(client.says(f"go {CALL}")))
        other = _on(talk, then, extra={"tools": tools(then)})
        assert other.sends(results(then, (called, "sunny"))).status == 200
        assert "[result sunny]" in other.saw()[-1]
        assert _sent_ids(talk) == [called, called]

    @pytest.mark.parametrize(("first", "then"), PAIRS)
    def test_a_call_that_was_never_answered(self, talk: Dialogue, first: str, then: str) -> None:
        _on(talk, first, extra={"tools": tools(first)}).says(f"[[say Let me look.]] {CALL}")
        other = _on(talk, then)
        assert other.says("never mind").status == 200
        assert not any("[call" in line for line in other.saw())
        assert "assistant: Let me look." in other.saw()

    @pytest.mark.parametrize("name", ["functions.look:0", "call/1", "ß" * 3, "x" * 64, "a b"])
    @pytest.mark.parametrize(("first", "then"), PAIRS)
    def test_ids_that_the_other_provider_would_refuse(
        self, talk: Dialogue, first: str, then: str, name: str
    ) -> None:
        """As servers give that imitate an API: legal in the other, and the same each time."""
        client = _on(talk, first, extra={"tools": tools(first)})
        talk.provider.then(
            Step(body=answering(first, call(first, name))),
            Step(body=answering(first, assistant("Sunny."))),
        )
        client.says("go")
        client.sends(results(first, (name, "sunny")))
        other = _on(talk, then)
        other.says("and?")
        before = _sent_ids(talk)
        other.says("and now?")
        assert _sent_ids(talk) == before
        assert len(set(before)) == 1
        assert len(before) == 2
        assert all(LEGAL_ID.fullmatch(one) for one in before)

    @pytest.mark.parametrize(("first", "then"), PAIRS)
    def test_one_id_for_two_calls(self, talk: Dialogue, first: str, then: str) -> None:
        """Servers that count from 0 in each answer: each call is answered by its own result."""
        client = _on(talk, first, extra={"tools": tools(first)})
        for text in ("sunny", "windy"):
            talk.provider.then(
                Step(body=answering(first, call(first, "call_0"))),
                Step(body=answering(first, assistant("Fine."))),
            )
            client.says("go")
            client.sends(results(first, ("call_0", text)))
        other = _on(talk, then)
        assert other.says("and?").status == 200
        a, b, c, d = _sent_ids(talk)
        assert (a, c) == (b, d)
        assert a != c


class TestHead:
    @pytest.mark.parametrize(("first", "then"), PAIRS)
    def test_a_system_prompt_is_lent(self, talk: Dialogue, first: str, then: str) -> None:
        made = with_system(first, "Be brief.", [user("one")])
        _on(talk, first).sends(made.pop("messages"), **made)
        _on(talk, then).says("two")
        assert systems(then, talk.provider.last.json) == ["Be brief."]

    @pytest.mark.parametrize(("first", "then"), PAIRS)
    def test_its_own_stands(self, talk: Dialogue, first: str, then: str) -> None:
        made = with_system(first, "Be brief.", [user("one")])
        _on(talk, first).sends(made.pop("messages"), **made)
        own = with_system(then, "Be kind.", [user("two")])
        _on(talk, then).sends(own.pop("messages"), **own)
        assert systems(then, talk.provider.last.json) == ["Be kind."]


class TestThinking:
    """Signed or sealed, it can be read by its own provider only."""

    def _has_thought(self, talk: Dialogue) -> bool:
        body = talk.provider.last.body
        return any(mark in body for mark in (b"signature", b'"reasoning"', b"encrypted_content"))

    @pytest.mark.parametrize(
        ("first", "then"), [pair for pair in PAIRS if pair[0] != "openai_chat"]
    )
    def test_left_out_there_and_back_again_at_home(
        self, talk: Dialogue, first: str, then: str
    ) -> None:
        client = _on(talk, first)
        if first == "openai_responses":
            client.says("one [[think]]", include=["reasoning.encrypted_content"])
        else:
            client.says("one [[think]]")
        thought = talk.log("s").path()[-1]
        _on(talk, then).says("two")
        assert not self._has_thought(talk)
        client.says("three")
        assert self._has_thought(talk)
        sent = talk.provider.last.messages[1:3]
        assert thought == (sent if first == "openai_responses" else sent[0])


class TestPrefix:
    """What is put back goes out in the same bytes each time, in each API."""

    def test_it_stays_while_the_apis_take_turns(self, talk: Dialogue) -> None:
        for n, k in enumerate("0122011022100212"):
            dialect = ALL[int(k)]
            client = _on(talk, dialect, extra={"tools": tools(dialect)}, stream=n % 4 == 1)
            reply = client.says(f"m{n} {CALL if n % 3 == 1 else ''} [[think]]")
            for called in call_ids(client.answer_in(reply)):
                client.sends(results(dialect, (called, f"found {n}")))
        for dialect in ALL:
            bodies = [s.body for s in talk.provider.seen if s.incoming.dialect == dialect]
            assert len(bodies) >= 3
            assert all(extends(b, a) for a, b in pairwise(bodies)), dialect

    def test_nor_does_a_restart_move_it(self, opened: OpenDialogue) -> None:
        warm, cold = opened(), opened()
        for n in range(9):
            for talk in (warm, cold):
                _on(talk, ALL[n % 3]).says(f"m{n}")
            cold.restart()
        assert [s.body for s in warm.provider.seen] == [s.body for s in cold.provider.seen]

    def test_a_budget_holds_there_as_well(self, opened: OpenDialogue) -> None:
        talk = opened(max_tokens=2_000)
        for n in range(40):
            reply = _on(talk, ALL[n % 3]).says(f"m{n} [[long 60]]")
            assert int(reply.headers["x-stitcher-tokens"]) <= 2_000
            assert talk.provider.last.messages[0]["role"] == "user"
        assert 2 <= talk.log("s").kinds.count("compacted") < 15


class TestResending:
    @pytest.mark.parametrize(("first", "then"), PAIRS)
    def test_a_whole_history_in_other_words_doubles_nothing(
        self, talk: Dialogue, first: str, then: str
    ) -> None:
        for text in ("one", "two"):
            _on(talk, first).says(text)
        client = _on(talk, then)
        client.history = [
            user("one"),
            assistant("Reply 1 to: one"),
            user("two"),
            assistant("Reply 2 to: two"),
        ]
        client.resends("three")
        assert talk.provider.last.untouched
        log = talk.log("s")
        assert len(log.said) == len(log.everything) == 6
        assert not {"rebased", "rewound"} & set(log.kinds)

    @pytest.mark.parametrize(("first", "then"), PAIRS)
    def test_nor_does_one_with_tool_calls(self, talk: Dialogue, first: str, then: str) -> None:
        """An answer of several items is one message elsewhere, and the other way round."""
        client = _on(talk, first, extra={"tools": tools(first)})
        (called,) = call_ids(client.answer_in(client.says(f"go {CALL}")))
        client.sends(results(first, (called, "sunny")))
        other = _on(talk, then, extra={"tools": tools(then)})
        other.history = [
            user(f"go {CALL}"),
            call(then, called),
            *results(then, (called, "sunny")),
            assistant("Tool said: sunny"),
        ]
        other.resends("and?")
        assert talk.provider.last.untouched
        assert len(talk.log("s").everything) == 6


@pytest.mark.parametrize(("first", "then"), PAIRS)
def test_a_picture(talk: Dialogue, first: str, then: str) -> None:
    png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    _on(talk, first).sends([shown(first, "what is it?", png)])
    assert _on(talk, then).says("sure?").status == 200
    assert png in json.dumps(talk.provider.last.messages[0])


def test_an_answer_followed_by_its_id_over_what_came_between(talk: Dialogue) -> None:
    """A chain goes on from its answer; a name from the newest, whichever API that came over."""
    client = _on(talk, "openai_responses")
    one = client.says("one")
    _on(talk, "anthropic").says("two")
    client.follows(one, "another way")
    assert client.saw() == ["user: one", "assistant: Reply 1 to: one", "user: another way"]
    chat = _on(talk, "openai_chat")
    chat.says("and?")
    assert chat.saw()[2:4] == ["user: another way", "assistant: Reply 2 to: another way"]
