"""OpenAI's prompt cache: the head is marked where models write at marks, a key where they route."""

import json
from typing import Any

import pytest

from tests.exchange.conftest import OpenDialogue
from tests.exchange.dialogue import Client, Dialogue
from tests.exchange.messages import user, with_system
from tests.exchange.provider import Step
from tests.exchange.test_cache import HEAD, LONG, opening, told, usage

EXPLICIT = {"mode": "explicit"}
KEY = "prompt_cache_key"


def body(talk: Dialogue) -> Any:
    return talk.provider.last.json


def marks(talk: Dialogue) -> int:
    return talk.provider.last.body.count(b'"prompt_cache_breakpoint"')


def developer(client: Client, text: str, *said: str) -> list[dict[str, Any]]:
    return [{"role": "developer", "content": text}, *map(user, said)]


class TestTheHeadOfLaterModels:
    """From GPT-5.6 on: written where it is marked, so that others find it."""

    @pytest.mark.parametrize("dialect", ["openai_chat", "openai_responses"])
    def test_is_marked_in_the_same_bytes_each_time(
        self, opened: OpenDialogue, dialect: str
    ) -> None:
        talk = opened()
        client = talk.client(dialect, session="s")
        client.sends(developer(client, HEAD, "hello"))
        assert talk.provider.last.untouched
        heads = set()
        for n in range(4):
            client.says(f"m{n}")
            assert marks(talk) == 1
            heads.add(json.dumps(talk.provider.last.messages[0]))
        assert len(heads) == 1
        (part,) = json.loads(heads.pop())["content"]
        assert part["text"] == HEAD
        assert part["prompt_cache_breakpoint"] == EXPLICIT
        system = talk.log("s").tree.heads["main"].system
        assert b"prompt_cache_breakpoint" not in (system or b""), "the log has the client's bytes"

    def test_is_read_after_a_cut(self, opened: OpenDialogue) -> None:
        talk = opened(max_tokens=6_000, cut="half")
        client = opening(talk, "gpt-6")
        cuts = []
        for n in range(80):
            talk.now += 5
            reply = client.says(f"more {n} {LONG} {'word ' * 100}")
            expected, found = told(reply), usage(client, reply)
            if expected.cause == "cut":
                cuts.append((expected.predicted, found.read))
            elif n > 1:
                assert expected.predicted == found.read
        assert len(cuts) >= 2
        first, *later = cuts
        assert first[0] == pytest.approx(first[1], rel=0.2), "an estimate"
        assert first[1] > 1_024
        for predicted, read in later:  # counted by the provider when it was read the first time
            assert predicted == read > 1_024

    def test_is_read_by_another_session(self, opened: OpenDialogue) -> None:
        talk = opened()
        opening(talk, "gpt-6").says("two")
        other = talk.client("openai_chat", session="t", extra={"model": "gpt-6"})
        reply = other.sends(**with_system("openai_chat", HEAD, [user("something else")]))
        assert talk.provider.last.untouched
        assert usage(other, reply).read > 1_024

    def test_is_not_expected_where_nothing_marks_it(self, opened: OpenDialogue) -> None:
        """A client that sends its whole history: the end of its head was never written."""
        talk = opened()
        client = talk.client("openai_chat", extra={"model": "gpt-6"})
        client.history = developer(client, HEAD)
        client.resends("one")
        client.resends("two")
        client.history[1:] = [user("another beginning")]
        reply = client.resends("three")
        assert told(reply).predicted == usage(client, reply).read == 0

    @pytest.mark.parametrize(
        "more",
        [
            {"prompt_cache_options": {"mode": "implicit"}},
            {"prompt_cache_options": {"mode": "explicit"}},
        ],
    )
    def test_is_left_alone_where_the_client_sets_options(
        self, opened: OpenDialogue, more: dict[str, Any]
    ) -> None:
        talk = opened()
        client = opening(talk, "gpt-6")
        client.says("two", **more)
        assert marks(talk) == 0

    def test_is_left_alone_where_the_client_marks(self, opened: OpenDialogue) -> None:
        talk = opened()
        client = opening(talk, "gpt-6")
        part = {"type": "text", "text": "two", "prompt_cache_breakpoint": EXPLICIT}
        client.sends([{"role": "user", "content": [part]}])
        assert marks(talk) == 1
        assert isinstance(talk.provider.last.messages[0]["content"], str)

    @pytest.mark.parametrize(
        ("model", "head"), [("gpt-6", "Be brief."), ("gpt-5.4", HEAD), ("qwen", HEAD)]
    )
    def test_is_not_marked_below_the_minimum_nor_for_models_without_marks(
        self, opened: OpenDialogue, model: str, head: str
    ) -> None:
        talk = opened()
        client = talk.client("openai_chat", session="s", extra={"model": model})
        client.sends(developer(client, head, "one"))
        client.says("two")
        assert marks(talk) == 0

    def test_is_not_marked_where_the_owner_says_so(self, opened: OpenDialogue) -> None:
        talk = opened(breakpoints=False)
        opening(talk, "gpt-6").says("two")
        assert marks(talk) == 0

    def test_other_models_breakpoints_have_no_form_here(self, opened: OpenDialogue) -> None:
        """Claude's, behind a server that speaks OpenAI's dialect."""
        talk = opened()
        client = talk.client("openai_chat", extra={"model": "claude-opus-5-5"})
        client.history = developer(client, HEAD)
        for n in range(3):
            client.resends(f"m{n} {LONG}")
            assert talk.provider.last.untouched
        thin = talk.client("openai_chat", session="s", extra={"model": "claude-opus-5-5"})
        thin.sends(developer(client, HEAD, "one"))
        reply = thin.says("two")
        assert marks(talk) == 0
        assert told(reply).written == 0

    def test_instructions_cannot_be_marked(self, opened: OpenDialogue) -> None:
        talk = opened()
        client = talk.client("openai_responses", session="s")
        client.sends(**with_system("openai_responses", HEAD, [user(f"one {LONG}")]))
        reply = client.says("two")
        assert marks(talk) == 0
        assert talk.log("s").turns[-1].cache.held
        assert told(reply).predicted == usage(client, reply).read > 0

    def test_a_mark_that_is_refused_is_not_set_again(self, opened: OpenDialogue) -> None:
        talk = opened()
        client = opening(talk, "gpt-6")
        message = "Unknown parameter: 'messages[0].content[0].prompt_cache_breakpoint'."
        talk.provider.then(Step(status=400, message=message))
        reply = client.says("two")
        assert reply.status == 200
        assert reply.restored == 2
        assert marks(talk) == 0
        client.says("three")
        assert marks(talk) == 0
        assert len(talk.provider.seen) == 4


class TestExplicitMode:
    """A client that sets all breakpoints itself."""

    def test_only_its_own_are_expected(self, opened: OpenDialogue) -> None:
        talk = opened()
        client = talk.client("openai_chat", extra={"model": "gpt-6"})
        client.extra["prompt_cache_options"] = EXPLICIT
        part = {"type": "text", "text": HEAD, "prompt_cache_breakpoint": EXPLICIT}
        client.history = [{"role": "system", "content": [part]}]
        for n in range(4):
            reply = client.resends(f"question {n} {LONG}")
            expected, found = told(reply), usage(client, reply)
            assert (found.written > 0) == (n == 0)
            if n > 0:
                assert expected.predicted == found.read > 1_024
                assert expected.written == 0 < expected.plain

    def test_without_any_nothing_is(self, opened: OpenDialogue) -> None:
        talk = opened()
        client = opening(talk, "gpt-6")
        client.extra["prompt_cache_options"] = EXPLICIT
        client.says(f"two {LONG}")
        reply = client.says("three")
        assert told(reply).written == usage(client, reply).written == 0
        assert told(reply).predicted == usage(client, reply).read == 0


class TestTheKeyOfEarlierModels:
    """Up to GPT-5.5, whose requests are routed by it."""

    def keys(self, talk: Dialogue) -> list[str | None]:
        return [seen.json.get(KEY) for seen in talk.provider.seen]

    def test_is_one_for_each_session(self, opened: OpenDialogue) -> None:
        talk = opened()
        secret = talk.client("openai_chat", session="secret", extra={"model": "gpt-5.4"})
        other = talk.client("openai_responses", session="other", extra={"model": "gpt-5.4"})
        for client in (secret, other):
            for n in range(4):
                client.says(f"m{n}")
        keys = self.keys(talk)
        assert keys[0] is keys[4] is None, "untouched"
        assert len({*keys[1:4]}) == len({*keys[5:]}) == 1
        assert keys[1] != keys[5]
        for key in (keys[1], keys[5]):
            assert key is not None
            assert 16 <= len(key) <= 64
            assert "secret" not in key

    def test_is_the_same_after_a_restart(self, opened: OpenDialogue) -> None:
        talk = opened()
        client = opening(talk, "gpt-5.4")
        client.says("two")
        talk.restart()
        client.says("three")
        keys = self.keys(talk)
        assert keys[1] == keys[2] is not None

    def test_tenants_share_none(self, opened: OpenDialogue) -> None:
        talk = opened()
        for tenant in ("a", "b"):
            about = {"session": "s", "tenant": tenant, "extra": {"model": "gpt-5.4"}}
            client = talk.client("openai_chat", **about)
            client.says("one")
            client.says("two")
        assert len({*self.keys(talk)}) == 3

    def test_is_the_clients_own_where_it_has_one(self, opened: OpenDialogue) -> None:
        talk = opened()
        client = opening(talk, "gpt-5.4")
        client.says("two", prompt_cache_key="mine")
        assert self.keys(talk)[-1] == "mine"

    @pytest.mark.parametrize("model", ["gpt-6", "gpt-oss-120b", "deepseek-chat", "qwen"])
    def test_is_not_set_for_others(self, opened: OpenDialogue, model: str) -> None:
        talk = opened()
        client = talk.client("openai_chat", session="s", extra={"model": model})
        client.says("one")
        client.says("two")
        assert self.keys(talk) == [None, None]

    def test_is_not_set_on_a_body_that_stays_as_it_is(self, opened: OpenDialogue) -> None:
        talk = opened()
        client = talk.client("openai_chat", session="s", extra={"model": "gpt-5.4"})
        for n in range(3):
            client.resends(f"m{n}")
        assert self.keys(talk) == [None] * 3

    @pytest.mark.parametrize("status", [400, 422])
    def test_that_is_refused_is_taken_back_and_not_set_again(
        self, opened: OpenDialogue, status: int
    ) -> None:
        talk = opened()
        client = opening(talk, "gpt-5.4")
        talk.provider.then(Step(status=status, message=f"Unknown parameter: '{KEY}'."))
        reply = client.says("two")
        assert reply.status == 200
        assert reply.restored == 2
        client.says("three")
        keys = self.keys(talk)
        assert [key is None for key in keys] == [True, False, True, True]
        said = [line for line in talk.log("s").said if line.startswith("user")]
        assert said == [f"user: hello {LONG}", "user: two", "user: three"]

    def test_a_refusal_of_the_clients_own_is_the_clients(self, opened: OpenDialogue) -> None:
        talk = opened()
        client = opening(talk, "gpt-5.4")
        talk.provider.then(Step(status=400, message=f"Invalid '{KEY}': too long."))
        reply = client.says("two", prompt_cache_key="mine")
        assert reply.status == 400
        assert len(talk.provider.seen) == 2

    def test_changes_no_parameter(self, opened: OpenDialogue) -> None:
        talk = opened()
        client = opening(talk, "gpt-5.4")
        causes = [told(client.says(f"m{n}")).cause for n in range(3)]
        assert causes == [""] * 3
        reply = client.says("mine", prompt_cache_key="mine")
        assert told(reply).cause == "parameters changed"
