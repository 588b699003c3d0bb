"""Chat Completions and the neutral forms: what a message says, and how it is said here."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from stitcher.messages.json_text import from_json
from stitcher.messages.openai_chat.message import Part as Member
from stitcher.messages.openai_chat.message import (
    answered,
    call_ids,
    calls_of,
    function_of,
    image_url_of,
    role_of,
)
from stitcher.messages.openai_chat.message import parts as content_of
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

USER_SPEAKS_FIRST: Final = False


def parts(message: Member) -> Sequence[Part]:
    """What a message says. Raises Unreadable."""
    role = role_of(message)
    content = content_of(message.get("content"))
    if role == "tool":
        shown = tuple(_shown("user", content))
        return tuple(ToolResult(name, shown) for name in answered(message))
    said: list[Part] = [*_shown(role, content)]
    if role == "assistant":
        if says(message.get("refusal")):
            said.append(Text("assistant", message["refusal"]))
        calls = zip(call_ids(message), calls_of(message), strict=True)
        said += [_call(name, call) for name, call in calls]
    return joined(said)


def _shown(role: Speaker, content: list[Member]) -> Iterator[Shown]:
    """Texts; pictures and documents where somebody shows them."""
    for part in content:
        kind = part.get("type")
        if kind in ("text", "refusal") and says(part.get(kind)):
            yield Text(role, part[kind])
        elif role != "user":
            continue
        elif kind == "image_url" and reachable(url := image_url_of(part)):
            yield Image(role, str(url))
        elif kind == "file":
            yield from _document(role, part.get("file"))


def _document(role: Speaker, file: object) -> Iterator[File]:
    """Not one that was uploaded before: its id names nothing at another provider."""
    if isinstance(file, dict) and reachable(url := file.get("file_data")):
        yield File(role, str(url), str(file.get("filename") or ""))


def _call(name: str, call: Member) -> ToolCall:
    function = function_of(call)
    if "custom" in call and "function" not in call:
        arguments = free_text(str(function.get("input") or ""))
    else:
        arguments = arguments_object(function.get("arguments"))
    return ToolCall(name, str(function.get("name") or ""), arguments)


def written(parts: Sequence[Part]) -> list[Member]:
    """Messages that say `parts`. A message of an assistant has its texts before its calls."""
    return [
        message for who, run in groupby(parts, speaker) for message in _messages(who, list(run))
    ]


def _messages(who: str, said: list[Part]) -> list[Member]:
    if who == "tool":
        return _results([part for part in said if isinstance(part, ToolResult)])
    if who == "user":
        content = [form for part in said if (form := _content(part)) is not None]
        return [{"role": who, "content": _plain(content)}] if content else []
    text = "\n\n".join(part.text for part in said if isinstance(part, Text))
    calls = [_written_call(part) for part in said if isinstance(part, ToolCall)]
    if calls:
        return [{"role": who, "content": text or None, "tool_calls": calls}]
    return [{"role": who, "content": text}] if text else []


def _written_call(call: ToolCall) -> Member:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _results(results: list[ToolResult]) -> list[Member]:
    """One message for each result; what they show follows, since a result can only be text."""
    messages: list[Member] = []
    shown: list[Member] = []
    for result in results:
        content = [form for part in result.content if (form := _content(part)) is not None]
        texts = [form for form in content if form["type"] == "text"]
        messages.append({"role": "tool", "tool_call_id": result.id, "content": _plain(texts)})
        if len(texts) < len(content):
            shown.append({"type": "text", "text": f"[Shown by the tool call {result.id}:]"})
            shown += [form for form in content if form["type"] != "text"]
    return [*messages, {"role": "user", "content": shown}] if shown else messages


def _content(part: Part) -> Member | None:
    match part:
        case Text(text=text):
            return {"type": "text", "text": text}
        case Image(url=url):
            return {"type": "image_url", "image_url": {"url": url}}
        case File(url=url, name=name):
            if (words := text_of(part)) is not None:
                return {"type": "text", "text": words} if says(words) else None
            # This API takes documents by their data or by the id of an upload, not by URL.
            found = media(url)
            file = {"filename": name or "document.pdf", "file_data": url}
            return {"type": "file", "file": file} if found else None
    return None


def _plain(content: list[Member]) -> str | list[Member]:
    """One text, or none, is a string: not every server takes a list for it."""
    if len(content) == 1 and content[0]["type"] == "text":
        return str(content[0]["text"])
    return content or ""


def head(system: Sequence[Member], tools: object) -> NeutralHead:
    """The head of a call: its leading messages and its `tools`. Raises Unreadable."""
    texts = [
        part["text"]
        for message in system
        for part in content_of(message.get("content"))
        if part.get("type") == "text" and says(part.get("text"))
    ]
    listed = tools if isinstance(tools, list) else []
    read = [_tool(one) for one in listed if isinstance(one, dict)]
    return NeutralHead(tuple(texts), offered(one for one in read if one is not None))


def _tool(one: Member) -> Tool | None:
    function, custom = one.get("function"), one.get("custom")
    if isinstance(function, dict):
        return tool(function.get("name"), function.get("description"), function.get("parameters"))
    if isinstance(custom, dict):
        return custom_tool(custom.get("name"), custom.get("description"))
    return None


def written_system(head: NeutralHead) -> list[Member]:
    """One system message, since not every server takes several."""
    text = "\n\n".join(head.system)
    return [{"role": "system", "content": text}] if text else []


def written_tools(head: NeutralHead, put_in: PutIn = from_json) -> list[dict[str, Any]]:
    """`tools`."""
    return [{"type": "function", "function": openai_function(one, put_in)} for one in head.tools]
