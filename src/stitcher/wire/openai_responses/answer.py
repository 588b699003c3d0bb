"""An answer of the Responses API, put together from its body or from its stream of events."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from stitcher.messages.unreadable import Unreadable
from stitcher.wire.dialect import Fold, Received
from stitcher.wire.members import elements, members
from stitcher.wire.openai_responses.unit import units
from stitcher.wire.sse import Splitter
from stitcher.wire.values import decoded, text, unless_null, whole
from stitcher.wire.whole_body import WholeBody

_NOTHING = Received(None, (), False, None, None)
_ABSENT = msgspec.Raw(b"")
_UNFINISHED = ("queued", "in_progress")  # answered in the background, to be fetched
_COMPLETE = ("completed", "incomplete", "")  # a server that gives no status gave an answer
_LAST: Final = {
    "response.completed": True,
    "response.incomplete": True,
    "response.failed": False,
    "response.cancelled": False,
}
# The deltas that make up a message, with the part they grow and the member that it grows.
_GROWING: Final = {
    "response.output_text": ("output_text", "text"),
    "response.refusal": ("refusal", "refusal"),
}


def fold(*, stream: bool, hide_usage: bool) -> Fold:
    """A fold for one answer. Its usage was not asked for by us: it is never hidden."""
    return _Stream() if stream else WholeBody(_read_body)


def cannot_read_thinking(status: int, body: bytes) -> bool:
    """Code invalid_encrypted_content (400), or reasoning named by an id nobody kept (404)."""
    if status not in (400, 404):
        return False
    return b"encrypted_content" in body or (b"Item with id 'rs_" in body and b"not found" in body)


def _read_body(body: bytes) -> Received:
    """Reads a whole answer. Its items go into the log as the bytes they came in."""
    try:
        response = _values(body)
        if response.get("output", b"")[:1] != b"[":
            return _NOTHING  # an error, or no response
        status = text(response.get("status"))
        said = [] if status in _UNFINISHED else _listed(response["output"])
        return _received(body, response, said, complete=status in _COMPLETE)
    except Unreadable:
        return _NOTHING


class _Event(msgspec.Struct):
    """What is read of an event; the values stay slices of its bytes."""

    type: str = ""
    item: msgspec.Raw = _ABSENT
    response: msgspec.Raw = _ABSENT
    output_index: msgspec.Raw = _ABSENT
    content_index: msgspec.Raw = _ABSENT
    delta: msgspec.Raw = _ABSENT
    text: msgspec.Raw = _ABSENT
    refusal: msgspec.Raw = _ABSENT


_EVENT = msgspec.json.Decoder(_Event)


@dataclass(slots=True)
class Gathered:
    """The events of one answer, as they come over any transport."""

    items: dict[int, bytes] = field(default_factory=dict)  # finished, by output_index
    parts: dict[int, dict[int, "_Part"]] = field(default_factory=dict)  # of unfinished messages
    response_id: str = ""
    last: bytes | None = None  # the response object of the last event
    complete: bool = False

    @property
    def ended(self) -> bool:
        """True once the last event was taken in."""
        return self.last is not None

    def take(self, data: bytes, name: str = "") -> None:
        """Takes in one event: its JSON, and its name where the transport gives one."""
        try:
            event = _EVENT.decode(data)
            self._take(event.type or name, event)
        except (Unreadable, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return  # passed on as it is; nothing we can read

    def received(self) -> Received:
        """The answer so far."""
        response = {} if self.last is None else _values(self.last)
        said = _listed(response.get("output")) or self._items()
        return _received(self.last, response, said, complete=self.complete, name=self.response_id)

    def _take(self, kind: str, event: _Event) -> None:
        group, _, step = kind.rpartition(".")
        if group in _GROWING:
            self._grow(group, step, event)
        elif kind == "response.output_item.done":
            self._finish(event)
        elif event.response:
            response = bytes(event.response)
            values = _values(response)
            self.response_id = text(values.get("id")) or self.response_id
            if kind in _LAST:
                _received(response, values, _listed(values.get("output")), complete=True)
                self.last, self.complete = response, _LAST[kind]

    def _grow(self, group: str, step: str, event: _Event) -> None:
        """Deltas add up; a last word says all of it again."""
        part_type, member = _GROWING[group]
        if step not in ("delta", "done"):
            return  # of a kind that may yet come
        said = text(_slice(event.delta if step == "delta" else getattr(event, member)))
        message = self.parts.setdefault(_number(event.output_index, len(self.items)), {})
        part = message.setdefault(_number(event.content_index, 0), _Part(part_type, member))
        if step == "done":
            part.said.clear()
        part.said.append(said)

    def _finish(self, event: _Event) -> None:
        item = bytes(event.item)
        if not isinstance(decoded(item), dict):
            raise Unreadable("found an item that is not an object")
        index = _number(event.output_index, len(self.items))
        self.items[index] = item
        self.parts.pop(index, None)

    def _items(self) -> list[bytes]:
        """What was finished, and what was said of messages that were not."""
        said = dict(self.items)
        for index, message in self.parts.items():
            content = [part.made() for _, part in sorted(message.items()) if any(part.said)]
            if content:
                said[index] = msgspec.json.encode(
                    {"type": "message", "role": "assistant", "content": content}
                )
        return [said[index] for index in sorted(said)]


@dataclass(slots=True)
class _Part:
    type: str
    member: str
    said: list[str] = field(default_factory=list)

    def made(self) -> dict[str, object]:
        made: dict[str, object] = {"type": self.type, self.member: "".join(self.said)}
        return made | {"annotations": []} if self.type == "output_text" else made


@dataclass(slots=True)
class _Stream:
    """Server-sent events, each passed on as it came."""

    splitter: Splitter = field(default_factory=Splitter)
    gathered: Gathered = field(default_factory=Gathered)

    @property
    def ended(self) -> bool:
        return self.gathered.ended

    def feed(self, chunk: bytes) -> list[bytes]:
        for event in self.splitter.feed(chunk):
            self.gathered.take(event.data, event.name)
        return [chunk]

    def close(self) -> list[bytes]:
        for event in self.splitter.close():
            self.gathered.take(event.data, event.name)
        return []

    def received(self) -> Received:
        return self.gathered.received()


def _received(
    response: bytes | None,
    values: dict[str, bytes],
    said: Sequence[bytes],
    *,
    complete: bool,
    name: str = "",
) -> Received:
    """The answer that says these items. Reasoning that nothing follows is none of it."""
    grouped, _ = units(said)
    usage = unless_null(values.get("usage"))
    counts = decoded(usage)
    reported = counts.get("input_tokens") if isinstance(counts, dict) else None
    return Received(
        message=grouped[0] if grouped else None,
        others=(),
        complete=complete,
        usage=usage,
        reported=reported if isinstance(reported, int) else None,
        further=tuple(grouped[1:]),
        response_id=text(values.get("id")) or name,
        response=response if _is_text(response) else None,
    )


def _values(response: bytes) -> dict[str, bytes]:
    found = members(response)
    return {key: response[member.start : member.end] for key, member in found.items()}


def _is_text(response: bytes | None) -> bool:
    """False where it is no UTF-8 in a place that nobody reads: a log holds nothing but text."""
    try:
        return response is None or bool(response.decode())
    except UnicodeDecodeError:
        return False


def _listed(output: bytes | None) -> list[bytes]:
    return elements(output) if output and output[:1] == b"[" else []


def _slice(raw: msgspec.Raw) -> bytes | None:
    return bytes(raw) or None


def _number(raw: msgspec.Raw, otherwise: int) -> int:
    number = whole(_slice(raw))
    return otherwise if number is None else number
