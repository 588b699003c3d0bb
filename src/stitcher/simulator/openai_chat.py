"""The Chat Completions dialect: how a request is heard, how an answer, its chunks and errors look.

Chunk order and fields follow the API reference and openai SDK 3.54.0; `reasoning_content` is what
OpenAI-compatible servers send for thinking. Knows nothing of HTTP.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from stitcher.simulator import rules_openai_chat
from stitcher.simulator.answer import Composed, argument_pieces, text_pieces, to_json
from stitcher.simulator.assumptions import CAREFUL, Assumptions
from stitcher.simulator.chat_caches import (
    ChatCaches,
    Log,
    answer_fields,
    has_output_details,
    input_usage,
    stated_usage,
)
from stitcher.simulator.context_window import context_window
from stitcher.simulator.counting import text_tokens
from stitcher.simulator.dialect import Billed, Exchange
from stitcher.simulator.openai_errors import error_body, error_of_status, openai_headers
from stitcher.simulator.openai_prompt import blocks_of, read_prompt
from stitcher.simulator.refusal import Refusal
from stitcher.simulator.reply import Heard, hear_messages

DONE = b"data: [DONE]\n\n"


class OpenAIChat:
    """`POST /v1/chat/completions` with the prefix cache of whoever serves the model."""

    def __init__(self, assumptions: Assumptions = CAREFUL, log: Log = lambda lines: None) -> None:
        self._caches = ChatCaches(assumptions, log)

    def check(self, body: Any) -> Refusal | None:
        return rules_openai_chat.check(body) or _check_window(body)

    def recall(self, body: dict[str, Any], scope: str) -> dict[str, Any]:
        return body

    def hear(self, body: dict[str, Any]) -> Heard:
        form = body.get("response_format") or {}
        described = form.get("json_schema") if form.get("type") == "json_schema" else None
        messages = body["messages"]
        return hear_messages(
            [
                ("user" if role in ("tool", "function") else role, *_heard_content(message))
                for message in messages
                if (role := "system" if message["role"] == "developer" else message["role"])
            ],
            system="\n".join(
                text
                for message in messages
                if message["role"] in ("system", "developer")
                for text in _texts(message)
            ),
            schema=(described or {}).get("schema"),
        )

    def begin(self, body: dict[str, Any], scope: str, now: float) -> Billed:
        reading = self._caches.begin(body, scope, now)

        def settle(begun: float, document: dict[str, Any]) -> None:
            self._caches.settle(reading, begun, body, document)

        return Billed(input_usage(body["model"], reading), settle, reading)

    def compose(self, exchange: Exchange, billed: Billed) -> Composed:
        choices = [
            {"index": index, **_choice(exchange)} for index in range(exchange.body.get("n") or 1)
        ]
        usage = _full_usage(exchange, billed.usage, len(choices))
        document = {
            "id": exchange.ids.next("chatcmpl-"),
            "object": "chat.completion",
            "created": exchange.created,
            "model": exchange.body["model"],
            "choices": choices,
            "usage": usage,
            "service_tier": "default",
            "system_fingerprint": "fp_sim0000001",
        }
        beside = answer_fields(exchange.body["model"], billed.reading, usage["completion_tokens"])
        options = exchange.body.get("stream_options") or {}
        asked = bool(options.get("include_usage"))
        return Composed(
            {**document, **beside}, lambda: _chunks(document, beside, include_usage=asked), usage
        )

    def error_body(self, refusal: Refusal, request_id: str) -> dict[str, Any]:
        return error_body(refusal)

    def error_of_status(self, status: int, message: str | None) -> Refusal:
        return error_of_status(status, message)

    def error_event(self, refusal: Refusal, request_id: str) -> bytes:
        return b"data: %s\n\n" % to_json(error_body(refusal))

    def headers(self, request_id: str) -> Mapping[str, str]:
        return openai_headers(request_id)


def _check_window(body: dict[str, Any]) -> Refusal | None:
    window = context_window(body["model"])
    if window is None:
        return None
    tokens = read_prompt(body).tokens
    if tokens <= window:
        return None
    return Refusal(
        400,
        "invalid_request_error",
        f"This model's maximum context length is {window} tokens. However, your messages resulted "
        f"in {tokens} tokens. Please reduce the length of the messages.",
        "messages",
        "context_length_exceeded",
    )


def _texts(message: dict[str, Any]) -> tuple[str, ...]:
    parts = blocks_of(message.get("content"))
    return tuple(part["text"] for part in parts if part.get("type") == "text")


def _heard_content(message: dict[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A message's texts and its tool results; a tool message is nothing but a result."""
    texts = _texts(message)
    if message["role"] in ("tool", "function"):
        return (), ("\n".join(texts),)
    return texts, ()


def _full_usage(exchange: Exchange, counted: dict[str, Any], choices: int) -> dict[str, Any]:
    reply = exchange.reply
    if reply.input_tokens is not None:
        counted = stated_usage(counted, reply.input_tokens)
    thinking = text_tokens(reply.thinking) if reply.thinking else 0
    called = sum(text_tokens(call.name) + text_tokens(call.arguments) for call in reply.tools)
    completion = choices * (thinking + text_tokens(reply.text or "") + called)
    usage = {
        **counted,
        "completion_tokens": completion,
        "total_tokens": counted["prompt_tokens"] + completion,
    }
    if has_output_details(exchange.body["model"]):
        usage["completion_tokens_details"] = {
            "reasoning_tokens": choices * thinking,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        }
    return usage


def _choice(exchange: Exchange) -> dict[str, Any]:
    reply = exchange.reply
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None if reply.refusal else reply.text,
        "refusal": reply.text if reply.refusal else None,
        "annotations": [],
    }
    if reply.thinking is not None:
        message["reasoning_content"] = reply.thinking
    taken = frozenset(
        call["id"]
        for earlier in exchange.body["messages"]
        for call in earlier.get("tool_calls") or ()
    )
    if reply.tools:
        message["tool_calls"] = [
            {
                "id": exchange.ids.next("call_", taken),
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in reply.tools
        ]
    finish = "tool_calls" if reply.tools else "stop"
    return {"message": message, "logprobs": None, "finish_reason": finish}


def _chunks(
    document: dict[str, Any], beside: dict[str, Any], *, include_usage: bool
) -> Iterator[bytes]:
    """The stream; what `beside` holds goes into its last chunk."""
    chunks = [*_choice_chunks(document, include_usage=include_usage)]
    chunks[-1] |= beside
    for chunk in chunks:
        yield b"data: %s\n\n" % to_json(chunk)
    yield DONE


def _choice_chunks(document: dict[str, Any], *, include_usage: bool) -> Iterator[dict[str, Any]]:
    shared = {
        "id": document["id"],
        "object": "chat.completion.chunk",
        "created": document["created"],
        "model": document["model"],
        "service_tier": document["service_tier"],
        "system_fingerprint": document["system_fingerprint"],
    }
    # "When present, it contains a null value except for the last chunk."
    unused = {"usage": None} if include_usage else {}
    for choice in document["choices"]:
        for delta, finish in _deltas(choice):
            shown = {
                "index": choice["index"],
                "delta": delta,
                "logprobs": None,
                "finish_reason": finish,
            }
            yield {**shared, "choices": [shown], **unused}
    if include_usage:
        yield {**shared, "choices": [], "usage": document["usage"]}


def _deltas(choice: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str | None]]:
    message = choice["message"]
    opening = None if message["content"] is None else ""
    yield {"role": "assistant", "content": opening, "refusal": None}, None
    for name in ("reasoning_content", "content", "refusal"):
        for word in text_pieces(message.get(name) or ""):
            yield {name: word}, None
    for index, call in enumerate(message.get("tool_calls", ())):
        function = {"name": call["function"]["name"], "arguments": ""}
        yield {"tool_calls": [{"index": index, **call, "function": function}]}, None
        for piece in argument_pieces(call["function"]["arguments"]):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}, None
    yield {}, choice["finish_reason"]
