"""LiteLLM as a program: reads one step per line, prints one line per answer.

Runs in LiteLLM's own environment (it pins another OpenAI SDK) with only this folder's dialogue.
A step is {conversation, url, model, api, say, stream?}: api is `chat` (litellm.completion),
`responses` (litellm.responses, the history resent) or `chain` (litellm.responses with
previous_response_id). One process serves many conversations: importing LiteLLM takes seconds.
"""

import importlib
import json
import sys
from typing import Any

from tests.end_to_end import dialogue

litellm: Any = importlib.import_module("litellm")

_said: dict[str, list[Any]] = {}
_last: dict[str, str] = {}


def _answer(step: dict[str, Any]) -> dict[str, Any]:
    talk = _talk_chat if step["api"] == "chat" else _talk_responses
    options = {
        "model": step["model"],
        "api_base": step["url"],
        "api_key": "sk-test",
        "stream": bool(step.get("stream")),
    }
    return talk(step, options)


def _talk_chat(step: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    said = _said.setdefault(step["conversation"], [])
    said.append({"role": "user", "content": step["say"]})
    while True:
        answer = litellm.completion(messages=said, tools=[dialogue.OPENAI_TOOL], **options)
        if options["stream"]:
            answer = litellm.stream_chunk_builder(list(answer), messages=said)
        message = answer.choices[0].message
        said.append(message.model_dump())
        if not message.tool_calls:
            return {"text": message.content}
        for call in message.tool_calls:
            result = _weather(call.function.arguments)
            said.append({"role": "tool", "tool_call_id": call.id, "content": result})


def _talk_responses(step: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    name = step["conversation"]
    said = _said.setdefault(name, [])
    given: list[Any] = [{"role": "user", "content": step["say"]}]
    while True:
        said += given
        if step["api"] == "chain" and name in _last:
            options["previous_response_id"] = _last[name]
        answer = litellm.responses(
            input=list(given if step["api"] == "chain" else said),
            tools=[dialogue.RESPONSES_TOOL],
            **options,
        )
        if options["stream"]:
            answer = list(answer)[-1].response
        _last[name] = answer.id
        output = [item.model_dump(exclude_none=True) for item in answer.output]
        said += output
        calls = [item for item in output if item["type"] == "function_call"]
        if not calls:
            return {"text": output[-1]["content"][0]["text"]}
        given = [
            {
                "type": "function_call_output",
                "call_id": call["call_id"],
                "output": _weather(call["arguments"]),
            }
            for call in calls
        ]


def _weather(arguments: str) -> str:
    return dialogue.weather_in(json.loads(arguments)["city"])


def _main() -> None:
    answers = sys.stdout
    sys.stdout = sys.stderr  # LiteLLM prints hints of its own
    for line in sys.stdin:
        try:
            answer = _answer(json.loads(line))
        except Exception as error:  # noqa: BLE001 - the test is told, and goes on with the next
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    _main()
