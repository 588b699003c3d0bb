"""The Messages API and the neutral forms: what a message says, and how it is said here."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from stitcher.messages.anthropic.message import Block, blocks, role_of
from stitcher.messages.json_text import from_json
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
    data_uri,
    joined,
    media,
    offered,
    reachable,
    says,
    speaker,
    text_document,
    text_of,
    tool,
)

# platform.claude.com, "Vision" and "PDF support", 2026-11: what base64 may hold.
_IMAGES = frozenset(("image/jpeg", "image/png", "image/gif", "image/webp"))
_PDF = "application/pdf"
# Put first into `system` by Claude Code 2.1.330; it speaks to its provider only.
_BILLING = "x-anthropic-billing-header:"

USER_SPEAKS_FIRST: Final = True


def parts(message: Block, inputs: Sequence[str] | None = None) -> Sequence[Part]:
    """What a message says. `inputs` are its blocks' inputs verbatim, where they are known.

    Raises Unreadable.
    """
    content = blocks(message.get("content"))
    role = role_of(message)
    said: list[Part] = []
    for n, block in enumerate(content):
        match block.get("type"):
            case "tool_use":
                name = str(block.get("name") or "")
                given = inputs[n] if inputs is not None else block.get("input")
                said.append(ToolCall(str(block.get("id")), name, arguments_object(given)))
            case "tool_result":
                shown = tuple(_shown("user", blocks(block.get("content"))))
                failed = block.get("is_error") is True
                said.append(ToolResult(str(block.get("tool_use_id")), shown, failed))
            case _:
                said += _shown(role, [block])
    return joined(said)


def _shown(role: Speaker, content: list[Block]) -> Iterator[Shown]:
    """Texts; pictures and documents where somebody shows them."""
    for block in content:
        kind, source = block.get("type"), block.get("source")
        if kind == "text" and says(block.get("text")):
            yield Text(role, block["text"])
        elif kind == "search_result":
            yield from _found(role, block)
        elif role == "user" and kind in ("image", "document") and isinstance(source, dict):
            yield from _source(kind, source, str(block.get("title") or ""))


def _found(role: Speaker, block: Block) -> Iterator[Text]:
    """A search result of the client's own: where it stands, then what it says."""
    found = [str(block.get("title") or ""), str(block.get("source") or "")]
    found += [str(inner.get("text") or "") for inner in blocks(block.get("content"))]
    if text := "\n".join(filter(says, found)):
        yield Text(role, text)


def _source(kind: str, source: Block, title: str) -> Iterator[Shown]:
    data = str(source.get("data") or "")
    match source.get("type"):
        case "base64":
            url = data_uri(str(source.get("media_type")), data)
        case "url":
            url = str(source.get("url"))
        case "text" if says(data):
            yield text_document(title, data)
            return
        case "content":
            yield from _shown("user", blocks(source.get("content")))
            return
        case _:
            return  # the id of an upload names nothing at another provider
    if reachable(url):
        yield Image("user", url) if kind == "image" else File("user", url, title)


def written(parts: Sequence[Part], put_in: PutIn = from_json) -> list[Block]:
    """Messages that say `parts`: results that follow each other in one, before anything else.

    A system text in mid-history is the user's here: the API has no form for it on every model.
    """
    return [
        {"role": "assistant" if who == "assistant" else "user", "content": content}
        for who, run in groupby(parts, speaker)
        if (content := [block for part in run if (block := _block(part, put_in)) is not None])
    ]


def _block(part: Part, put_in: PutIn) -> Block | None:
    match part:
        case Text(text=text):
            return {"type": "text", "text": text} if says(text) else None
        case ToolCall(id=name, name=tool, arguments=arguments):
            return {"type": "tool_use", "id": name, "name": tool, "input": put_in(arguments)}
        case ToolResult(id=name, content=content, failed=failed):
            shown = [block for inner in content if (block := _block(inner, put_in)) is not None]
            said = {"content": shown} if shown else {}
            error = {"is_error": True} if failed else {}
            return {"type": "tool_result", "tool_use_id": name, **said, **error}
        case Image(role="user", url=url):
            return _written_image(url)
        case File(role="user", url=url, name=name):
            return _written_document(part, url, {"title": name} if name else {})
    return None


def _written_image(url: str) -> Block | None:
    found = media(url)
    if found is None:
        return {"type": "image", "source": {"type": "url", "url": url}}
    if found[0] not in _IMAGES:
        return None
    source = {"type": "base64", "media_type": found[0], "data": found[1]}
    return {"type": "image", "source": source}


def _written_document(file: File, url: str, title: dict[str, str]) -> Block | None:
    """PDFs and texts: other documents are refused."""
    found = media(url)
    text = text_of(file)
    if found is None:
        source = {"type": "url", "url": url}
    elif text is not None and says(text):
        source = {"type": "text", "media_type": "text/plain", "data": text}
    elif found[0] == _PDF:
        source = {"type": "base64", "media_type": _PDF, "data": found[1]}
    else:
        return None
    return {"type": "document", "source": source, **title}


def head(system: object, tools: object) -> NeutralHead:
    """The head of a call: its `system` and its `tools`. Raises Unreadable."""
    texts = [
        block["text"]
        for block in blocks(system)
        if block.get("type") == "text" and says(block.get("text"))
    ]
    listed = tools if isinstance(tools, list) else []
    own = [one for one in listed if isinstance(one, dict)]
    return NeutralHead(
        tuple(text for text in texts if not text.startswith(_BILLING)),
        offered(
            tool(one.get("name"), one.get("description"), one.get("input_schema"))
            for one in own
            if one.get("type") in (None, "custom")
        ),
    )


def written_system(head: NeutralHead) -> list[Block]:
    """`system`, in blocks."""
    return [{"type": "text", "text": text} for text in head.system if says(text)]


def written_tools(head: NeutralHead, put_in: PutIn = from_json) -> list[dict[str, Any]]:
    """`tools`."""
    return [_written_tool(one, put_in) for one in head.tools]


def _written_tool(one: Tool, put_in: PutIn) -> dict[str, Any]:
    described = {"description": one.description} if one.description else {}
    return {"name": one.name, **described, "input_schema": put_in(one.schema)}
