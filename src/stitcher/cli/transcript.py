"""A session's log as a person reads it: who said what when, and which of it is on the path.

Made for looking, not for sending: it reads whatever is there, also lines of older versions and
lines that make no sense, and never refuses. Refuses to know where lines are kept.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from stitcher.cli.transcript_parts import Json, Part, parts, role

_MAIN = "main"  # the thread of a line that names none: a log leaves out what is the default


@dataclass(frozen=True, slots=True)
class Said:
    """A message, or an event between messages (role "event")."""

    place: str
    role: str
    parts: tuple[Part, ...]
    thread: str = ""
    time: float | None = None
    cut: bool = False
    on_path: bool = True

    @property
    def is_message(self) -> bool:
        """False for an event between messages."""
        return self.role != "event"


@dataclass(slots=True)
class _Reading:
    entries: list[tuple[str, Json | None]] = field(default_factory=list)
    parents: dict[str, str] = field(default_factory=dict)
    messages: dict[str, Json | list[object]] = field(default_factory=dict)  # by chain
    tips: dict[str, str] = field(default_factory=dict)

    def take(self, place: str, line: Json | None) -> None:
        self.entries.append((place, line))
        if line is None:
            return
        thread = str(line.get("thread", _MAIN))
        match line.get("type"):
            case "message" if isinstance(chain := line.get("chain"), str):
                self.parents[chain] = str(line.get("parent", ""))
                if isinstance(message := line.get("message"), Mapping | list):
                    self.messages.setdefault(chain, message)
                self.tips[thread] = chain
            case "turn" if line.get("status") == "failed":
                self.tips[thread] = str(line.get("base", ""))
            case "rewound":
                self.tips[thread] = str(line.get("to", ""))
            case "rebased":
                self.tips[thread] = str(line.get("onto", ""))

    def active(self) -> set[str]:
        """The chains on the way from any thread's tip to the root."""
        seen: set[str] = set()
        for tip in self.tips.values():
            while tip and tip not in seen:
                seen.add(tip)
                tip = self.parents.get(tip, "")
        return seen


def read(lines: Iterable[tuple[str, bytes]]) -> list[Said]:
    """What the lines of a log, oldest first and each with its place, say."""
    reading = _Reading()
    for place, data in lines:
        reading.take(place, _object(data))
    active = reading.active()
    return [
        said
        for place, line in reading.entries
        if (said := _said(place, line, reading, active)) is not None
    ]


def _object(data: bytes) -> Json | None:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


_EVENTS: Mapping[str, str] = {
    "rewound": "the client went back: what follows replaces messages above",
    "rebased": "the client rewrote its history: its version follows",
    "compacted": "the window was cut here: older messages are no longer sent",
}


def _said(place: str, line: Json | None, reading: _Reading, active: set[str]) -> Said | None:
    if line is None:
        return Said(place, "event", (Part("other", f"{place}: not a line of a log"),))
    kind, thread, time = line.get("type"), str(line.get("thread", _MAIN)), line.get("time")
    when = float(time) if isinstance(time, int | float) else None
    if kind == "message":
        chain = line.get("chain")
        message = line.get("message")
        if not isinstance(message, Mapping | list):
            message = reading.messages.get(str(line.get("same_as")), {})
        return Said(
            place,
            role(message),
            tuple(parts(message)),
            thread,
            when,
            cut=bool(line.get("cut")),
            on_path=not isinstance(chain, str) or chain in active,
        )
    if kind == "head":
        return Said(place, "system", tuple(_head(line)), thread, when)
    if kind == "turn" and line.get("status") == "failed":
        text = f"the provider refused this (HTTP {line.get('http', '?')}): taken back"
        return Said(place, "event", (Part("other", text),), thread, when)
    if kind == "aside" and isinstance(aside := line.get("message"), Mapping | list):
        size = sum(len(part.text) for part in parts(aside))
        text = f"with this request only, {size:,} characters more were said"
        return Said(place, "event", (Part("other", text),), thread, when)
    if isinstance(kind, str) and kind in _EVENTS:
        return Said(place, "event", (Part("other", _EVENTS[kind]),), thread, when)
    return None


def _head(line: Json) -> Iterator[Part]:
    system = line.get("system")
    messages = system if isinstance(system, list) else [{"content": system}]
    for message in messages:
        if isinstance(message, Mapping) and message.get("type") != "text":
            yield from parts(message)
        elif message is not None:  # text, or a block of it
            yield from parts({"content": message if isinstance(message, str) else [message]})
    if isinstance(tools := line.get("tools"), list):
        yield Part("other", f"{len(tools)} tool{'' if len(tools) == 1 else 's'}")


_MARKS: Mapping[str, str] = {
    "call": "calls ",
    "result": "result: ",
    "thinking": "thinking: ",
    "image": "",
    "other": "",
    "text": "",
}


def plain(part: Part) -> str:
    """A piece with what it is in front, where it is not text."""
    return _MARKS.get(part.kind, "") + part.text


def folded(text: str, *, lines: int = 12, characters: int = 1200) -> str:
    """The beginning of a long text, and how much is left out."""
    kept = "\n".join(text.split("\n")[:lines])[:characters]
    if len(kept) == len(text):
        return text
    return f"{kept}\n… {len(text) - len(kept):,} more characters (--full shows them)"


def to_markdown(name: str, said: Iterable[Said], when: Callable[[float], str]) -> Iterator[str]:
    """The session as Markdown, a heading for each message; a blank line ends each piece."""
    yield f"# {name}\n"
    for one in said:
        if not one.is_message:
            yield f"*{''.join(part.text for part in one.parts)}*\n"
            continue
        marks = [when(one.time)] if one.time is not None else []
        marks += ["cut off"] if one.cut else []
        marks += [] if one.on_path else ["not on the path"]
        yield f"## {one.role}{' · ' if marks else ''}{', '.join(marks)}\n"
        for part in one.parts:
            yield f"{_fenced(part)}\n"


def _fenced(part: Part) -> str:
    if part.kind == "text":
        return part.text
    if part.kind in ("call", "result"):
        fence = "```"
        while fence in part.text:
            fence += "`"
        return f"{part.kind.capitalize()}:\n\n{fence}\n{part.text}\n{fence}"
    quoted = part.text.replace("\n", "\n> ")
    return f"> {part.kind}: {quoted}"
