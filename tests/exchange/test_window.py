"""The window: below the budget it only grows; at the budget it is cut, once, to what is kept."""

import json
from itertools import pairwise

import pytest

from stitcher.store.jsonl import JsonlStore
from tests.exchange.conftest import OpenDialogue
from tests.exchange.dialogue import Client, Dialogue
from tests.exchange.messages import (
    answering,
    assistant,
    call,
    call_ids,
    extends,
    results,
    systems,
    tools,
    user,
    with_system,
)
from tests.exchange.provider import Step

BUDGET = 2_000
WORDS = "[[long 60]]"  # an answer of about 150 tokens


def _bodies(talk: Dialogue) -> list[bytes]:
    return [seen.body for seen in talk.provider.seen]


def _breaks(talk: Dialogue) -> list[int]:
    """Numbers of the requests that do not extend the one before."""
    bodies = _bodies(talk)
    return [n for n in range(1, len(bodies)) if not extends(bodies[n], bodies[n - 1])]


def test_below_the_budget_every_request_extends_the_one_before(
    opened: OpenDialogue, dialect: str
) -> None:
    talk = opened(max_tokens=100_000)
    client = talk.client(dialect, session="s")
    for n in range(30):
        client.says(f"m{n} {WORDS}")
    assert _breaks(talk) == []


def test_a_cut_goes_back_to_what_is_kept_and_then_the_window_grows(
    opened: OpenDialogue, dialect: str
) -> None:
    talk = opened(max_tokens=BUDGET)
    client = talk.client(dialect, session="s")
    tokens = [int(client.says(f"m{n} {WORDS}").headers["x-stitcher-tokens"]) for n in range(40)]
    breaks = _breaks(talk)
    cuts = talk.log("s").kinds.count("compacted")
    assert len(breaks) == cuts >= 2
    assert max(tokens) <= BUDGET
    assert all(after - before >= 3 for before, after in pairwise(breaks))
    for n in breaks:
        assert tokens[n] < tokens[n - 1]
        assert tokens[n] > 0.3 * BUDGET
        assert talk.provider.seen[n].messages[0]["role"] == "user"


def test_a_cut_survives_a_restart(opened: OpenDialogue, dialect: str) -> None:
    talk = opened(max_tokens=BUDGET)
    client = talk.client(dialect, session="s")
    while "compacted" not in talk.log("s").kinds:
        client.says(f"m {WORDS}")
    before = talk.provider.last.body
    talk.restart()
    client.says("after")
    assert extends(talk.provider.last.body, before)


def test_a_restart_does_not_move_a_cut(opened: OpenDialogue, dialect: str) -> None:
    """Two proxies on the same dialogue, one that stays up and one restarted before each turn."""
    warm, cold = opened(max_tokens=BUDGET), opened(max_tokens=BUDGET)
    texts = [f"m{n} {WORDS}" for n in range(25)]
    for text in texts:
        warm.client(dialect, session="s").says(text)
        cold.restart()
        cold.client(dialect, session="s").says(text)
    assert _bodies(warm) == _bodies(cold)


def test_what_is_in_memory_decides_nothing(opened: OpenDialogue, dialect: str) -> None:
    warm, cold = opened(max_tokens=BUDGET), opened(max_tokens=BUDGET)
    for n in range(25):
        warm.client(dialect, session="s").says(f"m{n} {WORDS}")
        cold.restart()
        cold.client(dialect, session="s").says(f"m{n} {WORDS}")
    assert _bodies(warm) == _bodies(cold)


def test_a_budget_smaller_than_one_turn(opened: OpenDialogue, dialect: str) -> None:
    talk = opened(max_tokens=50)
    client = talk.client(dialect, session="s")
    for n in range(5):
        client.says(f"m{n} {WORDS}")
    assert client.saw() == [f"user: m4 {WORDS}"]


def test_never_between_a_call_and_its_result(opened: OpenDialogue, dialect: str) -> None:
    talk = opened(max_tokens=BUDGET)
    client = talk.client(dialect, session="s", extra={"tools": tools(dialect)})
    for n in range(15):
        called = client.answer_in(client.says(f"m{n} [[tool look {{}}]]"))
        client.sends(results(dialect, (call_ids(called)[0], "x" * 400)))
    assert "compacted" in talk.log("s").kinds


def test_not_inside_a_tool_loop(opened: OpenDialogue, dialect: str) -> None:
    talk = opened(max_tokens=BUDGET)
    client = talk.client(dialect, session="s", extra={"tools": tools(dialect)})
    client.says("hello")
    called = client.answer_in(client.says("go [[tool look {}]]"))
    for n in range(6):
        told = results(dialect, (call_ids(called)[0], "[[x]]" + "x" * 1_500))
        if dialect == "anthropic":
            told[0]["content"].append({"type": "text", "text": "[[tool look {}]]"})
            called = client.answer_in(client.sends(told))
        else:
            talk.provider.then(Step(body=answering(dialect, call(dialect, f"call_{n}"))))
            called = client.answer_in(client.sends(told))
    assert _breaks(talk) == []
    assert "compacted" not in talk.log("s").kinds


def test_the_head_is_always_kept(opened: OpenDialogue, dialect: str) -> None:
    talk = opened(max_tokens=BUDGET)
    client = talk.client(dialect, session="s")
    made = with_system(dialect, "Be brief.", [user("zero")])
    client.sends(made.pop("messages"), **made)
    for n in range(20):
        client.says(f"m{n} {WORDS}")
        assert systems(dialect, talk.provider.last.json) == ["Be brief."]


def test_what_the_client_sends_itself_is_not_cut_at_the_budget(
    opened: OpenDialogue, dialect: str
) -> None:
    talk = opened(max_tokens=BUDGET)  # the model takes far more
    client = talk.client(dialect, session="s")
    for n in range(25):
        client.resends(f"m{n} {WORDS}")
        assert talk.provider.last.untouched


def test_for_an_unknown_model_the_budget_is_the_window(opened: OpenDialogue, dialect: str) -> None:
    talk = opened(max_tokens=BUDGET)
    client = talk.client(dialect, session="s", extra={"model": "llama-unknown"})
    for n in range(25):
        client.resends(f"m{n} {WORDS}")
    assert not talk.provider.last.untouched
    assert len(talk.provider.last.messages) < 49
    # The window stays where it was cut, although the client sends everything each time.
    assert len(_breaks(talk)) == talk.log("s").kinds.count("compacted")


def test_a_client_with_its_own_id_is_never_cut_nor_added_to(opened: OpenDialogue) -> None:
    talk = opened(max_tokens=BUDGET)
    client = talk.client(extra={"model": "llama-unknown"}, headers=[("x-session-id", "abc")])
    for n in range(25):
        client.resends(f"m{n} {WORDS}")
        assert talk.provider.last.untouched
    client.says("only this")
    assert talk.provider.last.untouched


def test_a_window_client_is_filled_up_to_the_budget_only(
    opened: OpenDialogue, dialect: str
) -> None:
    talk = opened(max_tokens=BUDGET)
    client = talk.client(dialect, session="s")
    for n in range(30):
        reply = client.resends(f"m{n} {WORDS}", last=5)
        assert int(reply.headers["x-stitcher-tokens"]) <= BUDGET


def test_a_model_of_another_window_on_the_same_session(opened: OpenDialogue, dialect: str) -> None:
    talk = opened(max_tokens=4_000)
    client = talk.client(dialect, session="s")
    for n in range(10):
        client.says(f"m{n} {WORDS}")
    client.says("other", model="llama-unknown")
    client.says("back")
    assert client.saw()[-1] == "user: back"


class TestCondensing:
    REPORT = "The build is green. " + " ".join(f"Module part-{c} is fine." for c in "abcdefgh" * 12)

    def _told(self, client: Client, *answers: str) -> None:
        for n, answer in enumerate(answers):
            client.talk.provider.then(Step(body=answering(client.dialect, assistant(answer))))
            client.says(f"status {n}?")

    def test_near_identical_replies_become_stubs_at_a_cut_and_only_there(
        self, opened: OpenDialogue, dialect: str
    ) -> None:
        talk = opened(max_tokens=12_000, keep=0.9)
        client = talk.client(dialect, session="s")
        self._told(client, *[self.REPORT] * 14)
        assert "[Said again" not in json.dumps(talk.provider.last.json)
        while "compacted" not in talk.log("s").kinds:
            self._told(client, self.REPORT)
        client.says("and?")
        sent = client.saw()
        assert sum("[Said again further down" in line for line in sent) >= 2
        assert sum(self.REPORT in line for line in sent) >= 1
        assert self.REPORT in client.talk.log("s").said[1]

    def test_one_number_apart_is_another_reply(self, opened: OpenDialogue, dialect: str) -> None:
        talk = opened(max_tokens=12_000, keep=0.9)
        client = talk.client(dialect, session="s")
        n = 0
        while "compacted" not in talk.log("s").kinds:
            self._told(client, f"{self.REPORT} {n} tests passed.")
            n += 1
        client.says("and?")
        assert not any("[Said again" in line for line in client.saw())


def test_files_and_memory_cut_alike(
    opened: OpenDialogue, dialect: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    kept = opened(
        max_tokens=BUDGET,
        store=JsonlStore(tmp_path_factory.mktemp("data"), durability="os", roll_bytes=4_000),
    )
    fresh = opened(max_tokens=BUDGET)
    for n in range(20):
        kept.client(dialect, session="s").says(f"m{n} {WORDS}")
        fresh.client(dialect, session="s").says(f"m{n} {WORDS}")
    assert _bodies(kept) == _bodies(fresh)
