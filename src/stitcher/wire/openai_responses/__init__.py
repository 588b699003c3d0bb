"""OpenAI Responses, and the servers that speak it."""

from stitcher.messages.openai_responses.item import NAME
from stitcher.wire.context_length import too_long
from stitcher.wire.openai_caching import with_key
from stitcher.wire.openai_responses.answer import cannot_read_thinking, fold
from stitcher.wire.openai_responses.change import change, mark_head
from stitcher.wire.openai_responses.message import read_answer, read_item, text
from stitcher.wire.openai_responses.neutral import (
    USER_SPEAKS_FIRST,
    head,
    parts,
    written,
    written_head,
)
from stitcher.wire.openai_responses.request import ask_usage, build, continuing, parse, ping

__all__ = [
    "NAME",
    "USER_SPEAKS_FIRST",
    "ask_usage",
    "build",
    "cannot_read_thinking",
    "change",
    "continuing",
    "fold",
    "head",
    "mark_head",
    "parse",
    "parts",
    "ping",
    "read_answer",
    "read_item",
    "text",
    "too_long",
    "with_key",
    "written",
    "written_head",
]
