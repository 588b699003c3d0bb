"""The stream of a response, event by event, and what the official SDK makes of it."""

import json
import urllib.error
import urllib.request
from typing import Any

import openai
import pytest
from openai.types.responses import Response

from stitcher.simulator.faults import Fault
from stitcher.simulator.serve import SimulatorThread

MODEL = "sim-m"
TOOLS: list[dict[str, Any]] = [
    {"type": "function", "name": "f", "parameters": {"type": "object"}},
    {"type": "custom", "name": "c"},
]
EVERYTHING = (
    '[[think]][[commentary First]][[say Well,  then\n]][[tool f {"alpha": 1}]]'
    '[[tool c {"input": "raw text"}]]'
)
ENCRYPTED = ["reasoning.encrypted_content"]

Event = dict[str, Any]


def raw(sim: SimulatorThread, words: str, **fields: Any) -> bytes:
    """The bytes of a streamed answer."""
    asked = {"model": MODEL, "input": words, "stream": True, **fields}
    request = urllib.request.Request(
        f"{sim.url}/v1/responses",
        json.dumps(asked).encode(),
        {"authorization": "Bearer key", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        whole: bytes = answer.read()
    return whole


def events(sim: SimulatorThread, words: str, **fields: Any) -> list[Event]:
    told: list[Event] = []
    for block in raw(sim, words, **fields).decode().split("\n\n")[:-1]:
        name, _, data = block.partition("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        told.append(event)
    return told


def names(told: list[Event]) -> list[str]:
    """The events' names with repeated deltas told once."""
    shown = [event["type"].removeprefix("response.") for event in told]
    return [name for at, name in enumerate(shown) if at == 0 or name != shown[at - 1]]


def deltas(told: list[Event], name: str) -> str:
    return "".join(event["delta"] for event in told if event["type"] == f"response.{name}.delta")


def streamed(client: openai.OpenAI, words: str, **fields: Any) -> Response:
    given: dict[str, Any] = {"model": MODEL, "input": words, **fields}
    with client.responses.stream(**given) as stream:
        return stream.get_final_response()


def comparable(answer: Response) -> Any:
    """What two answers to one question have in common."""
    shown = answer.model_dump(exclude={"id", "created_at", "completed_at"})
    for item in shown["output"]:
        for name in ("id", "call_id", "encrypted_content", "parsed", "parsed_arguments"):
            item.pop(name, None)
        for part in item.get("content") or ():
            part.pop("parsed", None)
    return shown


def test_a_text_unfolds_in_this_order(sim: SimulatorThread) -> None:
    told = events(sim, "[[say one two]]")
    assert names(told) == [
        "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta",
        "output_text.done", "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    assert deltas(told, "output_text") == "one two"
    assert b"[DONE]" not in raw(sim, "hi")


def test_a_response_begins_empty_and_ends_whole(sim: SimulatorThread) -> None:
    told = events(sim, EVERYTHING, tools=TOOLS)
    for event in told[:2]:
        begun = event["response"]
        assert (begun["status"], begun["output"], begun["usage"]) == ("in_progress", [], None)
    ended = told[-1]["response"]
    assert (ended["status"], ended["id"]) == ("completed", told[0]["response"]["id"])
    done = [event["item"] for event in told if event["type"] == "response.output_item.done"]
    assert ended["output"] == done
    added = [event["item"] for event in told if event["type"] == "response.output_item.added"]
    assert [item["id"] for item in added] == [item["id"] for item in done]
    assert [event["output_index"] for event in told if "item" in event] == [
        0, 0, 1, 1, 2, 2, 3, 3, 4, 4,
    ]  # fmt: skip


def test_reasoning_unfolds_as_a_summary(sim: SimulatorThread) -> None:
    told = events(sim, "[[think]]", include=ENCRYPTED)
    assert names(told)[2:8] == [
        "output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta",
        "reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done",
    ]  # fmt: skip
    assert deltas(told, "reasoning_summary_text") == "Thinking about: [[think]]"
    added, done = (
        event["item"] for event in told if "item" in event and event["output_index"] == 0
    )
    # Only the finished item's is to be sent back (openai SDK 3.54.0, response_reasoning_item.py).
    assert added["encrypted_content"] != done["encrypted_content"]
    assert added["summary"] == []


def test_calls_unfold_in_pieces(sim: SimulatorThread) -> None:
    told = events(sim, '[[tool f {"alpha": "beta"}]][[tool c {"input": "raw text"}]]', tools=TOOLS)
    assert names(told)[2:] == [
        "output_item.added", "function_call_arguments.delta", "function_call_arguments.done",
        "output_item.done", "output_item.added", "custom_tool_call_input.delta",
        "custom_tool_call_input.done", "output_item.done", "completed",
    ]  # fmt: skip
    assert deltas(told, "function_call_arguments") == '{"alpha": "beta"}'
    assert deltas(told, "custom_tool_call_input") == "raw text"
    begun = [event["item"] for event in told if event["type"] == "response.output_item.added"]
    assert (begun[0]["arguments"], begun[1]["input"]) == ("", "")


def test_a_refusal_unfolds(sim: SimulatorThread) -> None:
    told = events(sim, "[[refusal]]")
    assert names(told)[3:7] == [
        "content_part.added", "refusal.delta", "refusal.done", "content_part.done",
    ]  # fmt: skip
    assert deltas(told, "refusal") == "I cannot help with that."


@pytest.mark.parametrize(("directive", "ending"), [("incomplete", "incomplete"),
                                                   ("failed", "failed")])  # fmt: skip
def test_other_endings(sim: SimulatorThread, directive: str, ending: str) -> None:
    told = events(sim, f"[[long 9]][[{directive}]]")
    assert names(told)[-1] == ending
    assert told[-1]["response"]["status"] == ending


def test_deltas_are_obfuscated_unless_that_is_declined(sim: SimulatorThread) -> None:
    told = events(sim, "[[say hi]]")
    assert any(event.get("obfuscation") for event in told)
    plain = events(sim, "[[say hi]]", stream_options={"include_obfuscation": False})
    assert not any("obfuscation" in event for event in plain)


def test_the_sdk_reads_the_same_from_a_stream_as_from_a_document(chat: openai.OpenAI) -> None:
    fields: dict[str, Any] = {"tools": TOOLS, "include": ENCRYPTED, "store": False}
    plain = chat.responses.create(model=MODEL, input=EVERYTHING, **fields)
    final = streamed(chat, EVERYTHING, **fields)
    assert [item.type for item in final.output] == [
        "reasoning", "message", "message", "function_call", "custom_tool_call",
    ]  # fmt: skip
    assert final.output_text == plain.output_text == "FirstWell,  then\n"
    told, asked_again = comparable(final), comparable(plain)
    # The second request reads what the first one wrote.
    assert told.pop("usage")["total_tokens"] == asked_again.pop("usage")["total_tokens"]
    assert told == asked_again


def test_a_streamed_tool_loop(chat: openai.OpenAI) -> None:
    first = streamed(chat, "[[tool f]][[tool c]]", tools=TOOLS)
    outputs = [
        {"type": f"{item.type}_output", "call_id": item.call_id, "output": item.type}
        for item in first.output
        if item.type in ("function_call", "custom_tool_call")
    ]
    given: dict[str, Any] = {"model": MODEL, "input": outputs, "tools": TOOLS}
    with chat.responses.stream(previous_response_id=first.id, **given) as stream:
        told = stream.get_final_response()
    assert told.output_text == "Tool said: function_call | custom_tool_call"


def test_an_error_event_ends_the_stream(sim: SimulatorThread, chat: openai.OpenAI) -> None:
    told = events(sim, "[[error-event]]")
    assert names(told) == ["created", "in_progress", "error"]
    assert (told[-1]["sequence_number"], told[-1]["code"]) == (2, "server_error")
    seen = list(chat.responses.create(model=MODEL, input="[[error-event]]", stream=True))
    assert seen[-1].type == "error"
    answered = chat.responses.create(model=MODEL, input="hi")
    assert answered.output_text == "Reply 1 to: hi"


def test_a_stream_that_is_cut_has_no_end(sim: SimulatorThread, chat: openai.OpenAI) -> None:
    with pytest.raises(openai.APIConnectionError):
        streamed(chat, "[[long 50]][[cut 9]]")
    sim.script(Fault(status=503))
    with pytest.raises(urllib.error.HTTPError) as refused:
        raw(sim, "hi")
    assert refused.value.code == 503
    assert json.loads(refused.value.read())["error"]["type"] == "server_error"
