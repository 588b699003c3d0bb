"""The Responses and Conversations APIs of the official OpenAI JavaScript SDK through the proxy."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.end_to_end import dialogue
from tests.end_to_end.histories import assert_kept_apart, assert_prefix_kept, history, spoken
from tests.end_to_end.js_client import JavaScriptClient
from tests.end_to_end.stack import Stack

pytestmark = pytest.mark.clients

HISTORIES = pytest.mark.parametrize("kept_by", ["client", "response", "conversation"])


def start_openai(stack: Stack, folder: Path, kept_by: str) -> JavaScriptClient:
    return JavaScriptClient(
        "openai_responses.mjs",
        folder,
        baseUrl=f"{stack.url}/v1",
        apiKey="sk-test",
        model="gpt-5.5",
        history=kept_by,
    )


@HISTORIES
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_dialogue_is_remembered(stack: Stack, tmp_path: Path, kept_by: str, stream: bool) -> None:
    with start_openai(stack, tmp_path, kept_by) as client:
        client.say(dialogue.HELLO, stream=stream)
        stack.restart()
        answer = client.say(dialogue.QUESTION, stream=stream, tools=True)
        assert answer["calls"] == [dialogue.TOOL_NAME]
        stack.restart()
        answer = client.say(dialogue.RECALL, stream=stream, tools=True)
        listed = client.do(list=True)["items"] if kept_by == "conversation" else []

    assert answer["text"] == dialogue.RECALLED
    assert answer["usage"]["input_tokens"] > 0
    if kept_by == "client":
        assert [received.body for received in stack.received] == [sent.body for sent in stack.sent]
    else:
        assert [len(history(sent.json)) for sent in stack.sent] == [1] * 4
    assert_prefix_kept(stack.bodies)
    (session,) = stack.sessions()
    assert spoken(stack.messages(session)) == dialogue.TRANSCRIPT
    assert spoken(listed) == (dialogue.TRANSCRIPT if kept_by == "conversation" else [])


@pytest.mark.parametrize("kept_by", ["response", "conversation"])
def test_conversations_at_once_are_not_mixed(stack: Stack, tmp_path: Path, kept_by: str) -> None:
    def talk(name: str) -> str:
        with start_openai(stack, tmp_path / name, kept_by) as client:
            for turn in range(1, 4):
                client.say(f"{name} says {turn}.", stream=turn == 2)
            return str(client.say("[[first]]")["text"])

    names = ["Ada", "Bob", "Cyd"]
    with ThreadPoolExecutor(len(names)) as pool:
        answers = list(pool.map(talk, names))
    assert answers == [f'The first thing you said was: "{name} says 1."' for name in names]
    assert_kept_apart(stack.logs(), names)
