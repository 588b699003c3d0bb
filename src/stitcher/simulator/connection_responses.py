"""What one WebSocket connection remembers: its own responses, stored ones or not, while it lasts.

Everything else it asks the provider's memory. Knows nothing of frames.
"""

from collections.abc import Sequence
from typing import Any

from stitcher.simulator.refusal import Refusal
from stitcher.simulator.response_state import Item, ResponseState


class ConnectionResponses:
    """A `ResponseState` over another one.

    "On an active WebSocket connection, the service keeps one previous-response state in a
    connection-local in-memory cache"; a warm-up's id can be named "on later turns in a response
    chain" (WebSocket mode guide, 2026-09), so all of the connection's responses are kept here.
    """

    def __init__(self, provider: ResponseState) -> None:
        self._provider = provider
        self._items_of: dict[str, list[Item]] = {}
        self._items: dict[str, Item] = {}

    def history(self, body: dict[str, Any], scope: str) -> list[Item] | Refusal:
        own = self._items_of.get(body.get("previous_response_id") or "")
        return self._provider.history(body, scope) if own is None else list(own)

    def item(self, item_id: str, scope: str) -> Item | None:
        return self._items.get(item_id) or self._provider.item(item_id, scope)

    def remember(self, document: dict[str, Any], input_items: Sequence[Item], scope: str) -> None:
        before = self.history(document, scope)
        added = [*input_items, *document["output"]]
        self._items_of[document["id"]] = [*([] if isinstance(before, Refusal) else before), *added]
        self._items.update((item["id"], item) for item in added)
        self._provider.remember(document, input_items, scope)

    def forget(self, response_id: str | None) -> None:
        """Drops a response from the connection's memory, not from the provider's."""
        self._items_of.pop(response_id or "", None)
