"""Reads the messages of both dialects as a person would, so that tests can say what they expect.

Pure. Works on parsed JSON, of a request's body or of a line in the log alike.
"""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

Message = dict[str, Any]


def spoken(messages: Sequence[Message]) -> list[str]:
    """One line for each thing said: "user: hi", "assistant calls f {...}", "tool: 42"."""
    return [line for message in messages for line in _lines(message)]


def assert_prefix_kept(bodies: Sequence[Any]) -> None:
    """Each request's messages begin with the previous one's, and its tools and system stay.

    What a provider reads as the same counts as the same: a string and its one text block, and
    breakpoints wherever they stand (Claude Code moves its own with every request).
    """
    for number, (earlier, later) in enumerate(pairwise(bodies), start=2):
        before, after = (canonical(body["messages"]) for body in (earlier, later))
        assert len(after) > len(before), f"request {number} adds no message"
        for position, (old, new) in enumerate(zip(before, after, strict=False)):
            assert new == old, f"request {number} changed message {position}"
        assert _system(later) == _system(earlier), f"request {number} changed the system prompt"


def assert_kept_apart(logs: Sequence[Sequence[Message]], names: Sequence[str]) -> None:
    """Of conversations in which everybody says their name at every turn: one log each, no repeats.

    `names` must not be part of each other.
    """
    lines_of_logs = [spoken(messages) for messages in logs]
    speakers = [[name for name in names if name in "\n".join(lines)] for lines in lines_of_logs]
    assert sorted(speakers) == sorted([name] for name in names)
    for lines in lines_of_logs:
        assert len(set(lines)) == len(lines), lines


def canonical(value: Any) -> Any:
    """A value without breakpoints, with every message's content as a list of blocks."""
    if isinstance(value, list):
        return [canonical(item) for item in value]
    if not isinstance(value, dict):
        return value
    plain = {key: canonical(item) for key, item in value.items() if key != "cache_control"}
    if isinstance(plain.get("content"), str):
        plain["content"] = [{"type": "text", "text": plain["content"]}]
    return plain


def _system(body: Any) -> Any:
    return canonical({"content": body.get("system", "")})["content"]


def _lines(message: Message) -> list[str]:
    role = message["role"]
    content = message.get("content")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
    lines = [_block_line(role, block) for block in blocks]
    for call in message.get("tool_calls") or ():
        lines.append(_call(call["function"]["name"], json.loads(call["function"]["arguments"])))
    return lines


def _block_line(role: str, block: Message) -> str:
    match block["type"]:
        case "text":
            return f"{role}: {block['text']}"
        case "thinking":
            return f"{role} thinks: {block['thinking']}"
        case "tool_use":
            return _call(block["name"], block["input"])
        case "tool_result":
            return " ".join(_lines({"role": "tool", "content": block.get("content")}))
        case other:
            return f"{role} shows: {other}"


def _call(name: str, arguments: Any) -> str:
    return f"assistant calls {name} {json.dumps(arguments)}"
