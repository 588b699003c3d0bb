"""The output items of a response: a planned reply with its ids, cut where the tokens end.

Order: reasoning, commentary, the message, the calls. Knows nothing of events, of usage fields or
of the response object around the items.
"""

from dataclasses import dataclass
from typing import Any

from stitcher.simulator.answer import Ids
from stitcher.simulator.counting import text_tokens
from stitcher.simulator.directives import ToolRequest
from stitcher.simulator.reply import Reply
from stitcher.simulator.response_items import content_texts, input_items, item_type
from stitcher.simulator.response_tools import call_item, called_tool
from stitcher.simulator.sealed_content import seal

_ENCRYPTED = "reasoning.encrypted_content"
_CALL_PREFIXES = {"function_call": "fc_sim_", "custom_tool_call": "ctc_sim_"}


@dataclass(frozen=True, slots=True)
class Output:
    """The items and whether all that was to be said is in them."""

    items: list[dict[str, Any]]
    whole: bool = True

    @property
    def tokens(self) -> int:
        return sum(map(item_tokens, self.items))

    @property
    def reasoning_tokens(self) -> int:
        return sum(item_tokens(item) for item in self.items if item["type"] == "reasoning")


def plan_output(body: dict[str, Any], reply: Reply, ids: Ids) -> Output:
    """The reply to a request whose input is complete; no id of it is used again."""
    items = _Maker(body, ids).items(reply)
    whole = Output(items)
    limit = body.get("max_output_tokens")
    if reply.ending == "incomplete":
        limit = whole.tokens // 2
    return whole if limit is None or whole.tokens <= limit else Output(_cut(items, limit), False)


def item_tokens(item: dict[str, Any]) -> int:
    if item["type"] == "message":
        return sum(text_tokens(part.get("text") or part.get("refusal") or "")
                   for part in item["content"])  # fmt: skip
    if item["type"] == "reasoning":
        return max(1, sum(text_tokens(part["text"]) for part in item["summary"]))
    if item["type"] == "compaction":
        return text_tokens(item["encrypted_content"])
    return text_tokens(item["name"]) + text_tokens(item.get("arguments", item.get("input", "")))


def compaction_item(body: dict[str, Any], ids: Ids) -> dict[str, Any]:
    """What stands for a conversation that is left behind."""
    items = input_items(body)
    said = [text for item in items if item.get("role") == "user"
            for text in content_texts(item.get("content"))]  # fmt: skip
    first = said[0][:60] if said else ""
    item_id = ids.next("cmp_sim_", taken_ids(items))
    summary = f"Summary of {len(items)} items; the user began with: {first}"
    return {"id": item_id, "type": "compaction", "encrypted_content": seal(item_id, [summary])}


def taken_ids(items: list[dict[str, Any]]) -> frozenset[str]:
    return frozenset(
        value
        for item in items
        for name in ("id", "call_id")
        if isinstance(value := item.get(name), str)
    )


class _Maker:
    def __init__(self, body: dict[str, Any], ids: Ids) -> None:
        self._body = body
        self._ids = ids
        self._given = input_items(body)
        self._taken = taken_ids(self._given)

    def items(self, reply: Reply) -> list[dict[str, Any]]:
        if (self._body.get("prompt_cache_options") or {}).get("prewarm"):
            return []
        if self._given and item_type(self._given[-1]) == "compaction_trigger":
            return [compaction_item(self._body, self._ids)]
        items = []
        if reply.thinking is not None or reply.redacted:
            items.append(self._reasoning(reply.thinking if not reply.redacted else None))
        if reply.commentary is not None:
            items.append(self._message(reply.commentary, phase="commentary"))
        if reply.text is not None:
            phase = None if reply.commentary is None else "final_answer"
            items.append(self._message(reply.text, phase=phase, refusal=reply.refusal))
        return [*items, *map(self._call, reply.tools)]

    def _id(self, prefix: str) -> str:
        return self._ids.next(prefix, self._taken)

    def _reasoning(self, thought: str | None) -> dict[str, Any]:
        texts = [] if thought is None else [thought]
        item_id = self._id("rs_sim_")
        item: dict[str, Any] = {
            "id": item_id,
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": text} for text in texts],
        }
        if _ENCRYPTED in (self._body.get("include") or ()):
            item["encrypted_content"] = seal(item_id, texts)
        return item

    def _message(self, text: str, *, phase: str | None, refusal: bool = False) -> dict[str, Any]:
        spoken = {"type": "output_text", "annotations": [], "logprobs": [], "text": text}
        item = {
            "id": self._id("msg_sim_"),
            "type": "message",
            "status": "completed",
            "content": [{"type": "refusal", "refusal": text} if refusal else spoken],
            "role": "assistant",
        }
        return item if phase is None else {**item, "phase": phase}

    def _call(self, request: ToolRequest) -> dict[str, Any]:
        call = call_item(called_tool(self._body, request.name), request)
        return {
            "id": self._id(_CALL_PREFIXES[call["type"]]),
            **call,
            "call_id": self._id("call_"),
            "status": "completed",
        }


def _cut(items: list[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    """The items up to the limit; a message may end in the middle, other items are whole."""
    kept: list[dict[str, Any]] = []
    for item in items:
        if item_tokens(item) <= limit:
            kept.append(item)
            limit -= item_tokens(item)
            continue
        part = item["content"][0] if item["type"] == "message" else {}
        if "text" in part:
            short = {**part, "text": part["text"][: 4 * limit]}
            kept.append({**item, "status": "incomplete", "content": [short]})
        break
    return kept
