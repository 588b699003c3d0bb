"""An answer of the Messages API, put together from its body or from its stream of events."""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from stitcher.wire.dialect import Fold, Received
from stitcher.wire.members import Unreadable, members
from stitcher.wire.sse import Event, Splitter

_INPUT = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


def fold(*, stream: bool, hide_usage: bool) -> Fold:
    """A fold for one answer. This API reports usage by itself: nothing is ever hidden."""
    del hide_usage
    return _Stream() if stream else _Body()


def too_long(status: int, body: bytes) -> bool:
    """ "prompt is too long: X tokens > Y maximum" (400 invalid_request_error)."""
    return status in (400, 413) and b"prompt is too long" in body


@dataclass(slots=True)
class _Body:
    """One JSON object. The content goes into the log as the bytes it came in."""

    parts: list[bytes] = field(default_factory=list)
    ended: bool = False

    def feed(self, chunk: bytes) -> list[bytes]:
        self.parts.append(chunk)
        return []

    def close(self) -> list[bytes]:
        self.ended = True
        return [b"".join(self.parts)]

    def received(self) -> Received:
        body = b"".join(self.parts)
        try:
            found = members(body)
        except Unreadable:
            return Received(None, (), False, None, None)
        content = found.get("content")
        usage = found.get("usage")
        if content is None or body[content.start : content.start + 1] != b"[":
            return Received(None, (), False, None, None)
        value = body[content.start : content.end]
        report = body[usage.start : usage.end] if usage else None
        message = b'{"role":"assistant","content":' + value + b"}"
        return Received(
            message if value.strip(b"[] \t\r\n") else None, (), True, report, _reported(report)
        )


@dataclass(slots=True)
class _Block:
    start: dict[str, Any]
    deltas: dict[str, list[Any]] = field(default_factory=dict)
    stopped: bool = False


@dataclass(slots=True)
class _Stream:
    """message_start, content_block_start / _delta / _stop, message_delta, message_stop."""

    splitter: Splitter = field(default_factory=Splitter)
    blocks: dict[int, _Block] = field(default_factory=dict)
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
        content = [
            block for n in sorted(self.blocks) if (block := _finished(self.blocks[n])) is not None
        ]
        if all(block.get("type") in ("thinking", "redacted_thinking") for block in content):
            content = content if self.ended else []  # nothing was said yet
        message = msgspec.json.encode({"role": "assistant", "content": content})
        usage = msgspec.json.encode(self.usage) if self.usage else None
        return Received(message if content else None, (), self.ended, usage, _reported(usage))

    def _take(self, event: Event) -> None:
        try:
            data = msgspec.json.decode(event.data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return  # passed on as it is; a comment, or nothing we can read
        if not isinstance(data, dict):
            return
        kind = data.get("type")
        if kind == "content_block_start":
            start = data.get("content_block")
            self.blocks[_index(data)] = _Block(start if isinstance(start, dict) else {})
        elif kind == "content_block_delta":
            self._take_delta(_index(data), data.get("delta"))
        elif kind == "content_block_stop":
            if block := self.blocks.get(_index(data)):
                block.stopped = True
        elif kind == "message_start":
            message = data.get("message")
            self._take_usage(message if isinstance(message, dict) else {})
        elif kind == "message_delta":
            self._take_usage(data)
        elif kind == "message_stop":
            self.ended = True

    def _take_delta(self, index: int, delta: object) -> None:
        block = self.blocks.get(index)
        if block is None or not isinstance(delta, dict):
            return
        for key, value in delta.items():
            if key != "type":
                block.deltas.setdefault(key, []).append(value)

    def _take_usage(self, holder: dict[str, Any]) -> None:
        """message_delta repeats counters cumulatively: the newer value is the right one."""
        usage = holder.get("usage")
        if isinstance(usage, dict):
            self.usage.update({key: value for key, value in usage.items() if value is not None})


def _index(data: dict[str, Any]) -> int:
    index = data.get("index")
    return index if isinstance(index, int) else 0


def _finished(block: _Block) -> dict[str, Any] | None:
    """The block as a request may carry it; None for one that was cut off too early to be legal."""
    made = dict(block.start)
    kind = made.get("type")
    for key, pieces in block.deltas.items():
        if key == "partial_json":
            arguments = _arguments("".join(map(str, pieces)))
            if arguments is None:
                return None
            made["input"] = arguments
        elif key == "citation":
            made["citations"] = [*(made.get("citations") or []), *pieces]
        elif all(isinstance(piece, str) for piece in pieces):
            before = made.get(key)
            made[key] = (before if isinstance(before, str) else "") + "".join(pieces)
        else:
            made[key] = pieces[-1]
    if kind == "text" and not made.get("text"):
        return None
    if kind != "text" and not block.stopped:
        return None  # a call without all its arguments, thinking without its signature
    return made


def _arguments(text: str) -> Any:
    if not text.strip():
        return {}
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _reported(usage: bytes | None) -> int | None:
    """Anthropic counts apart what it read, wrote and neither: the prompt is their sum."""
    if usage is None:
        return None
    counts = msgspec.json.decode(usage)
    if not isinstance(counts, dict):
        return None
    return sum(int(counts.get(key) or 0) for key in _INPUT)
