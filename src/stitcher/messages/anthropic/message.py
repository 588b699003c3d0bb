"""A message of the Messages API: its blocks, its calls, its place for a marker, its size."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, Literal

from stitcher.core.tokens import TOKENS_PER_MESSAGE
from stitcher.messages.counting import AROUND_CALL, Counter
from stitcher.messages.unreadable import Unreadable

NAME: Final = "anthropic"
THINKING: Final = ("thinking", "redacted_thinking")
# One position however many follow each other (Anthropic, "Prompt caching", 2026-09).
_RUNS: Final = ("tool_use", "tool_result")

Speaker = Literal["system", "user", "assistant"]

_ROLES: Final[dict[str, Speaker]] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
}

Block = dict[str, Any]


def role_of(message: Block) -> Speaker:
    """Who says a message. Raises Unreadable."""
    said = message.get("role")
    if not isinstance(said, str) or said not in _ROLES:
        raise Unreadable("a message without a role of user, assistant or system")
    return _ROLES[said]


def blocks(content: object) -> list[Block]:
    """Content as a list of blocks: a string is its one text block. Raises Unreadable."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if content is None:
        return []
    if isinstance(content, list) and all(isinstance(block, dict) for block in content):
        return content
    raise Unreadable("a message whose content is neither text nor a list of blocks")


def call_ids(content: Sequence[Block]) -> tuple[str, ...]:
    """The ids of the client's tools that some blocks call."""
    return tuple(str(block.get("id")) for block in content if block.get("type") == "tool_use")


def answered(content: Sequence[Block]) -> tuple[str, ...]:
    """The ids of the calls that some blocks answer."""
    return tuple(
        str(block.get("tool_use_id")) for block in content if block.get("type") == "tool_result"
    )


def positions(content: Sequence[Block]) -> int:
    """The places in it that a look-back from a cache breakpoint counts."""
    kinds = [str(block.get("type")) for block in content]
    return len(kinds) - sum(one == other and one in _RUNS for one, other in pairwise(kinds))


def thinks(content: Sequence[Block]) -> bool:
    """True where some of it is thinking."""
    return any(block.get("type") in THINKING for block in content)


def without_thinking(message: Block) -> Block:
    """The message without its thinking blocks, which go whole; itself where it has none."""
    content = message.get("content")
    if not isinstance(content, list):
        return message
    kept = [block for block in content if block.get("type") not in THINKING]
    return message if len(kept) == len(content) else {**message, "content": kept}


def is_empty(block: Block) -> bool:
    """True for a text that the API refuses: "text content blocks must contain non-whitespace"."""
    return block.get("type") == "text" and not str(block.get("text") or "").strip()


def may_be_marked(block: Block) -> bool:
    """Whether a block or tool may carry a cache breakpoint.

    Not thinking, not an empty text, not a tool that is loaded later (Anthropic, "Prompt caching",
    2026-08-21: "What can be cached").
    """
    return (
        block.get("type") not in THINKING and not is_empty(block) and not block.get("defer_loading")
    )


def tokens(message: Block, counter: Counter) -> int:
    """Tokens of a message, before calibration. Raises Unreadable."""
    content = blocks(message.get("content"))
    return sum(block_tokens(block, counter) for block in content) + TOKENS_PER_MESSAGE


def block_tokens(block: Block, counter: Counter) -> int:
    """Tokens of a block. Raises Unreadable."""
    kind = block.get("type")
    if kind in ("text", "thinking"):
        return counter.text(block.get(kind))
    if kind == "tool_use":
        return counter.call(block.get("name"), block.get("input"))
    if kind == "tool_result":
        inside = blocks(block.get("content"))
        return sum(block_tokens(inner, counter) for inner in inside) + AROUND_CALL
    source = block.get("source")
    if kind == "image" and isinstance(source, dict):
        return counter.image(source.get("data") or source.get("url"))
    if kind == "document" and isinstance(source, dict):
        return _document_tokens(source, counter)
    return counter.text(block)


def _document_tokens(source: Block, counter: Counter) -> int:
    kind = source.get("type")
    if kind == "text":
        return counter.text(source.get("data"))
    if kind == "content":
        return sum(block_tokens(inner, counter) for inner in blocks(source.get("content")))
    return counter.document(source.get("data"))
