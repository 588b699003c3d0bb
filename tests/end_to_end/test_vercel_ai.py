"""The AI SDK (npm `ai`) through the proxy, with its OpenAI-compatible and Anthropic providers."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end import dialogue
from tests.end_to_end.histories import assert_kept_apart, assert_prefix_kept, spoken
from tests.end_to_end.js_client import JavaScriptClient
from tests.end_to_end.stack import Stack

pytestmark = pytest.mark.clients


OPENAI = {"provider": "openai-compatible", "model": "gpt-5.5"}
ANTHROPIC = {"provider": "anthropic", "model": "claude-sonnet-5-5"}
PROVIDERS = pytest.mark.parametrize(
    "provider", [OPENAI, ANTHROPIC], ids=["openai-compatible", "anthropic"]
)


def start_vercel_ai(stack: Stack, folder: Path, provider: dict[str, str]) -> JavaScriptClient:
    """Both providers take a base URL that ends in /v1."""
    return JavaScriptClient(
        "vercel_ai.mjs",
        folder,
        baseUrl=f"{stack.url}/v1",
        apiKey="sk-test",
        system="Be brief.",
        **provider,
    )


@PROVIDERS
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_client_that_resends_its_history_is_left_as_it_is(
    stack: Stack, tmp_path: Path, provider: dict[str, str], stream: bool
) -> None:
    with start_vercel_ai(stack, tmp_path, provider) as client:
        client.say(dialogue.HELLO, stream=stream)
        answer = client.say(dialogue.QUESTION, stream=stream, tools=True)
        assert answer["calls"] == [dialogue.TOOL_NAME]
        stack.restart()
        answer = client.say(dialogue.RECALL, stream=stream, tools=True)

    assert answer["text"] == dialogue.RECALLED
    assert answer["usage"]["inputTokens"] > 0
    assert [received.body for received in stack.received] == [sent.body for sent in stack.sent]
    assert_prefix_kept(stack.bodies)
    (session,) = stack.sessions()
    assert spoken(stack.messages(session)) == dialogue.TRANSCRIPT


@PROVIDERS
def test_conversations_at_once_are_not_mixed(
    stack: Stack, tmp_path: Path, provider: dict[str, str]
) -> None:
    def talk(name: str) -> str:
        with start_vercel_ai(stack, tmp_path / name, provider) as client:
            for turn in range(1, 4):
                client.say(f"{name} says {turn}.", stream=turn == 2)
            return str(client.say("[[first]]")["text"])

    names = ["Ada", "Bob", "Cyd"]
    with ThreadPoolExecutor(len(names)) as pool:
        answers = list(pool.map(talk, names))
    assert answers == [f'The first thing you said was: "{name} says 1."' for name in names]
    assert_kept_apart(stack.logs(), names)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_thinking_comes_back_signed_and_in_its_place(
    stack: Stack, tmp_path: Path, stream: bool
) -> None:
    options: dict[str, Any] = {"stream": stream, "tools": True, "thinking": {"type": "adaptive"}}
    with start_vercel_ai(stack, tmp_path, ANTHROPIC) as client:
        client.say(f"{dialogue.HELLO} [[think]]", **options)
        answer = client.say(f"{dialogue.QUESTION} [[think]]", **options)
        stack.restart()
        client.say("Good.", **options)

    assert answer["thoughts"][0].startswith("Thinking about: ")
    assert [received.body for received in stack.received] == [sent.body for sent in stack.sent]
    assert_prefix_kept(stack.bodies)
    (session,) = stack.sessions()
    thoughts = [line for line in spoken(stack.messages(session)) if "thinks" in line]
    assert len(thoughts) == 2
    assert thoughts == [line for line in spoken(stack.bodies[-1]["messages"]) if "thinks" in line]
