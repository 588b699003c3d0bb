"""The real Claude Code through the proxy: headless, and in a terminal where only that will do.

It keeps its own history and sends all of it, so whatever it sends must arrive as it left. What the
proxy adds is the log: the conversation itself, and apart from it the threads of its sub-agents and
side questions, which carry the same session id.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from stitcher.simulator.recorder import Received
from stitcher.simulator.serve import Fault
from tests.end_to_end.claude_code import ClaudeCode, Terminal
from tests.end_to_end.histories import Message, assert_prefix_kept, spoken
from tests.end_to_end.stack import Stack

pytestmark = pytest.mark.clients

BASH = '[[tool Bash {"command":"echo from-bash","description":"d"}]]'
AGENT = (
    '[[tool Agent {"description":"d","prompt":"Tell me. [[say the agent was here]]",'
    '"subagent_type":"general-purpose","run_in_background":false}]]'
)
COMPACTION = "CRITICAL: Respond with TEXT ONLY"


def own_words(messages: Sequence[Message]) -> list[str]:
    """What was said, without the reminders that Claude Code adds to messages and puts between."""
    return [
        line.removesuffix("\n")  # it adds one to a message that it merges with the next
        for line in spoken(messages)
        if not line.startswith(("system:", "user: <system-reminder>", "user: <local-command"))
    ]


def agent_of(received: Received) -> str | None:
    return received.header("x-claude-code-agent-id")


def of_kind(stack: Stack, kind: str) -> list[Any]:
    """The bodies of the "main" conversation, of the "agent" or of the "compaction"."""
    bodies = []
    for received, body in zip(stack.received, stack.bodies, strict=True):
        if agent_of(received):
            found = "agent"
        elif any(COMPACTION in line for line in spoken(body["messages"][-1:])):
            found = "compaction"
        else:
            found = "main"
        if found == kind:
            bodies.append(body)
    return bodies


def assert_untouched(stack: Stack, session: str) -> None:
    """Every request arrived as it left, and was known to be of the session."""
    assert [received.body for received in stack.received] == [sent.body for sent in stack.sent]
    for received, sent in zip(stack.received, stack.sent, strict=True):
        assert received.status == 200
        assert received.path == sent.path
        assert received.header("anthropic-beta") == sent.headers["anthropic-beta"]
        assert sent.answer_headers["x-stitcher-session"] == session
        assert sent.answer_headers["x-stitcher-restored"] == "0"
        assert sent.answer_headers["x-stitcher-status"] == "passthrough"


def test_turns_a_tool_a_sub_agent_and_a_compaction(stack: Stack, tmp_path: Path) -> None:
    claude = ClaudeCode(tmp_path, stack.url)
    hello = claude.run("I am Ada.")
    claude.run("And I like rivers.", "--continue")
    stack.restart()
    claude.run(f"Run it. {BASH}", "--continue", "--allowedTools", "Bash")
    stack.kill()
    claude.run(f"Delegate. {AGENT}", "--continue", "--dangerously-skip-permissions")
    recalled = claude.run("What did I say first?", "--continue")
    before_compaction = len(of_kind(stack, "main"))
    stack.restart()
    claude.run("/compact", "--continue")
    claude.run("Still here? [[say Yes.]]", "--continue")
    stack.restart()
    last = claude.run("Good.", "--continue")

    assert recalled["result"] == 'The first thing you said was: "I am Ada."'
    assert last["session_id"] == hello["session_id"]
    session = f"claude-code-{hello['session_id']}"
    stack.verify()
    assert stack.sessions() == [session]
    assert_untouched(stack, session)

    main = of_kind(stack, "main")
    assert_prefix_kept(main[:before_compaction])
    assert_prefix_kept(main[before_compaction:])
    asked = own_words(main[before_compaction - 1]["messages"])
    assert asked[:8] == [
        "user: I am Ada.",
        "assistant: Reply 1 to: I am Ada.",
        "user: And I like rivers.",
        "assistant: Reply 2 to: And I like rivers.",
        f"user: Run it. {BASH}",
        'assistant calls Bash {"command": "echo from-bash", "description": "d"}',
        "tool: from-bash",
        "assistant: Tool said: from-bash",
    ]
    assert asked[-1] == "user: What did I say first?"

    # The log: the conversation, once, without what was said beside it.
    logged = own_words(stack.messages(session, "main"))
    answer = f"assistant: {recalled['result']}"
    assert logged[: len(asked) + 1] == [*asked, answer]
    after = logged[len(asked) + 1 :]
    assert after[0].startswith("user: This session is being continued from a previous conversation")
    assert after[-4:] == [
        "user: Still here? [[say Yes.]]",
        "assistant: Yes.",
        "user: Good.",
        f"assistant: {last['result']}",
    ]
    for text in ("And I like rivers.", "Run it.", "Delegate.", "Still here?"):
        assert sum(f"user: {text}" in line for line in logged) == 1, text
    assert not any(COMPACTION in line for line in logged)

    # Beside it: the sub-agent and the compaction, each a thread of its own.
    (agent_body,) = of_kind(stack, "agent")
    agent = f"agent-{next(filter(None, map(agent_of, stack.received)))}"
    others = stack.threads(session) - {"main", agent}
    assert own_words(stack.messages(session, agent)) == [
        *own_words(agent_body["messages"]),
        "assistant: the agent was here",
    ]
    assert len(others) == 1
    asked_for, summary = own_words(stack.messages(session, others.pop()))
    assert COMPACTION in asked_for
    assert summary.startswith("assistant: <summary>The user began with: I am Ada.")


def test_sessions_at_once_are_not_mixed(stack: Stack, tmp_path: Path) -> None:
    def work(name: str) -> str:
        claude = ClaudeCode(tmp_path / name, stack.url)
        claude.run(f"{name} says 1.")
        claude.run(f"{name} says 2. {AGENT}", "--continue", "--dangerously-skip-permissions")
        return str(claude.run(f"{name} says 3.", "--continue")["session_id"])

    names = ["Ada", "Bob"]
    with ThreadPoolExecutor(len(names)) as pool:
        ids = list(pool.map(work, names))

    assert stack.sessions() == sorted(f"claude-code-{session_id}" for session_id in ids)
    for name, other, session_id in zip(names, reversed(names), ids, strict=True):
        lines = own_words(stack.messages(f"claude-code-{session_id}", "main"))
        assert [line for line in lines if line.startswith("user:")] == [
            f"user: {name} says 1.",
            f"user: {name} says 2. {AGENT}",
            f"user: {name} says 3.",
        ]
        everything = "\n".join(spoken(stack.messages(f"claude-code-{session_id}")))
        assert f"{other} says" not in everything
    sent = {sent.body for sent in stack.sent}
    assert {received.body for received in stack.received} == sent
    assert len(stack.received) == len(sent)


def test_a_name_given_in_a_header_of_its_own(stack: Stack, tmp_path: Path) -> None:
    claude = ClaudeCode(tmp_path, stack.url, ANTHROPIC_CUSTOM_HEADERS="X-Stitcher-Session: my work")
    claude.run("I am Ada.")
    stack.restart()
    claude.run("And I like rivers.", "--continue")

    assert_untouched(stack, "my work")
    assert stack.sessions() == ["my work"]
    assert own_words(stack.messages("my work")) == [
        "user: I am Ada.",
        "assistant: Reply 1 to: I am Ada.",
        "user: And I like rivers.",
        "assistant: Reply 2 to: And I like rivers.",
    ]


def test_a_base_url_that_ends_in_v1(stack: Stack, tmp_path: Path) -> None:
    claude = ClaudeCode(tmp_path, f"{stack.url}/v1")
    assert claude.run("I am Ada.")["result"] == "Reply 1 to: I am Ada."
    assert [sent.path for sent in stack.sent] == ["/v1/v1/messages?beta=true"]
    assert [received.path for received in stack.received] == ["/v1/messages?beta=true"]


def test_a_retry_is_stored_once(stack: Stack, tmp_path: Path) -> None:
    claude = ClaudeCode(tmp_path, stack.url)
    session = f"claude-code-{claude.run('I am Ada.')['session_id']}"
    stack.simulator.script(Fault(status=529), Fault(cut_after=4))
    claude.run("And I like rivers.", "--continue")
    claude.run("Good.", "--continue")

    assert [sent.status for sent in stack.sent][:3] == [200, 529, 200]
    assert [received.body for received in stack.received] == [sent.body for sent in stack.sent]
    questions = [
        line for line in own_words(stack.messages(session, "main")) if line.startswith("user:")
    ]
    assert questions == ["user: I am Ada.", "user: And I like rivers.", "user: Good."]


def test_context_counts_tokens_and_makes_no_session(stack: Stack, tmp_path: Path) -> None:
    claude = ClaudeCode(tmp_path, stack.url)
    session = f"claude-code-{claude.run('I am Ada.')['session_id']}"
    lines = stack.log(session)
    claude.run("/context", "--continue")

    counted = [sent for sent in stack.sent if "/count_tokens" in sent.path]
    assert len(counted) > 1
    assert {sent.status for sent in counted} == {200}
    assert stack.sessions() == [session]
    assert stack.log(session) == lines


def test_side_questions_of_the_terminal_stay_aside(stack: Stack, tmp_path: Path) -> None:
    """/btw asks with the whole history, /rename with a prompt of its own; neither becomes part."""
    with ClaudeCode(tmp_path, stack.url).terminal() as terminal:
        say(terminal, stack, "I am Ada.", 1)
        say(terminal, stack, "/btw what was that", 2)
        terminal.escape()
        stack.restart()
        say(terminal, stack, "And I like rivers.", 3)
        say(terminal, stack, "/rename", 4)
        say(terminal, stack, "Good.", 5)

    (session,) = stack.sessions()
    assert_untouched(stack, session)
    assert [
        line.split("\n")[0]
        for line in own_words(stack.messages(session, "main"))
        if line.startswith("user:") and "<local-command" not in line and "<command-" not in line
    ] == ["user: I am Ada.", "user: And I like rivers.", "user: Good."]
    assert len(stack.threads(session)) == 3


def test_an_interrupted_answer_is_kept_as_far_as_it_came(stack: Stack, tmp_path: Path) -> None:
    with ClaudeCode(tmp_path, stack.url).terminal() as terminal:
        terminal.enter("I am Ada. [[stall-after 12]] [[long 100]]")
        terminal.wait_until(lambda: b"word3" in answer_of(stack, 1), "the answer's beginning")
        terminal.escape()
        say(terminal, stack, "And I like rivers. [[say Yes.]]", 2)

    (session,) = stack.sessions()
    assert [received.body for received in stack.received] == [sent.body for sent in stack.sent]
    partial = stack.bodies[1]["messages"][2]["content"][0]["text"]
    assert "word3" in partial
    logged = own_words(stack.messages(session, "main"))
    assert logged[0] == "user: I am Ada. [[stall-after 12]] [[long 100]]"
    assert logged[1].startswith("assistant: word1 ")
    assert logged[-2:] == ["user: And I like rivers. [[say Yes.]]", "assistant: Yes."]
    assert sum("word3" in line for line in logged) == 1


def say(terminal: Terminal, stack: Stack, line: str, requests: int) -> None:
    """Enters a line and waits until its request, the `requests`-th of all, has been answered."""
    terminal.enter(line)

    end = b'"message_stop"}\n\n'
    terminal.wait_until(lambda: answer_of(stack, requests).endswith(end), f"the answer to {line!r}")


def answer_of(stack: Stack, request: int) -> bytes:
    """As far as it has come; requests are numbered from 1."""
    sent = stack.sent
    return sent[request - 1].answer if len(sent) >= request else b""
