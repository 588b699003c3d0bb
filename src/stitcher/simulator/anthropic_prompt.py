"""A Messages request as the prompt the provider's cache sees: tools, system, messages, in order.

Where the documents leave room (2026-11): tools and system blocks are one position each; the
thinking mode, effort, tool choice, context management and the presence of images change the
messages only; `speed` changes system and messages. Knows nothing of cache entries or time.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from stitcher.simulator.anthropic_blocks import (
    THINKING_TYPES,
    blocks_of,
    canonical,
    system_blocks,
    visible_tools,
)
from stitcher.simulator.counting import (
    DOCUMENT_TOKENS,
    PER_MESSAGE,
    PER_TOOL,
    UNREADABLE_IMAGE,
    anthropic_image_tokens,
    image_size,
    json_tokens,
    text_tokens,
)
from stitcher.simulator.prefix_chain import Chain, Link
from stitcher.simulator.thinking_signature import ThinkingBlock, binds, thinking_blocks

_TTL_SECONDS = {"5m": 300, "1h": 3600}
_MINIMUMS = (
    (16, re.compile(r"claude-sim")),
    (512, re.compile(r"claude-(opus-5|sonnet-5-5|haiku-5-5|(fable|mythos)-5)")),
    (2048, re.compile(r"claude-(opus-4-7|mythos-preview|haiku-3-5|3-5-haiku)")),
    (4096, re.compile(r"claude-(haiku-4-5|opus-4-6|opus-4-5)")),
)
_DEFAULT_MINIMUM = 1024
# These drop all earlier thinking as soon as a user message brings more than tool results.
_STRIPPING = re.compile(
    r"claude-(3|haiku-(3|4)|sonnet-4(-5)?(-\d{8}|-0|$)|opus-4(-1)?(-\d{8}|-0|$)|2)"
)
_RUNS = frozenset({"tool_use", "tool_result"})


@dataclass(frozen=True, slots=True)
class Prompt:
    """`dropped` are the thinking blocks removed for failing the prefix check."""

    links: tuple[Link, ...]
    tokens: int
    minimum: int
    dropped: tuple[ThinkingBlock, ...]


def minimum_tokens(model: str) -> int:
    """The shortest prefix that is cached (prompt caching page, 2026-11)."""
    return next((least for least, names in _MINIMUMS if names.match(model)), _DEFAULT_MINIMUM)


def read_prompt(body: dict[str, Any]) -> Prompt:
    """The prompt of a request that the rules accept."""
    model = body["model"]
    dropped = _dropped_thinking(body)
    chain = Chain(model.encode())
    auto = _automatic_breakpoint(body)
    for tool in visible_tools(body):
        chain.add(canonical(tool), json_tokens(_unmarked(tool)) + PER_TOOL, ttl=_ttl(tool))
    chain.mix(str(body.get("speed") or "standard").encode())
    for block in system_blocks(body):
        chain.add(canonical(block), _block_tokens(block), ttl=_ttl(block))
    chain.mix(_message_settings(body))
    _add_messages(chain, body, {(block.message, block.index) for block in dropped}, auto)
    return Prompt(tuple(chain.links), chain.tokens, minimum_tokens(model), dropped)


def _add_messages(
    chain: Chain,
    body: dict[str, Any],
    hidden: set[tuple[int, int]],
    auto: tuple[int, int, int] | None,
) -> None:
    messages = body["messages"]
    newest_words = _newest_words(messages)
    newest_user = max(at for at, message in enumerate(messages) if message["role"] == "user")
    strips = _STRIPPING.match(body["model"]) is not None
    for number, message in enumerate(messages):
        if message.get("clear_at") == "next_user_message" and number < newest_user:
            continue
        previous = None
        overhead = PER_MESSAGE
        for index, block in enumerate(blocks_of(message.get("content"))):
            kind = block.get("type")
            stripped = strips and kind in THINKING_TYPES and number < newest_words
            if stripped or (number, index) in hidden:
                continue
            chain.add(
                message["role"].encode() + canonical(block),
                _block_tokens(block) + overhead,
                ttl=auto[2] if auto and auto[:2] == (number, index) else _ttl(block),
                same_position=kind in _RUNS and kind == previous,
            )
            previous = kind
            overhead = 0


def _dropped_thinking(body: dict[str, Any]) -> tuple[ThinkingBlock, ...]:
    if not binds(body["model"]):
        return ()
    return tuple(block for block in thinking_blocks(body) if block.signed != block.prefix)


def _newest_words(messages: list[dict[str, Any]]) -> int:
    """The place of the last user message that is more than tool results."""
    for number in range(len(messages) - 1, -1, -1):
        blocks = blocks_of(messages[number].get("content"))
        if messages[number]["role"] == "user" and any(
            block.get("type") != "tool_result" for block in blocks
        ):
            return number
    return 0


def _message_settings(body: dict[str, Any]) -> bytes:
    thinking = body.get("thinking") or {}
    output = body.get("output_config") or {}
    choice = body.get("tool_choice") or {}
    settings = [
        thinking.get("type", "disabled"),
        thinking.get("budget_tokens"),
        output.get("effort", "high"),
        choice.get("type", "auto"),
        choice.get("name"),
        bool(choice.get("disable_parallel_tool_use")),
        body.get("context_management"),
        any(_has_image(message) for message in body["messages"]),
    ]
    return json.dumps(settings, sort_keys=True).encode()


def _has_image(message: dict[str, Any]) -> bool:
    return any(
        block.get("type") == "image"
        or any(inner.get("type") == "image" for inner in blocks_of(block.get("content")))
        for block in blocks_of(message.get("content"))
    )


def _automatic_breakpoint(body: dict[str, Any]) -> tuple[int, int, int] | None:
    """Where top-level `cache_control` puts its breakpoint: the last block that can carry one."""
    marker = body.get("cache_control")
    if not marker:
        return None
    seconds = _TTL_SECONDS[marker.get("ttl") or "5m"]
    for number in range(len(body["messages"]) - 1, -1, -1):
        blocks = blocks_of(body["messages"][number].get("content"))
        for index in range(len(blocks) - 1, -1, -1):
            if blocks[index].get("type") not in THINKING_TYPES:
                return number, index, seconds
    return None


def _ttl(block: dict[str, Any]) -> int | None:
    marker = block.get("cache_control")
    if not marker:
        inner = block.get("content")
        marked = [b["cache_control"] for b in blocks_of(inner) if b.get("cache_control")]
        marker = marked[-1] if marked else None
    return _TTL_SECONDS[marker.get("ttl") or "5m"] if marker else None


def _unmarked(block: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in block.items() if name != "cache_control"}


def _block_tokens(block: dict[str, Any]) -> int:
    match block.get("type"):
        case "text":
            return text_tokens(str(block.get("text", "")))
        case "thinking":
            return text_tokens(str(block.get("thinking", "")))
        case "redacted_thinking":
            return text_tokens(str(block.get("data", "")))
        case "tool_use":
            name = text_tokens(str(block.get("name", "")))
            return name + json_tokens(block.get("input")) + PER_TOOL
        case "tool_result":
            return sum(map(_block_tokens, blocks_of(block.get("content")))) + PER_TOOL
        case "image":
            source = block.get("source") or {}
            size = image_size(source["data"]) if isinstance(source.get("data"), str) else None
            return anthropic_image_tokens(size or UNREADABLE_IMAGE)
        case "document":
            return DOCUMENT_TOKENS
        case _:
            return json_tokens(_unmarked(block))
