"""The messages of a chat as pieces of its prompt: what each holds, token by token.

Knows nothing of which piece's end is a boundary.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stitcher.simulator.counting import (
    DOCUMENT_TOKENS,
    PER_MESSAGE,
    PER_TOOL,
    UNREADABLE_IMAGE,
    image_size,
    openai_image_tokens,
    text_tokens,
)
from stitcher.simulator.prefix_chain import Span

_MARKERS = frozenset({"cache_control", "prompt_cache_breakpoint"})
_ENCODER = json.JSONEncoder(separators=(",", ":"))
_CALLS = ("refusal", "tool_calls", "function_call", "tool_call_id")


@dataclass(slots=True)
class Piece:
    """`content` is element by element, so where a message is cut does not change its hash.

    `breakpoint` is the explicit one at its end, None where there is none.
    """

    content: list[bytes]
    spans: list[Span]
    breakpoint: dict[str, Any] | None = None
    eligible: bool = False
    opening: bool = False

    @property
    def tokens(self) -> int:
        return sum(span.tokens for span in self.spans)


def blocks_of(content: Any) -> list[dict[str, Any]]:
    """A message's content as parts: a string is one text part."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content if isinstance(content, list) else []


def message_pieces(message: dict[str, Any]) -> list[Piece]:
    """The message cut after each explicit breakpoint; its calls and its end are the last piece."""
    pieces: list[Piece] = []
    role, name = message["role"], message.get("name")
    shown = [compact(role), compact(name)]
    spans = [Span(b"%s %s" % (shown[0], shown[1]), PER_MESSAGE + (1 if name else 0))]
    for part in blocks_of(message.get("content")):
        shown.append(compact(_unmarked(part)))
        spans += _part_spans(part)
        if part.get("prompt_cache_breakpoint"):
            marker = part["prompt_cache_breakpoint"]
            pieces.append(Piece(shown, spans, marker))
            shown, spans = [], []
    for name in _CALLS:
        if message.get(name) is not None:
            shown.append(compact([name, message[name]]))
            spans += _call_spans(name, message[name])
    if shown or not pieces:
        pieces.append(Piece(shown, spans))
    return pieces


def tool_spans(tools: list[Any]) -> list[Span]:
    """The definitions of tools, which stand before everything that is said."""
    return [span for tool in tools for span in (Span(b"tool", PER_TOOL), _json(tool))]


def compact(value: Any) -> bytes:
    return _ENCODER.encode(value).encode()


def _unmarked(part: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in part.items() if k not in _MARKERS}


def _call_spans(name: str, value: Any) -> Iterator[Span]:
    match name:
        case "tool_calls":
            for call in value:
                yield from _one_call_spans(call)
        case "function_call":
            yield Span(b"call", PER_TOOL)
            yield _json(value)
        case "refusal":
            yield _text(str(value))
        case _:
            yield Span(compact([name, value]), PER_TOOL)


def _one_call_spans(call: dict[str, Any]) -> Iterator[Span]:
    called = call.get("function") or call.get("custom") or {}
    hidden = {k: v for k, v in called.items() if k not in ("name", "arguments", "input")}
    yield Span(compact([call.get("id"), call.get("type"), hidden]), PER_TOOL)
    yield _text(str(called.get("name", "")))
    yield _text(str(called.get("arguments") or called.get("input") or ""))


def _part_spans(part: dict[str, Any]) -> list[Span]:
    match part.get("type"):
        case "text":
            return [_text(part["text"])]
        case "image_url":
            image = part["image_url"]
            _, _, data = str(image.get("url", "")).partition(";base64,")
            size = image_size(data) if data else None
            detail = image.get("detail") or "auto"
            return [
                Span(
                    compact(_unmarked(part)), openai_image_tokens(size or UNREADABLE_IMAGE, detail)
                )
            ]
        case "file":
            return [Span(compact(_unmarked(part)), DOCUMENT_TOKENS)]
        case _:
            return [_json(part)]


def _text(text: str) -> Span:
    return Span(text.encode("utf-8", "surrogatepass"), text_tokens(text), text=True)


def _json(value: Any) -> Span:
    return _text(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
