"""What messages say in no dialect's words: the parts that every dialect has a form for.

Signed thinking, encrypted reasoning and what a provider's own tools did have a form in one dialect
only: they are no parts.
"""

from dataclasses import dataclass
from typing import Literal

Speaker = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Text:
    """Something said."""

    role: Speaker
    text: str


@dataclass(frozen=True, slots=True)
class Image:
    """A picture somebody showed."""

    role: Speaker
    url: str  # http(s), or a data URI


@dataclass(frozen=True, slots=True)
class File:
    """A document somebody showed."""

    role: Speaker
    url: str  # http(s), or a data URI
    name: str = ""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of one of the client's tools."""

    id: str
    name: str
    arguments: str  # a JSON object as text


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a client's tool found."""

    id: str
    content: tuple[Text | Image | File, ...]
    failed: bool = False


Part = Text | Image | File | ToolCall | ToolResult


@dataclass(frozen=True, slots=True)
class Tool:
    """A function the client offers."""

    name: str
    description: str
    schema: str  # JSON schema of its arguments, as text


@dataclass(frozen=True, slots=True)
class NeutralHead:
    """System prompt and tools."""

    system: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
