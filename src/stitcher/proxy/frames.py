"""Frames of the Responses API over WebSocket: to and from bodies and server-sent events. Pure.

A client's frame is the body of `POST /v1/responses` with a `"type"`; each event of a stream is one
frame, its `data`. What only the transport needs (`stream`, `background`) is not in a frame
(OpenAI, "WebSocket mode" of the Responses API, November 2026). Refuses to know connections.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from stitcher.errors import ClientError
from stitcher.messages.unreadable import Unreadable
from stitcher.ports import Headers
from stitcher.wire.members import Member, added, elements, members

CREATE: Final = "response.create"
CANCEL: Final = "response.cancel"
ENDS: Final = frozenset(
    {
        "response.completed",
        "response.incomplete",
        "response.failed",
        "response.cancelled",
        "error",
    }
)

# Members that mean something in a frame or to a transport, not to a request over HTTP.
_OF_THE_FRAME: Final = frozenset({"type", "generate", "background", "stream", "stream_id"})
# True of the body an error came in, not of the frame it becomes.
_OF_THE_BODY: Final = frozenset(
    {"connection", "content-encoding", "content-length", "content-type", "transfer-encoding"}
)
_LINE_END: Final = re.compile(rb"\r\n|\n|\r")
_NAME: Final = re.compile(r"[\w.\-]+", re.ASCII)
_AN_EXAMPLE: Final = 'a JSON object such as {"type": "response.create", "model": ...}'


class _Head(msgspec.Struct):
    type: Any = None
    stream_id: Any = None


class _Named(msgspec.Struct):
    id: Any = None


class _Ending(msgspec.Struct):
    response: _Named | None = None


class _Refusal(msgspec.Struct):
    status: Any = None
    status_code: Any = None
    headers: Any = None


_HEAD: Final = msgspec.json.Decoder(_Head)
_ENDING: Final = msgspec.json.Decoder(_Ending)
_REFUSAL: Final = msgspec.json.Decoder(_Refusal)
_UNDECODABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def asked(frame: bytes) -> str:
    """What a client's frame asks for: its type. Raises ClientError where it has none."""
    try:
        kind = _HEAD.decode(frame).type
    except msgspec.ValidationError:
        raise ClientError(f"frame: found JSON that is no object, expected {_AN_EXAMPLE}") from None
    except _UNDECODABLE:
        raise ClientError(f"frame: found text that is not JSON, expected {_AN_EXAMPLE}") from None
    if not isinstance(kind, str) or not kind:
        raise ClientError(f"frame: found no type, expected {_AN_EXAMPLE}")
    return kind


def kind_of(frame: bytes) -> str:
    """The type of a provider's frame; "" where it has none."""
    try:
        kind = _HEAD.decode(frame).type
    except _UNDECODABLE:
        return ""
    return kind if isinstance(kind, str) else ""


def lane(frame: bytes) -> str | None:
    """The `stream_id` of a frame: clients name by it which answer belongs to which request."""
    try:
        name = _HEAD.decode(frame).stream_id
    except _UNDECODABLE:
        return None
    return name if isinstance(name, str) else None


def in_lane(frame: bytes, name: str) -> bytes:
    """The frame with that `stream_id`, where it has none."""
    try:
        return frame if "stream_id" in members(frame) else added(frame, "stream_id", _json(name))
    except Unreadable:
        return frame


def response_id(frame: bytes) -> str:
    """The id of the response a frame tells about; "" where it tells none."""
    try:
        told = _ENDING.decode(frame).response
    except _UNDECODABLE:
        return ""
    return told.id if told is not None and isinstance(told.id, str) else ""


def event(kind: str, frame: bytes) -> bytes:
    """The server-sent event that a provider's frame is over HTTP."""
    name = b"event: %b\n" % kind.encode() if _NAME.fullmatch(kind) else b""
    return name + b"data: " + _LINE_END.sub(b"\ndata: ", frame) + b"\n\n"


def stream_of(response: bytes) -> bytes | None:
    """The stream that says what a finished response object does; None of any other body.

    Some providers answer with the object whether a stream was asked for or not.
    """
    try:
        found = {name: response[at.start : at.end] for name, at in members(response).items()}
        items = elements(found.get("output", b""))
    except Unreadable:
        return None
    ending = _ENDING_OF.get(found.get("status", b'"completed"'))
    if found.get("object") != b'"response"' or ending is None:
        return None
    begun = {**found, "status": b'"in_progress"', "output": b"[]", "usage": b"null"}
    told = [{"type": b'"response.created"', "response": _object_of(begun)}]
    for index, item in enumerate(items):
        done = {"type": b'"response.output_item.done"', "output_index": b"%d" % index}
        told.append({**done, "item": item})
    told.append({"type": _json(ending), "response": response})
    return b"".join(
        event(json.loads(each["type"]), _object_of({**each, "sequence_number": b"%d" % number}))
        for number, each in enumerate(told)
    )


_ENDING_OF: Final = {
    b'"%b"' % status.encode(): f"response.{status}"
    for status in ("completed", "incomplete", "failed", "cancelled")
}


def _object_of(values: Mapping[str, bytes]) -> bytes:
    return b"{" + b",".join(_json(name) + b":" + value for name, value in values.items()) + b"}"


def http_body(frame: bytes) -> bytes:
    """The body of the streaming HTTP request that means the same; other members byte for byte.

    Raises ClientError for a frame that is not understood member by member.
    """
    kept = [
        frame[member.key_start : member.end]
        for member in _members(frame).values()
        if member.key not in _OF_THE_FRAME
    ]
    return b"{" + b",".join([*kept, b'"stream":true']) + b"}"


@dataclass(frozen=True, slots=True)
class Prewarming:
    """A frame with `"generate": false`: it leaves its input at the provider, and asks nothing."""

    model: str
    previous: str | None

    def answer(self, response: str, now: int) -> bytes:
        """The stream that says it was done, as response `response` at `now` (Unix seconds)."""
        made: dict[str, object] = {
            "id": response,
            "object": "response",
            "created_at": now,
            "status": "in_progress",
            "error": None,
            "incomplete_details": None,
            "model": self.model,
            "output": [],
            "previous_response_id": self.previous,
            "usage": None,
        }
        done = {**made, "status": "completed", "usage": _NOTHING_USED}
        told = (("response.created", made), ("response.completed", done))
        return b"".join(
            event(kind, _json({"type": kind, "sequence_number": number, "response": said}))
            for number, (kind, said) in enumerate(told)
        )


_NOTHING_USED: Final[Mapping[str, object]] = {
    "input_tokens": 0,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 0,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 0,
}


def prewarming(frame: bytes) -> Prewarming | None:
    """What a frame with `"generate": false` warms up; None of any other. Raises ClientError."""
    found = _members(frame)
    if _value(frame, found.get("generate")) is not False:
        return None
    model = _value(frame, found.get("model"))
    previous = _value(frame, found.get("previous_response_id"))
    return Prewarming(
        model if isinstance(model, str) else "", previous if isinstance(previous, str) else None
    )


def _members(frame: bytes) -> dict[str, Member]:
    try:
        return members(frame)
    except Unreadable as unreadable:
        raise ClientError(f"frame: {unreadable}") from None


def _value(frame: bytes, member: Member | None) -> object:
    if member is None:
        return None
    try:
        return json.loads(frame[member.start : member.end])
    except (ValueError, RecursionError):  # no text, or a number of more digits than anybody reads
        raise ClientError(f"frame: found a {member.key!r} that cannot be read") from None


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is an error: as a body with status and headers over HTTP."""

    status: int
    headers: Headers
    body: bytes  # {"error": {...}}

    def frame(self) -> bytes:
        """The same as one frame: Codex reads `status`, `error` and `headers` (0.169.0)."""
        said = _object(self.body)
        if not isinstance(said.get("error"), dict):
            message = f"stitcher: found an answer of status {self.status} that is no JSON error"
            said = {"error": {"message": message, "type": "server_error", "code": None}}
        headers = {
            name.lower(): value for name, value in self.headers if name.lower() not in _OF_THE_BODY
        }
        about = {"type": "error", "status": self.status}
        return _json({**about, **said, **about, "headers": headers})


def refusal(frame: bytes) -> Refusal:
    """The answer over HTTP that an `error` frame is; status 500 where it names none."""
    try:
        said = _REFUSAL.decode(frame)
    except _UNDECODABLE:
        said = _Refusal()
    status = next((s for s in (said.status, said.status_code) if _is_error_status(s)), 500)
    told = said.headers if isinstance(said.headers, dict) else {}
    headers = [
        (name, value if isinstance(value, str) else json.dumps(value))
        for name, value in told.items()
        if name.lower() not in _OF_THE_BODY
    ]
    members_kept = {
        key: value
        for key, value in _object(frame).items()
        if key not in ("type", "status", "status_code", "headers")
    }
    return Refusal(status, [*headers, ("Content-Type", "application/json")], _json(members_kept))


def _is_error_status(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 599


def _object(text: bytes) -> dict[str, object]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
