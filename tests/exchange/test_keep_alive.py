"""What an idle conversation has in the provider's cache is read again before it expires.

The provider's cache is the simulator's, on the dialogue's own clock: after a silence, what it
reports to have read says whether the prefix was alive.
"""

import asyncio
import json
import logging
import threading
from typing import Any

import pytest

from stitcher import keeping_warm
from stitcher.core.log import Refreshed
from stitcher.providers.prices import price
from stitcher.store.memory import MemoryStore
from stitcher.wire.dialects import DIALECTS
from tests.exchange.conftest import OpenDialogue
from tests.exchange.dialogue import Client, Dialogue, FakeReply
from tests.exchange.messages import tools, user, with_system
from tests.exchange.provider import Seen, Step
from tests.exchange.test_cache import HEAD, LONG, told, usage

OPUS = "claude-opus-5-5"
PING = 270  # seconds after a request: five minutes less a margin
MINUTES = 60.0


@pytest.fixture
def talk(opened: OpenDialogue) -> Dialogue:
    return opened(keep_alive=True)


def opening(talk: Dialogue, session: str = "s", **extra: Any) -> Client:
    """A thin client that has said two things."""
    client = talk.client("anthropic", session=session, extra={"model": OPUS, **extra})
    client.sends(**with_system("anthropic", HEAD, [user(f"hello {LONG}")]))
    talk.now += 10
    client.says(f"one {LONG}")
    return client


def pings(talk: Dialogue) -> list[Seen]:
    return [seen for seen in talk.provider.seen if seen.json["max_tokens"] == 0]


def refreshed(talk: Dialogue, session: str = "s") -> list[Refreshed]:
    return [entry for entry in talk.log(session).written if isinstance(entry, Refreshed)]


def stats(talk: Dialogue) -> Any:
    return talk.run(talk.exchange.stats("local"))["keep_alive"]


def read_as_foreseen(client: Client, reply: FakeReply) -> int:
    expected, found = told(reply), usage(client, reply)
    assert expected.predicted == found.read
    return found.read


def marked(lifetime: str = "5m") -> list[dict[str, Any]]:
    """A system prompt that its client marks."""
    marker = {"type": "ephemeral", "ttl": lifetime}
    return [{"type": "text", "text": HEAD, "cache_control": marker}]


def keeping(talk: Dialogue, system: Any, **extra: Any) -> Client:
    """A client that keeps its own history."""
    return talk.client("anthropic", extra={"model": OPUS, "system": system, **extra})


class TestASilence:
    def test_of_twenty_minutes_leaves_the_prefix_warm(self, talk: Dialogue) -> None:
        client = opening(talk)
        talk.passes(20 * MINUTES)
        assert len(pings(talk)) == 4
        reply = client.says("two")
        assert read_as_foreseen(client, reply) > 1_000
        assert told(reply).cause == ""

    def test_without_it_leaves_it_cold(self, opened: OpenDialogue) -> None:
        talk = opened()
        client = opening(talk)
        talk.passes(20 * MINUTES)
        assert pings(talk) == []
        reply = client.says("two")
        assert read_as_foreseen(client, reply) == 0
        assert told(reply).cause == "expired"
        assert "keep_alive" not in talk.run(talk.exchange.stats("local"))

    def test_says_nothing(self, talk: Dialogue) -> None:
        """A ping is the last request again, and no message of the conversation."""
        client = opening(talk)
        before, last = talk.log("s").said, talk.provider.last
        talk.passes(10 * MINUTES)
        assert talk.log("s").said == before
        for ping in pings(talk):
            assert ping.json == {**last.json, "max_tokens": 0}
            assert ping.incoming.headers == last.incoming.headers
            assert ping.refusal is None
        client.says("two")
        assert client.saw() == [*before, "user: two"]

    def test_writes_down_what_was_read(self, talk: Dialogue) -> None:
        opening(talk)
        start = talk.now
        talk.passes(10 * MINUTES)
        found = refreshed(talk)
        assert [entry.time for entry in found] == [start + PING, start + 2 * PING]
        for entry in found:
            reported = json.loads(entry.usage or b"{}")
            assert reported["cache_read_input_tokens"] > 1_000
            assert reported["cache_creation_input_tokens"] == reported["output_tokens"] == 0
            assert (entry.cause, bool(entry.keys)) == ("", True)

    def test_a_stream_is_kept_alive_by_a_request_without_one(self, talk: Dialogue) -> None:
        client = opening(talk)
        client.stream = True
        client.says("and then?")
        talk.passes(20 * MINUTES)
        assert len(pings(talk)) == 4
        assert "stream" not in pings(talk)[0].json
        assert read_as_foreseen(client, client.says("two")) > 1_000

    def test_is_not_taken_for_a_quick_conversation(self, talk: Dialogue) -> None:
        """Gaps are from one request to the next, whatever was read between them."""
        client = opening(talk)
        talk.passes(20 * MINUTES)
        client.says("two")
        gaps = talk.log("s").turns[-1].cache.gaps
        assert (gaps.short, gaps.middling, gaps.long) == (1, 1, 0)

    def test_an_entry_of_an_hour_is_read_once_in_an_hour(self, talk: Dialogue) -> None:
        client = keeping(talk, marked("1h"))
        client.resends("hello")
        talk.passes(150 * MINUTES)
        assert len(pings(talk)) == 2
        assert read_as_foreseen(client, client.resends("two")) > 1_000

    def test_lets_go_of_what_the_last_request_did_not_mark(self, talk: Dialogue) -> None:
        """The end of the prompt before the last: an edit there finds it gone."""
        client = keeping(talk, HEAD)
        client.extra["cache_control"] = {"type": "ephemeral"}
        client.resends("one")
        talk.now += 10
        assert read_as_foreseen(client, client.resends("two")) > 1_000
        talk.passes(6 * MINUTES)
        assert len(pings(talk)) == 1
        del client.history[-2:]
        reply = client.resends("or rather three")
        assert read_as_foreseen(client, reply) == 0


class TestItEnds:
    def test_when_it_has_cost_as_much_as_the_rewrite(self, opened: OpenDialogue) -> None:
        talk = opened(keep_alive=True, keep_alive_pings=1_000)
        client = opening(talk)
        talk.passes(10 * 60 * MINUTES)
        known = price(OPUS, talk.now)
        assert known is not None
        assert len(pings(talk)) == round((known.write - known.read) / known.read) == 24
        assert read_as_foreseen(client, client.says("two")) == 0

    def test_later_for_what_was_written_for_an_hour(self, opened: OpenDialogue) -> None:
        talk = opened(keep_alive=True, keep_alive_pings=1_000)
        keeping(talk, marked("1h")).resends("hello")
        talk.passes(100 * 60 * MINUTES)
        assert len(pings(talk)) == pytest.approx((8 - 0.2) / 0.2, rel=0.2)

    def test_earlier_where_much_of_the_prompt_is_not_cached(self, opened: OpenDialogue) -> None:
        """Each ping pays for that too, in full."""
        talk = opened(keep_alive=True, keep_alive_pings=1_000)
        keeping(talk, marked()).resends("more " * 500)
        talk.passes(10 * 60 * MINUTES)
        assert 0 < len(pings(talk)) < 5

    def test_after_as_many_as_a_session_may_have(self, opened: OpenDialogue) -> None:
        talk = opened(keep_alive=True, keep_alive_pings=3)
        client = opening(talk)
        talk.passes(60 * MINUTES)
        assert len(pings(talk)) == 3
        client.says("two")
        talk.passes(60 * MINUTES)
        assert len(pings(talk)) == 6, "the next gap has its own"
        client.says("three")
        talk.passes(10 * MINUTES)
        client.says("four")
        talk.passes(60 * MINUTES)
        assert len(pings(talk)) == 6 + 2 + 3

    def test_the_threads_of_a_session_share_them(self, opened: OpenDialogue) -> None:
        talk = opened(keep_alive=True, keep_alive_pings=3)
        for agent in ("", "a1", "a2"):
            headers = [("x-claude-code-session-id", "c1")]
            headers += [("x-claude-code-agent-id", agent)] if agent else []
            client = keeping(talk, marked(), tools=tools("anthropic"))
            client.headers = headers
            session = client.resends(f"I am {agent}").session
        assert len(talk.log(session).tree.turns) == 3
        assert talk.time.asleep == 3
        talk.passes(60 * MINUTES)
        assert len(pings(talk)) == 3

    def test_a_request_of_one_thread_gives_them_all_anew(self, opened: OpenDialogue) -> None:
        talk = opened(keep_alive=True, keep_alive_pings=5)
        headers = [("x-claude-code-session-id", "c1")]
        main, side = (keeping(talk, marked()) for _ in range(2))
        main.headers, side.headers = headers, [*headers, ("x-claude-code-agent-id", "a1")]
        main.resends("hello")
        side.resends("hello")
        talk.passes(10 * MINUTES)
        assert len(pings(talk)) == 4
        main.resends("two")
        talk.passes(60 * MINUTES)
        assert len(pings(talk)) == 4 + 5

    def test_when_the_money_of_the_day_is_spent(self, opened: OpenDialogue) -> None:
        talk = opened(keep_alive=True, keep_alive_usd=0.001)
        opening(talk)
        talk.passes(60 * MINUTES)
        spent = stats(talk)
        assert spent["pings"] == len(pings(talk)) == 3
        assert 0.0008 < spent["usd"] <= 0.001
        opening(talk, session="another")
        talk.passes(60 * MINUTES)
        assert stats(talk) == spent
        assert talk.time.asleep == 0, "and nothing is held in memory for it"
        talk.now = 2 * 86_400.0
        assert stats(talk)["usd"] == 0
        opening(talk, session="a third")
        talk.passes(60 * MINUTES)
        assert stats(talk)["pings"] == 3

    @pytest.mark.parametrize(
        "step", [Step(status=529), Step(status=401), Step(error=ConnectionError("novel"))]
    )
    def test_at_the_first_error(self, talk: Dialogue, step: Step) -> None:
        client = opening(talk)
        talk.passes(5 * MINUTES)
        talk.provider.then(step)
        talk.passes(60 * MINUTES)
        assert len(pings(talk)) == 2
        assert len(refreshed(talk)) == 1
        assert read_as_foreseen(client, client.says("two")) == 0

    def test_where_the_provider_has_lost_it(self, talk: Dialogue) -> None:
        client = opening(talk)
        talk.provider.clock = lambda: talk.now + 1e9
        talk.passes(60 * MINUTES)
        assert len(pings(talk)) == 1
        assert [entry.cause for entry in refreshed(talk)] == ["lost"]
        assert stats(talk)["usd"] > 0.005, "it was written again, and that is what it cost"
        assert client.says("two").status == 200

    @pytest.mark.parametrize(
        ("reported", "cause", "warm"),
        [
            (None, "", False),
            ({"input_tokens": 1_400}, "", False),
            ({"cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}, "lost", False),
            ({"cache_read_input_tokens": 900, "cache_creation_input_tokens": 400}, "lost", True),
            ({"cache_read_input_tokens": 0, "cache_creation_input_tokens": 1_300}, "lost", True),
        ],
    )
    def test_where_it_does_not_say_that_all_of_it_was_read(
        self, talk: Dialogue, reported: dict[str, int] | None, cause: str, warm: bool
    ) -> None:
        opening(talk)
        counted = reported and {"input_tokens": 100, **reported}
        answer: dict[str, Any] = {"type": "message", "content": [], "usage": counted}
        talk.provider.then(Step(body=json.dumps(answer).encode()))
        talk.passes(60 * MINUTES)
        assert len(pings(talk)) == 1
        (entry,) = refreshed(talk)
        assert (entry.cause, bool(entry.keys)) == (cause, warm)

    def test_the_one_that_finds_it_lost_leaves_it_warm(self, talk: Dialogue) -> None:
        client = opening(talk)
        talk.provider.clock = lambda: talk.now + 1e9
        talk.passes(PING + 5)
        assert read_as_foreseen(client, client.says("two")) > 1_000

    def test_where_the_machine_has_slept_too_long(self, talk: Dialogue) -> None:
        opening(talk)
        talk.passes(60 * MINUTES, waking=False)
        assert pings(talk) == []
        assert talk.time.asleep == 0

    def test_with_the_session(self, talk: Dialogue) -> None:
        opening(talk)
        talk.passes(5 * MINUTES)
        talk.purge("s")
        talk.passes(60 * MINUTES)
        assert len(pings(talk)) == 1
        assert talk.sessions == []

    def test_with_a_session_that_is_purged_while_one_is_under_way(self, talk: Dialogue) -> None:
        opening(talk)
        held = Step(hold=asyncio.Event())
        talk.provider.then(held)

        async def story() -> None:
            passing = asyncio.ensure_future(talk.time.passes(PING))
            talk.provider.arrived.clear()
            await talk.provider.arrived.wait()
            await talk.exchange.purge(talk.key("s"))
            await passing

        talk.run(story())
        assert talk.sessions == []
        assert talk.time.asleep == 0

    def test_with_the_process(self, talk: Dialogue) -> None:
        opening(talk)
        assert talk.time.asleep == 1
        talk.run(talk.exchange.close())
        assert talk.time.asleep == 0


class TestARequest:
    def test_takes_the_place_of_what_was_planned(self, talk: Dialogue) -> None:
        client = opening(talk)
        for n in range(8):
            talk.passes(4 * MINUTES)
            client.says(f"again {n}")
            assert talk.time.asleep == 1
        assert pings(talk) == []

    def test_is_alone_while_it_lasts(self, talk: Dialogue) -> None:
        client = opening(talk)
        held = asyncio.Event()
        talk.provider.then(Step(hold=held))

        async def story() -> FakeReply:
            talk.provider.arrived.clear()
            asked = asyncio.ensure_future(client.sending([user("two")]))
            await talk.provider.arrived.wait()
            await talk.time.passes(20 * MINUTES)
            held.set()
            return await asked

        assert talk.run(story()).status == 200
        assert pings(talk) == []

    def test_two_at_once_are_alone_until_both_have_ended(self, talk: Dialogue) -> None:
        client = keeping(talk, marked())
        client.session = "s"
        held = asyncio.Event()
        history = [user("hello"), {"role": "assistant", "content": "hi"}]

        async def story() -> None:
            talk.provider.then(Step(hold=held))
            talk.provider.arrived.clear()
            first = asyncio.ensure_future(client.sending([*history, user("a")]))
            await talk.provider.arrived.wait()
            await client.sending([*history, user("b")])
            await talk.time.passes(PING + 10)
            assert pings(talk) == []
            held.set()
            await first

        talk.run(story())
        talk.passes(0)
        assert len(pings(talk)) == 1, "at once: its five minutes are nearly over"

    @pytest.mark.parametrize("then", ["another request", "a purge"])
    def test_that_is_large_is_not_kept_when_it_is_not_the_last(
        self, talk: Dialogue, monkeypatch: pytest.MonkeyPatch, then: str
    ) -> None:
        """It is taken apart beside the event loop; meanwhile others have their turn."""
        client = opening(talk)
        begun, go_on = asyncio.Event(), threading.Event()
        anthropic = DIALECTS["anthropic"]
        ping = anthropic.ping

        async def story() -> None:
            loop = asyncio.get_running_loop()

            def slow(body: bytes) -> bytes | None:
                if len(body) > 200_000 and b"the end" not in body:
                    loop.call_soon_threadsafe(begun.set)
                    assert go_on.wait(10)
                return ping(body)

            monkeypatch.setattr(anthropic, "ping", slow)
            large = asyncio.ensure_future(client.sending([user("word " * 50_000)]))
            await begun.wait()
            if then == "a purge":
                await talk.exchange.purge(talk.key("s"))
            else:
                await client.sending([user("the end")])
            go_on.set()
            await large

        talk.run(story())
        talk.passes(PING)
        kept = [b"the end" in seen.body for seen in pings(talk)]
        assert kept == ([True] if then == "another request" else [])

    def test_breaks_one_off_that_is_under_way(self, talk: Dialogue) -> None:
        client = opening(talk)
        talk.provider.then(Step(hold=asyncio.Event()))

        async def story() -> FakeReply:
            talk.provider.arrived.clear()
            passing = asyncio.ensure_future(talk.time.passes(PING))
            await talk.provider.arrived.wait()
            reply = await client.sending([user("two")])
            await passing
            return reply

        reply = talk.run(story())
        assert len(pings(talk)) == 1
        assert stats(talk)["usd"] > 0, "it may have been charged"
        assert refreshed(talk) == []
        assert read_as_foreseen(client, reply) > 1_000

    def test_is_answered_also_where_keeping_it_fails(
        self, talk: Dialogue, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(body: bytes) -> bytes:
            raise RecursionError

        monkeypatch.setattr(DIALECTS["anthropic"], "ping", broken)
        client = opening(talk)
        assert client.says("two").error is None
        assert talk.time.asleep == 0

    def test_that_failed_is_not_kept_alive(self, talk: Dialogue) -> None:
        client = opening(talk)
        talk.provider.then(Step(status=500))
        client.says("two")
        talk.passes(20 * MINUTES)
        assert pings(talk) == []


class TestNever:
    @pytest.mark.parametrize(("mode", "kept"), [("stitch", 1), ("observe", 0)])
    def test_where_requests_are_left_alone(self, talk: Dialogue, mode: Any, kept: int) -> None:
        client = talk.client("anthropic", mode=mode, extra={"model": OPUS, "system": HEAD})
        client.extra["cache_control"] = {"type": "ephemeral"}
        client.resends("hello")
        assert talk.time.asleep == kept

    @pytest.mark.parametrize(
        "extra",
        [
            {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2_000},
            {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
            {"tools": tools("anthropic"), "tool_choice": {"type": "any"}},
        ],
    )
    def test_what_would_be_refused(self, talk: Dialogue, extra: dict[str, Any]) -> None:
        opening(talk, **extra)
        talk.passes(20 * MINUTES)
        assert pings(talk) == []
        assert talk.time.asleep == 0

    def test_more_at_once_than_there_is_memory_for(
        self, talk: Dialogue, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(keeping_warm, "_MOST_BYTES", 10_000)
        first = opening(talk)
        second = opening(talk, session="t")
        assert talk.time.asleep == 1
        talk.passes(5 * MINUTES)
        assert [seen.incoming.session for seen in pings(talk)] == ["s"]
        talk.purge("s")
        second.says("two")
        assert talk.time.asleep == 1, "what is let go of makes room"
        assert first.says("hello again").status == 200

    def test_what_was_not_written(self, talk: Dialogue) -> None:
        client = talk.client("anthropic", session="s", extra={"model": OPUS})
        client.says("hello")
        assert talk.time.asleep == 0

    @pytest.mark.parametrize("dialect", ["openai_chat", "openai_responses"])
    def test_over_an_api_without_such_a_request(self, talk: Dialogue, dialect: str) -> None:
        client = talk.client(dialect, session="s", extra={"model": "gpt-6-sol"})
        client.sends(**with_system(dialect, HEAD, [user("hello")]))
        client.says("one")
        assert talk.time.asleep == 0

    def test_a_model_of_another_provider(self, talk: Dialogue) -> None:
        """OpenAI's own request for it is billed as a write."""
        keeping(talk, marked(), model="gpt-6-sol").resends("hello")
        assert talk.time.asleep == 0

    def test_a_model_without_a_price(
        self, talk: Dialogue, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.INFO, logger="stitcher"):
            client = opening(talk, model="claude-novel-9")
            client.says("two")
        assert talk.time.asleep == 0
        said = [record.getMessage() for record in caplog.records]
        assert said == ["'claude-novel-9' is not kept alive: its price is not known"]


def test_another_process_knows_what_lives_on(opened: OpenDialogue) -> None:
    talk = opened(keep_alive=True)
    client = opening(talk)
    talk.passes(20 * MINUTES)
    talk.restart()
    assert talk.time.asleep == 0
    talk.passes(2 * MINUTES)
    reply = client.says("two")
    assert read_as_foreseen(client, reply) > 1_000
    assert len(pings(talk)) == 4


def test_another_process_knows_what_has_expired(opened: OpenDialogue) -> None:
    talk = opened(keep_alive=True)
    client = opening(talk)
    talk.passes(10 * MINUTES)
    talk.restart()
    talk.passes(20 * MINUTES)
    reply = client.says("two")
    assert read_as_foreseen(client, reply) == 0
    assert told(reply).cause == "expired"


def test_nothing_of_a_request_is_logged_or_written(
    opened: OpenDialogue, caplog: pytest.LogCaptureFixture
) -> None:
    store = MemoryStore()
    talk = opened(keep_alive=True, store=store)
    key = ("x-api-key", "sk-ant-secret")
    client = opening(talk)
    client.headers = [key, ("Idempotency-Key", "once")]
    with caplog.at_level(logging.DEBUG):
        client.says("my diary")
        talk.passes(5 * MINUTES)
        talk.provider.then(Step(status=500, message="found my diary and sk-ant-secret"))
        talk.passes(5 * MINUTES)
    assert key in pings(talk)[0].incoming.headers
    assert ("Idempotency-Key", "once") not in pings(talk)[0].incoming.headers
    for record in caplog.records:
        assert "diary" not in record.getMessage()
        assert "secret" not in record.getMessage()
    lines = [line.data for line in store.oldest_first(talk.key("s"))]
    assert not any(b"secret" in line for line in lines)
    assert not any(b"diary" in line for line in lines if b'"refreshed"' in line)
