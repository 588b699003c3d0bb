"""The Conversations API of the official OpenAI Python SDK through the proxy.

The simulated provider keeps nothing and refuses every conversation's id: the proxy keeps them all.
"""

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.end_to_end import dialogue
from tests.end_to_end.histories import assert_prefix_kept, history, spoken
from tests.end_to_end.stack import Stack
from tests.end_to_end.test_openai_responses_sdk import (
    MODEL,
    STREAMED,
    assert_talks_apart,
    connect,
    respond,
    tool_results,
)


@pytest.fixture
def client(stack: Stack) -> Iterator[OpenAI]:
    with connect(stack) as client:
        yield client


@STREAMED
def test_a_conversation_is_remembered(stack: Stack, client: OpenAI, stream: bool) -> None:
    """It is named by its id or by an object with it."""
    tools = [dialogue.RESPONSES_TOOL]
    begun: Any = [{"type": "message", "role": "developer", "content": "Be brief."}]
    conversation = client.conversations.create(items=begun, metadata={"topic": "rivers"})
    named: Any = conversation.id
    respond(client, dialogue.HELLO, conversation=named, stream=stream, tools=tools)
    stack.restart()
    named = {"id": conversation.id}
    said: Any = dialogue.QUESTION
    while said:
        answer = respond(client, said, conversation=named, stream=stream, tools=tools)
        said = tool_results(answer)
    stack.kill()
    answer = respond(client, dialogue.RECALL, conversation=named, stream=stream, tools=tools)

    assert answer.output_text == dialogue.RECALLED
    transcript = ["developer: Be brief.", *dialogue.TRANSCRIPT]
    assert_prefix_kept(stack.bodies)
    assert spoken(history(stack.bodies[-1])) == transcript[:-1]
    (session,) = stack.sessions()
    assert spoken(stack.messages(session)) == transcript
    listed = client.conversations.items.list(conversation.id, order="asc", limit=3)
    assert spoken([item.to_dict() for item in listed]) == transcript
    assert client.conversations.retrieve(conversation.id).metadata == {"topic": "rivers"}


def test_the_items_of_a_conversation_are_edited(stack: Stack, client: OpenAI) -> None:
    conversation = client.conversations.create()
    respond(client, dialogue.HELLO, conversation=conversation.id)
    respond(client, "A slip.", conversation=conversation.id)
    items = client.conversations.items

    newest = list(items.list(conversation.id))
    assert spoken([item.to_dict() for item in newest[::-1]]) == [
        *dialogue.WELCOME,
        "user: A slip.",
        "assistant: Reply 2 to: A slip.",
    ]
    for item in newest[:2]:
        items.delete(str(item.id), conversation_id=conversation.id)
    note: Any = {"type": "message", "role": "user", "content": "A note."}
    (added,) = items.create(conversation.id, items=[note]).data
    found = items.retrieve(str(added.id), conversation_id=conversation.id)
    assert spoken([found.to_dict()]) == ["user: A note."]
    stack.restart()
    answer = respond(client, dialogue.RECALL, conversation=conversation.id)

    assert answer.output_text == dialogue.RECALLED
    kept = [*dialogue.WELCOME, "user: A note.", f"user: {dialogue.RECALL}"]
    assert spoken(history(stack.bodies[-1])) == kept
    listed = items.list(conversation.id, order="asc")
    assert spoken([item.to_dict() for item in listed]) == [
        *kept,
        f"assistant: {dialogue.RECALLED}",
    ]


def test_a_deleted_conversation_is_gone(storing: Stack) -> None:
    storing.expect_refusal("the conversation that was deleted is asked to be continued")
    with connect(storing) as client:
        conversation = client.conversations.create()
        respond(client, dialogue.HELLO, conversation=conversation.id)
        client.conversations.update(conversation.id, metadata={"topic": "hills"})
        assert client.conversations.retrieve(conversation.id).metadata == {"topic": "hills"}
        assert client.conversations.delete(conversation.id).deleted is True
        storing.restart()

        absent = f"Conversation with id '{conversation.id}' not found"
        with pytest.raises(openai.NotFoundError, match=absent):
            client.conversations.retrieve(conversation.id)
        with pytest.raises(openai.NotFoundError, match=absent):
            respond(client, dialogue.RECALL, conversation=conversation.id)


def test_conversations_at_once_are_not_mixed(stack: Stack) -> None:
    async def talk(client: AsyncOpenAI, name: str) -> str:
        conversation = await client.conversations.create()
        for told in [f"{name} says {turn}." for turn in range(1, 4)] + ["[[first]]"]:
            answer = await client.responses.create(
                model=MODEL, input=told, conversation=conversation.id
            )
        return answer.output_text

    assert_talks_apart(stack, talk)
