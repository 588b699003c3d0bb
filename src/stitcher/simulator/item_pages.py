"""Lists of items as OpenAI pages them: order, cursor, limit, and what it refuses in a query.

Knows nothing of where the items are kept.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from stitcher.simulator.openai_refusals import check_least, refuse, refuse_type, refuse_value
from stitcher.simulator.response_state import Item
from stitcher.simulator.stored_items import shown_item

# "Limit can range between 1 and 100, and the default is 20"; order: "Default is `desc`" (openai
# SDK 3.54.0, `InputItemListParams` and `conversations.ItemListParams`).
_LARGEST, _USUAL = 100, 20
_ORDERS = ("asc", "desc")


def item_page(items: Sequence[Item], query: Mapping[str, str]) -> dict[str, Any]:
    """One page of `items` (oldest first) as `query` asks for it. Raises RefusedError."""
    order = query.get("order", "desc")
    if order not in _ORDERS:
        refuse_value(order, _ORDERS, "order")
    limit = _limit(query.get("limit"))
    listed = list(items) if order == "asc" else list(reversed(items))
    start = _start(listed, query.get("after"))
    page = listed[start : start + limit]
    return {
        "object": "list",
        "data": [shown_item(item) for item in page],
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": start + limit < len(listed),
    }


def _limit(given: str | None) -> int:
    if given is None:
        return _USUAL
    if not given.removeprefix("-").isdecimal():
        refuse_type(given, "an integer", "limit")
    limit = int(given)
    check_least(limit, 1, "limit")
    if limit > _LARGEST:
        refuse(
            f"Invalid 'limit': integer above maximum value. Expected a value <= {_LARGEST}, but "
            f"got {limit} instead.",
            "limit",
            "integer_above_max_value",
        )
    return limit


def _start(listed: list[Item], after: str | None) -> int:
    if not after:
        return 0
    for number, item in enumerate(listed):
        if item["id"] == after:
            return number + 1
    refuse(f"Item with id '{after}' not found.", "after", None, status=404)
