"""Server-sent events, split on bytes.

Text is decoded only when an event is whole, so a character split between two chunks stays one. An
event keeps its own bytes: it can be passed on or left out, never rewritten.
(WHATWG HTML, "Server-sent events": lines end in LF, CR or CRLF, an empty line ends an event.)
"""

import re
from dataclasses import dataclass

# Atomic, so that one CRLF is never read as a CR and an LF.
_END = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
_LINE = re.compile(rb"\r\n|\n|\r")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its bytes on the wire, its name and its data."""

    raw: bytes  # with the empty line that ended it
    name: str
    data: bytes


@dataclass(slots=True)
class Splitter:
    """Feed it chunks; it gives back the events they complete."""

    rest: bytes = b""  # what has arrived of an event that is not whole yet
    _begun: bool = False

    def feed(self, chunk: bytes) -> list[Event]:
        """The events completed by this chunk."""
        looked = max(0, len(self.rest) - 4)  # an end may straddle the chunks
        data = self.rest + chunk
        events = []
        start = 0
        while (end := _END.search(data, max(start, looked))) is not None:
            if end.end() == len(data) and data.endswith(b"\r"):
                break  # the LF of a CRLF may be on its way: it belongs to this event
            events.append(self._event(data[start : end.end()]))
            start = end.end()
        self.rest = data[start:]
        return events

    def close(self) -> list[Event]:
        """What is left when the stream ends, with or without a final empty line."""
        rest, self.rest = self.rest, b""
        return [self._event(rest)] if rest else []

    def _event(self, raw: bytes) -> Event:
        name = ""
        data: list[bytes] = []
        text = raw if self._begun else raw.removeprefix(_BYTE_ORDER_MARK)
        self._begun = True
        for line in _LINE.split(text):
            field, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if field == b"data":
                data.append(value)
            elif field == b"event":
                name = value.decode("utf-8", "replace")
        return Event(raw, name, b"\n".join(data))
