"""Signatures of thinking blocks: made and verified without a memory, so they survive restarts.

A signature holds a digest of the conversation that came before and a MAC over that digest and the
block's text. Every signature carries the digest; only the models that bind thinking to its prefix
compare it ("preserved thinking": Fable 5.1, Opus 5.5, Sonnet 5.5, Haiku 5.5). What the digest
leaves out: markers, deferred tools, thinking blocks themselves, and message boundaries between
turns of one role, because the provider joins these.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stitcher.simulator.anthropic_blocks import (
    THINKING_TYPES,
    blocks_of,
    canonical,
    system_blocks,
    visible_tools,
)

_KEY = b"simulated thinking"
_DIGEST_BYTES = 16
# `sim-bind` lets a test have both a binding model and a small cache minimum.
_BINDING = re.compile(
    r"claude-(fable-5-1|opus-5-5|sonnet-5-5|haiku-5-5)([-@](\d{8}|latest))?|claude-sim-bind.*"
)


def binds(model: Any) -> bool:
    """Whether the model checks that a thinking block's prefix is still what it was."""
    return isinstance(model, str) and _BINDING.fullmatch(model) is not None


def sign(text: str, digest: bytes) -> str:
    mac = hmac.digest(_KEY, digest + text.encode("utf-8", "surrogatepass"), "sha256")
    return base64.b64encode(digest + mac).decode()


def signed_digest(text: str, signature: str) -> bytes | None:
    """The prefix digest inside a signature, or None when the signature does not fit the text."""
    try:
        raw = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return None
    digest = raw[:_DIGEST_BYTES]
    if len(raw) != _DIGEST_BYTES + 32 or sign(text, digest) != signature:
        return None
    return digest


@dataclass(frozen=True, slots=True)
class ThinkingBlock:
    """A thinking block that a client sent back. `signed` is None when its signature is broken."""

    message: int
    index: int
    type: str
    signed: bytes | None
    prefix: bytes

    @property
    def path(self) -> str:
        return f"messages.{self.message}.content.{self.index}"


def thinking_blocks(body: dict[str, Any]) -> Iterator[ThinkingBlock]:
    """The thinking blocks of a request, each with the digest it was signed for and its prefix's."""
    messages = body["messages"]
    if not any(_has_thinking(message) for message in messages):
        return
    prefix = _Prefix(body)
    for number, message in enumerate(messages):
        digest = prefix.before(message)
        for index, block in enumerate(blocks_of(message.get("content"))):
            if block.get("type") in THINKING_TYPES:
                yield ThinkingBlock(number, index, block["type"], _read(block), digest)


def digest_of_all(body: dict[str, Any]) -> bytes:
    """The digest that thinking produced for this request is bound to."""
    prefix = _Prefix(body)
    digest = b""
    for message in [*body["messages"], {"role": "assistant", "content": []}]:
        digest = prefix.before(message)
    return digest


class _Prefix:
    """A running digest; `before` takes the messages one after the other."""

    def __init__(self, body: dict[str, Any]) -> None:
        self._hash = hashlib.blake2b(digest_size=_DIGEST_BYTES)
        self._role: Any = None
        self._turn_start = b""
        for tool in visible_tools(body):
            self._add(b"tool", tool)
        for block in system_blocks(body):
            self._add(b"system prompt", block)

    def _add(self, place: bytes, block: dict[str, Any]) -> None:
        shown = canonical(block)
        self._hash.update(b"%s %d " % (place, len(shown)))
        self._hash.update(shown)

    def before(self, message: dict[str, Any]) -> bytes:
        """The digest of what came before this message's turn; then the message joins in."""
        if message.get("role") != self._role:
            self._role = message.get("role")
            self._turn_start = self._hash.digest()
        digest = self._turn_start
        for block in blocks_of(message.get("content")):
            if block.get("type") not in THINKING_TYPES:
                self._add(str(self._role).encode(), block)
        return digest


def _has_thinking(message: dict[str, Any]) -> bool:
    content = message.get("content")
    return (
        message.get("role") == "assistant"
        and isinstance(content, list)
        and any(isinstance(b, dict) and b.get("type") in THINKING_TYPES for b in content)
    )


def _read(block: dict[str, Any]) -> bytes | None:
    if block["type"] == "redacted_thinking":
        return signed_digest("", str(block.get("data", "")))
    return signed_digest(str(block.get("thinking", "")), str(block.get("signature", "")))
