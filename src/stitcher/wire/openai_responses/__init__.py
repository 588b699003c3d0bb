"""OpenAI Responses, and the servers that speak it."""

from stitcher.wire.openai_responses.answer import fold, too_long
from stitcher.wire.openai_responses.change import change, mark_head
from stitcher.wire.openai_responses.message import NAME, read_answer, read_item, text
from stitcher.wire.openai_responses.request import ask_usage, build, parse

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
