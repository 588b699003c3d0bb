"""The Messages dialect: how a request is heard and how an answer, its events and errors look.

Event order and fields follow the streaming page and anthropic SDK 2.12.0. Knows nothing of HTTP.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from stitcher.simulator import rules_anthropic
from stitcher.simulator.answer import Composed, argument_pieces, text_pieces, to_json
from stitcher.simulator.anthropic_blocks import block_text, blocks_of
from stitcher.simulator.anthropic_prompt import Prompt, read_prompt
from stitcher.simulator.assumptions import CAREFUL, Assumptions
from stitcher.simulator.breakpoint_cache import BreakpointCache
from stitcher.simulator.context_window import context_window
from stitcher.simulator.counting import text_tokens
from stitcher.simulator.dialect import Billed, Exchange
from stitcher.simulator.reading import Reading
from stitcher.simulator.refusal import Refusal
from stitcher.simulator.reply import Heard, Reply, hear_messages
from stitcher.simulator.thinking_signature import digest_of_all, sign

_ERROR_TYPES = {
    400: ("invalid_request_error", "Bad request"),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "Your credit balance is too low to access the Anthropic API."),
    403: ("permission_error", "Your API key does not have permission to use this resource."),
    404: ("not_found_error", "Not Found"),
    413: ("request_too_large", "Request exceeds the maximum size"),
    429: ("rate_limit_error", "This request would exceed your rate limit. Please try again later."),
    500: ("api_error", "Internal server error"),
    504: ("timeout_error", "Request timed out"),
    529: ("overloaded_error", "Overloaded"),
}

# What `max_tokens: 0` makes of any reply.
_NOTHING: dict[str, Any] = {
    "text": None, "thinking": None, "redacted": False, "tools": (), "refusal": False,
}  # fmt: skip


class AnthropicMessages:
    """`POST /v1/messages` with its prefix cache."""

    def __init__(self, assumptions: Assumptions = CAREFUL) -> None:
        self._assumptions = assumptions
        self._cache = BreakpointCache(
            refreshes_earlier=assumptions.refreshes_earlier,
            upgrades_lifetime=assumptions.upgrades_lifetime,
            minimum_of_prompt=assumptions.minimum_of_prompt,
        )

    def check(self, body: Any) -> Refusal | None:
        return rules_anthropic.check(body) or _check_window(body)

    def recall(self, body: dict[str, Any], scope: str) -> dict[str, Any]:
        return body

    def hear(self, body: dict[str, Any]) -> Heard:
        form = (body.get("output_config") or {}).get("format") or body.get("output_format") or {}
        return hear_messages(
            [
                (message["role"], _texts(message), _tool_results(message))
                for message in body["messages"]
            ],
            system="\n".join(block_text(block) for block in blocks_of(body.get("system"))),
            schema=form.get("schema") if form.get("type") == "json_schema" else None,
        )

    def begin(self, body: dict[str, Any], scope: str, now: float) -> Billed:
        prompt = read_prompt(body, self._assumptions)
        reading = self._cache.begin(scope, prompt.links, prompt.minimum, now)
        dropped = tuple(block.path for block in prompt.dropped)
        return Billed(
            _usage(reading), lambda begun, _: self._cache.settle(reading, begun), reading, dropped
        )

    def compose(self, exchange: Exchange, billed: Billed) -> Composed:
        silent = exchange.body["max_tokens"] == 0
        if silent:
            exchange = replace(exchange, reply=replace(exchange.reply, **_NOTHING))
        content = _content(exchange)
        usage = _full_usage(exchange.reply, billed.usage, content)
        if silent:
            usage["output_tokens"] = 0
        document = _document(exchange, billed, content, usage)
        # The arguments stay text until here: a stream delivers them as they were written.
        parsed = [
            {**block, "input": json.loads(block["input"])} if "input" in block else block
            for block in content
        ]
        return Composed({**document, "content": parsed}, lambda: _events(document), usage)

    def error_body(self, refusal: Refusal, request_id: str) -> dict[str, Any]:
        return {
            "type": "error",
            "error": {"type": refusal.type, "message": refusal.message},
            "request_id": request_id,
        }

    def error_of_status(self, status: int, message: str | None) -> Refusal:
        fallback = _ERROR_TYPES[400 if status < 500 else 500]
        kind, wording = _ERROR_TYPES.get(status, fallback)
        return Refusal(status, kind, message or wording)

    def error_event(self, refusal: Refusal, request_id: str) -> bytes:
        return _event("error", self.error_body(refusal, request_id))

    def headers(self, request_id: str) -> Mapping[str, str]:
        limits = {"requests": 4000, "input-tokens": 2_000_000, "output-tokens": 400_000}
        shown = {"request-id": request_id, "anthropic-organization-id": "org-simulated"}
        for name, limit in limits.items():
            shown[f"anthropic-ratelimit-{name}-limit"] = str(limit)
            shown[f"anthropic-ratelimit-{name}-remaining"] = str(limit - 1)
            shown[f"anthropic-ratelimit-{name}-reset"] = "2026-12-01T00:00:00Z"
        return shown


def count_tokens(body: dict[str, Any]) -> dict[str, Any]:
    """The answer of `POST /v1/messages/count_tokens`."""
    return {"input_tokens": read_prompt(body).tokens}


def _check_window(body: dict[str, Any]) -> Refusal | None:
    window = context_window(body["model"])
    if window is None:
        return None
    prompt: Prompt = read_prompt(body)
    if prompt.tokens <= window:
        return None
    return Refusal(
        400,
        "invalid_request_error",
        f"prompt is too long: {prompt.tokens} tokens > {window} maximum",
    )


def _texts(message: dict[str, Any]) -> tuple[str, ...]:
    blocks = blocks_of(message.get("content"))
    return tuple(block["text"] for block in blocks if block.get("type") == "text")


def _tool_results(message: dict[str, Any]) -> tuple[str, ...]:
    blocks = blocks_of(message.get("content"))
    return tuple(block_text(block) for block in blocks if block.get("type") == "tool_result")


def _usage(reading: Reading) -> dict[str, Any]:
    return {
        "input_tokens": reading.plain,
        "cache_creation_input_tokens": reading.written_5m + reading.written_1h,
        "cache_read_input_tokens": reading.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": reading.written_5m,
            "ephemeral_1h_input_tokens": reading.written_1h,
        },
    }


def _full_usage(
    reply: Reply, counted: dict[str, Any], content: list[dict[str, Any]]
) -> dict[str, Any]:
    usage = dict(counted)
    if reply.input_tokens is not None:
        usage["input_tokens"] = reply.input_tokens
        usage["cache_creation_input_tokens"] = usage["cache_read_input_tokens"] = 0
        usage["cache_creation"] = dict.fromkeys(usage["cache_creation"], 0)
    thinking = text_tokens(reply.thinking) if reply.thinking else 0
    said = text_tokens(reply.text or "")
    called = sum(text_tokens(call.name) + text_tokens(call.arguments) for call in reply.tools)
    usage["output_tokens"] = max(1, thinking + said + called)
    if any(block["type"] in ("thinking", "redacted_thinking") for block in content):
        usage["output_tokens_details"] = {"thinking_tokens": thinking}
    usage["service_tier"] = "standard"
    return usage


def _content(exchange: Exchange) -> list[dict[str, Any]]:
    reply, body = exchange.reply, exchange.body
    content: list[dict[str, Any]] = []
    config = body.get("thinking") or {}
    # Manual thinking always thinks; adaptive thinking only when the model sees a need.
    thinking = reply.thinking or ("Thinking." if config.get("type") == "enabled" else None)
    if thinking is not None or reply.redacted:
        digest = digest_of_all(body)
        if thinking is not None:
            shown = "" if config.get("display") == "omitted" else thinking
            signature = sign(shown, digest)
            content.append({"type": "thinking", "thinking": shown, "signature": signature})
        if reply.redacted:
            content.append({"type": "redacted_thinking", "data": sign("", digest)})
    if reply.text is not None:
        content.append({"type": "text", "text": reply.text})
    taken = frozenset(
        block["id"]
        for message in body["messages"]
        for block in blocks_of(message.get("content"))
        if block.get("type") == "tool_use"
    )
    for call in reply.tools:
        call_id = exchange.ids.next("toolu_", taken)
        content.append(
            {"type": "tool_use", "id": call_id, "name": call.name, "input": call.arguments}
        )
    return content


def _document(
    exchange: Exchange, billed: Billed, content: list[dict[str, Any]], usage: dict[str, Any]
) -> dict[str, Any]:
    reply, body = exchange.reply, exchange.body
    stop = "refusal" if reply.refusal else "tool_use" if reply.tools else "end_turn"
    if body["max_tokens"] == 0:
        stop = "max_tokens"
    document = {
        "id": exchange.ids.next("msg_sim_"),
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": usage,
    }
    if reply.refusal:
        document["stop_details"] = {"type": "refusal", "category": None, "explanation": None}
    if "diagnostics" in body:
        document["diagnostics"] = None
    if body.get("context_management"):
        document["context_management"] = {"applied_edits": []}
    if billed.dropped:
        document["input_transformations"] = [
            {"type": "thinking_dropped", "path": path, "reason": "prefix_binding_mismatch"}
            for path in billed.dropped
        ]
    return document


def _event(name: str, data: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), to_json(data))


def _events(document: dict[str, Any]) -> Iterator[bytes]:
    usage = document["usage"]
    start = {**document, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    start["usage"].pop("output_tokens_details", None)
    for late in ("stop_details", "context_management"):
        start.pop(late, None)
    yield _event("message_start", {"type": "message_start", "message": start})
    for index, block in enumerate(document["content"]):
        opening, deltas = _block_events(block)
        yield _event(
            "content_block_start",
            {"type": "content_block_start", "index": index, "content_block": opening},
        )
        if index == 0:
            yield _event("ping", {"type": "ping"})
        for delta in deltas:
            yield _event(
                "content_block_delta",
                {"type": "content_block_delta", "index": index, "delta": delta},
            )
        yield _event("content_block_stop", {"type": "content_block_stop", "index": index})
    yield _event("message_delta", _last_delta(document))
    yield _event("message_stop", {"type": "message_stop"})


def _last_delta(document: dict[str, Any]) -> dict[str, Any]:
    delta = {"stop_reason": document["stop_reason"], "stop_sequence": None}
    if "stop_details" in document:
        delta["stop_details"] = document["stop_details"]
    counted = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    usage = {name: document["usage"][name] for name in (*counted, "output_tokens")}
    if "output_tokens_details" in document["usage"]:
        usage["output_tokens_details"] = document["usage"]["output_tokens_details"]
    event = {"type": "message_delta", "delta": delta, "usage": usage}
    if "context_management" in document:
        event["context_management"] = document["context_management"]
    return event


def _block_events(block: dict[str, Any]) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
    """The block as it opens, and the deltas that fill it."""
    match block["type"]:
        case "text":
            words = text_pieces(block["text"])
            return {"type": "text", "text": ""}, (
                {"type": "text_delta", "text": word} for word in words
            )
        case "thinking":
            return {"type": "thinking", "thinking": "", "signature": ""}, _thinking_deltas(block)
        case "tool_use":
            return {**block, "input": {}}, (
                {"type": "input_json_delta", "partial_json": piece}
                for piece in ("", *argument_pieces(block["input"]))
            )
        case _:
            return block, iter(())


def _thinking_deltas(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for word in text_pieces(block["thinking"]):
        yield {"type": "thinking_delta", "thinking": word}
    yield {"type": "signature_delta", "signature": block["signature"]}
