"""The real Codex through the proxy over a WebSocket, as its built-in provider speaks.

There it sends only what is new, after an id that the connection knows. Where the provider has no
WebSocket, the proxy goes on over HTTP behind Codex's back and sends what that id stands for.
"""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from stitcher.simulator.serve import Fault
from tests.end_to_end.codex import CATALOGUE_MODEL, Codex
from tests.end_to_end.codex_dialogue import (
    HELLO,
    QUESTION,
    RECALL,
    RECALLED,
    TRANSCRIPT,
    own_words,
)
from tests.end_to_end.histories import assert_prefix_kept, history
from tests.end_to_end.stack import Stack, checked
from tests.end_to_end.wiretap import WEBSOCKET, Exchange

pytestmark = pytest.mark.clients

PROVIDERS = pytest.mark.parametrize("websockets", [True, False], ids=["websocket", "http"])
CACHE_STEP = 128  # tokens, in which OpenAI's cache grows


def take_through_the_dialogue(stack: Stack, folder: Path) -> str:
    """Three processes, with the proxy stopped and killed between them; returns the thread."""
    codex = Codex.with_base_url(folder, stack.url)
    hello = codex.run(HELLO)
    stack.restart()
    codex.resume(QUESTION)
    stack.kill()
    recalled = codex.resume(RECALL)
    assert recalled.answers == [RECALLED]
    assert recalled.thread == hello.thread
    return hello.thread


def assert_logged(stack: Stack, thread: str) -> None:
    session = f"codex-{thread}"
    stack.verify()
    assert stack.sessions() == [session]
    assert stack.threads(session) == {"main"}
    assert own_words(stack.messages(session)) == TRANSCRIPT


def turns(bodies: Sequence[Any]) -> list[Any]:
    """Without the prompts that it sends ahead, to be read and not to be answered."""
    return [body for body in bodies if "user" in [item.get("role") for item in history(body)]]


def without_notes(body: Any) -> Any:
    """Without what Codex notes on items for itself, on those that it sends again too."""
    noted = "internal_chat_message_metadata_passthrough"
    items = [{key: item[key] for key in item if key != noted} for item in history(body)]
    return body | {"input": items}


def in_full(exchanges: Sequence[Exchange]) -> list[Any]:
    """The messages' bodies, with what came before an id put in its place."""
    known: dict[str | None, list[Any]] = {None: []}
    bodies = []
    for exchange in exchanges:
        body = exchange.json
        body["input"] = known[body.pop("previous_response_id", None)] + body["input"]
        bodies.append(body)
        events = [json.loads(line) for line in exchange.answer.splitlines()]
        given = [e["item"] for e in events if e["type"] == "response.output_item.done"]
        (ended,) = [e["response"] for e in events if e["type"] == "response.completed"]
        known[ended["id"]] = body["input"] + given
    return bodies


def times_asked(stack: Stack, question: str) -> int:
    """How often the client sent it as the newest question."""
    asked = [own_words(sent.json["input"]) for sent in stack.sent]
    questions = [[line for line in lines if line.startswith("user:")] for lines in asked]
    return sum(f"user: {question}" in (lines or [""])[-1] for lines in questions)


def test_the_provider_gets_each_message_as_it_was_sent(tmp_path: Path) -> None:
    with checked(Stack(tmp_path, stateless_responses=True)) as stack:
        thread = take_through_the_dialogue(stack, tmp_path)

        assert {received.method for received in stack.received} == {WEBSOCKET}
        assert [received.body for received in stack.received] == [sent.body for sent in stack.sent]
        assert any("previous_response_id" in body for body in stack.bodies)
        assert_logged(stack, thread)


@pytest.mark.parametrize("status", [426, 404])
def test_a_provider_without_websockets_gets_the_whole_history(tmp_path: Path, status: int) -> None:
    with checked(Stack(tmp_path, stateless_responses=True, websockets=status)) as stack:
        thread = take_through_the_dialogue(stack, tmp_path)

        assert {sent.method for sent in stack.sent} == {WEBSOCKET}
        assert {received.method for received in stack.received} == {"POST"}
        asked = turns(stack.bodies)
        assert not any("previous_response_id" in body or "type" in body for body in asked)
        assert [own_words(history(body)) for body in asked] == [
            own_words(history(body)) for body in turns(in_full(stack.sent))
        ]
        assert_prefix_kept([without_notes(body) for body in asked])
        usages = [received.usage for received in stack.received if received.usage]
        assert [usage["input_tokens_details"]["cached_tokens"] for usage in usages[1:]] == [
            usage["input_tokens"] // CACHE_STEP * CACHE_STEP for usage in usages[:-1]
        ]
        assert_logged(stack, thread)


def test_told_to_refuse_websockets_codex_speaks_http(tmp_path: Path) -> None:
    with checked(Stack(tmp_path, "--no-websocket", stateless_responses=True)) as stack:
        thread = take_through_the_dialogue(stack, tmp_path)

        assert {sent.method for sent in stack.sent} == {"POST"}
        assert {status for method, status in stack.answered if method == "GET"} == {426}
        assert [received.body for received in stack.received] == [sent.body for sent in stack.sent]
        assert_prefix_kept(stack.bodies)
        assert_logged(stack, thread)


@PROVIDERS
def test_a_stream_cut_is_asked_again_and_stored_once(tmp_path: Path, websockets: bool) -> None:
    """On a new connection, which knows nothing of what was said on the one that broke."""
    with checked(Stack(tmp_path, stateless_responses=True, websockets=websockets)) as stack:
        codex = Codex.with_base_url(tmp_path, stack.url)
        hello = codex.run(HELLO)
        stack.simulator.script(Fault(cut_after=30))
        codex.resume("And I like rivers. [[think]] [[long 40]]")
        codex.resume("Good.")

        assert times_asked(stack, "And I like rivers.") == 2
        session = f"codex-{hello.thread}"
        assert stack.sessions() == [session]
        main = own_words(stack.messages(session, "main"))
        assert [line for line in main if line.startswith("user:")] == [
            f"user: {HELLO}",
            "user: And I like rivers. [[think]] [[long 40]]",
            "user: Good.",
        ]
        assert main[-3].startswith("assistant: word1 ")
        assert sum("word40" in line for line in main) == 1


@PROVIDERS
def test_a_proxy_killed_in_the_middle_of_an_answer(tmp_path: Path, websockets: bool) -> None:
    with checked(Stack(tmp_path, stateless_responses=True, websockets=websockets)) as stack:
        codex = Codex.with_base_url(tmp_path, stack.url)
        hello = codex.run(HELLO)
        stack.simulator.script(Fault(stall_after=12))
        with ThreadPoolExecutor(1) as pool:
            answered = pool.submit(codex.resume, "And I like rivers. [[long 40]]")
            stack.wait_for_answer(b"word3")
            stack.kill()
            assert "word40" in answered.result().answers[0]
        codex.resume("Good.")

        assert times_asked(stack, "And I like rivers.") == 2
        session = f"codex-{hello.thread}"
        stack.verify()
        assert stack.sessions() == [session]
        main = own_words(stack.messages(session, "main"))
        assert [line for line in main if line.startswith("user:")] == [
            f"user: {HELLO}",
            "user: And I like rivers. [[long 40]]",
            "user: Good.",
        ]
        assert sum("word40" in line for line in main) == 1


@PROVIDERS
def test_after_a_compaction_by_the_provider_the_log_goes_on(
    tmp_path: Path, websockets: bool
) -> None:
    """Over a WebSocket Codex asks the provider for it; the item that it gives carries the rest."""
    soon = ("-c", "model_auto_compact_token_limit=20000")
    with checked(Stack(tmp_path, stateless_responses=True, websockets=websockets)) as stack:
        codex = Codex.with_base_url(tmp_path, stack.url)
        hello = codex.run(HELLO)
        codex.resume("And I like rivers. [[usage 30000]]", *soon)
        stack.restart()
        codex.resume("Still here?", *soon)
        good = codex.resume("Good.")

        session = f"codex-{hello.thread}"
        assert stack.sessions() == [session]
        went_on = own_words(history(in_full(stack.sent)[-1]))
        assert went_on[2:4] == ["an item: compaction", "user: Still here?"]
        assert own_words(stack.messages(session, "main")) == [
            f"user: {HELLO}",
            f"assistant: Reply 1 to: {HELLO}",
            "user: And I like rivers. [[usage 30000]]",
            "assistant: Reply 2 to: And I like rivers. [[usage 30000]]",
            "an item: compaction",
            *went_on,
            f"assistant: {good.answers[0]}",
        ]


def test_a_sub_agent_on_a_connection_of_its_own(tmp_path: Path) -> None:
    agent = (
        '[[tool spawn_agent {"message":"Look around.","task_name":"explore"}]] '
        '[[tool wait_agent {"timeout_ms":20000}]]'
    )
    with checked(Stack(tmp_path, stateless_responses=True)) as stack:
        codex = Codex.with_base_url(tmp_path, stack.url)
        hello = codex.run(HELLO, "-m", CATALOGUE_MODEL)
        codex.resume(f"Delegate. {agent}", "-m", CATALOGUE_MODEL)

        session = f"codex-{hello.thread}"
        assert stack.sessions() == [session]
        (beside,) = stack.threads(session) - {"main"}
        main = own_words(stack.messages(session, "main"))
        assert main[:3] == [
            f"user: {HELLO}",
            f"assistant: Reply 1 to: {HELLO}",
            f"user: Delegate. {agent}",
        ]
        assert len(set(main)) == len(main)
        assert own_words(stack.messages(session, beside))[-2] == "an item: agent_message"
