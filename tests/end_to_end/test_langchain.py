"""langchain-openai and langchain-anthropic through the proxy."""

import itertools
from typing import Any

import pytest

from tests.end_to_end import dialogue
from tests.end_to_end.histories import assert_prefix_kept, spoken
from tests.end_to_end.presence import client_package
from tests.end_to_end.stack import Stack

pytestmark = pytest.mark.clients


def chat_openai(stack: Stack, **options: Any) -> Any:
    package = client_package("langchain_openai")
    return package.ChatOpenAI(
        model="gpt-5.5", base_url=f"{stack.url}/v1", api_key="sk-test", **options
    )


def chat_anthropic(stack: Stack, **options: Any) -> Any:
    package = client_package("langchain_anthropic")
    return package.ChatAnthropic(
        model="claude-sonnet-5-5", base_url=stack.url, api_key="sk-test", **options
    )


class Conversation:
    """The usual loop of a LangChain program: bound tools, a list of messages that grows."""

    def __init__(self, model: Any, *, stream: bool) -> None:
        core = client_package("langchain_core.messages")
        self._human = core.HumanMessage
        self._result = core.ToolMessage
        self._model = model.bind_tools([dialogue.OPENAI_TOOL])
        self._stream = stream
        self.messages: list[Any] = [core.SystemMessage("Be brief.")]

    def say(self, text: str) -> str:
        self.messages.append(self._human(text))
        while True:
            answer = self._ask()
            self.messages.append(answer)
            if not answer.tool_calls:
                return str(answer.text)
            for call in answer.tool_calls:
                content = dialogue.weather_in(call["args"]["city"])
                self.messages.append(self._result(content, tool_call_id=call["id"]))

    def _ask(self) -> Any:
        if not self._stream:
            return self._model.invoke(self.messages)
        return list(itertools.accumulate(self._model.stream(self.messages)))[-1]


def hold(stack: Stack, conversation: Conversation) -> None:
    conversation.say(dialogue.HELLO)
    conversation.say(dialogue.QUESTION)
    stack.restart()
    answer = conversation.say(dialogue.RECALL)
    assert answer == dialogue.RECALLED


def assert_remembered(stack: Stack) -> None:
    assert_prefix_kept(stack.bodies)
    (session,) = stack.sessions()
    assert spoken(stack.messages(session)) == dialogue.TRANSCRIPT


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_openai(stack: Stack, stream: bool) -> None:
    hold(stack, Conversation(chat_openai(stack, stream_usage=True), stream=stream))
    assert [received.body for received in stack.received] == [sent.body for sent in stack.sent]
    assert_remembered(stack)


def test_openai_stream_that_did_not_ask_for_usage(stack: Stack) -> None:
    """To a base URL of one's own LangChain asks for no usage; the proxy does, and keeps it."""
    conversation = Conversation(chat_openai(stack), stream=True)
    hold(stack, conversation)
    assert all("stream_options" not in sent.json for sent in stack.sent)
    assert conversation.messages[-1].usage_metadata is None
    assert_remembered(stack)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_anthropic(stack: Stack, stream: bool) -> None:
    hold(stack, Conversation(chat_anthropic(stack), stream=stream))
    assert [received.body for received in stack.received] == [sent.body for sent in stack.sent]
    assert_remembered(stack)


def test_anthropic_thinking(stack: Stack) -> None:
    model = chat_anthropic(stack, thinking={"type": "adaptive"})
    conversation = Conversation(model, stream=True)
    conversation.say("I am Ada. [[think]]")
    stack.restart()
    conversation.say(f"{dialogue.QUESTION} [[think]]")
    conversation.say("Good.")

    assert_prefix_kept(stack.bodies)
    (session,) = stack.sessions()
    thoughts = [line for line in spoken(stack.messages(session)) if "thinks" in line]
    assert [thought for thought in spoken(stack.bodies[-1]["messages"]) if "thinks" in thought] == (
        thoughts
    )
    assert len(thoughts) == 2


def test_anthropic_token_counting_makes_no_session(stack: Stack) -> None:
    hello = client_package("langchain_core.messages").HumanMessage(dialogue.HELLO)
    assert chat_anthropic(stack).get_num_tokens_from_messages([hello]) > 0
    assert [received.path for received in stack.received] == ["/v1/messages/count_tokens"]
    assert stack.sessions() == []
