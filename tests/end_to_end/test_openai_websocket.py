"""The Responses API over WebSocket: OpenAI's Python SDK and its Agents SDK.

A response is known by its id on the connection it was given on; here also on the next one.
"""

import asyncio
from typing import Any

import pytest
from openai import OpenAI

from tests.end_to_end import dialogue
from tests.end_to_end.histories import assert_prefix_kept, history, spoken
from tests.end_to_end.presence import client_package
from tests.end_to_end.stack import Stack
from tests.end_to_end.test_openai_agents import agent_with, client_of, run
from tests.end_to_end.test_openai_responses_sdk import connect, tool_results

pytestmark = pytest.mark.clients


def talk(client: OpenAI, texts: list[str], last: str | None) -> Any:
    """Says each text in turn on a connection of its own, after the response of that id."""
    with client.responses.connect() as connection:
        for text in texts:
            given: Any = [{"role": "user", "content": text}]
            while given:
                asked: Any = {
                    "type": "response.create",
                    "model": "gpt-5.5",
                    "input": given,
                    "tools": [dialogue.RESPONSES_TOOL],
                }
                if last is not None:
                    asked["previous_response_id"] = last
                connection.send(asked)
                event = next(event for event in connection if event.type == "response.completed")
                last = event.response.id
                given = tool_results(event.response)
    return event.response


def assert_remembered(stack: Stack) -> None:
    """On the second connection the provider is told all that was said on the first."""
    told = [spoken(history(body)) for body in stack.bodies]
    assert told[-1] == dialogue.TRANSCRIPT[:-1]
    assert "previous_response_id" not in stack.bodies[-1]
    assert_prefix_kept([stack.bodies[0], stack.bodies[-1]])
    assert {sent.method for sent in stack.sent} == {"WS"}
    (session,) = stack.sessions()
    assert spoken(stack.messages(session)) == dialogue.TRANSCRIPT


def test_a_chain_goes_on_over_another_connection(stack: Stack) -> None:
    client_package("websockets")
    with connect(stack) as client:
        last = talk(client, [dialogue.HELLO, dialogue.QUESTION], None)
        stack.restart()
        last = talk(client, [dialogue.RECALL], last.id)

    assert last.output_text == dialogue.RECALLED
    assert_remembered(stack)


def test_an_agent_remembers(stack: Stack) -> None:
    async def hold() -> Any:
        models = client_package("agents.models.openai_responses")
        async with client_of(stack) as client:
            model = models.OpenAIResponsesWSModel("gpt-5.5", client)
            agent = agent_with(client, model=model)
            result = await run(agent, dialogue.HELLO)
            result = await run(
                agent, dialogue.QUESTION, previous_response_id=result.last_response_id
            )
            await model.close()
            await asyncio.to_thread(stack.restart)
            result = await run(agent, dialogue.RECALL, previous_response_id=result.last_response_id)
            await model.close()
            return result

    assert asyncio.run(hold()).final_output == dialogue.RECALLED
    assert_remembered(stack)
