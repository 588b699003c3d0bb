"""pydantic-ai's agents through the proxy, with its OpenAI and its Anthropic model."""

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import pytest

from tests.end_to_end import dialogue
from tests.end_to_end.histories import assert_kept_apart, assert_prefix_kept, spoken
from tests.end_to_end.presence import client_package
from tests.end_to_end.stack import Stack

pytestmark = [
    pytest.mark.clients,
    # Its HTTP client lets go of a connection that the server ended without closing the socket.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def _sockets_closed_before_the_next_test() -> Iterator[None]:
    yield
    gc.collect()


def openai_model(stack: Stack) -> Any:
    models = client_package("pydantic_ai.models.openai")
    providers = client_package("pydantic_ai.providers.openai")
    provider = providers.OpenAIProvider(base_url=f"{stack.url}/v1", api_key="sk-test")
    return models.OpenAIChatModel("gpt-5.5", provider=provider)


def anthropic_model(stack: Stack) -> Any:
    models = client_package("pydantic_ai.models.anthropic")
    providers = client_package("pydantic_ai.providers.anthropic")
    provider = providers.AnthropicProvider(base_url=stack.url, api_key="sk-test")
    return models.AnthropicModel("claude-sonnet-5-5", provider=provider)


MODELS = pytest.mark.parametrize(
    "make_model", [openai_model, anthropic_model], ids=["openai", "anthropic"]
)


def agent_with(model: Any, **options: Any) -> Any:
    agent = client_package("pydantic_ai").Agent(model, system_prompt="Be brief.", **options)

    def get_weather(city: str) -> str:
        """The weather in a city."""
        return dialogue.weather_in(city)

    agent.tool_plain(get_weather)
    return agent


async def say(agent: Any, text: str, history: list[Any], *, stream: bool) -> str:
    """One turn; the history grows by what was said."""
    if stream:
        async with agent.run_stream(text, message_history=history) as result:
            output = await result.get_output()
    else:
        result = await agent.run(text, message_history=history)
        output = result.output
    history[:] = result.all_messages()
    return str(output)


@MODELS
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_an_agent_remembers(stack: Stack, make_model: Any, stream: bool) -> None:
    agent = agent_with(make_model(stack))

    async def talk() -> str:
        history: list[Any] = []
        async with agent:
            await say(agent, dialogue.HELLO, history, stream=stream)
            await say(agent, dialogue.QUESTION, history, stream=stream)
            await asyncio.to_thread(stack.restart)
            return await say(agent, dialogue.RECALL, history, stream=stream)

    assert asyncio.run(talk()) == dialogue.RECALLED
    assert_prefix_kept(stack.bodies)
    (session,) = stack.sessions()
    assert spoken(stack.messages(session)) == dialogue.TRANSCRIPT


@MODELS
def test_agents_at_once_are_not_mixed(stack: Stack, make_model: Any) -> None:
    agent = agent_with(make_model(stack))

    async def talk(name: str) -> str:
        history: list[Any] = []
        for turn in range(1, 3):
            await say(agent, f"{name} says {turn}.", history, stream=False)
        return await say(agent, "[[first]]", history, stream=False)

    async def talk_at_once() -> list[str]:
        async with agent:
            return list(await asyncio.gather(*(talk(name) for name in names)))

    names = ["Ada", "Bob", "Cyd"]
    answers = asyncio.run(talk_at_once())
    assert answers == [f'The first thing you said was: "{name} says 1."' for name in names]
    assert_kept_apart(stack.logs(), names)


def test_thinking(stack: Stack) -> None:
    settings = {"anthropic_thinking": {"type": "adaptive"}, "max_tokens": 4096}
    agent = agent_with(anthropic_model(stack), model_settings=settings)

    async def talk() -> None:
        history: list[Any] = []
        await say(agent, f"{dialogue.HELLO} [[think]]", history, stream=False)
        await say(agent, f"{dialogue.QUESTION} [[think]]", history, stream=True)
        await asyncio.to_thread(stack.restart)
        await say(agent, "Good.", history, stream=False)

    asyncio.run(talk())
    assert_prefix_kept(stack.bodies)
    (session,) = stack.sessions()
    thoughts = [line for line in spoken(stack.messages(session)) if "thinks" in line]
    assert len(thoughts) == 2
    assert thoughts == [line for line in spoken(stack.bodies[-1]["messages"]) if "thinks" in line]
