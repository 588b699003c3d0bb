"""Items as the provider keeps them and hands them out: each with a type and an id.

Knows nothing of where they are kept or whether they are allowed.
"""

from collections.abc import Sequence

from stitcher.simulator.answer import Ids
from stitcher.simulator.response_items import item_type
from stitcher.simulator.response_output import taken_ids
from stitcher.simulator.response_state import Item

_ID_PREFIXES = {
    "message": "msg_sim_",
    "function_call": "fc_sim_",
    "custom_tool_call": "ctc_sim_",
    "reasoning": "rs_sim_",
    "compaction": "cmp_sim_",
}
# "Populated when items are returned via API" (openai SDK 3.54.0, conversations.Message).
_WITH_STATUS = frozenset(
    {"message", "function_call", "function_call_output", "custom_tool_call",
     "custom_tool_call_output"}
)  # fmt: skip


def identified_items(items: Sequence[Item], ids: Ids) -> list[Item]:
    """The items with what a request may leave out: every one has a type and an id."""
    taken = taken_ids(list(items))
    return [_identified(item, ids, taken) for item in items]


def _identified(item: Item, ids: Ids, taken: frozenset[str]) -> Item:
    kind = item_type(item)
    item_id = item.get("id") or ids.next(_ID_PREFIXES.get(kind, "item_sim_"), taken)
    return {**item, "type": kind, "id": item_id}


def shown_item(item: Item) -> Item:
    """A stored item as the provider hands it out: a message's content is a list of parts."""
    kind = item["type"]
    shown = {"status": "completed", **item} if kind in _WITH_STATUS else dict(item)
    if kind == "message" and isinstance(item["content"], str):
        shown["content"] = [_text_part(item["role"], item["content"])]
    return shown


def _text_part(role: str, text: str) -> Item:
    if role == "assistant":
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {"type": "input_text", "text": text}
