"""An answer of the Messages API, put together from its body or from its stream of events."""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from stitcher.messages.anthropic.message import THINKING, Block, blocks
from stitcher.messages.unreadable import Unreadable
from stitcher.wire.dialect import Fold, Received
from stitcher.wire.members import members, one_line
from stitcher.wire.sse import Event, Splitter
from stitcher.wire.values import decoded, unless_null
from stitcher.wire.whole_body import WholeBody

_NOTHING = Received(None, (), False, None, None)
_SERVER_CALLS = ("server_tool_use", "mcp_tool_use")
# What else stands beside a text (counts of tokens) is no member of its block.
_GROWN = {"text_delta": ("text",), "thinking_delta": ("thinking",)}
_INPUT = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


def fold(*, stream: bool, hide_usage: bool) -> Fold:
    """A fold for one answer. This API reports usage by itself: nothing is ever hidden."""
    del hide_usage
    return _Stream() if stream else WholeBody(_read_body)


def too_long(status: int, body: bytes) -> bool:
    """ "prompt is too long: X tokens > Y maximum" (400 invalid_request_error)."""
    return status in (400, 413) and b"prompt is too long" in body


def cannot_read_thinking(status: int, body: bytes) -> bool:
    """ "messages.1.content.0: Invalid `signature` in `thinking` block" (400)."""
    return status == 400 and b"signature" in body and b"thinking" in body


def _read_body(body: bytes) -> Received:
    """Reads a whole answer. The content goes into the log as the bytes it came in."""
    try:
        found = {key: body[m.start : m.end] for key, m in members(body).items()}
        content = found.get("content")
        if content is None or content[:1] != b"[":
            return _NOTHING
        said = any(_says(block) for block in blocks(decoded(content)))
        usage = unless_null(found.get("usage"))
        message = b'{"role":"assistant","content":' + content + b"}"
        return Received(message if said else None, (), True, usage, _reported(usage))
    except Unreadable:
        return _NOTHING


@dataclass(slots=True)
class _Growing:
    """A block of which more may come."""

    made: Block
    strings: dict[str, list[str]] = field(default_factory=dict)  # in pieces
    arguments: list[str] = field(default_factory=list)
    stopped: bool = False

    def take(self, delta: Block) -> None:
        kind = delta.get("type")
        if kind == "input_json_delta":
            self.arguments.append(str(delta.get("partial_json") or ""))
        elif kind == "citations_delta":
            before = self.made.get("citations")
            before = before if isinstance(before, list) else []
            self.made["citations"] = [*before, delta.get("citation")]
        elif kind == "signature_delta":
            self.made["signature"] = delta.get("signature")
        else:
            for key in _GROWN.get(str(kind)) or [key for key in delta if key != "type"]:
                self._grow(key, delta.get(key))

    def _grow(self, key: str, value: object) -> None:
        if isinstance(value, str):
            if (pieces := self.strings.get(key)) is None:
                before = self.made.get(key)
                pieces = self.strings[key] = [before] if isinstance(before, str) else []
            pieces.append(value)
        elif value is not None:
            self.made[key] = value

    def finished(self) -> Block | None:
        """The block as a request may carry it; None for one cut off too early to be legal."""
        made = dict(self.made)
        for key, pieces in self.strings.items():
            made[key] = "".join(pieces)
        if made.get("type") == "text":
            return made if made.get("text") else None
        if not self.stopped:
            return None  # a call without all its arguments, thinking without its signature
        if arguments := "".join(self.arguments).strip():
            if not _is_object(arguments):
                return None
            made["input"] = msgspec.Raw(one_line(arguments.encode()))
        return made


@dataclass(slots=True)
class _Stream:
    """message_start, content_block_start / _delta / _stop, message_delta, message_stop."""

    splitter: Splitter = field(default_factory=Splitter)
    blocks: dict[int, _Growing] = field(default_factory=dict)
    usage: dict[str, Any] = field(default_factory=dict)
    ended: bool = False

    def feed(self, chunk: bytes) -> list[bytes]:
        for event in self.splitter.feed(chunk):
            self._take(event)
        return [chunk]

    def close(self) -> list[bytes]:
        for event in self.splitter.close():
            self._take(event)
        return []

    def received(self) -> Received:
        blocks = [self.blocks[n].finished() for n in sorted(self.blocks)]
        content = [block for block in blocks if block is not None]
        if not self.ended:
            content = _cut_off(content)
        message = msgspec.json.encode({"role": "assistant", "content": content})
        usage = msgspec.json.encode(self.usage) if self.usage else None
        return Received(message if content else None, (), self.ended, usage, _reported(usage))

    def _take(self, event: Event) -> None:
        try:
            data = decoded(event.data)
        except Unreadable:
            return  # passed on as it is; a comment, or nothing we can read
        if not isinstance(data, dict):
            return
        kind = data.get("type")
        if kind == "message_start":
            self._take_usage(data.get("message"))
        elif kind == "message_delta":
            self._take_usage(data)
        elif kind == "message_stop":
            self.ended = True
        else:
            self._take_block(kind, data)

    def _take_block(self, kind: object, data: dict[str, Any]) -> None:
        index = data.get("index")
        if not isinstance(index, int):
            return
        if kind == "content_block_start":
            start = data.get("content_block")
            self.blocks[index] = _Growing(start if isinstance(start, dict) else {})
        elif (block := self.blocks.get(index)) is None:
            return
        elif kind == "content_block_delta" and isinstance(delta := data.get("delta"), dict):
            block.take(delta)
        elif kind == "content_block_stop":
            block.stopped = True

    def _take_usage(self, holder: object) -> None:
        """message_delta repeats counters cumulatively: the newer value is the right one."""
        usage = holder.get("usage") if isinstance(holder, dict) else None
        if isinstance(usage, dict):
            self.usage.update({key: value for key, value in usage.items() if value is not None})


def _says(block: Block) -> bool:
    return block.get("type") != "text" or bool(block.get("text"))


def _cut_off(content: list[Block]) -> list[Block]:
    """What of an answer that was cut off may stand in a history."""
    results = [block["tool_use_id"] for block in content if "tool_use_id" in block]
    kept = [
        block
        for block in content
        if not (block.get("type") in _SERVER_CALLS and block.get("id") not in results)
        and not (block.get("type") == "text" and not str(block.get("text")).strip())
    ]
    while kept and kept[-1].get("type") in THINKING:  # of what was not said any more
        kept.pop()
    return kept


def _is_object(text: str) -> bool:
    try:
        return isinstance(decoded(text.encode()), dict)
    except Unreadable:
        return False


def _reported(usage: bytes | None) -> int | None:
    """Anthropic counts apart what it read, wrote and neither: the prompt is their sum."""
    counts = decoded(usage)
    if not isinstance(counts, dict):
        return None
    found = [counts.get(key) for key in _INPUT]
    return sum(count for count in found if isinstance(count, int))
