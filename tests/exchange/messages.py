"""What clients say, in the words of each dialect: messages, tool calls, results, answers.

The Responses API has items where the others have messages: a tool call is an item of its own and
so is each result, and one answer may be several. `{"items": [...]}` stands for such an answer.
"""

import json
from typing import Any

import msgspec

Message = dict[str, Any]


def items_of(message: Any) -> list[Message]:
    """The items of the Responses API that a message is: an answer may be several."""
    if isinstance(message, list):
        return message
    return list(message["items"]) if "items" in message else [message]


def user(text: str) -> Message:
    return {"role": "user", "content": text}


def assistant(text: str) -> Message:
    return {"role": "assistant", "content": text}


def spoken(dialect: str, *texts: str) -> Message:
    """Several texts of a user in one message, each a part."""
    kind = "input_text" if dialect == "openai_responses" else "text"
    return {"role": "user", "content": [{"type": kind, "text": text} for text in texts]}


def shown(dialect: str, text: str, png: str) -> Message:
    """A user's text with a picture, given in Base64."""
    url = f"data:image/png;base64,{png}"
    image: Message
    if dialect == "openai_chat":
        image = {"type": "image_url", "image_url": {"url": url}}
    elif dialect == "openai_responses":
        image = {"type": "input_image", "image_url": url}
    else:
        source = {"type": "base64", "media_type": "image/png", "data": png}
        image = {"type": "image", "source": source}
    message = spoken(dialect, text)
    message["content"].append(image)
    return message


def call(dialect: str, *ids: str, name: str = "look", text: str | None = None) -> Message:
    """An answer that calls a tool, once for each id."""
    if dialect == "openai_chat":
        function = {"name": name, "arguments": '{"at": 1}'}
        calls = [{"id": one, "type": "function", "function": function} for one in ids]
        return {"role": "assistant", "content": text, "tool_calls": calls}
    if dialect == "openai_responses":
        item = {"type": "function_call", "name": name, "arguments": '{"at": 1}'}
        said = [assistant(text)] if text else []
        return {"items": [*said, *({**item, "call_id": one} for one in ids)]}
    blocks = [{"type": "text", "text": text}] if text else []
    uses = [{"type": "tool_use", "id": one, "name": name, "input": {"at": 1}} for one in ids]
    return {"role": "assistant", "content": [*blocks, *uses]}


def results(dialect: str, *told: tuple[str, str]) -> list[Message]:
    """Results of tool calls, (id, text) each."""
    if dialect == "openai_chat":
        return [{"role": "tool", "tool_call_id": one, "content": text} for one, text in told]
    if dialect == "openai_responses":
        kind = "function_call_output"
        return [{"type": kind, "call_id": one, "output": text} for one, text in told]
    blocks = [{"type": "tool_result", "tool_use_id": one, "content": text} for one, text in told]
    return [{"role": "user", "content": blocks}]


def call_ids(message: Message) -> list[str]:
    """The ids an answer calls with."""
    if "items" in message:
        return [item["call_id"] for item in message["items"] if "call_id" in item]
    if "tool_calls" in message:
        return [one["id"] for one in message["tool_calls"]]
    content = message["content"]
    blocks = content if isinstance(content, list) else []
    return [one["id"] for one in blocks if one["type"] == "tool_use"]


def tools(dialect: str, *names: str) -> list[Message]:
    """Tools of these names."""
    schema = {"type": "object", "properties": {}}
    if dialect == "anthropic":
        return [{"name": name, "input_schema": schema} for name in names or ("look",)]
    functions = [{"name": name, "parameters": schema} for name in names or ("look",)]
    if dialect == "openai_responses":
        return [{"type": "function", **function} for function in functions]
    return [{"type": "function", "function": function} for function in functions]


def with_system(dialect: str, text: str, messages: list[Message]) -> dict[str, Any]:
    """`messages` and the member that carries a system prompt, as the dialect wants them."""
    if dialect == "anthropic":
        return {"messages": messages, "system": text}
    if dialect == "openai_responses":
        return {"messages": messages, "instructions": text}
    return {"messages": [{"role": "system", "content": text}, *messages]}


def systems(dialect: str, body: dict[str, Any]) -> list[str]:
    """The system prompts in a request, in parts where it has parts."""
    if dialect == "openai_chat":
        return [m["content"] for m in body["messages"] if m["role"] == "system"]
    if dialect == "openai_responses":
        leading = [i["content"] for i in body["input"] if i.get("role") in ("system", "developer")]
        return [body["instructions"], *leading] if "instructions" in body else leading
    system = body.get("system")
    return [system] if isinstance(system, str) else [block["text"] for block in system or []]


def answering(dialect: str, message: Message) -> bytes:
    """A provider's whole answer that says `message`, made by hand."""
    made: dict[str, object]
    if dialect == "anthropic":
        made = {"id": "m", "type": "message", "stop_reason": "end_turn", **message}
        if isinstance(message["content"], str):
            made["content"] = [{"type": "text", "text": message["content"]}]
    elif dialect == "openai_responses":
        items = [_given(item) for item in items_of(message)]
        made = {"id": "resp_h", "object": "response", "status": "completed", "output": items}
    else:
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        made = {"id": "c", "object": "chat.completion", "choices": [choice]}
    return json.dumps(made).encode()


def _given(item: Message) -> Message:
    """An item as a provider gives it: a message has a type and its text is a part."""
    if "role" not in item:
        return item
    parts = [{"type": "output_text", "text": item["content"], "annotations": []}]
    return {"type": "message", "status": "completed", **item, "content": parts}


class _Body(msgspec.Struct):
    messages: list[msgspec.Raw] = []
    input: list[msgspec.Raw] = []


def extends(after: bytes, before: bytes) -> bool:
    """True when a request begins with all of an earlier one, byte for byte, markers aside."""
    earlier, later = (
        [bytes(raw) for raw in (read.messages or read.input)]
        for read in (msgspec.json.decode(body, type=_Body) for body in (before, after))
    )
    return len(later) >= len(earlier) and all(
        old == new or (b'"cache_control"' in old + new and _unmarked(old) == _unmarked(new))
        for old, new in zip(earlier, later, strict=False)
    )


def _unmarked(raw: bytes) -> str:
    """A message without cache markers; a string that carries one is a block for that time."""
    message = json.loads(raw)
    if isinstance(message["content"], str):
        message["content"] = [{"type": "text", "text": message["content"]}]
    for block in message["content"]:
        block.pop("cache_control", None)
    return json.dumps(message, ensure_ascii=False)
