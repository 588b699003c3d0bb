"""A Chat Completions request as the prompt its automatic cache sees.

Two regimes (prompt caching guide, 2026-10). From gpt-5.6 on: one implicit breakpoint at the end of
the latest eligible message and up to three explicit ones, exact boundaries. Before: a boundary
every so many tokens. Models named `sim-...` follow the new one with a minimum of 16 tokens. Knows
nothing of cache entries or time.
"""

import re
from dataclasses import dataclass
from typing import Any

from stitcher.simulator.assumptions import CAREFUL, Assumptions
from stitcher.simulator.counting import REPLY_PRIMING
from stitcher.simulator.engines import OPENAI, engine_of
from stitcher.simulator.openai_cache import HALF_HOUR, TWELVE_HOURS
from stitcher.simulator.openai_pieces import (
    Piece,
    blocks_of,
    compact,
    message_pieces,
    tool_spans,
)
from stitcher.simulator.prefix_chain import Chain, Link

__all__ = ["Prompt", "blocks_of", "is_exact", "read_prompt"]

_EXACT = re.compile(r"(openai/)?(sim-|gpt-(5\.([6-9]|\d\d)|[6-9]|[1-9]\d))")
_LONG_INTERVAL = re.compile(r"(openai/)?gpt-5\.5")
_LONG_TOKENS = 2048
_MINIMUM = 1024
_SIM_MINIMUM = 16
_IMPLICIT_LOOKBACK = 20
_EXPLICIT_FIRST, _EXPLICIT_LATEST = 2, 50
_REFERENCE_LATEST = 80
_IMPLICIT_WRITTEN, _EXPLICIT_WRITTEN = 3, 4
_INSTRUCTION_ROLES = ("system", "developer")
# Settings whose change moves the rendered prefix (prompt caching guide and diagnostics, 2026-10).
# `tool_choice` is none of them.
_SETTINGS = (
    "parallel_tool_calls", "response_format", "reasoning_effort", "verbosity", "context_management",
)  # fmt: skip
_SAME_TIER = (None, "auto", "default")


@dataclass(frozen=True, slots=True)
class Prompt:
    """`rounding` is 1 for exact boundaries, else the tokens from one boundary to the next."""

    links: tuple[Link, ...]
    tokens: int
    minimum: int
    rounding: int


def is_exact(model: str) -> bool:
    return _EXACT.match(model) is not None


def read_prompt(body: dict[str, Any], assumptions: Assumptions = CAREFUL) -> Prompt:
    """The prompt of a request that the rules accept."""
    exact = is_exact(body["model"])
    chain = Chain(compact(_settings(body, assumptions)), REPLY_PRIMING)
    tools = [*(body.get("tools") or []), *(body.get("functions") or [])]
    if tools:
        spans = tool_spans(tools)
        tokens = sum(span.tokens for span in spans)
        chain.add(compact(tools), tokens, readable=False, spans=spans)
    pieces = _pieces(body["messages"])
    if exact:
        written, readable = _exact_boundaries(pieces, body, assumptions.lookup)
    else:
        written = dict.fromkeys(range(len(pieces)), _retention(body, assumptions))
        readable = set(written)
    for at, piece in enumerate(pieces):
        for element in piece.content[:-1]:
            chain.mix(element)
        chain.add(
            piece.content[-1],
            piece.tokens,
            ttl=written.get(at),
            readable=at in readable,
            spans=piece.spans,
        )
    minimum = _SIM_MINIMUM if body["model"].startswith("sim-") else _MINIMUM
    return Prompt(tuple(chain.links), chain.tokens, minimum, _rounding(body["model"], assumptions))


def _rounding(model: str, assumptions: Assumptions) -> int:
    if is_exact(model):
        return 1
    return _LONG_TOKENS if _LONG_INTERVAL.match(model) else assumptions.older_interval


def _settings(body: dict[str, Any], assumptions: Assumptions) -> list[Any]:
    if engine_of(body["model"]) is not OPENAI:
        return [body["model"]]
    settings = [body["model"], *(body.get(name) for name in _SETTINGS)]
    tier = body.get("service_tier")
    if assumptions.tier_partitions and tier not in _SAME_TIER:
        settings.append(tier)
    return settings


def _retention(body: dict[str, Any], assumptions: Assumptions) -> int:
    """The default is "24h" for organisations without zero data retention (same guide)."""
    if body.get("prompt_cache_retention") in ("in_memory", "in-memory"):
        return assumptions.in_memory_seconds
    return assumptions.extended_seconds


def _pieces(messages: list[dict[str, Any]]) -> list[Piece]:
    pieces: list[Piece] = []
    opening = True
    for number, message in enumerate(messages):
        role = message["role"]
        following = messages[number + 1]["role"] if number + 1 < len(messages) else None
        own = message_pieces(message)
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


def _exact_boundaries(
    pieces: list[Piece], body: dict[str, Any], lookup: str
) -> tuple[dict[int, int], set[int]]:
    """The pieces whose end is written, with the lifetime, and those where a look-up may stop."""
    options = body.get("prompt_cache_options") or {}
    only_explicit = options.get("mode") == "explicit"
    explicit = [at for at, piece in enumerate(pieces) if piece.breakpoint]
    eligible = [at for at, piece in enumerate(pieces) if piece.eligible]
    if only_explicit:
        eligible = []
    if lookup == "reference":
        # "up to the latest 80 breakpoints in the conversation, without a content-block lookback
        # limit" (API reference, 2026-10).
        readable = set(sorted({*explicit, *eligible})[-_REFERENCE_LATEST:])
    else:
        readable = {*explicit[:_EXPLICIT_FIRST], *explicit[-_EXPLICIT_LATEST:]}
        readable.update(eligible[-1 - _IMPLICIT_LOOKBACK :])
        readable.update(at for at in eligible[:1] if pieces[at].opening)
    most = _EXPLICIT_WRITTEN if only_explicit else _IMPLICIT_WRITTEN
    written = {at: _lifetime(options, pieces[at]) for at in (*eligible[-1:], *explicit[-most:])}
    return written, readable


def _lifetime(options: dict[str, Any], piece: Piece) -> int:
    ttl = (piece.breakpoint or {}).get("ttl") or options.get("ttl")
    return TWELVE_HOURS if ttl == "12h" else HALF_HOUR
