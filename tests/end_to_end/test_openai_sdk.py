"""The official OpenAI Python SDK through the proxy."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest
from openai import OpenAI

from stitcher.simulator.serve import Fault
from tests.end_to_end import dialogue
from tests.end_to_end.histories import assert_kept_apart, assert_prefix_kept, spoken
from tests.end_to_end.stack import Stack

MODEL = "gpt-5.5"
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture
def client(stack: Stack) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{stack.url}/v1", api_key="sk-test") as client:
        yield client


class Conversation:
    """A client that keeps its own history and sends it whole, as most programs do."""

    def __init__(self, client: OpenAI, *, system: str = "", **options: Any) -> None:
        self._client = client
        self._options = options
        self.messages: list[Any] = [{"role": "system", "content": system}] if system else []

    def say(self, content: Any, **options: Any) -> str:
        self.messages.append({"role": "user", "content": content})
        while True:
            message = complete(self._client, self.messages, **self._options, **options)
            self.messages.append(message)
            if not message.tool_calls:
                return message.content or ""
            for call in message.tool_calls:
                city = json.loads(call.function.arguments)["city"]
                self.messages.append(
                    {
                        "role": "tool",
                        "tool_call_id": call.id,
                        "content": dialogue.weather_in(city),
                    }
                )


def complete(client: OpenAI, messages: list[Any], *, stream: bool = False, **options: Any) -> Any:
    if not stream:
        answer = client.chat.completions.create(model=MODEL, messages=messages, **options)
        return answer.choices[0].message
    with client.chat.completions.stream(model=MODEL, messages=messages, **options) as events:
        return events.get_final_completion().choices[0].message


def in_session(name: str) -> dict[str, str]:
    return {"X-Stitcher-Session": name}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_client_that_resends_its_history_is_left_as_it_is(
    stack: Stack, client: OpenAI, stream: bool
) -> None:
    conversation = Conversation(client, system="Be brief.", stream=stream)
    if stream:
        conversation._options["stream_options"] = {"include_usage": True}

    conversation.say(dialogue.HELLO, tools=[dialogue.OPENAI_TOOL])
    conversation.say(dialogue.QUESTION, tools=[dialogue.OPENAI_TOOL])
    stack.restart()
    answer = conversation.say(dialogue.RECALL, tools=[dialogue.OPENAI_TOOL])

    assert answer == dialogue.RECALLED
    assert [received.body for received in stack.received] == [sent.body for sent in stack.sent]
    assert_prefix_kept(stack.bodies)
    (session,) = stack.sessions()
    assert spoken(stack.messages(session)) == dialogue.TRANSCRIPT


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_thin_client_gets_its_history_put_back(
    stack: Stack, client: OpenAI, stream: bool
) -> None:
    def say(text: str) -> str:
        message = complete(
            client,
            [{"role": "user", "content": text}],
            stream=stream,
            extra_headers=in_session("ada"),
        )
        return str(message.content)

    say(dialogue.HELLO)
    say("I like rivers.")
    stack.restart()
    say("yes")
    say("yes")
    stack.kill()
    answer = say(dialogue.RECALL)

    assert answer == dialogue.RECALLED
    assert_prefix_kept(stack.bodies)
    lines = [
        *dialogue.WELCOME,
        "user: I like rivers.",
        "assistant: Reply 2 to: I like rivers.",
        "user: yes",
        "assistant: Reply 3 to: yes",
        "user: yes",
        "assistant: Reply 4 to: yes",
        "user: What did I say first?",
    ]
    assert spoken(stack.bodies[-1]["messages"]) == lines
    assert spoken(stack.messages("ada")) == [*lines, f"assistant: {answer}"]
    assert [sent.answer_headers["x-stitcher-restored"] for sent in stack.sent] == list("02468")
    assert {sent.answer_headers["x-stitcher-session"] for sent in stack.sent} == {"ada"}
    stack.verify()


def test_a_thin_client_may_call_tools(stack: Stack, client: OpenAI) -> None:
    """The result of a call comes alone: the call it answers is put back in front of it."""
    options: Any = {"extra_headers": in_session("ada"), "tools": [dialogue.OPENAI_TOOL]}
    complete(client, [{"role": "user", "content": dialogue.HELLO}], **options)
    message = complete(client, [{"role": "user", "content": dialogue.QUESTION}], **options)
    (call,) = message.tool_calls
    result = {"role": "tool", "tool_call_id": call.id, "content": dialogue.weather_in("Paris")}
    answer = complete(client, [result], **options)

    assert answer.content == "Tool said: Sunny in Paris"
    assert_prefix_kept(stack.bodies)
    assert spoken(stack.messages("ada")) == [
        *dialogue.WELCOME,
        *dialogue.TOOL_ROUND,
    ]


def test_thin_and_resending_clients_share_a_session(stack: Stack, client: OpenAI) -> None:
    headers = in_session("ada")
    conversation = Conversation(client, extra_headers=headers)
    conversation.say(dialogue.HELLO)
    complete(client, [{"role": "user", "content": "From my phone."}], extra_headers=headers)
    stack.restart()
    complete(client, [{"role": "user", "content": "Still here."}], extra_headers=headers)

    assert_prefix_kept(stack.bodies)
    assert spoken(stack.messages("ada")) == [
        *dialogue.WELCOME,
        "user: From my phone.",
        "assistant: Reply 2 to: From my phone.",
        "user: Still here.",
        "assistant: Reply 3 to: Still here.",
    ]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_conversations_at_once_are_not_mixed(stack: Stack, client: OpenAI, stream: bool) -> None:
    def talk(name: str) -> Conversation:
        conversation = Conversation(client, system="Be brief.", stream=stream)
        for turn in range(1, 4):
            conversation.say(f"{name} says {turn}.")
        assert conversation.say("[[first]]") == f'The first thing you said was: "{name} says 1."'
        return conversation

    names = ["Ada", "Bob", "Cyd", "Dee"]
    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(talk, names))

    assert_kept_apart(stack.logs(), names)
    for name in names:
        assert_prefix_kept([body for body in stack.bodies if name in json.dumps(body)])


def test_a_regenerated_answer_takes_the_place_of_the_old_one(stack: Stack, client: OpenAI) -> None:
    conversation = Conversation(client)
    conversation.say(dialogue.HELLO)
    conversation.say("Tell me more.")
    del conversation.messages[-2:]
    conversation.say("Tell me less.")
    conversation.say("Good.")

    assert [received.body for received in stack.received] == [sent.body for sent in stack.sent]
    assert spoken(stack.bodies[-1]["messages"]) == [
        *dialogue.WELCOME,
        "user: Tell me less.",
        "assistant: Reply 2 to: Tell me less.",
        "user: Good.",
    ]
    (session,) = stack.sessions()
    lines = spoken(stack.messages(session))
    assert len(lines) == len(set(lines)) == 8  # the branch that was left is still there


def test_images_stay_as_they_are(stack: Stack, client: OpenAI) -> None:
    conversation = Conversation(client, extra_headers=in_session("ada"))
    picture = {"type": "image_url", "image_url": {"url": PIXEL}}
    conversation.say([{"type": "text", "text": "Look."}, picture])
    thin = [{"role": "user", "content": "What was it?"}]
    complete(client, thin, extra_headers=in_session("ada"))

    assert stack.received[0].body == stack.sent[0].body
    assert stack.bodies[1]["messages"][0] == stack.bodies[0]["messages"][0]


@pytest.mark.parametrize("prefix", ["", "/v1/v1"], ids=["no-v1", "v1-twice"])
def test_any_number_of_v1_in_the_base_url(stack: Stack, prefix: str) -> None:
    with OpenAI(base_url=f"{stack.url}{prefix}", api_key="sk-test") as client:
        message = complete(client, [{"role": "user", "content": dialogue.HELLO}])
    assert message.content == "Reply 1 to: I am Ada."
    assert [received.path for received in stack.received] == ["/v1/chat/completions"]


def test_a_refusal_is_the_providers_own(stack: Stack, client: OpenAI) -> None:
    stack.expect_refusal("a tool result without its call is sent on purpose")
    orphan = {"role": "tool", "tool_call_id": "call_none", "content": "42"}
    with pytest.raises(openai.BadRequestError) as refused:
        complete(client, [{"role": "user", "content": dialogue.HELLO}, orphan])
    assert refused.value.type == "invalid_request_error"
    assert json.loads(stack.sent[0].answer)["error"]["message"] in str(refused.value)

    # The failed turn leaves nothing behind that a later one would send.
    complete(client, [{"role": "user", "content": dialogue.HELLO}])
    assert stack.received[-1].body == stack.sent[-1].body


def test_a_retry_is_stored_once(stack: Stack, client: OpenAI) -> None:
    """The SDK repeats a request that was answered 529, with the same body."""
    conversation = Conversation(client, extra_headers=in_session("ada"))
    conversation.say(dialogue.HELLO)
    stack.simulator.script(Fault(status=529))
    conversation.say("I like rivers.")

    assert [sent.status for sent in stack.sent] == [200, 529, 200]
    assert [received.body for received in stack.received] == [sent.body for sent in stack.sent]
    assert spoken(stack.messages("ada")) == [
        *dialogue.WELCOME,
        "user: I like rivers.",
        "assistant: Reply 2 to: I like rivers.",
    ]


def test_a_stream_that_the_client_leaves_is_kept_as_far_as_it_came(
    stack: Stack, client: OpenAI
) -> None:
    headers = in_session("ada")
    with client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": "I am Ada. [[stall-after 20]] [[long 200]]"}],
        stream=True,
        extra_headers=headers,
    ) as events:
        said = ""
        while "word5" not in said:
            said += next(events).choices[0].delta.content or ""
    answer = complete(client, [{"role": "user", "content": "Go on."}], extra_headers=headers)

    assert answer.content == "Reply 2 to: Go on."
    user, partial, again, _ = stack.messages("ada")
    assert [user["role"], partial["role"], again["content"]] == ["user", "assistant", "Go on."]
    assert partial["content"].startswith(said)
    assert next(line for line in stack.log("ada") if line.get("answer"))["cut"] is True


def test_other_endpoints_pass_through(stack: Stack, client: OpenAI) -> None:
    assert MODEL in [model.id for model in client.models.list()]
    assert stack.sessions() == []
