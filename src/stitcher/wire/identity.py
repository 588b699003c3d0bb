"""Whether two messages are the same, whatever dialect they came in.

What a message says is a role and a list of parts: `["text", trimmed]`, `["image", url or data
URI]`, `["call", name, arguments]`, `["result", parts]`, `["other", value]`. A message that is one
tool's result and nothing else has the role "tool" and the result's parts, as the dialects have it
that give each result a message of its own.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from stitcher.core.item import digest
from stitcher.wire.values import plain

_FLATTENED = ("assistant", "tool")  # roles whose texts clients join into one
_encode = msgspec.json.encode

Said = list[Any]


def identity(role: str, parts: Iterable[Said | None]) -> str:
    """The identity of a message that says `parts`; None stands for what does not count."""
    said = trimmed(role, parts)
    if role == "user" and len(said) == 1 and said[0][0] == "result":
        role, said = "tool", said[0][1]
    return digest(_encode([role, said], order="sorted"))


def trimmed(role: str, parts: Iterable[Said | None]) -> list[Said]:
    """The parts, texts joined where clients join them, without the white space they end in."""
    said: list[Said] = []
    flattened = role in _FLATTENED
    for part in parts:
        if part is None:
            continue
        if flattened and said and part[0] == "text" == said[-1][0]:
            said[-1] = ["text", said[-1][1] + part[1]]
        else:
            said.append(part)
    return [kept for part in said if (kept := _trimmed(part)) is not None]


def _trimmed(part: Said) -> Said | None:
    if part[0] != "text":
        return part
    said = part[1].rstrip()
    return ["text", said] if said else None


def text(value: object) -> Said:
    """Something said."""
    return ["text", str(value or "")]


def image(url: object) -> Said:
    """A picture, by its URL or data URI."""
    return ["image", url]


def call(name: object, arguments: object) -> Said:
    """A tool call; `arguments` are its plain values. None and `{}` are the same."""
    return ["call", name, arguments or {}]


def result(parts: Iterable[Said | None]) -> Said:
    """What a tool found, beside other parts."""
    return ["result", trimmed("tool", parts)]


def other(value: object) -> Said:
    """What only its dialect has a form for."""
    return ["other", value]


def parsed(arguments: object) -> Any:
    """Arguments as plain values: text that is JSON is read, other text is trimmed."""
    if not isinstance(arguments, str):
        return plain(arguments)
    try:
        return plain(msgspec.json.decode(arguments))
    except (msgspec.DecodeError, RecursionError):
        return arguments.strip()
