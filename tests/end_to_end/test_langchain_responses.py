"""langchain-openai on the Responses API, sending its history or only the last response's id."""

from typing import Any

import pytest

from tests.end_to_end import dialogue
from tests.end_to_end.histories import assert_prefix_kept, history, spoken
from tests.end_to_end.stack import Stack
from tests.end_to_end.test_langchain import Conversation, chat_openai, hold

pytestmark = pytest.mark.clients

STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


def assert_remembered(stack: Stack) -> None:
    assert_prefix_kept(stack.bodies)
    (session,) = stack.sessions()
    assert spoken(stack.messages(session)) == dialogue.TRANSCRIPT


@STREAMED
def test_history_of_the_client(stack: Stack, stream: bool) -> None:
    hold(stack, Conversation(chat_openai(stack, use_responses_api=True), stream=stream))
    assert [received.body for received in stack.received] == [sent.body for sent in stack.sent]
    assert_remembered(stack)


@STREAMED
def test_history_behind_the_last_response(stack: Stack, stream: bool) -> None:
    conversation = Conversation(
        chat_openai(stack, use_responses_api=True, use_previous_response_id=True), stream=stream
    )
    hold(stack, conversation)
    assert [len(history(sent.json)) for sent in stack.sent] == [2, 1, 1, 1]
    assert_remembered(stack)


@STREAMED
def test_reasoning(stack: Stack, stream: bool) -> None:
    """With its history as messages of the form `responses/v1`, the reasoning items come back."""
    options: dict[str, Any] = {
        "reasoning": {"effort": "medium"},
        "include": ["reasoning.encrypted_content"],
        "output_version": "responses/v1",
    }
    conversation = Conversation(
        chat_openai(stack, use_responses_api=True, **options), stream=stream
    )
    conversation.say(f"{dialogue.HELLO} [[think]]")
    stack.restart()
    conversation.say(f"{dialogue.QUESTION} [[think]]")
    conversation.say("Good.")

    assert_prefix_kept(stack.bodies)
    (session,) = stack.sessions()
    thoughts = [line for line in spoken(stack.messages(session)) if "thinks" in line]
    assert len(thoughts) == 2
    sent = spoken(history(stack.bodies[-1]))
    assert [line for line in sent if "thinks" in line] == thoughts
