"""The event stream of a response: every event a whole response object unfolds into, in order.

Order and fields follow openai SDK 3.54.0 (types/responses/response_stream_event.py). Knows nothing
of how a response is made or carried; `as_sse` frames an event for HTTP.
"""

import itertools
from collections.abc import Iterator
from typing import Any

from stitcher.simulator.answer import argument_pieces, text_pieces, to_json

Event = dict[str, Any]

# What the final event of a response is called, by its status.
_ENDINGS = {
    "completed": "response.completed",
    "incomplete": "response.incomplete",
    "failed": "response.failed",
}
_OBFUSCATION_STEP = 16


def as_sse(event: Event) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (event["type"].encode(), to_json(event))


def response_events(document: dict[str, Any], *, obfuscated: bool = True) -> Iterator[Event]:
    """The events that tell of a finished response, numbered from 0."""
    numbers = itertools.count()
    for event in _events(document):
        if obfuscated and isinstance(event.get("delta"), str):
            # Pads every delta to a multiple of a size, as "random characters" do in the real one.
            event["obfuscation"] = "x" * (-len(event["delta"]) % _OBFUSCATION_STEP)
        yield {"type": event.pop("type"), "sequence_number": next(numbers), **event}


def _events(document: dict[str, Any]) -> Iterator[Event]:
    begun = {
        **document,
        "status": "in_progress",
        "output": [],
        "usage": None,
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
    }
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(document["output"]):
        place = {"output_index": index}
        yield {"type": "response.output_item.added", **place, "item": _opened(item)}
        yield from _inside(item, {"item_id": item["id"], **place})
        yield {"type": "response.output_item.done", **place, "item": item}
    yield {"type": _ENDINGS[document["status"]], "response": document}


def _opened(item: dict[str, Any]) -> dict[str, Any]:
    """The item as it is when it begins."""
    begun = {**item, "status": "in_progress"} if "status" in item else dict(item)
    for name, empty in (("content", []), ("summary", []), ("arguments", ""), ("input", "")):
        if name in begun:
            begun[name] = empty
    if item["type"] == "reasoning" and "encrypted_content" in item:
        # "The `encrypted_content` in `response.output_item.added` may be incomplete."
        begun["encrypted_content"] = item["encrypted_content"][:16]
    return begun


def _inside(item: dict[str, Any], place: dict[str, Any]) -> Iterator[Event]:
    match item["type"]:
        case "message":
            for index, part in enumerate(item["content"]):
                yield from _content(part, {**place, "content_index": index})
        case "reasoning":
            for index, part in enumerate(item["summary"]):
                yield from _summary(part, {**place, "summary_index": index})
        case "function_call":
            name = "response.function_call_arguments"
            yield from _pieces(name, argument_pieces(item["arguments"]), place)
            yield {"type": f"{name}.done", **place, "arguments": item["arguments"]}
        case "custom_tool_call":
            name = "response.custom_tool_call_input"
            yield from _pieces(name, argument_pieces(item["input"]), place)
            yield {"type": f"{name}.done", **place, "input": item["input"]}


def _content(part: dict[str, Any], place: dict[str, Any]) -> Iterator[Event]:
    refused = part["type"] == "refusal"
    field, name = ("refusal", "response.refusal") if refused else (
        "text", "response.output_text")  # fmt: skip
    more: dict[str, Any] = {} if refused else {"logprobs": []}
    yield {"type": "response.content_part.added", **place, "part": {**part, field: ""}}
    yield from _pieces(name, text_pieces(part[field]), {**place, **more})
    yield {"type": f"{name}.done", **place, **more, field: part[field]}
    yield {"type": "response.content_part.done", **place, "part": part}


def _summary(part: dict[str, Any], place: dict[str, Any]) -> Iterator[Event]:
    name = "response.reasoning_summary_text"
    yield {"type": "response.reasoning_summary_part.added", **place, "part": {**part, "text": ""}}
    yield from _pieces(name, text_pieces(part["text"]), place)
    yield {"type": f"{name}.done", **place, "text": part["text"]}
    yield {"type": "response.reasoning_summary_part.done", **place, "part": part}


def _pieces(name: str, pieces: Iterator[str], place: dict[str, Any]) -> Iterator[Event]:
    for piece in pieces:
        yield {"type": f"{name}.delta", **place, "delta": piece}
