"""A request of the Responses API: what is head, what is history, and how to put it together."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import msgspec

from stitcher.core.item import Item, digest
from stitcher.core.tokens import estimate
from stitcher.messages.openai_responses.item import NAME
from stitcher.messages.unreadable import Unreadable
from stitcher.wire.asides import parted
from stitcher.wire.call import Aside, Call
from stitcher.wire.members import added, array, elements, members, replaced, without
from stitcher.wire.openai_caching import count
from stitcher.wire.openai_responses.message import read_item, text
from stitcher.wire.openai_responses.unit import flattened, is_of_type, units
from stitcher.wire.values import decoded, kept, member_text, unless_null, whole
from stitcher.wire.values import text as text_value

# openai-python 3.54 types: "Compacts the current context. Must be the final input item."
_TRIGGER = "compaction_trigger"


def parse(body: bytes) -> Call:
    """Reads a request. Raises Unreadable, with what was found, for one it cannot."""
    found = members(body)
    values = {key: body[member.start : member.end] for key, member in found.items()}
    after = text_value(values.get("previous_response_id")) or None
    conversation = _conversation(values.get("conversation"))
    said, beside = _input(values.get("input"))
    items = [read_item(raw) for raw in said]
    leading = 0 if after or conversation else _leading(items)
    generates = _generates(values)
    history, asides = parted(items[leading:], text)
    named = after or conversation or unless_null(values.get("prompt"))
    if leading == len(items) and generates and not named:
        raise Unreadable(
            "found an `input` without a message, expected one, or a previous_response_id, "
            "a conversation or a prompt"
        )
    head, instructions = items[:leading], _instructions(values.get("instructions"))
    tools = kept(values.get("tools"))
    return Call(
        dialect=NAME,
        body=body,
        members=found,
        model=text_value(values.get("model")),
        stream=decoded(values.get("stream")) is True,
        items=history,
        system=_system(instructions, head),
        tools=tools,
        head_digest=_head_digest(instructions, head, tools),
        head_tokens=sum(item.tokens for item in head)
        + estimate(len(instructions or b"") + len(tools or b""), NAME),
        answer_tokens=whole(values.get("max_output_tokens")),
        breakpoints=count([item.raw for item in items], values.get("prompt_cache_options")),
        marks_messages=any(item.kept_for for item in history),
        tool_names=_tool_names(tools, head),
        system_start=_start(instructions, head),
        cache_key=text_value(values.get("prompt_cache_key")) or None,
        asides=(*asides, *(Aside(len(history), raw) for raw in beside)),
        after=after,
        conversation=conversation,
        stores=decoded(values.get("store")) is not False,
        background=decoded(values.get("background")) is True,
        generates=generates,
    )


def build(
    call: Call, *, system: bytes | None, tools: bytes | None, messages: Sequence[bytes]
) -> bytes:
    """The client's body with other messages, and with a head where it brought none.

    All of the history is in `messages`: what referred to a history elsewhere goes.
    """
    # A chained request says nothing of the leading messages: they stay those of its chain.
    chained = call.after is not None or call.conversation is not None
    own, lent = _parted(call.system), _parted(system)
    leading = own[1] or (lent[1] if chained or call.system is None else [])
    said = array([*leading, *_elements(messages)])
    body = _set(call.body, "input", said)
    for key in ("previous_response_id", "conversation"):
        if key in call.members:
            body = without(body, key)
    if tools is not None and call.tools is None:
        body = _set(body, "tools", tools)
    if lent[0] is not None and own[0] is None and (chained or call.system is None):
        body = _set(body, "instructions", lent[0])
    return body


def continuing(call: Call, system: bytes | None, *, begins: bool) -> Call:
    """The call as if the client had sent the leading messages of the answer it follows.

    They are input, and input goes on. Instructions do not (OpenAI API reference, "Create a model
    response", 2026-11: "the instructions from a previous response will not be carried over").

    Where that answer has no history either the call `begins` one, and its own leading messages are
    of the head, as when all comes in one list: Codex 0.169 warms a WebSocket up with the first of
    them and sends the others with the first question.
    """
    leading = _leading(call.items) if begins else 0
    head = [*map(read_item, _parted(system)[1]), *call.items[:leading]]
    if not head:
        return call
    instructions = _parted(call.system)[0]
    return replace(
        call,
        items=call.items[leading:],
        asides=tuple(replace(one, before=max(0, one.before - leading)) for one in call.asides),
        system=_system(instructions, head),
        head_digest=_head_digest(instructions, head, call.tools),
        head_tokens=call.head_tokens + sum(item.tokens for item in head),
    )


def ask_usage(body: bytes) -> bytes:
    """Unchanged: this API always reports usage."""
    return body


def ping(body: bytes) -> None:
    """None: no request of this API reads the cache at the price of reading and generates nothing.

    `prompt_cache_options.prewarm` (from GPT-5.6 on) is billed as a write, so that it costs what it
    would avoid.
    """
    del body


def _input(raw: bytes | None) -> tuple[list[bytes], list[bytes]]:
    """The messages, and what is said with this request only, at its end."""
    if raw is None or unless_null(raw) is None:
        return [], []
    if raw[:1] == b'"':
        return [b'{"role":"user","content":' + raw + b"}"], []
    if raw[:1] != b"[":
        raise Unreadable("found an `input` of another kind, expected text or a list of items")
    listed = elements(raw)
    end = len(listed)
    while end and is_of_type(listed[end - 1], _TRIGGER):
        end -= 1
    # Codex 0.169 repeats a request whose stream was cut with the items completed by then.
    grouped, waiting = units(listed[:end])
    beside = waiting + listed[end:]
    for raw in beside:
        decoded(raw)  # nobody else reads it: it may be no text
    return grouped, beside


def _leading(items: Sequence[Item]) -> int:
    return next((n for n, item in enumerate(items) if item.role != "system"), len(items))


def _conversation(raw: bytes | None) -> str | None:
    """An id, or an object with one."""
    value = decoded(raw)
    return member_text(value, "id") or (value if isinstance(value, str) and value else None)


def _generates(values: dict[str, bytes]) -> bool:
    options = decoded(values.get("prompt_cache_options"))
    # openai-python 3.54 types: prewarm "overrides the `generate` field to `false`".
    prewarms = isinstance(options, dict) and options.get("prewarm") is True
    return decoded(values.get("generate")) is not False and not prewarms


def _instructions(raw: bytes | None) -> bytes | None:
    said = unless_null(raw)
    if said is not None and said[:1] != b'"':
        raise Unreadable("found `instructions` of another kind, expected text")
    return said


def _system(instructions: bytes | None, head: Sequence[Item]) -> bytes | None:
    said = [] if instructions is None else [instructions]
    said += _elements(item.raw for item in head)
    return array(said) if said else None


def _parted(system: bytes | None) -> tuple[bytes | None, list[bytes]]:
    """The instructions and the leading items of a head."""
    listed = elements(system) if system else []
    if listed and listed[0][:1] == b'"':
        return listed[0], listed[1:]
    return None, listed


def _elements(messages: Iterable[bytes]) -> list[bytes]:
    return [element for raw in messages for element in flattened(raw)]


def _set(body: bytes, key: str, value: bytes) -> bytes:
    member = members(body).get(key)
    return added(body, key, value) if member is None else replaced(body, member, value)


def _head_digest(instructions: bytes | None, head: Sequence[Item], tools: bytes | None) -> str:
    rendered = [item.rendering for item in head]
    said = msgspec.json.encode([text_value(instructions), rendered, _read_tools(tools)[1]])
    return digest(said)


def _tool_names(tools: bytes | None, head: Sequence[Item]) -> tuple[str, ...]:
    names = list(_read_tools(tools)[0])
    for item in head:
        for raw in flattened(item.raw):
            if is_of_type(raw, "additional_tools"):
                member = members(raw).get("tools")
                names += _read_tools(raw[member.start : member.end])[0] if member else ()
    return tuple(names)


@lru_cache(maxsize=256)
def _read_tools(tools: bytes | None) -> tuple[tuple[str, ...], str]:
    """Tools are large and rarely change: each set is read once."""
    offered = decoded(tools)
    listed = offered if isinstance(offered, list) else []
    return tuple(_name(tool) for tool in listed), digest(msgspec.json.encode(offered))


def _name(tool: Any) -> str:
    if not isinstance(tool, dict):
        return str(tool)
    return str(tool.get("name") or tool.get("type"))


def _start(instructions: bytes | None, head: Sequence[Item]) -> str:
    said = [text_value(instructions), *(text(item.raw) for item in head)]
    return next((one for one in said if one), "")[:300]
