"""DeepSeek's prompt cache: units end with a request's input and with its answer, read as a whole.

The provider's answers and counts are made by hand, after its page ("Context caching", 2026-11).
"""

import json
from typing import Any

import pytest

from tests.exchange.conftest import OpenDialogue
from tests.exchange.dialogue import Client, Dialogue, FakeReply
from tests.exchange.messages import assistant, user
from tests.exchange.provider import SSE, Step
from tests.exchange.test_cache import HEAD, LONG, told, usage


def answers(talk: Dialogue, text: str, prompt: int, said: int, **more: Any) -> None:
    """Queues an answer of `said` tokens to a prompt of `prompt`, none of them from the cache."""
    usage = {
        "prompt_tokens": prompt,
        "prompt_cache_hit_tokens": 0,
        "completion_tokens": said,
        **more,
    }
    choice = {"index": 0, "message": assistant(text), "finish_reason": "stop"}
    document = {"id": "c", "object": "chat.completion", "choices": [choice], "usage": usage}
    talk.provider.then(Step(body=json.dumps(document).encode()))


@pytest.fixture
def client(opened: OpenDialogue) -> Client:
    return opened().client("openai_chat", session=None, extra={"model": "deepseek-chat"})


def asks(client: Client, text: str, prompt: int, said: int, **more: Any) -> FakeReply:
    answers(client.talk, f"to {text}", prompt, said, **more)
    return client.resends(text)


def test_the_next_request_reads_the_answer_too(client: Client) -> None:
    asks(client, "one", 1_000, 50)
    assert told(asks(client, "two", 1_100, 70)).predicted == 1_050
    reply = asks(client, "three", 1_200, 5)
    assert told(reply).predicted == 1_170
    assert told(reply).cause == ""


def test_after_a_restart_as_well(client: Client) -> None:
    asks(client, "one", 1_000, 50)
    client.talk.restart()
    assert told(asks(client, "two", 1_100, 70)).predicted == 1_050


def test_not_where_reasoning_stands_before_it(client: Client) -> None:
    """It is output that the next prompt does not have."""
    asks(client, "one", 1_000, 50, completion_tokens_details={"reasoning_tokens": 30})
    assert told(asks(client, "two", 1_100, 70)).predicted == 1_000


def test_not_where_the_answer_was_cut(opened: OpenDialogue) -> None:
    talk = opened()
    client = talk.client("openai_chat", session="s", stream=True, extra={"model": "deepseek-chat"})
    said = {"index": 0, "delta": {"role": "assistant", "content": "to o"}}
    usage = {"prompt_tokens": 1_000, "prompt_cache_hit_tokens": 0, "completion_tokens": 2}
    event = json.dumps({"id": "c", "choices": [said], "usage": usage})
    talk.provider.then(Step(body=f"data: {event}\n\n".encode(), headers=SSE))
    client.says("one")
    log = talk.log("s")
    assert log.turns[-1].status == "cut"
    (held,) = log.turns[-1].cache.held
    assert held.tokens == 1_000


def test_another_question_reads_up_to_the_unit_before(client: Client) -> None:
    asks(client, "one", 1_000, 50)
    asks(client, "two", 1_100, 70)
    del client.history[-2:]
    assert told(asks(client, "another two", 1_110, 70)).predicted == 1_050


def test_what_two_prompts_begin_with_is_no_unit(client: Client) -> None:
    """After A+B, a request A+C reads nothing."""
    client.history = [{"role": "system", "content": HEAD}, user("a"), assistant("b")]
    asks(client, "one", 2_000, 50)
    del client.history[3:]
    reply = asks(client, "another", 2_010, 50)
    assert told(reply).predicted == 0
    client.history[1:] = []
    assert told(asks(client, "something else", 1_900, 50)).predicted == 0


def test_the_simulated_provider_reads_that_and_what_frames_a_message(opened: OpenDialogue) -> None:
    talk = opened()
    client = talk.client("openai_chat", session="s", extra={"model": "deepseek-chat"})
    client.sends([{"role": "system", "content": HEAD}, user(f"hello {LONG}")])
    for n in range(6):
        talk.now += 60
        reply = client.says(f"question {n} {LONG}")
        assert told(reply).cause == ""
        assert told(reply).predicted > 1_000
        assert 0 <= usage(client, reply).read - told(reply).predicted < 5
