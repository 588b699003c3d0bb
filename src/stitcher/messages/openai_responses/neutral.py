"""The Responses API and the neutral forms: what an item says, and how it is said here."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from stitcher.messages.json_text import from_json
from stitcher.messages.openai_responses.item import (
    Element,
    answered,
    call_ids,
    image_url_of,
    kind_of,
    name_of,
    parts_of,
    role_of,
)
from stitcher.messages.parts import (
    File,
    Image,
    NeutralHead,
    Part,
    PutIn,
    Shown,
    Speaker,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    arguments_object,
    custom_tool,
    free_text,
    joined,
    media,
    offered,
    openai_function,
    reachable,
    says,
    speaker,
    text_of,
    tool,
)

_TEXTS: Final = {"input_text": "text", "output_text": "text", "text": "text", "refusal": "refusal"}

USER_SPEAKS_FIRST: Final = False


def parts(element: Element) -> Sequence[Part]:
    """What an item says. Raises Unreadable."""
    match kind_of(element):
        case "message":
            said = role_of(element)
            role: Speaker = "user" if said == "tool" else said
            return joined(list(_shown(role, parts_of(element) or [])))
        case "function_call":
            return _call(element, arguments_object(element.get("arguments")))
        case "custom_tool_call":
            return _call(element, free_text(str(element.get("input") or "")))
        case "function_call_output" | "custom_tool_call_output":
            shown = tuple(_shown("user", parts_of(element) or []))
            return tuple(ToolResult(name, shown) for name in answered(element))
        case _:
            return ()


def _call(element: Element, arguments: str) -> Sequence[Part]:
    name = str(name_of(element) or "")
    return tuple(ToolCall(id, name, arguments) for id in call_ids(element))


def _shown(role: Speaker, content: list[Element]) -> Iterator[Shown]:
    """Texts; pictures and documents where somebody shows them."""
    for part in content:
        kind = str(part.get("type"))
        if kind in _TEXTS and says(part.get(_TEXTS[kind])):
            yield Text(role, part[_TEXTS[kind]])
        elif role != "user":
            continue
        elif kind == "input_image" and reachable(url := image_url_of(part)):
            yield Image(role, url)
        elif kind == "input_file":
            # Not one that was uploaded before: its id names nothing at another provider.
            named = (part.get("file_data"), part.get("file_url"))
            url = next((str(one) for one in named if reachable(one)), "")
            if url:
                yield File(role, url, str(part.get("filename") or ""))


def written(parts: Sequence[Part]) -> list[Element]:
    """Items that say `parts`, in their order; without ids of their own, which the API gives."""
    return [item for who, run in groupby(parts, _beside) for item in _items(who, run)]


def _beside(part: Part) -> str:
    """What goes into one item; a call and a result are each one."""
    return "" if isinstance(part, ToolCall | ToolResult) else speaker(part)


def _items(who: str, run: Iterator[Part]) -> Iterator[Element]:
    content = []
    for part in run:
        match part:
            case ToolCall(id=name, name=called, arguments=arguments):
                call = {"call_id": name, "name": called, "arguments": arguments}
                yield {"type": "function_call", **call}
            case ToolResult(id=name, content=found):
                output = _output([form for one in found if (form := _content(one, "user"))])
                yield {"type": "function_call_output", "call_id": name, "output": output}
            case _:
                content.append(_content(part, who))
    if said := [form for form in content if form is not None]:
        yield {"type": "message", "role": who, "content": said}


def _content(part: Part, who: str) -> Element | None:
    match part:
        case Text(text=text) if says(text):
            return {"type": "output_text" if who == "assistant" else "input_text", "text": text}
        case Image(url=url) if who == "user":
            return {"type": "input_image", "image_url": url, "detail": "auto"}
        case File(url=url, name=name) if who == "user":
            return _file(part, url, name)
    return None


def _file(file: File, url: str, name: str) -> Element | None:
    if (text := text_of(file)) is not None:
        return {"type": "input_text", "text": text} if says(text) else None
    if media(url) is None:
        return {"type": "input_file", "file_url": url}
    return {"type": "input_file", "filename": name or "document.pdf", "file_data": url}


def _output(content: list[Element]) -> str | list[Element]:
    """One text, or none, is a string: not every server takes a list for it."""
    if len(content) == 1 and content[0]["type"] == "input_text":
        return str(content[0]["text"])
    return content or ""


def head(system: Sequence[str | Element], tools: object) -> NeutralHead:
    """The head of a call: instructions and leading items, and its `tools`. Raises Unreadable."""
    texts: list[str] = []
    listed: list[Any] = tools if isinstance(tools, list) else []
    for value in system:
        if isinstance(value, str):
            texts += [value] if says(value) else []
            continue
        if kind_of(value) == "additional_tools":  # Codex 0.169 puts its tools there
            listed = [*listed, *(value.get("tools") or [])]
        shown = _shown("system", parts_of(value) or [])
        texts += [part.text for part in shown if isinstance(part, Text)]
    return NeutralHead(tuple(texts), offered(_tools(listed, "")))


def _tools(listed: list[Any], namespace: str) -> Iterator[Tool]:
    """Functions and tools that take free text, also those in a namespace."""
    for one in listed:
        if not isinstance(one, dict):
            continue
        name = f"{namespace}.{one.get('name')}" if namespace else one.get("name")
        match one.get("type"):
            case "function":
                yield tool(name, one.get("description"), one.get("parameters"))
            case "custom":
                yield custom_tool(name, one.get("description"))
            case "namespace" if not namespace and isinstance(one.get("tools"), list):
                yield from _tools(one["tools"], str(name or ""))


def written_tools(head: NeutralHead, put_in: PutIn = from_json) -> list[dict[str, Any]]:
    """`tools`. Functions are strict here unless they say that they are not."""
    return [
        {"type": "function", **openai_function(one, put_in), "strict": False} for one in head.tools
    ]
