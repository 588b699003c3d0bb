"""The provider's prompt cache: what we expect of it, what it does, and why when it does less.

The provider's cache is the simulator's, on the dialogue's own clock. Nothing here looks into it:
what it read is what it reports.
"""

import json
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest

from stitcher.core.log import Compacted
from stitcher.providers.usage import CacheUsage, cache_usage
from stitcher.wire.dialects import DIALECTS
from tests.exchange.conftest import OpenDialogue
from tests.exchange.dialogue import Client, Dialogue, FakeReply
from tests.exchange.messages import call_ids, results, tools, user, with_system
from tests.exchange.provider import Step

MODELS = ["claude-opus-5-5", "gpt-5.4", "gpt-6"]
HEAD = "Be brief and exact. " * 250  # longer than any minimum here
LONG = "[[long 60]]"  # an answer of about 150 tokens
DIALECTS_OF = {"claude-opus-5-5": "anthropic", "gpt-5.4": "openai_chat", "gpt-6": "openai_chat"}


@dataclass(frozen=True)
class Told:
    """What `X-Stitcher-Cache` says."""

    predicted: int
    written: int
    plain: int
    cause: str


def told(reply: FakeReply) -> Told:
    found = re.fullmatch(
        r"predicted=(\d+); written=(\d+); plain=(\d+)(?:; cause=(.+))?",
        reply.headers["x-stitcher-cache"],
    )
    assert found is not None, reply.headers["x-stitcher-cache"]
    read, written, plain, cause = found.groups()
    return Told(int(read), int(written), int(plain), cause or "")


def usage(client: Client, reply: FakeReply) -> CacheUsage:
    """What the provider reported."""
    fold = DIALECTS[client.dialect].fold(stream=client.stream, hide_usage=False)
    fold.feed(reply.body)
    fold.close()
    reported = fold.received().usage
    assert reported is not None
    found = cache_usage(json.loads(reported))
    assert found is not None
    return found


def opening(talk: Dialogue, model: str) -> Client:
    """A thin client whose first message brings a long system prompt."""
    dialect = DIALECTS_OF[model]
    client = talk.client(dialect, session="s", extra={"model": model})
    client.sends(**with_system(dialect, HEAD, [user(f"hello {LONG}")]))
    return client


@pytest.mark.parametrize("model", MODELS)
def test_what_is_predicted_is_what_is_read(opened: OpenDialogue, model: str) -> None:
    """To the token, as soon as the provider has counted the prompt once."""
    talk = opened()
    client = opening(talk, model)
    for n in range(12):
        talk.now += 20
        reply = client.says(f"question {n} {LONG}")
        expected, found = told(reply), usage(client, reply)
        if n > 0:
            assert expected.predicted == found.read > 0
            assert expected.cause == ""
    assert talk.log("s").turns[-1].cache.predicted == expected.predicted


def test_a_tool_loop_reads_all_but_what_is_new(opened: OpenDialogue) -> None:
    talk = opened()
    client = opening(talk, "claude-opus-5-5")
    client.extra["tools"] = tools("anthropic")
    called = client.answer_in(client.says("go [[tool look {}]]"))
    for n in range(8):
        talk.now += 5
        reply = client.sends(results("anthropic", (call_ids(called)[0], f"found {n} " * 60)))
        expected, found = told(reply), usage(client, reply)
        assert found.plain == 0
        if n > 0:
            assert expected.predicted == found.read
        called = client.answer_in(client.says(f"again {n} [[tool look {{}}]]"))


@pytest.mark.parametrize("model", MODELS)
def test_after_its_lifetime_a_prompt_is_expected_to_be_gone(
    opened: OpenDialogue, model: str
) -> None:
    talk = opened()
    client = opening(talk, model)
    client.says("one")
    talk.now += 100_000
    reply = client.says("two")
    assert told(reply).cause == "expired"
    assert told(reply).predicted == usage(client, reply).read == 0


@pytest.mark.parametrize("model", MODELS)
def test_another_system_prompt_is_named_as_the_cause(opened: OpenDialogue, model: str) -> None:
    talk = opened()
    client = opening(talk, model)
    client.says("one")
    reply = client.sends(**with_system(client.dialect, f"Now in verse. {HEAD}", [user("two")]))
    assert told(reply).cause == "system changed"
    assert told(reply).predicted == usage(client, reply).read == 0


def test_other_tools_and_models_are_named_as_causes(opened: OpenDialogue) -> None:
    talk = opened()
    client = opening(talk, "claude-opus-5-5")
    client.says("one")
    assert told(client.says("then")).cause == ""
    reply = client.says("two", tools=tools("anthropic"))
    assert told(reply).cause == "tools changed"
    assert usage(client, reply).read == 0
    reply = client.says("three", model="claude-sonnet-5-5", tools=tools("anthropic"))
    assert told(reply).cause == "model changed"
    assert usage(client, reply).read == 0


def test_another_tool_choice_keeps_what_stands_before_the_messages(opened: OpenDialogue) -> None:
    talk = opened()
    client = opening(talk, "claude-opus-5-5")
    client.extra["tools"] = tools("anthropic")
    client.says("one")
    client.says("two")
    reply = client.says("three", tool_choice={"type": "none"})
    expected, found = told(reply), usage(client, reply)
    assert expected.cause == "parameters changed"
    assert 0 < found.read < 2_000
    assert expected.predicted == pytest.approx(found.read, rel=0.1)


def test_the_first_request_has_nothing_to_read(opened: OpenDialogue) -> None:
    talk = opened()
    client = talk.client("anthropic", session="s", extra={"model": "claude-opus-5-5"})
    first = told(client.says("hello"))
    assert first == Told(0, 0, first.plain, "first")


def test_a_prompt_below_the_minimum_is_not_written(opened: OpenDialogue) -> None:
    talk = opened()
    client = talk.client("anthropic", session="s", extra={"model": "claude-opus-5-5"})
    client.says("hello")
    reply = client.says("and then?")
    assert told(reply).cause == "below minimum"
    assert told(reply).written == usage(client, reply).written == 0


@pytest.mark.parametrize("model", MODELS)
def test_a_cut_is_named_as_the_cause(opened: OpenDialogue, model: str) -> None:
    talk = opened(max_tokens=6_000, cut="half")
    client = opening(talk, model)
    causes = []
    while "cut" not in causes:
        talk.now += 5
        causes.append(told(client.says(f"more {LONG} {'word ' * 100}")).cause)
        assert len(causes) < 60
    cut = [entry for entry in talk.log("s").written if isinstance(entry, Compacted)]
    assert len(cut) == 1
    assert set(causes[1:-1]) <= {""}


def test_an_edit_reads_what_stands_before_it(opened: OpenDialogue) -> None:
    talk = opened()
    client = talk.client("anthropic", session=None, extra={"model": "claude-opus-5-5"})
    client.extra["system"] = [
        {"type": "text", "text": HEAD, "cache_control": {"type": "ephemeral"}}
    ]
    for n in range(3):
        client.resends(f"question {n} {LONG}")
    client.history[-2:] = []
    reply = client.resends("another question")
    assert told(reply).cause in ("edited", "rewound", "")
    assert told(reply).predicted == usage(client, reply).read > 0


@pytest.mark.parametrize("model", MODELS)
def test_what_the_provider_has_lost_is_written_down(opened: OpenDialogue, model: str) -> None:
    talk = opened()
    client = opening(talk, model)
    client.says("one")
    client.says("two")
    talk.provider.clock = lambda: talk.now + 1e9  # everything has expired there
    client.says("three")
    assert talk.log("s").turns[-1].cache.cause == "lost"


def test_a_turn_that_failed_leaves_the_ledger_as_it_was(opened: OpenDialogue) -> None:
    talk = opened()
    client = opening(talk, "claude-opus-5-5")
    client.says("one")
    before = talk.log("s").turns[-1].cache
    talk.provider.then(Step(status=500))
    client.says("two")
    assert talk.log("s").turns[-1].cache == before
    reply = client.says("two")
    assert told(reply).predicted == usage(client, reply).read > 0


def test_what_is_only_observed_leaves_the_ledger_as_it_was(opened: OpenDialogue) -> None:
    """It went out as it came, without what was planned: nothing of the plan is in the cache."""
    talk = opened()
    client = opening(talk, "claude-opus-5-5")
    client.says("one")
    before = talk.log("s").turns[-1].cache
    client.mode = "observe"
    assert client.says("two").said == "observe; stitched"
    assert talk.log("s").turns[-1].cache == before


def test_a_restart_predicts_the_same(opened: OpenDialogue) -> None:
    talk = opened()
    client = opening(talk, "claude-opus-5-5")
    client.says("one")
    client.says("two")
    talk.restart()
    reply = client.says("three")
    assert told(reply).predicted == usage(client, reply).read > 0


class TestAClientThatResendsAll:
    """And marks nothing: it gets breakpoints of ours once its conversation has gone on."""

    @staticmethod
    def client(talk: Dialogue, **more: Any) -> Client:
        extra = {"model": "claude-opus-5-5", "system": HEAD, **more}
        return talk.client("anthropic", extra=extra)

    def test_it_reads_what_it_sent_before(self, opened: OpenDialogue) -> None:
        talk = opened()
        client = self.client(talk)
        said, read = [], []
        for n in range(6):
            talk.now += 10
            reply = client.resends(f"question {n} {LONG}")
            said.append(reply.said)
            read.append(usage(client, reply).read)
            if n > 2:
                assert told(reply).predicted == read[-1]
        assert said == ["passthrough", *["marked"] * 5]
        assert read[:2] == [0, 0]
        assert all(more > before > 0 for before, more in pairwise(read[2:]))

    def test_all_else_goes_out_as_it_came(self, opened: OpenDialogue) -> None:
        talk = opened()
        client = self.client(talk)
        for n in range(3):
            client.resends(f"question {n}")
        sent = talk.provider.last
        marker = b',"cache_control":{"type":"ephemeral"}'
        unmarked = sent.body.replace(marker, b"")
        assert sent.body.count(marker) == 2
        assert json.loads(unmarked)["system"] == [{"type": "text", "text": HEAD}]
        came = sent.incoming.body
        assert unmarked.count(b"question") == came.count(b"question") > 2
        assert talk.log(talk.sessions[0]).said[0] == "user: question 0"

    @pytest.mark.parametrize(
        "extra",
        [
            {"system": "Be brief."},  # below the minimum
            {"cache_control": {"type": "ephemeral"}},
            {"model": "claude-of-another-maker-7b"[7:]},
            {"system": [{"type": "text", "text": HEAD, "cache_control": {"type": "ephemeral"}}]},
        ],
    )
    def test_or_is_left_alone(self, opened: OpenDialogue, extra: dict[str, Any]) -> None:
        client = self.client(opened(), **extra)
        assert {client.resends(f"question {n}").said for n in range(4)} == {"passthrough"}

    def test_or_where_the_owner_says_so(self, opened: OpenDialogue) -> None:
        client = self.client(opened(breakpoints=False))
        assert {client.resends(f"question {n}").said for n in range(4)} == {"passthrough"}

    def test_a_server_that_knows_no_breakpoints_gets_none(self, opened: OpenDialogue) -> None:
        talk = opened()
        client = self.client(talk)
        client.resends("question 0")
        words = "cache_control: Extra inputs are not permitted"
        talk.provider.then(Step(status=400, message=words))
        reply = client.resends("question 1")
        assert reply.status == 200
        assert b"cache_control" not in talk.provider.last.body


class TestTheCut:
    """A budget that is not full: history is cut for its price, or for nothing when cold."""

    def test_a_cold_window_is_cut_to_what_is_kept(self, opened: OpenDialogue) -> None:
        talk = opened(max_tokens=6_000)
        client = opening(talk, "claude-opus-5-5")
        for n in range(12):
            talk.now += 5
            before = client.says(f"more {n} {LONG} {'word ' * 150}")
        assert "compacted" not in talk.log("s").kinds
        talk.now += 3_600
        after = client.says("good morning")
        assert talk.log("s").kinds.count("compacted") == 1
        assert after.restored < before.restored

    @pytest.mark.parametrize("policy", ["half", "never"])
    def test_unless_the_owner_says_otherwise(self, opened: OpenDialogue, policy: str) -> None:
        talk = opened(max_tokens=6_000, cut=policy)
        client = opening(talk, "claude-opus-5-5")
        for n in range(12):
            client.says(f"more {n} {LONG} {'word ' * 150}")
        talk.now += 100_000
        client.says("good morning")
        assert "compacted" not in talk.log("s").kinds

    def test_never_grows_beyond_the_budget(self, opened: OpenDialogue) -> None:
        talk = opened(max_tokens=3_000, cut="never")
        client = opening(talk, "claude-opus-5-5")
        tokens = [
            int(client.says(f"more {n} {LONG}").headers["x-stitcher-tokens"]) for n in range(30)
        ]
        assert max(tokens) > 3_000
        assert "compacted" not in talk.log("s").kinds

    def test_a_surplus_that_has_cost_its_rewrite_goes(self, opened: OpenDialogue) -> None:
        talk = opened(max_tokens=12_000, keep=0.2)
        client = opening(talk, "gpt-5.4")
        tokens = []
        for n in range(120):
            talk.now += 5
            tokens.append(int(client.says(f"more {n} {LONG}").headers["x-stitcher-tokens"]))
        cuts = talk.log("s").kinds.count("compacted")
        assert 2 <= cuts <= 12, "each has to be paid for anew"
        assert max(tokens) < 11_000, "never full"


class TestTheLifetime:
    """Five minutes, or an hour where people take their time."""

    def markers(self, talk: Dialogue) -> set[str]:
        body = talk.provider.last.body.decode()
        return set(re.findall(r'"cache_control": ?(\{[^}]*\})', body))

    def test_a_quick_conversation_pays_for_five_minutes(self, opened: OpenDialogue) -> None:
        talk = opened()
        client = opening(talk, "claude-opus-5-5")
        for n in range(10):
            talk.now += 30
            client.says(f"m{n}")
        assert self.markers(talk) == {'{"type":"ephemeral"}'}

    def test_a_slow_one_for_an_hour(self, opened: OpenDialogue) -> None:
        talk = opened()
        client = opening(talk, "claude-opus-5-5")
        for n in range(10):
            talk.now += 900
            reply = client.says(f"m{n}")
        assert self.markers(talk) == {'{"type":"ephemeral","ttl":"1h"}'}
        assert told(reply).predicted == usage(client, reply).read > 0


def test_a_system_prompt_that_says_the_time_leaves_the_tools_read(opened: OpenDialogue) -> None:
    talk = opened()
    client = talk.client("anthropic", session="s", extra={"model": "claude-opus-5-5"})
    many = [{**tools("anthropic")[0], "name": f"look_{n}", "description": HEAD} for n in range(2)]
    for n in range(4):
        reply = client.sends([user(f"m{n}")], system=f"It is {n} o'clock. {HEAD}", tools=many)
    assert told(reply).cause == "system changed"
    read = usage(client, reply).read
    assert read > 2_000
    assert told(reply).predicted == pytest.approx(read, rel=0.1)
