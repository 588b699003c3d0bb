"""OpenAI Chat Completions, and the many servers that speak it."""

from stitcher.wire.openai_chat.answer import fold, too_long
from stitcher.wire.openai_chat.change import change, mark_head
from stitcher.wire.openai_chat.message import NAME, read_answer, read_item, text
from stitcher.wire.openai_chat.request import ask_usage, build, parse

__all__ = [
    "NAME",
    "ask_usage",
    "build",
    "change",
    "fold",
    "mark_head",
    "parse",
    "read_answer",
    "read_item",
    "text",
    "too_long",
]
