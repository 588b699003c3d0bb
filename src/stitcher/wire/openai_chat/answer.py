"""An answer of Chat Completions, put together from its body or from its stream of chunks."""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from stitcher.messages.unreadable import Unreadable
from stitcher.wire.dialect import Fold, Received
from stitcher.wire.members import elements, members
from stitcher.wire.sse import Event, Splitter
from stitcher.wire.values import decoded, unless_null, whole
from stitcher.wire.whole_body import WholeBody

_NOTHING = Received(None, (), False, None, None)
_SET_ONCE = ("role", "id", "type", "index", "format")  # strings that are repeated, not continued
_EXCUSES = ("tool_calls", "function_call", "refusal", "audio")  # for a content that is null


def fold(*, stream: bool, hide_usage: bool) -> Fold:
    """A fold for one answer. `hide_usage` keeps the usage chunk we asked for from the client."""
    return _Stream(hide_usage) if stream else WholeBody(_read_body)


def cannot_read_thinking(status: int, body: bytes) -> bool:
    """Never: reasoning is not put back."""
    del status, body
    return False


def _read_body(body: bytes) -> Received:
    """Reads a whole answer. The messages go into the log as the bytes they came in."""
    try:
        found = members(body)
        choices = found.get("choices")
        listed = elements(body[choices.start : choices.end]) if choices else []
        said = sorted(
            (numbered for choice in listed if (numbered := _message(choice)) is not None),
            key=lambda numbered: numbered[0],
        )
        usage = found.get("usage")
        report = unless_null(body[usage.start : usage.end]) if usage else None
        reported = _reported(report)
    except Unreadable:
        return _NOTHING
    if not said:
        return _NOTHING
    first, *others = (message for _, message in said)
    return Received(first, tuple(others), True, report, reported)


def _message(choice: bytes) -> tuple[int, bytes] | None:
    """A choice's number and its message."""
    found = members(choice)
    member, index = found.get("message"), found.get("index")
    if member is None or choice[member.start : member.start + 1] != b"{":
        return None
    number = whole(choice[index.start : index.end]) if index else None
    return number or 0, choice[member.start : member.end]


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
        said = {
            n: msgspec.json.encode(message)
            for n in sorted(self.choices)
            if (message := _made(self.choices[n])) is not None
        }
        complete = bool(self.choices) and all(c.finished for c in self.choices.values())
        usage = None if self.usage is None else msgspec.json.encode(self.usage)
        first = said.pop(0, None)
        return Received(first, tuple(said.values()), complete, usage, _reported(usage))

    def _take(self, event: Event) -> bool:
        """Takes in one event. True for the usage report, which stands alone in its chunk."""
        if event.data.strip() == b"[DONE]":
            self.ended = True
            return False
        try:
            data = decoded(event.data)
        except Unreadable:
            return False  # passed on as it is; a comment, or nothing we can read
        if not isinstance(data, dict):
            return False
        if reports := isinstance(data.get("usage"), dict):
            self.usage = data["usage"]
        choices = data.get("choices")
        for choice in choices if isinstance(choices, list) else []:
            if isinstance(choice, dict):
                self._take_choice(choice)
        return choices == [] and reports

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
            into[key] = _merged(before if isinstance(before, list) else [], value)
        else:
            into[key] = value


def _merged(listed: list[Any], values: list[Any]) -> list[Any]:
    for value in values:
        twin = _twin(listed, value)
        if twin is None:
            listed.append(value)
        else:
            _merge(twin, value)
    return listed


def _twin(listed: list[Any], value: Any) -> dict[str, Any] | None:
    """The newest member that `value` continues. Some servers give all their calls index 0."""
    index = value.get("index") if isinstance(value, dict) else None
    if index is None:
        return None
    for other in reversed(listed):
        if isinstance(other, dict) and other.get("index") == index:
            ids = (value.get("id"), other.get("id"))
            return None if all(ids) and ids[0] != ids[1] else other
    return None


def _made(choice: _Choice) -> dict[str, Any] | None:
    """The message as a request may carry it; without the calls a cut left incomplete."""
    message = {"role": "assistant", **choice.message}
    message["role"] = "assistant"
    calls = [
        {key: value for key, value in call.items() if key != "index"}
        for call in _listed(message.pop("tool_calls", None))
        if choice.finished or _is_whole(call.get("function"))
    ]
    if calls:
        message["tool_calls"] = calls
    if not choice.finished and not _is_whole(message.get("function_call")):
        message.pop("function_call", None)
    message.setdefault("content", None)
    if message["content"] or any(message.get(key) for key in _EXCUSES):
        return message
    if not choice.finished:
        return None  # it may have reasoned: nothing was said yet
    message["content"] = ""
    return message


def _listed(calls: object) -> list[dict[str, Any]]:
    return [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []


def _is_whole(function: object) -> bool:
    arguments = function.get("arguments") if isinstance(function, dict) else None
    try:
        return isinstance(arguments, str) and isinstance(decoded(arguments.encode()), dict)
    except Unreadable:
        return False


def _reported(usage: bytes | None) -> int | None:
    """`prompt_tokens` counts cached tokens too."""
    counts = decoded(usage)
    reported = counts.get("prompt_tokens") if isinstance(counts, dict) else None
    return reported if isinstance(reported, int) else None
