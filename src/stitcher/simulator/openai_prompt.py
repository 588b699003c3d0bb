"""A Chat Completions request as the prompt its automatic cache sees.

Two regimes (prompt caching guide, 2026-09). From gpt-5.6 on: one implicit breakpoint at the end of
the latest eligible message and up to three explicit ones, exact boundaries. Before: every message
end is a boundary, reported in multiples of 128. Models named `sim-...` follow the new one with a
minimum of 16 tokens. Knows nothing of cache entries or time.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from stitcher.simulator.cache import AUTOMATIC_TTL
from stitcher.simulator.counting import (
    DOCUMENT_TOKENS,
    PER_MESSAGE,
    PER_TOOL,
    REPLY_PRIMING,
    UNREADABLE_IMAGE,
    image_size,
    json_tokens,
    openai_image_tokens,
    text_tokens,
    tool_tokens,
)
from stitcher.simulator.prefix_chain import Chain, Link

_EXACT = re.compile(r"(openai/)?(sim-|gpt-(5\.([6-9]|\d\d)|[6-9]|[1-9]\d))")
_MINIMUM = 1024
_SIM_MINIMUM = 16
_MARKERS = frozenset({"cache_control", "prompt_cache_breakpoint"})
_IMPLICIT_LOOKBACK = 20
_EXPLICIT_FIRST, _EXPLICIT_LATEST = 2, 50
_INSTRUCTION_ROLES = ("system", "developer")
# Settings whose change moves the rendered prefix (prompt caching guide; 7.1 lists the doubts).
_SETTINGS = ("parallel_tool_calls", "response_format", "reasoning_effort", "verbosity")


@dataclass(frozen=True, slots=True)
class Prompt:
    links: tuple[Link, ...]
    tokens: int
    minimum: int
    rounding: int


@dataclass(slots=True)
class _Piece:
    content: list[bytes]  # element by element: where it is cut does not change its hash
    tokens: int
    explicit: bool
    eligible: bool = False
    opening: bool = False


def blocks_of(content: Any) -> list[dict[str, Any]]:
    """A message's content as parts: a string is one text part."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content if isinstance(content, list) else []


def is_exact(model: str) -> bool:
    return _EXACT.match(model) is not None


def read_prompt(body: dict[str, Any]) -> Prompt:
    """The prompt of a request that the rules accept."""
    exact = is_exact(body["model"])
    settings = [body["model"], body.get("tools"), body.get("functions")]
    settings += [body.get(name) for name in _SETTINGS]
    chain = Chain(json.dumps(settings, separators=(",", ":")).encode())
    tools = [*(body.get("tools") or []), *(body.get("functions") or [])]
    chain.tokens = sum(map(tool_tokens, tools)) + REPLY_PRIMING
    pieces = _pieces(body["messages"])
    if exact:
        written, readable = _exact_boundaries(pieces, body.get("prompt_cache_options") or {})
    else:
        written = readable = set(range(len(pieces)))
    for at, piece in enumerate(pieces):
        ttl = AUTOMATIC_TTL if at in written else None
        for element in piece.content[:-1]:
            chain.mix(element)
        chain.add(piece.content[-1], piece.tokens, ttl=ttl, readable=at in readable)
    minimum = _SIM_MINIMUM if body["model"].startswith("sim-") else _MINIMUM
    return Prompt(tuple(chain.links), chain.tokens, minimum, 1 if exact else 128)


def _pieces(messages: list[dict[str, Any]]) -> list[_Piece]:
    pieces: list[_Piece] = []
    opening = True
    for number, message in enumerate(messages):
        role = message["role"]
        following = messages[number + 1]["role"] if number + 1 < len(messages) else None
        own = _message_pieces(message)
        instructs = role in _INSTRUCTION_ROLES
        own[-1].eligible = (
            role == "user"
            or (role == "tool" and following != "tool")
            or (opening and instructs and following not in _INSTRUCTION_ROLES)
        )
        opening = opening and instructs
        own[-1].opening = opening
        pieces += own
    return pieces


def _message_pieces(message: dict[str, Any]) -> list[_Piece]:
    """The message cut after each explicit breakpoint; its calls and its end are the last piece."""
    pieces: list[_Piece] = []
    shown: list[Any] = [message["role"], message.get("name")]
    tokens = PER_MESSAGE + (1 if message.get("name") else 0)
    for part in blocks_of(message.get("content")):
        shown.append({k: v for k, v in part.items() if k not in _MARKERS})
        tokens += _part_tokens(part)
        if part.get("prompt_cache_breakpoint"):
            pieces.append(_Piece(_rendered(shown), tokens, explicit=True))
            shown, tokens = [], 0
    for name in ("refusal", "tool_calls", "function_call", "tool_call_id"):
        if message.get(name) is not None:
            shown.append([name, message[name]])
            tokens += _call_tokens(name, message[name])
    if shown or not pieces:
        pieces.append(_Piece(_rendered(shown), tokens, explicit=False))
    return pieces


def _rendered(shown: list[Any]) -> list[bytes]:
    return [json.dumps(element, separators=(",", ":")).encode() for element in shown]


def _exact_boundaries(pieces: list[_Piece], options: dict[str, Any]) -> tuple[set[int], set[int]]:
    """The pieces whose end is written, and those at whose end a look-up may stop."""
    explicit = [at for at, piece in enumerate(pieces) if piece.explicit]
    readable = {*explicit[:_EXPLICIT_FIRST], *explicit[-_EXPLICIT_LATEST:]}
    if options.get("mode") == "explicit":
        return set(explicit[-4:]), readable
    eligible = [at for at, piece in enumerate(pieces) if piece.eligible]
    readable.update(eligible[-1 - _IMPLICIT_LOOKBACK :])
    readable.update(at for at in eligible[:1] if pieces[at].opening)
    return {*eligible[-1:], *explicit[-3:]}, readable


def _call_tokens(name: str, value: Any) -> int:
    if name == "tool_calls":
        return sum(_one_call_tokens(call) for call in value)
    if name == "function_call":
        return json_tokens(value) + PER_TOOL
    return text_tokens(str(value)) if name == "refusal" else PER_TOOL


def _one_call_tokens(call: dict[str, Any]) -> int:
    called = call.get("function") or call.get("custom") or {}
    said = str(called.get("arguments") or called.get("input") or "")
    return text_tokens(str(called.get("name", ""))) + text_tokens(said) + PER_TOOL


def _part_tokens(part: dict[str, Any]) -> int:
    match part.get("type"):
        case "text":
            return text_tokens(part["text"])
        case "image_url":
            image = part["image_url"]
            _, _, data = str(image.get("url", "")).partition(";base64,")
            size = image_size(data) if data else None
            return openai_image_tokens(size or UNREADABLE_IMAGE, image.get("detail") or "auto")
        case "file":
            return DOCUMENT_TOKENS
        case _:
            return json_tokens(part)
