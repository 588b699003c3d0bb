"""The Responses API of the official OpenAI Python SDK through the proxy.

The simulated provider of a `stack` keeps nothing between requests and refuses every id of a
response: whatever is remembered there, the proxy remembers.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from stitcher.simulator.serve import Fault
from tests.end_to_end import dialogue
from tests.end_to_end.histories import (
    assert_extends,
    assert_kept_apart,
    assert_prefix_kept,
    history,
    one_by_one,
    spoken,
)
from tests.end_to_end.stack import Stack, checked

MODEL = "gpt-5.5"
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


def connect(stack: Stack, key: str = "sk-test") -> OpenAI:
    return OpenAI(base_url=f"{stack.url}/v1", api_key=key)


@pytest.fixture
def client(stack: Stack) -> Iterator[OpenAI]:
    with connect(stack) as client:
        yield client


def respond(client: OpenAI, given: Any, *, stream: bool = False, **options: Any) -> Any:
    if not stream:
        return client.responses.create(model=MODEL, input=given, **options)
    with client.responses.stream(model=MODEL, input=given, **options) as events:
        return events.get_final_response()


def tool_results(response: Any) -> list[Any]:
    return [
        {
            "type": "function_call_output",
            "call_id": item.call_id,
            "output": dialogue.weather_in(json.loads(item.arguments)["city"]),
        }
        for item in response.output
        if item.type == "function_call"
    ]


class Chain:
    """A client that keeps the id of the last answer and nothing else."""

    def __init__(self, client: OpenAI, **options: Any) -> None:
        self._client = client
        self._options = options
        self.last: Any = None

    def say(self, said: Any, **options: Any) -> str:
        while said:
            if self.last is not None:
                options["previous_response_id"] = self.last.id
            self.last = respond(self._client, said, **self._options, **options)
            said = tool_results(self.last)
        return str(self.last.output_text)


@STREAMED
def test_a_chain_of_responses_is_remembered(stack: Stack, client: OpenAI, stream: bool) -> None:
    """Also across a stop and a crash of the proxy, and with the results of tools alone."""
    chain = Chain(client, stream=stream, tools=[dialogue.RESPONSES_TOOL])
    chain.say(dialogue.HELLO)
    stack.restart()
    chain.say(dialogue.QUESTION)
    stack.kill()
    answer = chain.say(dialogue.RECALL)

    assert answer == dialogue.RECALLED
    assert [len(history(sent.json)) for sent in stack.sent] == [1] * 4
    assert all("store" not in sent.json for sent in stack.sent)
    assert_prefix_kept(stack.bodies)
    assert spoken(history(stack.bodies[-1])) == dialogue.TRANSCRIPT[:-1]
    (session,) = stack.sessions()
    assert spoken(stack.messages(session)) == dialogue.TRANSCRIPT
    stack.verify()


@STREAMED
def test_a_client_that_resends_its_history_is_left_as_it_is(
    stack: Stack, client: OpenAI, stream: bool
) -> None:
    said: list[Any] = []
    for text in (dialogue.HELLO, dialogue.QUESTION, dialogue.RECALL):
        given: list[Any] = [{"role": "user", "content": text}]
        while given:
            said += given
            answer = respond(client, said, stream=stream, tools=[dialogue.RESPONSES_TOOL])
            said += answer.output
            given = tool_results(answer)
        stack.restart()

    assert answer.output_text == dialogue.RECALLED
    assert [received.body for received in stack.received] == [sent.body for sent in stack.sent]
    assert_prefix_kept(stack.bodies)
    (session,) = stack.sessions()
    assert spoken(stack.messages(session)) == dialogue.TRANSCRIPT


def test_a_stream_has_every_event_in_order(stack: Stack, client: OpenAI) -> None:
    chain = Chain(client)
    chain.say(dialogue.HELLO)
    events = list(
        client.responses.create(
            model=MODEL, input="Tell me more.", previous_response_id=chain.last.id, stream=True
        )
    )
    kinds = [event.type for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    assert [event.sequence_number for event in events] == list(range(len(events)))
    said = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert said == "Reply 2 to: Tell me more."


def test_one_answer_may_be_continued_twice(stack: Stack, client: OpenAI) -> None:
    """Each continuation sees what led to it and nothing of the other."""
    chain = Chain(client)
    chain.say(dialogue.HELLO)
    left, right = Chain(client), Chain(client)
    left.last = right.last = chain.last
    left.say("Tell me of rivers.")
    right.say("Tell me of hills.")
    stack.restart()
    left.say("Go left.")
    right.say("Go right.")

    assert spoken(history(stack.bodies[-2])) == [
        *dialogue.WELCOME,
        "user: Tell me of rivers.",
        "assistant: Reply 2 to: Tell me of rivers.",
        "user: Go left.",
    ]
    assert spoken(history(stack.bodies[-1])) == [
        *dialogue.WELCOME,
        "user: Tell me of hills.",
        "assistant: Reply 2 to: Tell me of hills.",
        "user: Go right.",
    ]
    assert_extends(stack.bodies[1], stack.bodies[3])
    assert_extends(stack.bodies[2], stack.bodies[4])


def test_instructions_are_not_carried_over(stack: Stack, client: OpenAI) -> None:
    chain = Chain(client)
    chain.say(dialogue.HELLO, instructions="Be brief.")
    chain.say("I like rivers.")
    answer = chain.say(dialogue.RECALL, instructions="Be loud.")

    assert answer == dialogue.RECALLED
    assert [body.get("instructions") for body in stack.bodies] == ["Be brief.", None, "Be loud."]
    for earlier, later in zip(stack.bodies, stack.bodies[1:], strict=False):
        assert_extends(earlier, later)


@STREAMED
def test_reasoning_comes_back_encrypted_and_in_its_place(
    stack: Stack, client: OpenAI, stream: bool
) -> None:
    chain = Chain(
        client,
        stream=stream,
        tools=[dialogue.RESPONSES_TOOL],
        reasoning={"effort": "medium"},
        include=["reasoning.encrypted_content"],
    )
    chain.say(f"{dialogue.HELLO} [[think]]")
    stack.restart()
    chain.say(f"{dialogue.QUESTION} [[think]]")
    chain.say("Good.")

    assert_prefix_kept(stack.bodies)
    thoughts = [item for item in history(stack.bodies[-1]) if item.get("type") == "reasoning"]
    assert len(thoughts) == 2
    assert all(thought["encrypted_content"] for thought in thoughts)
    (session,) = stack.sessions()
    stored = [
        item for item in one_by_one(stack.messages(session)) if item.get("type") == "reasoning"
    ]
    assert thoughts == stored


def test_reasoning_that_was_not_asked_for_encrypted(stack: Stack, client: OpenAI) -> None:
    """Only a provider that keeps it can read it back; another is asked again without it."""
    stack.expect_refusal("reasoning without its encrypted content says nothing to this provider")
    chain = Chain(client, reasoning={"effort": "medium"}, tools=[dialogue.RESPONSES_TOOL])
    chain.say(f"{dialogue.HELLO} [[think]]")
    chain.say(f"{dialogue.QUESTION} [[think]]")
    answer = chain.say(dialogue.RECALL)

    assert answer == f'The first thing you said was: "{dialogue.HELLO} [[think]]"'
    answered = [received for received in stack.received if received.status == 200]
    assert_prefix_kept([json.loads(received.decoded) for received in answered])
    (session,) = stack.sessions()
    assert len([line for line in spoken(stack.messages(session)) if "thinks" in line]) == 2


def test_items_may_be_named_by_their_ids(stack: Stack, client: OpenAI) -> None:
    """A provider that keeps nothing is sent the items themselves."""
    hello = {"role": "user", "content": f"{dialogue.HELLO} [[think]]"}
    reasons: Any = {"reasoning": {"effort": "low"}, "include": ["reasoning.encrypted_content"]}
    first = respond(client, [hello], **reasons)
    stack.restart()
    thought, reply = first.output
    named = [{"type": "item_reference", "id": thought.id}, {"id": reply.id}]
    respond(client, [hello, *named, {"role": "user", "content": "Good."}], **reasons)

    assert history(stack.bodies[1])[1:3] == [thought.to_dict(), reply.to_dict()]
    assert_prefix_kept(stack.bodies)
    (session,) = stack.sessions()
    assert len(spoken(stack.messages(session))) == 5


def test_images_stay_as_they_are(stack: Stack, client: OpenAI) -> None:
    chain = Chain(client)
    picture = {"type": "input_image", "image_url": PIXEL, "detail": "auto"}
    look = {"role": "user", "content": [{"type": "input_text", "text": "Look."}, picture]}
    chain.say([look])
    chain.say("What was it?")

    assert stack.received[0].body == stack.sent[0].body
    assert history(stack.bodies[1])[0] == look
    assert_prefix_kept(stack.bodies)


def test_responses_are_fetched(stack: Stack, client: OpenAI) -> None:
    chain = Chain(client, tools=[dialogue.RESPONSES_TOOL])
    chain.say(dialogue.HELLO)
    first = chain.last
    chain.say(dialogue.QUESTION)
    stack.restart()

    assert client.responses.retrieve(first.id).output == first.output
    assert client.responses.retrieve(chain.last.id).output_text == "Tool said: Sunny in Paris"
    (asked,) = client.responses.input_items.list(first.id)
    assert spoken([asked.to_dict()]) == [f"user: {dialogue.HELLO}"]
    pages = client.responses.input_items.list(chain.last.id, order="asc", limit=2)
    assert spoken([item.to_dict() for item in pages]) == [
        *dialogue.WELCOME,
        *dialogue.TOOL_ROUND[:-1],
    ]
    assert [received.path for received in stack.simulator.requests] == ["/v1/responses"] * 3


def test_a_deleted_response_is_gone(storing: Stack) -> None:
    """Here and at the provider. What followed it remembers it still."""
    storing.expect_refusal("the response that was deleted is asked to be continued")
    with connect(storing) as client:
        chain = Chain(client)
        chain.say(dialogue.HELLO)
        first = chain.last
        chain.say("I like rivers.")
        client.responses.delete(first.id)
        storing.restart()

        with pytest.raises(openai.NotFoundError, match=f"Response with id '{first.id}' not found"):
            client.responses.retrieve(first.id)
        with pytest.raises(openai.BadRequestError, match="Previous response with id"):
            respond(client, "Hello?", previous_response_id=first.id)
        assert chain.say(dialogue.RECALL) == dialogue.RECALLED


def test_an_unknown_id_is_refused_as_the_provider_does(storing: Stack) -> None:
    storing.expect_refusal("responses and conversations that do not exist are asked for")
    with connect(storing) as client:
        with pytest.raises(openai.BadRequestError) as refused:
            respond(client, dialogue.HELLO, previous_response_id="resp_none")
        assert refused.value.code == "previous_response_not_found"
        assert refused.value.param == "previous_response_id"
        assert "Previous response with id 'resp_none' not found." in refused.value.message

        absent = "Response with id 'resp_none' not found"
        with pytest.raises(openai.NotFoundError, match=absent):
            client.responses.retrieve("resp_none")
        with pytest.raises(openai.NotFoundError, match=absent):
            client.responses.delete("resp_none")
        with pytest.raises(openai.NotFoundError, match=absent):
            client.responses.input_items.list("resp_none")
        absent = "Conversation with id 'conv_none' not found"
        with pytest.raises(openai.NotFoundError, match=absent):
            respond(client, dialogue.HELLO, conversation="conv_none")
        with pytest.raises(openai.NotFoundError, match=absent):
            client.conversations.retrieve("conv_none")
    assert storing.sessions() == []


def test_another_tenants_ids_are_unknown(tmp_path: Path) -> None:
    """They are not asked for upstream either: one account there may serve all tenants."""
    with checked(Stack(tmp_path, "--tenancy", "key")) as stack:
        with connect(stack, "sk-ada") as ada, connect(stack, "sk-bob") as bob:
            chain = Chain(ada)
            chain.say(dialogue.HELLO)
            conversation = ada.conversations.create()
            respond(ada, "A secret.", conversation=conversation.id)

            with pytest.raises(openai.BadRequestError, match="Previous response with id"):
                respond(bob, "What did she say?", previous_response_id=chain.last.id)
            for ask in (bob.responses.retrieve, bob.responses.delete):
                with pytest.raises(openai.NotFoundError, match="Response with id"):
                    ask(chain.last.id)
            with pytest.raises(openai.NotFoundError, match="Conversation with id"):
                respond(bob, "What did she say?", conversation=conversation.id)
            for seek in (bob.conversations.items.list, bob.conversations.delete):
                with pytest.raises(openai.NotFoundError, match="Conversation with id"):
                    seek(conversation.id)
            named = {"type": "item_reference", "id": chain.last.output[0].id}
            with pytest.raises(openai.NotFoundError, match="Item with id"):
                respond(bob, [named, {"role": "user", "content": "What did she hear?"}])
            assert chain.say(dialogue.RECALL) == dialogue.RECALLED
        keys = [
            value
            for received in stack.received
            for name, value in received.headers
            if name.lower() == "authorization"
        ]
        assert keys == ["Bearer sk-ada"] * 3


def test_an_answer_that_the_client_asked_not_to_store_is_no_beginning(storing: Stack) -> None:
    storing.expect_refusal("an answer that was not stored is asked to be continued")
    with connect(storing) as client:
        answer = respond(client, dialogue.HELLO, store=False)
        with pytest.raises(openai.BadRequestError, match="Previous response with id"):
            respond(client, dialogue.RECALL, previous_response_id=answer.id)


def test_counting_and_compacting_make_no_conversation(stack: Stack, client: OpenAI) -> None:
    count = client.responses.input_tokens.count(model=MODEL, input=dialogue.HELLO)
    assert count.input_tokens > 0
    compacted = client.responses.compact(model=MODEL, input=dialogue.HELLO)
    assert compacted.output[-1].type == "compaction"
    assert stack.sessions() == []
    assert [received.path for received in stack.simulator.requests] == [
        "/v1/responses/input_tokens",
        "/v1/responses/compact",
    ]


def test_a_retry_is_stored_once(stack: Stack, client: OpenAI) -> None:
    """The SDK repeats a request that was answered 529, with the same body."""
    chain = Chain(client)
    chain.say(dialogue.HELLO)
    stack.simulator.script(Fault(status=529))
    chain.say("I like rivers.")
    chain.say("yes")

    assert [sent.status for sent in stack.sent] == [200, 529, 200, 200]
    assert stack.received[1].body == stack.received[2].body
    (session,) = stack.sessions()
    assert spoken(stack.messages(session)) == [
        *dialogue.WELCOME,
        "user: I like rivers.",
        "assistant: Reply 2 to: I like rivers.",
        "user: yes",
        "assistant: Reply 3 to: yes",
    ]


def test_chains_at_once_are_not_mixed(stack: Stack) -> None:
    async def talk(client: AsyncOpenAI, name: str) -> str:
        last = None
        for told in [f"{name} says {turn}." for turn in range(1, 4)] + ["[[first]]"]:
            answer = await client.responses.create(
                model=MODEL, input=told, previous_response_id=last
            )
            last = answer.id
        return answer.output_text

    assert_talks_apart(stack, talk)


def assert_talks_apart(stack: Stack, talk: Callable[[AsyncOpenAI, str], Awaitable[str]]) -> None:
    """Holds the conversation with several people at once; its last answer is what came first."""

    async def talk_at_once() -> list[str]:
        async with AsyncOpenAI(base_url=f"{stack.url}/v1", api_key="sk-test") as client:
            return list(await asyncio.gather(*(talk(client, name) for name in names)))

    names = ["Ada", "Bob", "Cyd", "Dee"]
    answers = asyncio.run(talk_at_once())
    assert answers == [f'The first thing you said was: "{name} says 1."' for name in names]
    assert_kept_apart(stack.logs(), names)
    for name in names:
        assert_prefix_kept([body for body in stack.bodies if name in json.dumps(body)])
