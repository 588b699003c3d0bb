"""The AI SDK (npm `ai`) with @ai-sdk/openai as it is by default: on the Responses API."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from openai import OpenAI

from tests.end_to_end import dialogue
from tests.end_to_end.histories import assert_kept_apart, assert_prefix_kept, history, spoken
from tests.end_to_end.js_client import JavaScriptClient
from tests.end_to_end.stack import Stack

pytestmark = pytest.mark.clients

STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


def start_vercel_ai(
    stack: Stack, folder: Path, kept_by: str = "client", **settings: str
) -> JavaScriptClient:
    return JavaScriptClient(
        "vercel_ai_openai.mjs",
        folder,
        baseUrl=f"{stack.url}/v1",
        apiKey="sk-test",
        history=kept_by,
        **{"model": "gpt-5.5", **settings},
    )


@STREAMED
@pytest.mark.parametrize("kept_by", ["client", "response"])
def test_a_dialogue_is_remembered(stack: Stack, tmp_path: Path, kept_by: str, stream: bool) -> None:
    with start_vercel_ai(stack, tmp_path, kept_by) as client:
        client.say(dialogue.HELLO, stream=stream)
        answer = client.say(dialogue.QUESTION, stream=stream, tools=True)
        assert answer["calls"] == [dialogue.TOOL_NAME]
        stack.restart()
        answer = client.say(dialogue.RECALL, stream=stream, tools=True)

    assert answer["text"] == dialogue.RECALLED
    assert answer["usage"]["inputTokens"] > 0
    assert_prefix_kept(stack.bodies)
    (session,) = stack.sessions()
    assert spoken(stack.messages(session)) == dialogue.TRANSCRIPT


@STREAMED
def test_a_conversation_is_remembered(stack: Stack, tmp_path: Path, stream: bool) -> None:
    """In a tool loop the SDK leaves out what has an id, and so says the question again."""
    with OpenAI(base_url=f"{stack.url}/v1", api_key="sk-test") as openai:
        conversation = openai.conversations.create().id
    with start_vercel_ai(stack, tmp_path, "conversation", conversation=conversation) as client:
        client.say(dialogue.HELLO, stream=stream)
        client.say(dialogue.QUESTION, stream=stream, tools=True)
        stack.restart()
        answer = client.say(dialogue.RECALL, stream=stream, tools=True)

    assert answer["text"] == dialogue.RECALLED
    assert spoken(history(stack.sent[2].json)) == [dialogue.TOOL_ROUND[0], dialogue.TOOL_ROUND[2]]
    assert_prefix_kept(stack.bodies)
    assert spoken(stack.messages(conversation)) == dialogue.TRANSCRIPT


@STREAMED
def test_references_to_items_are_answered_from_the_log(
    stack: Stack, tmp_path: Path, stream: bool
) -> None:
    """Of a reasoning model's answers the SDK sends the ids alone, trusting that they are stored."""
    with start_vercel_ai(stack, tmp_path) as client:
        options = {"stream": stream, "thinking": True}
        client.say(f"{dialogue.HELLO} [[think]]", **options)
        stack.restart()
        client.say(f"{dialogue.QUESTION} [[think]]", tools=True, **options)
        client.say("Good.", tools=True, **options)

    referred = [
        item for item in history(stack.sent[-1].json) if item.get("type") == "item_reference"
    ]
    assert referred
    assert "item_reference" not in [item.get("type") for item in history(stack.bodies[-1])]
    assert_prefix_kept(stack.bodies)


def test_reasoning_that_is_not_stored_comes_back_encrypted(stack: Stack, tmp_path: Path) -> None:
    with start_vercel_ai(stack, tmp_path) as client:
        options = {"thinking": True, "store": False}
        client.say(f"{dialogue.HELLO} [[think]]", **options)
        client.say(f"{dialogue.QUESTION} [[think]]", tools=True, **options)
        stack.restart()
        client.say("Good.", tools=True, stream=True, **options)

    assert [received.body for received in stack.received] == [sent.body for sent in stack.sent]
    thoughts = [item for item in history(stack.bodies[-1]) if item.get("type") == "reasoning"]
    assert len(thoughts) == 2
    assert all(thought["encrypted_content"] for thought in thoughts)
    assert_prefix_kept(stack.bodies)


def test_conversations_at_once_are_not_mixed(stack: Stack, tmp_path: Path) -> None:
    def talk(name: str) -> str:
        with start_vercel_ai(stack, tmp_path / name) as client:
            for turn in range(1, 4):
                client.say(f"{name} says {turn}.", stream=turn == 2)
            return str(client.say("[[first]]")["text"])

    names = ["Ada", "Bob", "Cyd"]
    with ThreadPoolExecutor(len(names)) as pool:
        answers = list(pool.map(talk, names))
    assert answers == [f'The first thing you said was: "{name} says 1."' for name in names]
    assert_kept_apart(stack.logs(), names)
