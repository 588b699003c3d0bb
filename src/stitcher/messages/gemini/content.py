"""A content of the Gemini API: its parts, what it calls and answers, how large it is.

The API takes the names of members in both spellings (`functionCall`, `function_call`); so do we.
"""

import re
from collections import Counter as Times
from collections.abc import Iterator, Sequence
from typing import Any, Final

from stitcher.core.role import Role
from stitcher.core.tokens import TOKENS_PER_MESSAGE
from stitcher.messages.counting import AROUND_CALL, Counter
from stitcher.messages.unreadable import Unreadable

NAME: Final = "gemini"

_HUMP = re.compile(r"(?<=[a-z])([A-Z])")

Content = dict[str, Any]


def parts(content: Content) -> list[Content]:
    """The parts of a content. Raises Unreadable."""
    found = content.get("parts")
    if found is None:
        return []
    if isinstance(found, list) and all(isinstance(part, dict) for part in found):
        return found
    raise Unreadable("a content whose parts are not a list of objects")


def member(part: Content, name: str) -> Any:
    """A member of a part by its name in snake case, however it is spelled there."""
    if name in part:
        return part[name]
    return next((part[key] for key in part if _HUMP.sub(_lower, key) == name), None)


def _lower(found: re.Match[str]) -> str:
    return f"_{found.group(1).lower()}"


def role_of(content: Content) -> Role:
    """Who says a content; one of nothing but results is a tool's. Raises Unreadable."""
    if content.get("role") == "model":
        return "assistant"
    said = parts(content)
    results = [part for part in said if member(part, "function_response") is not None]
    return "tool" if results and len(results) == len(said) else "user"


def call_ids(content: Content) -> tuple[str, ...]:
    """The ids of the functions a content calls; without one, their names. Raises Unreadable."""
    return tuple(_named(parts(content), "function_call"))


def answered(content: Content) -> tuple[str, ...]:
    """The ids of the calls a content answers; without one, their names. Raises Unreadable."""
    return tuple(_named(parts(content), "function_response"))


def _named(said: Sequence[Content], kind: str) -> Iterator[str]:
    """The second call of a name in one content is another than the first."""
    times: Times[str] = Times()
    for part in said:
        found = member(part, kind)
        if isinstance(found, dict):
            name = str(found.get("id") or found.get("name"))
            yield f"{name}/{times[name]}" if times[name] else name
            times[name] += 1


def tokens(content: Content, counter: Counter) -> int:
    """Tokens of a content, before calibration. Raises Unreadable."""
    return sum(_part_tokens(part, counter) for part in parts(content)) + TOKENS_PER_MESSAGE


def _part_tokens(part: Content, counter: Counter) -> int:
    if isinstance(part.get("text"), str):
        return counter.text(part["text"])
    called = member(part, "function_call")
    if isinstance(called, dict):
        return counter.call(called.get("name"), called.get("args"))
    found = member(part, "function_response")
    if isinstance(found, dict):
        return counter.text(found.get("response")) + AROUND_CALL
    shown = member(part, "inline_data") or member(part, "file_data")
    if isinstance(shown, dict):
        return _media_tokens(shown, counter)
    return counter.file(part)


def _media_tokens(shown: Content, counter: Counter) -> int:
    kind = str(member(shown, "mime_type") or "")
    if kind.startswith("image/"):
        return counter.image(shown.get("data") or member(shown, "file_uri"))
    if kind == "application/pdf":
        return counter.document(shown.get("data"))
    return counter.file(shown)
