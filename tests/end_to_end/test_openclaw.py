"""The real OpenClaw through the proxy, over each of the APIs that it speaks.

It sends its history with every request and no id, ends each request with a message that is gone in
the next one, and writes tool-call ids its own way. The proxy must know the conversation all the
same. Two turns, a process each: it takes half a minute to start.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.histories import Kept, canonical, history, one_by_one, spoken
from tests.end_to_end.openclaw import Api, OpenClaw
from tests.end_to_end.stack import Stack

pytestmark = [pytest.mark.clients, pytest.mark.timeout(400)]

TOOL = '[[tool exec {"command":"echo from-tool"}]]'
EPHEMERAL = "<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>"
TOOL_ROUND = [
    f"user: I am Ada. {TOOL}",
    'assistant calls exec {"command": "echo from-tool"}',
    "tool: from-tool",
    "assistant: Tool said: from-tool",
]


def own_words(messages: Sequence[Kept]) -> list[str]:
    """What was said, without the date before it, the paragraph after it and its system prompt."""
    return [
        re.sub(r"\[\w{3} [\d-]+ [\d:]+ UTC\] |\n\nRuntime: .*", "", line, flags=re.DOTALL)
        for line in spoken(messages)
        if not line.startswith("system: ")
    ]


def lasting(messages: Sequence[Any]) -> list[Any]:
    """As a provider's cache sees them, without the message that is only in one request."""
    return [
        canonical(message)
        for message in one_by_one(messages)
        if EPHEMERAL not in str(message.get("content"))
    ]


@pytest.mark.parametrize("api", ["openai-completions", "openai-responses", "anthropic-messages"])
def test_without_an_id_it_is_one_conversation(stack: Stack, tmp_path: Path, api: Api) -> None:
    openclaw = OpenClaw(tmp_path, stack.url, api)
    assert openclaw.say(f"I am Ada. {TOOL}") == "Tool said: from-tool"
    stack.restart()
    recalled = openclaw.say("What did I say first?")

    assert "I am Ada." in recalled
    stack.verify()
    (session,) = stack.sessions()
    assert [sent.answer_headers["x-stitcher-session"] for sent in stack.sent] == [session] * 3
    assert stack.threads(session) == {"main"}
    assert own_words(lasting(stack.messages(session))) == [
        *TOOL_ROUND,
        "user: What did I say first?",
        *own_words([{"role": "assistant", "content": recalled}]),
    ]
    assert all(EPHEMERAL in str(sent.json) for sent in stack.sent)
    first, second, third = (lasting(history(body)) for body in stack.bodies)
    assert second[: len(first)] == first
    assert third[: len(second)] == second


def test_the_key_it_can_be_told_to_send_names_the_session(stack: Stack, tmp_path: Path) -> None:
    openclaw = OpenClaw(tmp_path, stack.url, "openai-completions", supportsPromptCacheKey=True)
    openclaw.say(f"I am Ada. {TOOL}")

    (key,) = {body["prompt_cache_key"] for body in stack.bodies}
    assert stack.sessions() == [f"key-{key}"]
    assert len(stack.threads(f"key-{key}")) == 1
    assert own_words(lasting(stack.messages(f"key-{key}"))) == TOOL_ROUND
    assert [received.body for received in stack.received] == [sent.body for sent in stack.sent]
