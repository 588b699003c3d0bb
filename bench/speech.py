"""What is said: messages, request bodies and a provider's answers, in the three dialects.

Made-up words of a wanted size. It knows nothing of connections, nor of what is measured.
"""

import json
import random
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from stitcher.ports import DialectName

CHUNKS: Final = 100  # of a streamed answer
ANSWER: Final = "y" * 1_024  # what the upstream says, whatever it is asked
PATHS: Final[Mapping[DialectName, str]] = {
    "openai_chat": "/v1/chat/completions",
    "openai_responses": "/v1/responses",
    "anthropic": "/v1/messages",
}
_MODELS: Final[Mapping[DialectName, str]] = {
    "openai_chat": "gpt-4.1",
    "openai_responses": "gpt-4.1",
    "anthropic": "claude-sonnet-4-5",
}

# Stand for what differs between two answers of one text; of the same length as what they stand for.
_NUMBER: Final = b"#" * 24
_RECEIVED: Final = b"@" * 12


# ── a client ─────────────────────────────────────────────────────────────────────────────


def user(text: str) -> bytes:
    """A question as all dialects write it."""
    return b'{"role":"user","content":"%b"}' % text.encode()


def assistant(text: str = ANSWER) -> bytes:
    """An answer as a client of any dialect may send it back."""
    return b'{"role":"assistant","content":"%b"}' % text.encode()


def written(
    messages: Sequence[bytes],
    dialect: DialectName = "openai_chat",
    *,
    stream: bool,
    after: str = "",
    store: bool = True,
) -> bytes:
    """A request body. In the Responses API it may follow a response, and ask for none to be kept.

    `stream` stands within its first 200 bytes.
    """
    head = f'{{"model":"{_MODELS[dialect]}","stream":{json.dumps(stream)},'
    history = "messages"
    if dialect == "openai_responses":
        history = "input"
        head += '"max_output_tokens":1024,'
        head += "" if store else '"store":false,'
        head += f'"previous_response_id":"{after}",' if after else ""
    else:
        head += '"max_tokens":1024,'
    return b'%b"%b":[%b]}' % (head.encode(), history.encode(), b",".join(messages))


@cache
def _prose() -> str:
    return "".join(random.Random("prose").choices("abcdefghilmno prstu ", k=300_000))


def words(rng: random.Random, size: int) -> str:
    """`size` bytes of made-up words, never the same twice."""
    prose = _prose()
    start = rng.randrange(len(prose) - size)
    return f"{rng.getrandbits(48):012x} {prose[start : start + size - 14]}."


# ── a provider ───────────────────────────────────────────────────────────────────────────


def filled(template: bytes, number: int, received: int) -> bytes:
    """An answer with ids of its own, which says how many bytes it answers; as long as before."""
    with_ids = template.replace(_NUMBER, b"%024x" % number)
    return with_ids.replace(_RECEIVED, b"%012d" % received)


def whole_answer(dialect: DialectName, text: str = ANSWER) -> bytes:
    """The answer of a request that is not streamed, to be `filled`."""
    said: Mapping[str, object]
    match dialect:
        case "anthropic":
            said = {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": "m",
                "content": [{"type": "text", "text": text}],
                "stop_reason": "end_turn",
                "usage": {"input_tokens": 9, "output_tokens": 9},
            }
        case "openai_chat":
            message = {"role": "assistant", "content": text}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            said = {"id": "c-1", "object": "chat.completion", "model": "m", "choices": [choice]}
        case "openai_responses":
            said = _response("completed", [_message("completed", [_text(text)])])
    return _json(said)


def streamed_answer(dialect: DialectName) -> list[list[bytes]]:
    """The JSON of an answer's events, to be `filled`: `CHUNKS` lists of those that come at once.

    Of the two OpenAI APIs alone.
    """
    word, last = "word ", CHUNKS - 1
    if dialect == "openai_chat":
        return [*([_chat_delta({"content": word}, None)] for _ in range(last)), _chat_end()]
    text = word * last
    begun, done = _message("in_progress", []), _message("completed", [_text(text)])
    at: dict[str, object] = {"item_id": done["id"], "output_index": 0, "content_index": 0}
    item: dict[str, object] = {"output_index": 0}
    delta = _event("output_text.delta", {**at, "delta": word, "logprobs": []})
    opening = [
        _event("created", {"response": _response("in_progress", [])}),
        _event("in_progress", {"response": _response("in_progress", [])}),
        _event("output_item.added", {**item, "item": begun}),
        _event("content_part.added", {**at, "part": _text("")}),
        delta,
    ]
    ending = [
        _event("output_text.done", {**at, "text": text, "logprobs": []}),
        _event("content_part.done", {**at, "part": _text(text)}),
        _event("output_item.done", {**item, "item": done}),
        _event("completed", {"response": _response("completed", [done])}),
    ]
    return [opening, *([delta] for _ in range(last - 1)), ending]


def _chat_delta(delta: Mapping[str, str], finish: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _json(
        {"id": "c-1", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}
    )


def _chat_end() -> list[bytes]:
    return [_chat_delta({}, "stop"), b"[DONE]"]


def _event(kind: str, said: Mapping[str, object]) -> bytes:
    return _json({"type": f"response.{kind}", "sequence_number": 0, **said})


def _text(text: str) -> dict[str, object]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _message(status: str, content: Sequence[object]) -> dict[str, object]:
    name = f"msg_{_NUMBER.decode()}"
    said = {"id": name, "type": "message", "status": status, "role": "assistant"}
    return {**said, "content": content}


def _response(status: str, output: Sequence[object]) -> dict[str, object]:
    """A response object with all that OpenAI's say besides the answer."""
    return {
        "id": f"resp_{_NUMBER.decode()}",
        "object": "response",
        "created_at": 1_795_000_000,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": 1024,
        "max_tool_calls": None,
        "model": _MODELS["openai_responses"],
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default",
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": None,
        "user": None,
        "metadata": {"received": _RECEIVED.decode()},
    }


def _json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
