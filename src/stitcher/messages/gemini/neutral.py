"""The Gemini API and the neutral forms: what a content says, and how it is said here."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from stitcher.messages.gemini.content import Content, answered, call_ids, member, role_of
from stitcher.messages.gemini.content import parts as parts_of
from stitcher.messages.json_text import from_json, json_text
from stitcher.messages.parts import (
    File,
    Image,
    NeutralHead,
    Part,
    Speaker,
    Text,
    ToolCall,
    ToolResult,
    arguments_object,
    data_uri,
    joined,
    media,
    reachable,
    says,
    speaker,
)


def parts(content: Content) -> Sequence[Part]:
    """What a content says; thoughts are left out. Raises Unreadable."""
    said = role_of(content)
    role: Speaker = "user" if said == "tool" else said
    calls, results = iter(call_ids(content)), iter(answered(content))
    made: list[Part] = []
    for part in parts_of(content):
        called, found = member(part, "function_call"), member(part, "function_response")
        if isinstance(called, dict):
            name = str(called.get("name") or "")
            made.append(ToolCall(next(calls), name, arguments_object(called.get("args"))))
        elif isinstance(found, dict):
            told = Text("user", _told(found.get("response")))
            made.append(ToolResult(next(results), (told,) if says(told.text) else ()))
        elif not part.get("thought"):
            made += _shown(role, part)
    return joined(made)


def _told(response: object) -> str:
    """What a function found: the one text it is wrapped around, or the whole as JSON."""
    if isinstance(response, dict) and len(response) == 1:
        (only,) = response.values()
        if isinstance(only, str):
            return only
    return "" if response is None else json_text(response)


def _shown(role: Speaker, part: Content) -> Iterator[Text | Image | File]:
    if says(part.get("text")):
        yield Text(role, part["text"])
        return
    shown = member(part, "inline_data") or member(part, "file_data")
    if role != "user" or not isinstance(shown, dict):
        return
    kind, uri = str(member(shown, "mime_type") or ""), member(shown, "file_uri")
    url = str(uri) if uri else data_uri(kind, str(shown.get("data") or ""))
    if reachable(url):
        yield Image("user", url) if kind.startswith("image/") else File("user", url)


def written(parts: Sequence[Part], names: Mapping[str, str]) -> list[Content]:
    """Contents that say `parts`. `names` are the functions that tool ids called.

    A system text in mid-history is the user's here: the API has no form for it.
    """
    return [
        {"role": "model" if who == "assistant" else "user", "parts": said}
        for who, run in groupby(parts, speaker)
        if (said := [form for part in run if (form := _part(part, names)) is not None])
    ]


def _part(part: Part, names: Mapping[str, str]) -> Content | None:
    match part:
        case Text(text=text):
            return {"text": text} if says(text) else None
        case ToolCall(id=id, name=name, arguments=arguments):
            return {"function_call": {"id": id, "name": name, "args": from_json(arguments)}}
        case ToolResult(id=id, content=content, failed=failed):
            told = "\n".join(one.text for one in content if isinstance(one, Text))
            response = {"error" if failed else "result": told}
            return {
                "function_response": {"id": id, "name": names.get(id, id), "response": response}
            }
        case Image(url=url) | File(url=url):
            found = media(url)
            if found is None:
                return {"file_data": {"file_uri": url}}
            return {"inline_data": {"mime_type": found[0], "data": found[1]}}
    return None


def written_tools(head: NeutralHead) -> list[dict[str, Any]]:
    """`tools`: all functions in one."""
    declared = [
        {"name": one.name, "description": one.description}
        | {"parameters_json_schema": from_json(one.schema)}
        for one in head.tools
    ]
    return [{"function_declarations": declared}] if declared else []
