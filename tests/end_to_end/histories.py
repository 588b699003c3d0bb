"""Reads the messages of every dialect as a person would, so that tests can say what they expect.

Pure. Works on parsed JSON, of a request's body or of a line in the log alike. An item of the
Responses API counts as a message; the log keeps the reasoning before an item in one list with it.
"""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

Message = dict[str, Any]
Kept = Message | list[Message]  # a line of the log

_TEXTS = ("text", "input_text", "output_text")


def spoken(messages: Sequence[Kept]) -> list[str]:
    """One line for each thing said: "user: hi", "assistant calls f {...}", "tool: 42"."""
    return [line for message in one_by_one(messages) for line in _lines(message)]


def one_by_one(messages: Sequence[Kept]) -> list[Message]:
    """The messages of a log one by one, as they stand in a request."""
    listed = [kept if isinstance(kept, list) else [kept] for kept in messages]
    return [message for messages_of_line in listed for message in messages_of_line]


def history(body: Any) -> list[Message]:
    """What a request says, in its dialect's form: its messages, or the items of its input."""
    told = body["messages"] if "messages" in body else body["input"]
    return [{"role": "user", "content": told}] if isinstance(told, str) else list(told)


def assert_prefix_kept(bodies: Sequence[Any]) -> None:
    """Each request's messages begin with the previous one's, and its tools and system stay.

    What a provider reads as the same counts as the same: a string and its one text block, and
    breakpoints wherever they stand (Claude Code moves its own with every request).
    """
    for number, (earlier, later) in enumerate(pairwise(bodies), start=2):
        assert_extends(earlier, later, f"request {number}")
        assert _system(later) == _system(earlier), f"request {number} changed the system prompt"


def assert_extends(earlier: Any, later: Any, name: str = "the later request") -> None:
    """The later request's messages begin with all of the earlier one's and go on."""
    before, after = (canonical([_shown(m) for m in history(body)]) for body in (earlier, later))
    assert len(after) > len(before), f"{name} adds no message"
    for position, (old, new) in enumerate(zip(before, after, strict=False)):
        assert new == old, f"{name} changed message {position}"


def assert_kept_apart(logs: Sequence[Sequence[Kept]], names: Sequence[str]) -> None:
    """Of conversations in which everybody says their name at every turn: one log each, no repeats.

    `names` must not be part of each other.
    """
    lines_of_logs = [spoken(messages) for messages in logs]
    speakers = [[name for name in names if name in "\n".join(lines)] for lines in lines_of_logs]
    assert sorted(speakers) == sorted([name] for name in names)
    for lines in lines_of_logs:
        assert len(set(lines)) == len(lines), lines


def canonical(value: Any) -> Any:
    """A value without breakpoints, with every message's content as a list of blocks.

    In the Responses API a message need not name its type, and a text's type only says its side.
    """
    if isinstance(value, list):
        return [canonical(item) for item in value]
    if not isinstance(value, dict):
        return value
    plain = {key: canonical(item) for key, item in value.items() if key != "cache_control"}
    if isinstance(plain.get("content"), str):
        plain["content"] = [{"type": "text", "text": plain["content"]}]
    if plain.get("type") == "message":
        del plain["type"]
    if plain.get("type") in _TEXTS:
        plain["type"] = "text"
    return plain


def _shown(message: Message) -> Message:
    """What a model is shown: not what an item of the Responses API is called and how it ended."""
    if message.get("type") == "item_reference":
        return message
    return {key: value for key, value in message.items() if key not in ("id", "status")}


def _system(body: Any) -> Any:
    told = body.get("system") or body.get("instructions") or ""
    return canonical({"content": told})["content"]


def _lines(message: Message) -> list[str]:
    match message.get("type", "message"):
        case "message":
            return _message_lines(message)
        case "function_call":
            return [_call(message["name"], json.loads(message["arguments"]))]
        case "function_call_output":
            return _message_lines({"role": "tool", "content": message["output"]})
        case "reasoning":
            return [f"assistant thinks: {part['text']}" for part in message["summary"]] or [
                "assistant thinks"
            ]
        case other:
            return [f"an item: {other}"]


def _message_lines(message: Message) -> list[str]:
    role = message["role"]
    content = message.get("content")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
    lines = [_block_line(role, block) for block in blocks]
    for call in message.get("tool_calls") or ():
        lines.append(_call(call["function"]["name"], json.loads(call["function"]["arguments"])))
    return lines


def _block_line(role: str, block: Message) -> str:
    match block["type"]:
        case "text" | "input_text" | "output_text":
            return f"{role}: {block['text']}"
        case "thinking":
            return f"{role} thinks: {block['thinking']}"
        case "tool_use":
            return _call(block["name"], block["input"])
        case "tool_result":
            return " ".join(_message_lines({"role": "tool", "content": block.get("content")}))
        case other:
            return f"{role} shows: {other}"


def _call(name: str, arguments: Any) -> str:
    return f"assistant calls {name} {json.dumps(arguments)}"
