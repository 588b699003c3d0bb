"""The Responses dialect: how a request is heard, billed, answered, refused and remembered.

Fields follow the API reference and openai SDK 3.54.0. Knows nothing of HTTP: a transport takes
`check`, `recall`, `hear`, `begin` and `compose` in this order.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from stitcher.simulator import rules_openai_responses
from stitcher.simulator.answer import Composed
from stitcher.simulator.assumptions import CAREFUL, Assumptions
from stitcher.simulator.cache import AutomaticCache, Reading
from stitcher.simulator.context_window import context_window
from stitcher.simulator.dialect import Billed, Exchange
from stitcher.simulator.openai_errors import error_body, error_of_status, openai_headers
from stitcher.simulator.openai_prompt import is_exact, read_prompt
from stitcher.simulator.refusal import Refusal
from stitcher.simulator.reply import Heard, hear_messages
from stitcher.simulator.response_document import response_document
from stitcher.simulator.response_events import as_sse, response_events
from stitcher.simulator.response_items import (
    as_chat,
    heard_items,
    input_items,
    instruction_texts,
    item_type,
)
from stitcher.simulator.response_output import Output, compaction_item, plan_output
from stitcher.simulator.response_state import Item, KeptResponses, NoResponses, ResponseState
from stitcher.simulator.stored_items import identified_items, shown_item

# Created and in_progress come before it.
_ERROR_NUMBER = 2


class OpenAIResponses:
    """`POST /v1/responses` with its prefix cache and, in `state`, what the provider remembers.

    A transport with a memory of its own (a WebSocket connection) makes another one of these with
    that memory and the same cache.
    """

    def __init__(
        self,
        state: ResponseState | None = None,
        cache: AutomaticCache | None = None,
        assumptions: Assumptions = CAREFUL,
    ) -> None:
        self.state: ResponseState = KeptResponses() if state is None else state
        self.assumptions = assumptions
        self.cache = (
            AutomaticCache(hidden_tokens=assumptions.hidden_tokens) if cache is None else cache
        )
        # The reasoning that led to a stored item, by scope and the item's id.
        self._thoughts: dict[tuple[str, str], str] = {}

    def check(self, body: Any) -> Refusal | None:
        if isinstance(self.state, NoResponses) and isinstance(body, dict):
            # Nothing is stored either way, so such a server looks for nothing it might have stored.
            body = {**body, "store": None}
        return rules_openai_responses.check(body)

    def recall(self, body: dict[str, Any], scope: str) -> dict[str, Any] | Refusal:
        """The body with its whole history as input; refused when it does not hold together."""
        before = self.state.history(body, scope)
        if isinstance(before, Refusal):
            return before
        items = [*before, *input_items(body)]
        known = self._lookup(items, scope)
        refusal = rules_openai_responses.check_sequence(
            items, known, lambda item_id: self._thoughts.get((scope, item_id))
        )
        if refusal is not None:
            return refusal
        return _fitted({**body, "input": rules_openai_responses.resolved(items, known)})

    def _lookup(self, items: list[Item], scope: str) -> Callable[[str], Item | None]:
        """Finds what is stored; a server that stores nothing takes reasoning as it is given."""
        if isinstance(self.state, NoResponses):
            return {
                item["id"]: item
                for item in items
                if item_type(item) == "reasoning" and item.get("id") is not None
            }.get
        return lambda item_id: self.state.item(item_id, scope)

    def hear(self, body: dict[str, Any]) -> Heard:
        form = (body.get("text") or {}).get("format") or {}
        return hear_messages(
            heard_items(input_items(body)),
            system="\n".join(instruction_texts(body)),
            schema=form.get("schema") if form.get("type") == "json_schema" else None,
        )

    def begin(self, body: dict[str, Any], scope: str, now: float) -> Billed:
        prompt = read_prompt(as_chat(body), self.assumptions)
        # `prompt_cache_key` "partitions the cache" (prompt caching guide).
        partition = f"{scope}\0{body.get('prompt_cache_key') or ''}"
        reading = self.cache.begin(
            partition, prompt.links, prompt.minimum, now, rounding=prompt.rounding
        )
        usage = {
            "input_tokens": reading.total,
            "input_tokens_details": _input_details(body, reading),
        }
        return Billed(usage, lambda begun, _: self.cache.settle(reading, begun), reading)

    def compose(self, exchange: Exchange, billed: Billed) -> Composed:
        output = plan_output(exchange.body, exchange.reply, exchange.ids)
        usage = _full_usage(exchange, billed.usage, output)
        document = response_document(exchange, output, usage)
        options = exchange.asked.get("stream_options") or {}
        obfuscated = options.get("include_obfuscation") is not False
        return Composed(
            document,
            lambda: map(as_sse, response_events(document, obfuscated=obfuscated)),
            usage,
            lambda: self._keep(document, exchange),
        )

    def compact(self, exchange: Exchange, billed: Billed) -> dict[str, Any]:
        """The answer of `POST /v1/responses/compact`: the user's messages and what stands for the
        rest."""
        item = compaction_item(exchange.body, exchange.ids)
        output = Output([item])
        kept = [
            entry
            for entry in input_items(exchange.body)
            if item_type(entry) == "message" and entry["role"] == "user"
        ]
        usage = _full_usage(exchange, billed.usage, output)
        return {
            "id": exchange.ids.next(f"resp_sim_{exchange.created:x}_"),
            "object": "response.compaction",
            "created_at": exchange.created,
            "output": [*map(shown_item, identified_items(kept, exchange.ids)), item],
            "usage": usage,
        }

    def count(self, body: dict[str, Any]) -> dict[str, Any]:
        """The answer of `POST /v1/responses/input_tokens`."""
        tokens = read_prompt(as_chat(body)).tokens
        return {"object": "response.input_tokens", "input_tokens": tokens}

    def error_body(self, refusal: Refusal, request_id: str) -> dict[str, Any]:
        return error_body(refusal)

    def error_of_status(self, status: int, message: str | None) -> Refusal:
        return error_of_status(status, message)

    def error_event(self, refusal: Refusal, request_id: str) -> bytes:
        return as_sse(
            {
                "type": "error",
                "sequence_number": _ERROR_NUMBER,
                "code": refusal.code or refusal.type,
                "message": refusal.message,
                "param": refusal.param,
            }
        )

    def headers(self, request_id: str) -> Mapping[str, str]:
        return openai_headers(request_id)

    def _keep(self, document: dict[str, Any], exchange: Exchange) -> None:
        scope = exchange.scope
        own = rules_openai_responses.resolved(
            identified_items(input_items(exchange.asked), exchange.ids),
            lambda item_id: self.state.item(item_id, scope),
        )
        self.state.remember(document, own, scope)
        for thought, item in pairwise(document["output"]):
            if thought["type"] == "reasoning" and self.state.item(thought["id"], scope):
                self._thoughts[scope, item["id"]] = thought["id"]


def _fitted(body: dict[str, Any]) -> dict[str, Any] | Refusal:
    """The body if the model's window holds it; `truncation: "auto"` drops the oldest items."""
    window = context_window(body["model"])
    if window is None or read_prompt(as_chat(body)).tokens <= window:
        return body
    items = input_items(body)
    if body.get("truncation") == "auto":
        while len(items) > 1 and read_prompt(as_chat({**body, "input": items})).tokens > window:
            items = items[1:]
        return {**body, "input": items}
    return Refusal(
        400,
        "invalid_request_error",
        "Your input exceeds the context window of this model. Please adjust your input and try "
        "again.",
        "input",
        "context_length_exceeded",
    )


def _input_details(body: dict[str, Any], reading: Reading) -> dict[str, Any]:
    """What was read and written. Writing is free before gpt-5.6; the field is always there."""
    details = {"cached_tokens": reading.read, "cache_write_tokens": reading.written}
    if not is_exact(body["model"]):
        return details
    lifetimes = {"ttl_30m_tokens": reading.written_5m, "ttl_12h_tokens": reading.written_1h}
    return {**details, "cache_write_tokens_details": lifetimes}


def _full_usage(exchange: Exchange, counted: dict[str, Any], output: Output) -> dict[str, Any]:
    given, details = counted["input_tokens"], counted["input_tokens_details"]
    if exchange.reply.input_tokens is not None:
        given = exchange.reply.input_tokens
        details = {"cached_tokens": 0, "cache_write_tokens": 0}
    return {
        "input_tokens": given,
        "input_tokens_details": details,
        "output_tokens": output.tokens,
        "output_tokens_details": {"reasoning_tokens": output.reasoning_tokens},
        "total_tokens": given + output.tokens,
    }
