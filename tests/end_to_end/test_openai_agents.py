"""The OpenAI Agents SDK on the Responses API, with every way it has to remember."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from openai import AsyncOpenAI

from tests.end_to_end import dialogue
from tests.end_to_end.histories import assert_extends, assert_prefix_kept, history, spoken
from tests.end_to_end.presence import client_package
from tests.end_to_end.stack import Stack

pytestmark = pytest.mark.clients

STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


@contextlib.asynccontextmanager
async def client_of(stack: Stack) -> AsyncIterator[AsyncOpenAI]:
    client_package("agents").set_tracing_disabled(True)  # traces go to OpenAI itself
    async with AsyncOpenAI(base_url=f"{stack.url}/v1", api_key="sk-test") as client:
        yield client


def agent_with(client: AsyncOpenAI, **options: Any) -> Any:
    agents = client_package("agents")

    def get_weather(city: str) -> str:
        """The weather in a city."""
        return dialogue.weather_in(city)

    given = {
        "name": "Guide",
        "instructions": "Be brief.",
        "tools": [agents.function_tool(get_weather)],
        "model": agents.OpenAIResponsesModel("gpt-5.5", client),
    }
    return agents.Agent(**(given | options))


async def run(agent: Any, said: Any, *, stream: bool = False, **options: Any) -> Any:
    runner = client_package("agents").Runner
    if not stream:
        return await runner.run(agent, said, **options)
    result = runner.run_streamed(agent, said, **options)
    async for _ in result.stream_events():
        pass
    return result


async def hold(stack: Stack, agent: Any, *, stream: bool, **options: Any) -> Any:
    """The dialogue, with a restart of the proxy in it."""
    await run(agent, dialogue.HELLO, stream=stream, **options)
    await run(agent, dialogue.QUESTION, stream=stream, **options)
    await asyncio.to_thread(stack.restart)
    return await run(agent, dialogue.RECALL, stream=stream, **options)


@STREAMED
def test_a_session_of_the_client(stack: Stack, stream: bool) -> None:
    async def talk() -> Any:
        async with client_of(stack) as client:
            session = client_package("agents").SQLiteSession("ada")
            result = await hold(stack, agent_with(client), stream=stream, session=session)
            session.close()
            return result

    assert asyncio.run(talk()).final_output == dialogue.RECALLED
    assert [received.body for received in stack.received] == [sent.body for sent in stack.sent]
    assert_prefix_kept(stack.bodies)
    (session,) = stack.sessions()
    assert spoken(stack.messages(session)) == dialogue.TRANSCRIPT


def test_a_session_in_a_conversation(stack: Stack) -> None:
    """It keeps its items in a conversation object, and yet sends all of them with every request."""

    async def talk() -> tuple[Any, list[str]]:
        async with client_of(stack) as client:
            session = client_package("agents").OpenAIConversationsSession(openai_client=client)
            result = await hold(stack, agent_with(client), stream=False, session=session)
            items = await session.get_items()
            await session.clear_session()
            return result, spoken(items)

    result, kept = asyncio.run(talk())
    assert result.final_output == dialogue.RECALLED
    assert kept == dialogue.TRANSCRIPT
    assert_prefix_kept(stack.bodies)
    for messages in stack.logs():
        assert spoken(messages) == dialogue.TRANSCRIPT


@STREAMED
def test_a_conversation_by_its_id(stack: Stack, stream: bool) -> None:
    async def talk() -> Any:
        async with client_of(stack) as client:
            conversation = await client.conversations.create()
            options = {"conversation_id": conversation.id}
            return await hold(stack, agent_with(client), stream=stream, **options)

    assert asyncio.run(talk()).final_output == dialogue.RECALLED
    assert [len(history(sent.json)) for sent in stack.sent] == [1] * 4
    assert_prefix_kept(stack.bodies)
    (session,) = stack.sessions()
    assert spoken(stack.messages(session)) == dialogue.TRANSCRIPT


@STREAMED
def test_a_chain_of_responses(stack: Stack, stream: bool) -> None:
    async def talk() -> Any:
        async with client_of(stack) as client:
            agent = agent_with(client)
            result = await run(agent, dialogue.HELLO, stream=stream, auto_previous_response_id=True)
            for said in (dialogue.QUESTION, dialogue.RECALL):
                await asyncio.to_thread(stack.restart)
                last = result.last_response_id
                result = await run(agent, said, stream=stream, previous_response_id=last)
            return result

    assert asyncio.run(talk()).final_output == dialogue.RECALLED
    assert [len(history(sent.json)) for sent in stack.sent] == [1] * 4
    assert_prefix_kept(stack.bodies)
    (session,) = stack.sessions()
    assert spoken(stack.messages(session)) == dialogue.TRANSCRIPT


@pytest.mark.parametrize("kept_by", ["client", "response", "conversation"])
def test_a_handoff_in_the_middle(stack: Stack, kept_by: str) -> None:
    """The next agent goes on in the same history with instructions and tools of its own."""
    handing_over = "Ask the poet. [[tool transfer_to_poet {}]]"

    async def talk() -> Any:
        agents = client_package("agents")
        async with client_of(stack) as client:
            poet = agent_with(client, name="Poet", instructions="Speak in rhyme.", tools=[])
            guide = agent_with(client, handoffs=[poet])
            options: dict[str, Any] = {}
            if kept_by == "client":
                options["session"] = agents.SQLiteSession("ada")
            if kept_by == "response":
                options["auto_previous_response_id"] = True
            if kept_by == "conversation":
                options["conversation_id"] = (await client.conversations.create()).id
            result = await run(guide, dialogue.HELLO, **options)
            if kept_by == "response":
                options = {"previous_response_id": result.last_response_id}
            result = await run(guide, handing_over, **options)
            assert result.last_agent is poet
            if kept_by == "response":
                options = {"previous_response_id": result.last_response_id}
            await asyncio.to_thread(stack.restart)
            return await run(result.last_agent, dialogue.RECALL, **options)

    assert asyncio.run(talk()).final_output == dialogue.RECALLED
    assert [body["instructions"] for body in stack.bodies] == [
        "Be brief.",
        "Be brief.",
        "Speak in rhyme.",
        "Speak in rhyme.",
    ]
    assert [len(body.get("tools") or ()) for body in stack.bodies] == [2, 2, 0, 0]
    for earlier, later in zip(stack.bodies, stack.bodies[1:], strict=False):
        assert_extends(earlier, later)
    handed_over = '{"assistant": "Poet"}'
    (session,) = stack.sessions()
    assert spoken(stack.messages(session)) == [
        *dialogue.WELCOME,
        f"user: {handing_over}",
        "assistant calls transfer_to_poet {}",
        f"tool: {handed_over}",
        f"assistant: Tool said: {handed_over}",
        f"user: {dialogue.RECALL}",
        f"assistant: {dialogue.RECALLED}",
    ]
