"""A Messages request as the prompt the provider's cache sees: tools, system, messages, in order.

Where the documents leave room, `Assumptions` decides. Knows nothing of cache entries or time.
"""

import re
from dataclasses import dataclass
from typing import Any

from stitcher.simulator.anthropic_blocks import (
    THINKING_TYPES,
    automatic_place,
    blocks_of,
    canonical,
    system_blocks,
    visible_tools,
)
from stitcher.simulator.anthropic_settings import (
    is_system_tool,
    message_settings,
    opening_settings,
    system_settings,
)
from stitcher.simulator.assumptions import CAREFUL, Assumptions
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


def minimum_tokens(model: str, assumptions: Assumptions = CAREFUL) -> int:
    """The shortest prefix that is cached (prompt caching page, 2026-11)."""
    for beginning, least in assumptions.minimums:
        if model.startswith(beginning):
            return least
    return next((least for least, names in _MINIMUMS if names.match(model)), _DEFAULT_MINIMUM)


def read_prompt(body: dict[str, Any], assumptions: Assumptions = CAREFUL) -> Prompt:
    """The prompt of a request that the rules accept."""
    model = body["model"]
    dropped = _dropped_thinking(body)
    chain = Chain(model.encode())
    chain.mix(opening_settings(body, assumptions))
    tools, system = visible_tools(body), system_blocks(body)
    one = assumptions.head_positions == "one"
    _add_tools(chain, [tool for tool in tools if not is_system_tool(tool)], one=one)
    chain.mix(system_settings(body))
    _add_tools(chain, [tool for tool in tools if is_system_tool(tool)], one=one)
    for index, block in enumerate(system):
        joined = one and index > 0
        chain.add(canonical(block), _block_tokens(block), ttl=_ttl(block), same_position=joined)
    chain.mix(message_settings(body, assumptions))
    hidden = {(block.message, block.index) for block in dropped}
    _add_messages(chain, body, hidden, _marks(body, assumptions))
    minimum = minimum_tokens(model, assumptions)
    return Prompt(tuple(chain.links), chain.tokens, minimum, dropped)


def _add_tools(chain: Chain, tools: list[dict[str, Any]], *, one: bool) -> None:
    for tool in tools:
        chain.add(
            canonical(tool),
            json_tokens(_unmarked(tool)) + PER_TOOL,
            ttl=_ttl(tool),
            same_position=one and bool(chain.links),
        )


def _marks(body: dict[str, Any], assumptions: Assumptions) -> dict[tuple[int, int], int]:
    """The breakpoints that the provider puts into messages by itself, with their lifetimes."""
    marks = _server_tool_breakpoints(body) if assumptions.server_tool_breakpoints else {}
    auto = _automatic_breakpoint(body)
    return {**marks, auto[:2]: auto[2]} if auto else marks


def _add_messages(
    chain: Chain,
    body: dict[str, Any],
    hidden: set[tuple[int, int]],
    marks: dict[tuple[int, int], int],
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
                ttl=_ttl(block) or marks.get((number, index)),
                same_position=kind in _RUNS and kind == previous,
            )
            previous = kind
            overhead = 0


def _server_tool_breakpoints(body: dict[str, Any]) -> dict[tuple[int, int], int]:
    """After each result of a server tool in this turn, if the request already uses caching.

    An automatic 5-minute breakpoint (tool use with prompt caching, 2026-11), which counts toward
    no limit.
    """
    messages = body["messages"]
    if not _uses_caching(body):
        return {}
    return {
        (number, index): _TTL_SECONDS["5m"]
        for number in range(_newest_words(messages), len(messages))
        for index, block in enumerate(blocks_of(messages[number].get("content")))
        if str(block.get("type")).endswith("_tool_result")
    }


def _uses_caching(body: dict[str, Any]) -> bool:
    if body.get("cache_control"):
        return True
    said = [block for m in body["messages"] for block in blocks_of(m.get("content"))]
    return any(_ttl(block) for block in (*visible_tools(body), *system_blocks(body), *said))


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


def _automatic_breakpoint(body: dict[str, Any]) -> tuple[int, int, int] | None:
    marker = body.get("cache_control")
    place = automatic_place(body["messages"]) if marker else None
    return (*place, _TTL_SECONDS[marker.get("ttl") or "5m"]) if marker and place else None


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
