"""Pydantic AI: a history processor that cuts rarely, at the same places however often it is asked.

Reads how large messages are and where turns begin off their parts. Knows nothing of agents or
models.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeGuard

try:
    from pydantic_ai.messages import (
        BaseToolCallPart,
        BaseToolReturnPart,
        BinaryContent,
        FilePart,
        ImageUrl,
        InstructionDeltaPart,
        ModelMessage,
        ModelRequest,
        ModelResponse,
        SpeechPart,
        SystemPromptPart,
        TextContent,
        TextPart,
        ThinkingPart,
        UserPromptPart,
    )
except ModuleNotFoundError as missing:
    raise ImportError(
        "stitcher.integrations.pydantic_ai needs pydantic-ai: "
        'pip install "stitcher-llm[pydantic-ai]"'
    ) from missing

from stitcher.core.compaction import Sized, window
from stitcher.messages.reading import Message
from stitcher.prompt.adapters.openai import OpenAIAdapter
from stitcher.prompt.adapters.provider_adapter import ProviderAdapter
from stitcher.prompt.trimming import TrimBudget

HistoryProcessor: TypeAlias = Callable[[list[ModelMessage]], list[ModelMessage]]

_ANSWERS = ("tool-return", "retry-prompt")  # kinds of parts that answer a tool call
_SAYS = ("user-prompt", "speech")


def stable_history(
    max_tokens: int, *, keep: float = 0.5, adapter: ProviderAdapter | None = None
) -> HistoryProcessor:
    """A history processor: `Agent(..., capabilities=[ProcessHistory(stable_history(8_000))])`.

    It returns the newest whole turns that fit into `max_tokens`, system prompt and instructions
    included, tools not. When a turn begins that would pass the budget, the oldest turns go until
    about `keep` of it is left; until it is passed again each request begins like the one before, so
    that the provider's cache hits. The system prompt stays first, no tool call is parted from its
    return, and the newest turn stays whole. With an adapter for a model that binds thinking to its
    prompt, what was thought before a cut is left out. Nothing it is given is changed. Raises
    ValueError for a budget that cannot be used.
    """
    budget = TrimBudget(max_tokens, keep, adapter or OpenAIAdapter())

    def process(messages: list[ModelMessage]) -> list[ModelMessage]:
        head = sum(map(budget.tokens, _head(messages)))
        pieces = list(_pieces(messages))
        sizes = [
            Sized(budget.tokens(_as_message(piece.parts)), piece.starts_turn) for piece in pieces
        ]
        left = window(sizes, budget.beside(head, "system prompt and instructions take"))
        if left.start == 0:
            return messages
        kept = _from(messages, pieces[left.start])
        if not budget.binds_thinking:
            return kept
        before = pieces[left.since].message - pieces[left.start].message
        return [*map(_without_thinking, kept[:before]), *kept[before:]]

    return process


def _without_thinking(message: ModelMessage) -> ModelMessage:
    """The message without what the model thought; itself where there is nothing."""
    if isinstance(message, ModelRequest):
        return message
    parts = [part for part in message.parts if not isinstance(part, ThinkingPart)]
    return message if len(parts) == len(message.parts) else replace(message, parts=parts)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Parts of a message between which no window begins; the system prompt is in none."""

    message: int  # index
    parts: list[Any]
    starts_turn: bool


def _pieces(messages: Sequence[ModelMessage]) -> Iterator[_Piece]:
    """The parts of a conversation: of each request those that answer calls, then the rest.

    Pydantic AI joins the return of an output tool and the prompt of the next run in one request,
    which then belongs to no run; what a tool itself shows the model beside its return does.
    """
    opening = _opening(messages)
    for n, message in enumerate(messages):
        if isinstance(message, ModelResponse):
            yield _Piece(n, list(message.parts), starts_turn=False)
            continue
        parts = [part for part in message.parts if n >= opening or not _is_standing(part)]
        answers = [part for part in parts if part.part_kind in _ANSWERS]
        rest = [part for part in parts if part.part_kind not in _ANSWERS]
        if answers:
            yield _Piece(n, answers, starts_turn=False)
        if rest:
            said = any(part.part_kind in _SAYS for part in rest)
            yield _Piece(n, rest, starts_turn=said and (not answers or message.run_id is None))


def _from(messages: Sequence[ModelMessage], start: _Piece) -> list[ModelMessage]:
    """The messages from a piece on, the system prompt that stood before it put in front."""
    first, *rest = messages[start.message :]
    parts = [*_system_prompt(messages[: start.message + 1]), *start.parts]
    if isinstance(first, ModelRequest) and parts != list(first.parts):
        first = replace(first, parts=parts)
    return [first, *rest]


def _opening(messages: Sequence[ModelMessage]) -> int:
    """How many messages come before the first response."""
    return next((n for n, one in enumerate(messages) if one.kind == "response"), len(messages))


def _system_prompt(messages: Sequence[ModelMessage]) -> list[SystemPromptPart]:
    """The system prompt that a conversation begins with."""
    opening = messages[: _opening(messages)]
    return [part for message in opening for part in message.parts if _is_standing(part)]


def _is_standing(part: object) -> TypeGuard[SystemPromptPart]:
    """True for a system prompt that holds for the rest of the conversation."""
    return isinstance(part, SystemPromptPart) and part.scope == "conversation"


def _head(messages: Sequence[ModelMessage]) -> list[Message]:
    """System prompt and instructions, of which each request has the whole: a message, or none."""
    told = (one.instructions for one in messages if isinstance(one, ModelRequest))
    instructions = next((text for text in told if text), None)
    blocks = [_text(part.content) for part in _system_prompt(messages)]
    if instructions:
        blocks.append(_text(instructions))
    return [{"role": "system", "content": blocks}] if blocks else []


def _as_message(parts: Sequence[Any]) -> Message:
    """A message of Chat Completions that says the same, to be counted."""
    calls = [
        {"function": {"name": part.tool_name, "arguments": part.args_as_json_str()}}
        for part in parts
        if isinstance(part, BaseToolCallPart)
    ]
    content = [block for part in parts for block in _blocks(part)]
    if calls:
        return {"role": "assistant", "content": content, "tool_calls": calls}
    return {"role": "user", "content": content}


def _blocks(part: Any) -> Iterator[Message]:
    """What a part shows the model, calls aside."""
    match part:
        case SystemPromptPart() | TextPart() | ThinkingPart():
            yield _text(part.content)
        case UserPromptPart():
            content = [part.content] if isinstance(part.content, str) else part.content
            for item in content:
                yield from _shown(item)
        case BaseToolReturnPart():
            yield _text(part.model_response_str())
            for file in part.files:
                yield from _shown(file)
        case FilePart():
            yield from _shown(part.content)
        case SpeechPart():
            yield _text(part.transcript)
        case InstructionDeltaPart():
            yield _text(part.render())
        case _ if hasattr(part, "model_response"):  # of the kinds of retries one is deprecated
            yield _text(part.model_response())


def _shown(item: Any) -> Iterator[Message]:
    """One piece of content; a file counts by its own size where it is there."""
    match item:
        case str():
            yield _text(item)
        case TextContent():
            yield _text(item.content)
        case ImageUrl():
            yield {"type": "image_url", "image_url": {"url": item.url}}
        case BinaryContent() if item.is_image:
            yield {"type": "image_url", "image_url": {"url": item.data_uri}}
        case BinaryContent():
            yield {"type": "file", "file": {"file_data": item.data_uri}}
        case _ if hasattr(item, "url"):
            yield {"type": "file", "file": {"file_url": item.url}}


def _text(text: str | None) -> Message:
    return {"type": "text", "text": text or ""}
