"""Conversations as the official SDK makes, fills, lists and deletes them."""

from typing import Any

import openai
import pytest
from openai.types.responses import Response

from stitcher.simulator.serve import SimulatorThread


def user(said: str) -> Any:
    return {"type": "message", "role": "user", "content": said}


def ask(client: openai.OpenAI, said: str, conversation: Any) -> Response:
    return client.responses.create(model="sim-m", input=said, conversation=conversation)


def texts(client: openai.OpenAI, conversation: str, **query: Any) -> list[str]:
    listed = client.conversations.items.list(conversation, **query)
    return [item.to_dict()["content"][0]["text"] for item in listed]  # type: ignore[index]


def test_responses_fill_a_conversation_and_go_on_from_it(chat: openai.OpenAI) -> None:
    made = chat.conversations.create(items=[user("I am Ada.")], metadata={"topic": "names"})
    assert made.object == "conversation"
    assert made.metadata == {"topic": "names"}
    first = ask(chat, "[[say Hello Ada]]", made.id)
    assert first.conversation is not None
    assert first.conversation.id == made.id
    second = ask(chat, "[[first]]", {"id": made.id})
    assert second.output_text == 'The first thing you said was: "I am Ada."'
    assert texts(chat, made.id, order="asc") == [
        "I am Ada.",
        "[[say Hello Ada]]",
        "Hello Ada",
        "[[first]]",
        second.output_text,
    ]


def test_an_answer_that_failed_leaves_the_conversation_as_it_was(chat: openai.OpenAI) -> None:
    made = chat.conversations.create()
    with pytest.raises(openai.InternalServerError):
        ask(chat, "[[status 500]]", made.id)
    assert texts(chat, made.id) == []


def test_items_are_added_fetched_and_taken_away(chat: openai.OpenAI) -> None:
    made = chat.conversations.create()
    spoken: Any = {"role": "assistant", "content": "two"}
    added = chat.conversations.items.create(made.id, items=[user("one"), spoken])
    first, second = (item.to_dict() for item in added.data)
    assert first["content"] == [{"type": "input_text", "text": "one"}]
    assert second["content"][0]["type"] == "output_text"  # type: ignore[index]
    assert (added.first_id, added.last_id, added.has_more) == (first["id"], second["id"], False)
    fetched = chat.conversations.items.retrieve(str(first["id"]), conversation_id=made.id)
    assert fetched.to_dict() == first
    left = chat.conversations.items.delete(str(first["id"]), conversation_id=made.id)
    assert left.id == made.id
    assert texts(chat, made.id) == ["two"]
    with pytest.raises(openai.NotFoundError, match="not found in conversation"):
        chat.conversations.items.retrieve(str(first["id"]), conversation_id=made.id)


def test_an_item_is_named_instead_of_said_again(chat: openai.OpenAI) -> None:
    one, other = chat.conversations.create(items=[user("kept")]), chat.conversations.create()
    (item,) = chat.conversations.items.list(one.id).data
    reference: Any = {"type": "item_reference", "id": item.id}
    chat.conversations.items.create(other.id, items=[reference])
    assert texts(chat, other.id) == ["kept"]
    gone: Any = {"type": "item_reference", "id": "msg_gone"}
    with pytest.raises(openai.NotFoundError, match="Item with id 'msg_gone' not found"):
        chat.conversations.items.create(other.id, items=[gone])


def test_items_come_in_pages_newest_first(chat: openai.OpenAI) -> None:
    made = chat.conversations.create(items=[user(f"part {number}") for number in range(20)])
    chat.conversations.items.create(made.id, items=[user("part 20")])
    page = chat.conversations.items.list(made.id)
    assert len(page.data) == 20
    assert page.has_more
    assert texts(chat, made.id) == [f"part {number}" for number in reversed(range(21))]
    assert texts(chat, made.id, after=page.last_id) == ["part 0"]


def test_metadata_is_replaced_and_a_deleted_conversation_is_gone(chat: openai.OpenAI) -> None:
    made = chat.conversations.create(metadata={"a": "1"})
    assert chat.conversations.update(made.id, metadata={"b": "2"}).metadata == {"b": "2"}
    assert chat.conversations.retrieve(made.id).metadata == {"b": "2"}
    deleted = chat.conversations.delete(made.id)
    assert deleted.to_dict() == {"id": made.id, "object": "conversation.deleted", "deleted": True}
    with pytest.raises(openai.NotFoundError, match=f"Conversation with id '{made.id}' not found"):
        chat.conversations.retrieve(made.id)
    with pytest.raises(openai.NotFoundError, match=f"Conversation with id '{made.id}' not found"):
        ask(chat, "hi", made.id)


def test_another_key_s_conversation_is_not_there(sim: SimulatorThread, chat: openai.OpenAI) -> None:
    made = chat.conversations.create()
    with openai.OpenAI(base_url=f"{sim.url}/v1", api_key="another", max_retries=0) as stranger:
        with pytest.raises(openai.NotFoundError):
            stranger.conversations.retrieve(made.id)
        with pytest.raises(openai.NotFoundError):
            ask(stranger, "hi", made.id)


@pytest.mark.parametrize(
    ("path", "body", "param", "wording"),
    [
        ("", {"items": [user("x")] * 21}, "items", "maximum length 20, but got an array with"),
        ("", {"items": "x"}, "items", "expected an array of objects, but got a string"),
        ("", {"messages": []}, "messages", "Unknown parameter: 'messages'"),
        ("", {"metadata": {"a": 1}}, "metadata.a", "expected a string, but got an integer"),
        ("", [], None, "expected an object"),
        ("/{id}", {}, "metadata", "Missing required parameter: 'metadata'"),
        ("/{id}/items", {}, "items", "Missing required parameter: 'items'"),
        ("/{id}/items", {"items": [{"role": "user"}]}, "items[0].content", "Missing required"),
    ],
)
def test_bodies_that_cannot_be_are_refused(
    chat: openai.OpenAI, path: str, body: Any, param: str | None, wording: str
) -> None:
    made = chat.conversations.create()
    with pytest.raises(openai.BadRequestError, match=wording) as refused:
        chat.post(f"/conversations{path.format(id=made.id)}", cast_to=object, body=body)
    assert refused.value.param == param


def test_there_are_no_other_endpoints(chat: openai.OpenAI) -> None:
    made = chat.conversations.create()
    for method, path in (
        ("GET", "/conversations"),
        ("POST", f"/conversations/{made.id}/messages"),
        ("DELETE", f"/conversations/{made.id}/items"),
        ("POST", f"/conversations/{made.id}/items/msg_1"),
    ):
        with pytest.raises(openai.NotFoundError, match="Invalid URL"):
            getattr(chat, method.lower())(path, cast_to=object)
