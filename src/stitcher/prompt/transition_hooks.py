"""Ready transition hooks: what becomes of a turn when it becomes history that stays.

A transition hook takes `(messages)` and returns what of them stays. None of these changes what it
is given, and none parts a tool call from its result.
"""

from collections.abc import Callable
from typing import Any

from stitcher.messages.reading import Message, read
from stitcher.messages.results import without_results


def identity_transition_hook(messages: list[Message]) -> list[Message]:
    """Everything becomes history as it is. The default."""
    return list(messages)


def drop_tool_messages_transition_hook(messages: list[Message]) -> list[Message]:
    """What was said becomes history; tool calls and their results do not."""
    kept: list[Message] = []
    next_stays = True
    for message in reversed(messages):
        # OpenAI wants reasoning right before what it led to.
        is_reasoning = message.get("type") == "reasoning"
        rest = _without_tools(message) if next_stays or not is_reasoning else None
        next_stays = rest is not None
        kept += [] if rest is None else [rest]
    return kept[::-1]


def _without_tools(message: Message) -> Message | None:
    said = read(message)
    if said.answers:
        return without_results(message)
    if not said.calls:
        return message
    if said.form == "openai_responses":
        return None
    if said.form == "openai_chat":
        bare = {key: message[key] for key in message if key not in ("tool_calls", "function_call")}
        return bare if bare.get("content") else None
    inside = "parts" if said.form == "gemini" else "content"
    rest = [part for part in message[inside] if not _is_call(part)]
    says = [part for part in rest if part.get("type") not in ("thinking", "redacted_thinking")]
    return {**message, inside: rest} if says else None


def _is_call(part: Message) -> bool:
    return part.get("type") == "tool_use" or "function_call" in part or "functionCall" in part


def trim_tool_outputs(lines: int = 20) -> Callable[[list[Message]], list[Message]]:
    """A transition hook that keeps the last `lines` lines of each tool's output.

    Raises ValueError for less than one line.
    """
    if lines < 1:
        raise ValueError(f"lines: found {lines}, expected 1 or more")

    def trim(messages: list[Message]) -> list[Message]:
        return [
            _trimmed(message, lines) if read(message).answers else message for message in messages
        ]

    return trim


def _trimmed(message: Message, lines: int) -> Message:
    """The message with the texts of its results shortened, wherever its API has them."""
    if read(message).form != "anthropic":
        keys = ("content", "output", "parts")
        return {k: _tail(v, lines) if k in keys else v for k, v in message.items()}
    content = [
        {**block, "content": _tail(block.get("content"), lines)}
        if block.get("type") == "tool_result"
        else block
        for block in message["content"]
    ]
    return {**message, "content": content}


def _tail(value: Any, lines: int) -> Any:
    """The value with all its texts shortened."""
    if isinstance(value, list):
        return [_tail(inner, lines) for inner in value]
    if isinstance(value, dict):
        told = ("text", "content", "response", "function_response", "functionResponse")
        inside = value if "name" not in value and "type" not in value else told
        return {k: _tail(v, lines) if k in inside else v for k, v in value.items()}
    if not isinstance(value, str):
        return value
    kept = value.splitlines()
    if len(kept) <= lines:
        return value
    return "\n".join([f"[{len(kept) - lines} lines left out]", *kept[-lines:]])
