"""A request of Chat Completions: what is head, what is history, and how to put it together."""

from collections.abc import Sequence
from functools import lru_cache

import msgspec

from stitcher.core.item import Item, digest
from stitcher.core.tokens import estimate
from stitcher.messages.openai_chat.message import NAME
from stitcher.messages.unreadable import Unreadable
from stitcher.wire.asides import parted
from stitcher.wire.call import Call
from stitcher.wire.members import added, array, elements, members, replaced
from stitcher.wire.openai_caching import count
from stitcher.wire.openai_chat.message import read_item, text
from stitcher.wire.values import decoded, kept, whole
from stitcher.wire.values import text as text_value

_USAGE = b'{"include_usage":true}'


def parse(body: bytes) -> Call:
    """Reads a request. Raises Unreadable, with what was found, for one it cannot."""
    found = members(body)
    values = {key: body[member.start : member.end] for key, member in found.items()}
    if "messages" not in values:
        raise Unreadable("a request without `messages`")
    messages = [read_item(raw) for raw in elements(values["messages"])]
    leading = 0
    while leading < len(messages) and messages[leading].role == "system":
        leading += 1
    if leading == len(messages):
        raise Unreadable("a request without a message that is not a system prompt")
    head = tuple(messages[:leading])
    items, asides = parted(messages[leading:], text)
    tools = kept(values.get("tools"))
    stream = decoded(values.get("stream")) is True
    options = decoded(values.get("stream_options"))
    return Call(
        dialect=NAME,
        body=body,
        members=found,
        model=text_value(values.get("model")),
        stream=stream,
        items=items,
        asides=asides,
        system=array([item.raw for item in head]) if head else None,
        tools=tools,
        head_digest=digest(f"{[item.rendering for item in head]} {_tools_digest(tools)}".encode()),
        head_tokens=sum(item.tokens for item in head) + estimate(len(tools or b""), NAME),
        answer_tokens=whole(values.get("max_completion_tokens")) or whole(values.get("max_tokens")),
        breakpoints=count([item.raw for item in messages], values.get("prompt_cache_options")),
        marks_messages=any(item.kept_for for item in items),
        asks_usage=not stream or (isinstance(options, dict) and bool(options.get("include_usage"))),
        tool_names=_tool_names(tools),
        system_start=_start(head),
        cache_key=text_value(values.get("prompt_cache_key")) or None,
    )


def build(
    call: Call, *, system: bytes | None, tools: bytes | None, messages: Sequence[bytes]
) -> bytes:
    """The client's body with other messages, and with a head where it brought none."""
    head = call.system or system
    leading = elements(head) if head else []
    body = replaced(call.body, call.members["messages"], array([*leading, *messages]))
    if tools is not None and call.tools is None:
        member = members(body).get("tools")
        body = added(body, "tools", tools) if member is None else replaced(body, member, tools)
    return body


def continuing(call: Call, system: bytes | None, *, begins: bool) -> Call:
    """The call itself: no request of this API follows an answer by its id."""
    del system, begins
    return call


def ask_usage(body: bytes) -> bytes:
    """The body with a stream's usage asked for."""
    member = members(body).get("stream_options")
    if member is None:
        return added(body, "stream_options", _USAGE)
    return replaced(body, member, _asking(body[member.start : member.end]))


def ping(body: bytes) -> None:
    """None: this API has no request that reads the cache and generates nothing."""
    del body


def _asking(options: bytes) -> bytes:
    if options[:1] != b"{":
        return _USAGE
    try:
        own = members(options).get("include_usage")
    except Unreadable:
        return options  # they repeat a key: whatever they say, they say it themselves
    if own is not None:
        return replaced(options, own, b"true")
    return added(options, "include_usage", b"true")


def _tool_names(tools: bytes | None) -> tuple[str, ...]:
    return _read_tools(tools)[0]


def _tools_digest(tools: bytes | None) -> str:
    return _read_tools(tools)[1]


@lru_cache(maxsize=256)
def _read_tools(tools: bytes | None) -> tuple[tuple[str, ...], str]:
    """Tools are large and rarely change: each set is read once."""
    offered = decoded(tools)
    listed = offered if isinstance(offered, list) else []
    return tuple(_name(tool) for tool in listed), digest(msgspec.json.encode(offered))


def _name(tool: object) -> str:
    if not isinstance(tool, dict):
        return str(tool)
    kind = tool.get("type")
    inner = tool.get(kind) if isinstance(kind, str) else None
    return str((inner.get("name") if isinstance(inner, dict) else None) or kind)


def _start(head: tuple[Item, ...]) -> str:
    return (text(head[0].raw) or "")[:300] if head else ""
