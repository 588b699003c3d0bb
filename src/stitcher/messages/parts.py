"""What messages say in no dialect's words: the parts that every dialect has a form for.

Signed thinking, encrypted reasoning and what a provider's own tools did have a form in one dialect
only: they are no parts.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from stitcher.messages.json_text import from_json, json_text

Speaker = Literal["system", "user", "assistant"]

# The narrower of the providers' rules: OpenAI takes names of ^[a-zA-Z0-9_-]{1,64}$ (API reference,
# "Create chat completion", 2026-11), Anthropic up to 128 of the same characters.
_NOT_OF_A_NAME = re.compile(r"[^a-zA-Z0-9_-]")
_LONGEST_NAME = 64
_DATA_URI = re.compile(r"data:([\w.+-]+/[\w.+-]+)((?:;[^;,]*)*);base64,(.*)", re.DOTALL)
_SCHEMA: dict[str, Any] = {"type": "object", "properties": {}}
_INPUT = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}

PutIn = Callable[[str], object]
"""How a text that is JSON stands in a message: decoded, or verbatim."""


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


Shown = Text | Image | File
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


def legal_name(name: str) -> str:
    """A tool's name as every provider takes it."""
    return _NOT_OF_A_NAME.sub("_", name)[:_LONGEST_NAME] or "tool"


def tool(name: object, description: object, schema: object) -> Tool:
    """A function offered with this JSON schema, `schema` being its decoded value.

    Providers want a schema of an object with properties: what is missing of that is added.
    """
    own = schema if isinstance(schema, dict) and schema.get("type") in (None, "object") else {}
    said = own if own.get("type") and "properties" in own else {**_SCHEMA, **own, "type": "object"}
    return Tool(
        name=legal_name(str(name or "")),
        description=description if isinstance(description, str) else "",
        schema=json_text(said),
    )


def custom_tool(name: object, description: object) -> Tool:
    """A tool that takes free text: its calls have one argument, `input`."""
    return tool(name, description, _INPUT)


def offered(tools: Iterable[Tool]) -> tuple[Tool, ...]:
    """The tools, each name once: providers refuse two of a name."""
    named: dict[str, Tool] = {}
    for one in tools:
        named.setdefault(one.name, one)
    return tuple(named.values())


def arguments_object(arguments: object) -> str:
    """A call's arguments as a JSON object, verbatim if they are one.

    None at all become `{}`; what is no object, as free text is not, the one argument `input`.
    """
    text = arguments if isinstance(arguments, str) else json_text(arguments)
    try:
        value = from_json(text) if text.strip() else None
    except ValueError:
        value = text
    if isinstance(value, dict):
        return text.strip()
    return free_text(text) if value else "{}"


def free_text(text: str) -> str:
    """The arguments of a call that takes free text."""
    return json_text({"input": text})


def says(text: object) -> bool:
    """True for a text that is not only white space: providers refuse those."""
    return isinstance(text, str) and bool(text.strip())


def reachable(url: object) -> bool:
    """True for what any provider can look at: http(s), or a data URI in base64."""
    if not isinstance(url, str):
        return False
    return url.startswith(("http://", "https://")) or media(url) is not None


def data_uri(media_type: str, data: str) -> str:
    """Base64 data as a URL."""
    return f"data:{media_type};base64,{data}"


def media(url: str) -> tuple[str, str] | None:
    """Media type and base64 data of a data URI; None for any other URL."""
    found = _DATA_URI.fullmatch(url)
    return (found.group(1).lower(), found.group(3)) if found else None


def text_document(name: str, text: str) -> File:
    """A document that is plain text."""
    return File("user", data_uri("text/plain", base64.b64encode(text.encode()).decode()), name)


def text_of(file: File) -> str | None:
    """What a document says if it is text, else None."""
    found = media(file.url)
    if found is None or not found[0].startswith("text/"):
        return None
    try:
        return base64.b64decode(found[1]).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def joined(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The parts of one message, an assistant's texts that follow each other made one."""
    made: list[Part] = []
    for part in parts:
        last = made[-1] if made else None
        if (
            isinstance(part, Text)
            and isinstance(last, Text)
            and part.role == last.role == "assistant"
        ):
            made[-1] = replace(last, text=last.text + part.text)
        else:
            made.append(part)
    return tuple(made)


def speaker(part: Part) -> str:
    """Who says a part; a tool's result is nobody's."""
    if isinstance(part, ToolResult):
        return "tool"
    return "assistant" if isinstance(part, ToolCall) else part.role


def openai_function(tool: Tool, put_in: PutIn = from_json) -> dict[str, object]:
    """A tool as OpenAI's APIs describe one."""
    described = {"description": tool.description} if tool.description else {}
    return {"name": tool.name, **described, "parameters": put_in(tool.schema)}
