"""Anthropic Messages (https://docs.anthropic.com, anthropic-version 2023-06-01 and 2026-10-21)."""

from stitcher.messages.anthropic.message import NAME
from stitcher.wire.anthropic.answer import cannot_read_thinking, fold, too_long
from stitcher.wire.anthropic.change import MARKER, change, mark_head
from stitcher.wire.anthropic.keep_alive import ping
from stitcher.wire.anthropic.message import read_answer, read_item, text
from stitcher.wire.anthropic.neutral import (
    USER_SPEAKS_FIRST,
    head,
    parts,
    written,
    written_head,
)
from stitcher.wire.anthropic.request import ask_usage, build, continuing, parse, with_key

__all__ = [
    "MARKER",
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
