"""Lists that are read page by page: order, cursor and limit as OpenAI's API has them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

import msgspec

from stitcher.responses_api.listed import Listed
from stitcher.responses_api.refusal import Refusal

Order = Literal["asc", "desc"]

# "Limit can range between 1 and 100, and the default is 20"; order: "Default is `desc`" (OpenAI API
# reference, "List input items" and "List items", November 2026).
_MOST = 100
_USUAL = 20


@dataclass(frozen=True, slots=True)
class PageQuery:
    """Which page is asked for."""

    order: Order = "desc"  # newest first
    after: str | None = None  # id of the last item of the page before
    limit: int = _USUAL


def page_query(parameters: Mapping[str, str]) -> PageQuery:
    """Reads the query of a request; parameters it does not know are left out. Raises Refusal."""
    order = parameters.get("order", "desc")
    if order not in get_args(Order):
        raise Refusal(f"order: found {order[:40]!r}, expected asc or desc", param="order")
    given = parameters.get("limit", str(_USUAL))
    # A number of more digits is too large anyway, and Python reads no more than 4,300.
    limit = int(given) if given.isascii() and given.isdecimal() and len(given) < 9 else 0
    if not 1 <= limit <= _MOST:
        raise Refusal(
            f"limit: found {given[:40]!r}, expected a whole number from 1 to {_MOST}", param="limit"
        )
    return PageQuery(cast(Order, order), parameters.get("after") or None, limit)


def page(items: Sequence[Listed], query: PageQuery) -> bytes:
    """The document of one page of `items`, which are oldest first. Raises Refusal."""
    ordered = items if query.order == "asc" else items[::-1]
    start = 0
    if query.after is not None:
        places = (n for n, item in enumerate(ordered, 1) if item.id == query.after)
        start = next(places, 0)
        if not start:
            raise Refusal(f"Item with id '{query.after}' not found.", status=404, param="after")
    shown = ordered[start : start + query.limit]
    return document(shown, has_more=start + len(shown) < len(ordered))


def document(items: Sequence[Listed], *, has_more: bool = False) -> bytes:
    """The document of a list: every item with its own bytes."""
    return msgspec.json.encode(
        {
            "object": "list",
            "data": [msgspec.Raw(item.shown()) for item in items],
            "first_id": items[0].id if items else None,
            "last_id": items[-1].id if items else None,
            "has_more": has_more,
        }
    )
