"""An answer of Chat Completions, put together from its body or from its stream of chunks."""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from stitcher.wire.dialect import Fold, Received
from stitcher.wire.members import Unreadable, elements, members
from stitcher.wire.sse import Event, Splitter

_NOTHING = Received(None, (), False, None, None)
_SET_ONCE = ("role", "id", "type", "index")


def fold(*, stream: bool, hide_usage: bool) -> Fold:
    """A fold for one answer. `hide_usage` keeps the usage chunk we asked for from the client."""
    return _Stream(hide_usage) if stream else _Body()


def too_long(status: int, body: bytes) -> bool:
    """Error code context_length_exceeded; llama.cpp and vLLM say it in words."""
    if status not in (400, 413, 422):
        return False
    lower = body.lower()
    return any(
        sign in lower
        for sign in (b"context_length_exceeded", b"maximum context length", b"exceed_context_size")
    )


@dataclass(slots=True)
class _Body:
    """One JSON object. The messages go into the log as the bytes they came in."""

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
            choices = found.get("choices")
            listed = elements(body[choices.start : choices.end]) if choices else []
            said = [message for choice in listed if (message := _message(choice)) is not None]
        except Unreadable:
            return _NOTHING
        if not said:
            return _NOTHING
        usage = found.get("usage")
        report = body[usage.start : usage.end] if usage else None
        return Received(said[0], tuple(said[1:]), True, report, _reported(report))


def _message(choice: bytes) -> bytes | None:
    member = members(choice).get("message")
    if member is None or choice[member.start : member.start + 1] != b"{":
        return None
    return choice[member.start : member.end]


@dataclass(slots=True)
class _Choice:
    message: dict[str, Any] = field(default_factory=dict)
    finished: bool = False


@dataclass(slots=True)
class _Stream:
    """Chunks of `choices[].delta`, then perhaps a usage chunk without choices, then [DONE]."""

    hide_usage: bool
    splitter: Splitter = field(default_factory=Splitter)
    choices: dict[int, _Choice] = field(default_factory=dict)
    usage: dict[str, Any] | None = None
    ended: bool = False

    def feed(self, chunk: bytes) -> list[bytes]:
        events = self.splitter.feed(chunk)
        hidden = [self._take(event) for event in events]
        if not self.hide_usage:
            return [chunk]
        return [event.raw for event, hide in zip(events, hidden, strict=True) if not hide]

    def close(self) -> list[bytes]:
        events = self.splitter.close()
        hidden = [self._take(event) for event in events]
        if not self.hide_usage:
            return []
        return [event.raw for event, hide in zip(events, hidden, strict=True) if not hide]

    def received(self) -> Received:
        made = [_made(self.choices[n]) for n in sorted(self.choices)]
        said = [msgspec.json.encode(message) for message in made if message is not None]
        complete = bool(self.choices) and all(c.finished for c in self.choices.values())
        usage = None if self.usage is None else msgspec.json.encode(self.usage)
        first = said[0] if said and 0 in self.choices and made[0] is not None else None
        return Received(first, tuple(said[1:]), complete, usage, _reported(usage))

    def _take(self, event: Event) -> bool:
        """Takes in one event. True for the usage report, which stands alone in its chunk."""
        if event.data.strip() == b"[DONE]":
            self.ended = True
            return False
        try:
            data = msgspec.json.decode(event.data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False  # passed on as it is; a comment, or nothing we can read
        if not isinstance(data, dict):
            return False
        if isinstance(data.get("usage"), dict):
            self.usage = data["usage"]
        choices = data.get("choices")
        for choice in choices if isinstance(choices, list) else []:
            if isinstance(choice, dict):
                self._take_choice(choice)
        return choices == [] and self.usage is not None

    def _take_choice(self, choice: dict[str, Any]) -> None:
        index = choice.get("index")
        state = self.choices.setdefault(index if isinstance(index, int) else 0, _Choice())
        if isinstance(choice.get("delta"), dict):
            _merge(state.message, choice["delta"])
        if choice.get("finish_reason") is not None:
            state.finished = True


def _merge(into: dict[str, Any], delta: dict[str, Any]) -> None:
    """Strings grow, objects merge, lists merge by their members' `index`; the rest is replaced."""
    for key, value in delta.items():
        before = into.get(key)
        if value is None:
            into.setdefault(key, None)
        elif key in _SET_ONCE and before:
            continue
        elif isinstance(value, str) and isinstance(before, str):
            into[key] = before + value
        elif isinstance(value, dict) and isinstance(before, dict):
            _merge(before, value)
        elif isinstance(value, list):
            _merge_list(into, key, value)
        else:
            into[key] = value


def _merge_list(into: dict[str, Any], key: str, values: list[Any]) -> None:
    listed = into.get(key)
    if not isinstance(listed, list):
        listed = into[key] = []
    for value in values:
        index = value.get("index") if isinstance(value, dict) else None
        twin = next((v for v in listed if isinstance(v, dict) and v.get("index") == index), None)
        if index is None or twin is None:
            listed.append(value)
        else:
            _merge(twin, value)


def _made(choice: _Choice) -> dict[str, Any] | None:
    """The message as a request may carry it; without the calls a cut left incomplete."""
    message = {"role": "assistant", **choice.message}
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        whole = [call for call in calls if choice.finished or _is_whole(call)]
        message["tool_calls"] = [
            {key: value for key, value in call.items() if key != "index"} for call in whole
        ]
        if not whole:
            del message["tool_calls"]
        else:
            message.setdefault("content", None)
    said = any(value for key, value in message.items() if key not in ("role", "reasoning_content"))
    if not said and not choice.finished:
        return None
    message.setdefault("content", "")
    if message["content"] is None and not message.get("tool_calls"):
        message["content"] = None if said else ""
    return message


def _is_whole(call: dict[str, Any]) -> bool:
    function = call.get("function")
    arguments = function.get("arguments") if isinstance(function, dict) else None
    try:
        msgspec.json.decode(arguments or "")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


def _reported(usage: bytes | None) -> int | None:
    """`prompt_tokens` counts cached tokens too."""
    if usage is None:
        return None
    counts = msgspec.json.decode(usage)
    reported = counts.get("prompt_tokens") if isinstance(counts, dict) else None
    return reported if isinstance(reported, int) else None
