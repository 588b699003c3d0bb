"""The real Codex through the proxy over HTTP, one process a turn.

It keeps its own history and sends all of it, so whatever it sends must arrive as it left. What the
proxy adds is the log: the conversation in its thread, and beside it those of its sub-agents, which
carry the same session id.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from stitcher.simulator.recorder import Received
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
from tests.end_to_end.histories import assert_extends, assert_prefix_kept, history
from tests.end_to_end.stack import Stack, checked

pytestmark = pytest.mark.clients

CODE = '[[tool exec {"input":"text(\\"from-code\\")"}]]'
AGENT = (
    '[[tool spawn_agent {"message":"Look around.","task_name":"explore"}]] '
    '[[tool wait_agent {"timeout_ms":20000}]]'
)
COMPACTION = "You are performing a CONTEXT CHECKPOINT COMPACTION"
SUMMARY = "Another language model started to solve this problem"


def thread_of(received: Received) -> str:
    return received.header("thread-id") or ""


def bodies_of(stack: Stack, thread: str) -> list[Any]:
    """What arrived of one of Codex's threads."""
    return [
        body
        for received, body in zip(stack.received, stack.bodies, strict=True)
        if thread_of(received) == thread
    ]


def assert_untouched(stack: Stack, session: str) -> None:
    """Every request arrived as it left, and was known to be of the session."""
    assert [received.body for received in stack.received] == [sent.body for sent in stack.sent]
    for received, sent in zip(stack.received, stack.sent, strict=True):
        assert received.path == sent.path == "/v1/responses"
        assert received.header("x-codex-turn-metadata") == sent.headers["x-codex-turn-metadata"]
        assert sent.answer_headers["x-stitcher-session"] == session
        assert sent.answer_headers["x-stitcher-restored"] == "0"
        assert sent.answer_headers["x-stitcher-status"] == "passthrough"


def test_turns_and_a_tool_over_restarts(stack: Stack, tmp_path: Path) -> None:
    codex = Codex.with_provider(tmp_path, stack.url)
    hello = codex.run(HELLO)
    stack.restart()
    codex.resume(QUESTION)
    stack.kill()
    recalled = codex.resume(RECALL)

    assert recalled.answers == [RECALLED]
    assert recalled.thread == hello.thread
    session = f"codex-{hello.thread}"
    stack.verify()
    assert stack.sessions() == [session]
    assert stack.threads(session) == {"main"}
    assert_untouched(stack, session)
    assert_prefix_kept(stack.bodies)
    assert own_words(stack.messages(session)) == TRANSCRIPT


def test_a_model_whose_tools_are_an_item(stack: Stack, tmp_path: Path) -> None:
    codex = Codex.with_provider(tmp_path, stack.url)
    hello = codex.run(f"I am Ada. {CODE}", "-m", CATALOGUE_MODEL)
    stack.restart()
    codex.resume("And I like rivers.", "-m", CATALOGUE_MODEL)

    session = f"codex-{hello.thread}"
    assert_untouched(stack, session)
    assert_prefix_kept(stack.bodies)
    assert history(stack.bodies[0])[0]["type"] == "additional_tools"
    assert "tools" not in stack.bodies[0]
    assert stack.sessions() == [session]
    assert own_words(stack.messages(session, "main")) == [
        f"user: I am Ada. {CODE}",
        "an item: custom_tool_call",
        "an item: custom_tool_call_output",
        "assistant: Tool said: from-code",
        "user: And I like rivers.",
        "assistant: Reply 2 to: And I like rivers.",
    ]


def test_a_sub_agent_is_a_thread_beside_the_conversation(stack: Stack, tmp_path: Path) -> None:
    """It is sent all that was said before it, which stands in the log once."""
    codex = Codex.with_provider(tmp_path, stack.url)
    hello = codex.run(HELLO, "-m", CATALOGUE_MODEL)
    codex.resume(f"Delegate. {AGENT}", "-m", CATALOGUE_MODEL)
    stack.restart()
    codex.resume("And I like rivers.", "-m", CATALOGUE_MODEL)

    session = f"codex-{hello.thread}"
    assert stack.sessions() == [session]
    assert_untouched(stack, session)
    (agent,) = {thread_of(received) for received in stack.received} - {hello.thread}
    assert_prefix_kept(bodies_of(stack, hello.thread))
    main = own_words(stack.messages(session, "main"))
    assert main[:4] == [
        "user: I am Ada.",
        "assistant: Reply 1 to: I am Ada.",
        f"user: Delegate. {AGENT}",
        'assistant calls spawn_agent {"message": "Look around.", "task_name": "explore"}',
    ]
    assert main[-2:] == ["user: And I like rivers.", "assistant: Reply 4 to: And I like rivers."]
    assert main == own_words([*history(bodies_of(stack, hello.thread)[-1])]) + main[-1:]

    (beside,) = stack.threads(session) - {"main"}
    assert agent in beside
    (asked,) = bodies_of(stack, agent)
    asked_for = own_words(history(asked))
    assert asked_for[:4] == main[:4]
    assert own_words(stack.messages(session, beside))[:-1] == asked_for[4:]


def test_after_a_compaction_the_log_goes_on(stack: Stack, tmp_path: Path) -> None:
    """With the history that Codex goes on with, after the one it had; the summary stands aside."""
    soon = ("-c", "model_auto_compact_token_limit=20000")
    codex = Codex.with_provider(tmp_path, stack.url)
    hello = codex.run(HELLO)
    codex.resume("And I like rivers. [[usage 30000]]", *soon)
    stack.restart()
    codex.resume("Still here?", *soon)
    good = codex.resume("Good.")

    session = f"codex-{hello.thread}"
    assert stack.sessions() == [session]
    assert_untouched(stack, session)
    first, second, compaction, after, last = stack.bodies
    assert_prefix_kept([first, second])
    assert_extends(second, compaction)
    assert_prefix_kept([after, last])
    went_on = own_words(history(last))
    assert sum(SUMMARY in line for line in went_on) == 1
    assert own_words(stack.messages(session, "main")) == [
        "user: I am Ada.",
        "assistant: Reply 1 to: I am Ada.",
        "user: And I like rivers. [[usage 30000]]",
        "assistant: Reply 2 to: And I like rivers. [[usage 30000]]",
        *went_on,
        f"assistant: {good.answers[0]}",
    ]

    (beside,) = stack.threads(session) - {"main"}
    asked, summary = own_words(stack.messages(session, beside))
    assert asked.startswith(f"user: {COMPACTION}")
    assert summary.removeprefix("assistant: ") in "\n".join(went_on)


def test_a_stream_cut_twice_is_asked_again_and_stored_once(stack: Stack, tmp_path: Path) -> None:
    """Codex asks again with the reasoning that was whole before the cut appended."""
    codex = Codex.with_provider(tmp_path, stack.url)
    hello = codex.run(HELLO)
    stack.simulator.script(Fault(cut_after=5), Fault(cut_after=30))
    codex.resume("And I like rivers. [[think]] [[long 40]]")
    stack.restart()
    codex.resume("Good.")

    session = f"codex-{hello.thread}"
    assert stack.sessions() == [session]
    assert_untouched(stack, session)
    first, cut, again, third, last = stack.bodies
    assert history(again) == history(cut)
    assert_prefix_kept([first, again, third, last])
    assert history(third)[-1]["type"] == "reasoning"
    main = own_words(stack.messages(session, "main"))
    questions = [line for line in main if line.startswith("user:")]
    assert questions == [
        "user: I am Ada.",
        "user: And I like rivers. [[think]] [[long 40]]",
        "user: Good.",
    ]
    assert main[-3].startswith("assistant: word1 ")
    assert sum("word40" in line for line in main) == 1


def test_conversations_at_once_are_not_mixed(stack: Stack, tmp_path: Path) -> None:
    def work(name: str) -> str:
        codex = Codex.with_provider(tmp_path / name, stack.url)
        hello = codex.run(f"{name} says 1.")
        codex.resume(f"{name} says 2. {QUESTION}")
        return hello.thread

    names = ["Ada", "Bob"]
    with ThreadPoolExecutor(len(names)) as pool:
        threads = list(pool.map(work, names))

    assert stack.sessions() == sorted(f"codex-{thread}" for thread in threads)
    for name, other, thread in zip(names, reversed(names), threads, strict=True):
        assert_prefix_kept(bodies_of(stack, thread))
        lines = own_words(stack.messages(f"codex-{thread}"))
        assert [line for line in lines if line.startswith("user:")] == [
            f"user: {name} says 1.",
            f"user: {name} says 2. {QUESTION}",
        ]
        assert f"{other} says" not in "\n".join(lines)


def test_what_comes_compressed_is_read_and_goes_on_as_it_came(tmp_path: Path) -> None:
    with checked(Stack(tmp_path, "--no-websocket", stateless_responses=True)) as stack:
        codex = Codex.with_login(tmp_path, stack.url)
        hello = codex.run(HELLO)
        codex.resume(QUESTION)

        session = f"codex-{hello.thread}"
        assert {sent.headers["content-encoding"] for sent in stack.sent} == {"zstd"}
        assert_untouched(stack, session)
        assert_prefix_kept(stack.bodies)
        assert own_words(stack.messages(session)) == TRANSCRIPT[:-2]


def test_a_name_given_in_a_header_of_the_provider(stack: Stack, tmp_path: Path) -> None:
    header = """-c=model_providers.stitcher.http_headers={"X-Stitcher-Session"="my work"}"""
    codex = Codex.with_provider(tmp_path, stack.url)
    codex.run(HELLO, header)
    stack.restart()
    codex.resume(QUESTION, header)

    assert stack.sessions() == ["my work"]
    assert_untouched(stack, "my work")
    assert own_words(stack.messages("my work")) == TRANSCRIPT[:-2]
