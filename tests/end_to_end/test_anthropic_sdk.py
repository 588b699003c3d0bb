"""The official Anthropic Python SDK through the proxy."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import Anthropic

from stitcher.simulator.serve import Fault
from tests.end_to_end import dialogue
from tests.end_to_end.histories import assert_kept_apart, assert_prefix_kept, spoken
from tests.end_to_end.stack import Stack

# This model binds thinking blocks to what came before them: a changed prefix is a 400.
MODEL = "claude-sonnet-5-5"
ADAPTIVE = {"thinking": {"type": "adaptive"}}
# This one takes a budget, and wants an open tool loop to begin with its thinking.
BUDGET_MODEL = "claude-haiku-4-5"
BUDGET = {"thinking": {"type": "enabled", "budget_tokens": 1024}}


@pytest.fixture
def client(stack: Stack) -> Iterator[Anthropic]:
    with Anthropic(base_url=stack.url, api_key="sk-test") as client:
        yield client


class Conversation:
    """A client that keeps its own history and sends it whole, as most programs do."""

    def __init__(self, client: Anthropic, **options: Any) -> None:
        self._client = client
        self._options = options
        self.messages: list[Any] = []

    def say(self, content: Any, **options: Any) -> str:
        self.messages.append({"role": "user", "content": content})
        while True:
            blocks = create(self._client, self.messages, **self._options, **options)
            self.messages.append({"role": "assistant", "content": blocks})
            results = [result_of(block) for block in blocks if block.type == "tool_use"]
            if not results:
                return "".join(block.text for block in blocks if block.type == "text")
            self.messages.append({"role": "user", "content": results})


def create(
    client: Anthropic,
    messages: list[Any],
    *,
    model: str = MODEL,
    stream: bool = False,
    **options: Any,
) -> Any:
    """The blocks of the answer."""
    request: Any = {"model": model, "max_tokens": 4096, "messages": messages, **options}
    if not stream:
        return client.messages.create(**request).content
    with client.messages.stream(**request) as events:
        return events.get_final_message().content


def result_of(block: Any) -> dict[str, Any]:
    content = dialogue.weather_in(block.input["city"])
    return {"type": "tool_result", "tool_use_id": block.id, "content": content}


def in_session(name: str) -> dict[str, str]:
    return {"X-Stitcher-Session": name}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_client_that_resends_its_history_is_left_as_it_is(
    stack: Stack, client: Anthropic, stream: bool
) -> None:
    tools = [{**dialogue.ANTHROPIC_TOOL, "cache_control": {"type": "ephemeral"}}]
    conversation = Conversation(client, system="Be brief.", tools=tools, stream=stream)

    conversation.say(dialogue.HELLO)
    conversation.say(dialogue.QUESTION)
    stack.restart()
    answer = conversation.say(dialogue.RECALL)

    assert answer == dialogue.RECALLED
    assert [received.body for received in stack.received] == [sent.body for sent in stack.sent]
    assert_prefix_kept(stack.bodies)
    (session,) = stack.sessions()
    assert spoken(stack.messages(session)) == dialogue.TRANSCRIPT


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_thin_client_gets_its_history_put_back(
    stack: Stack, client: Anthropic, stream: bool
) -> None:
    def say(text: str) -> str:
        blocks = create(
            client,
            [{"role": "user", "content": text}],
            stream=stream,
            system="Be brief.",
            extra_headers=in_session("ada"),
        )
        return str(blocks[0].text)

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


def test_a_thin_client_without_a_system_prompt_gets_the_sessions_last(
    stack: Stack, client: Anthropic
) -> None:
    headers = in_session("ada")
    first, second = ([{"role": "user", "content": text}] for text in (dialogue.HELLO, "[[system]]"))
    create(client, first, system="Be brief.", extra_headers=headers)
    (block,) = create(client, second, extra_headers=headers)
    assert block.text == 'The system prompt is: "Be brief."'


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("model", "thinking"), [(MODEL, ADAPTIVE), (BUDGET_MODEL, BUDGET)], ids=["adaptive", "budget"]
)
def test_thinking_comes_back_signed_and_in_its_place(
    stack: Stack, client: Anthropic, model: str, thinking: dict[str, Any], stream: bool
) -> None:
    conversation = Conversation(
        client, model=model, stream=stream, tools=[dialogue.ANTHROPIC_TOOL], **thinking
    )
    conversation.say("I am Ada. [[think]]")
    conversation.say(f"{dialogue.QUESTION} [[think]]")
    conversation.say("[[redacted]] hush")
    stack.restart()
    conversation.say("Good.")

    assert [received.body for received in stack.received] == [sent.body for sent in stack.sent]
    assert_prefix_kept(stack.bodies)
    (session,) = stack.sessions()
    logged = [message for message in stack.messages(session) if message["role"] == "assistant"]
    sent = [message for message in conversation.messages if message["role"] == "assistant"]
    assert [message["content"] for message in logged] == [
        [block.to_dict() for block in message["content"]] for message in sent
    ]


def test_a_thin_client_gets_thinking_put_back_as_it_was_signed(
    stack: Stack, client: Anthropic
) -> None:
    """The model checks each signature against what stands before the block."""
    options: Any = {"extra_headers": in_session("ada"), "tools": [dialogue.ANTHROPIC_TOOL]}
    options |= ADAPTIVE
    hello, question = f"{dialogue.HELLO} [[think]]", f"{dialogue.QUESTION} [[think]]"
    create(client, [{"role": "user", "content": hello}], stream=True, **options)
    blocks = create(client, [{"role": "user", "content": question}], **options)
    stack.restart()
    results = [result_of(block) for block in blocks if block.type == "tool_use"]
    create(client, [{"role": "user", "content": results}], **options)
    create(client, [{"role": "user", "content": dialogue.RECALL}], **options)

    assert_prefix_kept(stack.bodies)
    assert (
        spoken(stack.bodies[-1]["messages"])
        == [
            f"user: {hello}",
            f"assistant thinks: Thinking about: {hello}",
            f"assistant: Reply 1 to: {hello}",
            f"user: {question}",
            f"assistant thinks: Thinking about: {question[:60]}",  # the simulator thinks of no more
            *dialogue.TOOL_ROUND[1:],
            f"user: {dialogue.RECALL}",
        ]
    )


def test_breakpoints_of_the_client_stay_within_four(stack: Stack, client: Anthropic) -> None:
    """A client that marks as many as it may, and moves the last ones every turn."""
    mark = {"cache_control": {"type": "ephemeral"}}
    system = [{"type": "text", "text": "Be brief.", **mark}]
    tools = [{**dialogue.ANTHROPIC_TOOL, **mark}]
    messages: list[Any] = []
    for turn in range(1, 4):
        text = {"type": "text", "text": f"Turn {turn}.", **mark}
        messages.append({"role": "user", "content": [text]})
        blocks = create(client, messages, system=system, tools=tools)
        for message in messages[:-2]:
            for block in message["content"]:
                block.pop("cache_control", None)
        messages.append({"role": "assistant", "content": [block.to_dict() for block in blocks]})

    assert [received.body for received in stack.received] == [sent.body for sent in stack.sent]
    assert_prefix_kept(stack.bodies)
    (session,) = stack.sessions()
    assert len(stack.messages(session)) == 6


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_conversations_at_once_are_not_mixed(stack: Stack, client: Anthropic, stream: bool) -> None:
    def talk(name: str) -> None:
        conversation = Conversation(client, system="Be brief.", stream=stream)
        for turn in range(1, 4):
            conversation.say(f"{name} says {turn}.")
        assert conversation.say("[[first]]") == f'The first thing you said was: "{name} says 1."'

    names = ["Ada", "Bob", "Cyd", "Dee"]
    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(talk, names))

    assert_kept_apart(stack.logs(), names)
    for name in names:
        assert_prefix_kept([body for body in stack.bodies if name in json.dumps(body)])


@pytest.mark.parametrize("suffix", ["/v1", "/v1/v1"], ids=["v1", "v1-twice"])
def test_any_number_of_v1_in_the_base_url(stack: Stack, suffix: str) -> None:
    """The SDK adds /v1 itself, and people give it a base URL that ends with it all the same."""
    with Anthropic(base_url=f"{stack.url}{suffix}", api_key="sk-test") as client:
        (block,) = create(client, [{"role": "user", "content": dialogue.HELLO}])
    assert block.text == "Reply 1 to: I am Ada."
    assert [received.path for received in stack.received] == ["/v1/messages"]


def test_counting_tokens_makes_no_session(stack: Stack, client: Anthropic) -> None:
    counted = client.messages.count_tokens(
        model=MODEL, messages=[{"role": "user", "content": dialogue.HELLO}]
    )
    assert counted.input_tokens > 0
    assert stack.received[0].body == stack.sent[0].body
    assert stack.sessions() == []


def test_a_refusal_is_the_providers_own(stack: Stack, client: Anthropic) -> None:
    stack.expect_refusal("a tool result without its call is sent on purpose")
    orphan = {"type": "tool_result", "tool_use_id": "toolu_none", "content": "42"}
    with pytest.raises(anthropic.BadRequestError) as refused:
        create(client, [{"role": "user", "content": [orphan]}])
    assert refused.value.type == "invalid_request_error"
    assert refused.value.body == json.loads(stack.sent[0].answer)


def test_a_retry_is_stored_once(stack: Stack, client: Anthropic) -> None:
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


def test_a_stream_that_breaks_is_answered_again_and_stored_once(
    stack: Stack, client: Anthropic
) -> None:
    headers = in_session("ada")
    question = [{"role": "user", "content": "I am Ada. [[long 50]]"}]
    stack.simulator.script(Fault(cut_after=6))
    with pytest.raises((anthropic.APIError, httpx2.TransportError)):
        create(client, question, stream=True, extra_headers=headers)
    create(client, question, stream=True, extra_headers=headers)
    blocks = create(client, [{"role": "user", "content": dialogue.RECALL}], extra_headers=headers)

    assert blocks[0].text == 'The first thing you said was: "I am Ada. [[long 50]]"'
    assert [line for line in spoken(stack.bodies[-1]["messages"]) if line.startswith("user")] == [
        "user: I am Ada. [[long 50]]",
        "user: What did I say first?",
    ]
