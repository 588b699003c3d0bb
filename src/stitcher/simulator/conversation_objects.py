"""Conversations as objects: created, changed, deleted, and their items one by one or in pages.

Answers with documents and refusals; knows nothing of HTTP or of the responses that fill them.
"""

import time
from collections.abc import Mapping
from typing import Any

from stitcher.simulator.answer import Ids
from stitcher.simulator.item_pages import item_page
from stitcher.simulator.openai_refusals import (
    expect,
    refuse,
    refuse_missing,
    refuse_unknown,
)
from stitcher.simulator.refusal import RefusedError
from stitcher.simulator.response_items import item_type
from stitcher.simulator.response_state import (
    Item,
    KeptResponses,
    StoredConversation,
    no_conversation,
)
from stitcher.simulator.rules_openai_items import check_item
from stitcher.simulator.rules_openai_responses import check_metadata
from stitcher.simulator.stored_items import identified_items, shown_item

CONVERSATIONS = "/v1/conversations"
# "You may add up to 20 items at a time" (openai SDK 3.54.0, `ConversationCreateParams`).
_MOST_ITEMS = 20


class ConversationObjects:
    """`/v1/conversations` and what lies below it, over what the provider keeps."""

    def __init__(self, kept: KeptResponses, ids: Ids) -> None:
        self._kept = kept
        self._ids = ids

    def answer(
        self, method: str, path: str, query: Mapping[str, str], body: Any, scope: str
    ) -> dict[str, Any] | None:
        """The document; None when there is no such endpoint. Raises RefusedError."""
        named, _, below = path.removeprefix(CONVERSATIONS).removeprefix("/").partition("/")
        if not named:
            return self._created(body, scope) if method == "POST" else None
        if below and below.partition("/")[0] != "items":
            return None
        found = self._kept.conversation(named, scope)
        if found is None:
            raise RefusedError(no_conversation(named))
        if not below:
            return self._itself(method, found, body)
        item_id = below.removeprefix("items").removeprefix("/")
        if item_id:
            return self._one_item(method, found, item_id)
        return self._items(method, found, query, body)

    def _created(self, body: Any, scope: str) -> dict[str, Any]:
        _check_fields(body, ("items", "metadata"))
        created = StoredConversation(
            id=self._ids.next("conv_sim_"),
            scope=scope,
            created_at=int(time.time()),
            metadata=_metadata(body.get("metadata")),
        )
        given = body.get("items")
        self._add(created, [] if given is None else given)
        self._kept.conversations[created.id] = created
        return _shown(created)

    def _itself(self, method: str, found: StoredConversation, body: Any) -> dict[str, Any] | None:
        match method:
            case "GET":
                return _shown(found)
            case "POST":
                _check_fields(body, ("metadata",))
                if "metadata" not in body:
                    refuse_missing("metadata")
                found.metadata = _metadata(body["metadata"])
                return _shown(found)
            case "DELETE":
                del self._kept.conversations[found.id]
                return {"id": found.id, "object": "conversation.deleted", "deleted": True}
        return None

    def _items(
        self, method: str, found: StoredConversation, query: Mapping[str, str], body: Any
    ) -> dict[str, Any] | None:
        match method:
            case "GET":
                return item_page(found.items, query)
            case "POST":
                _check_fields(body, ("items",))
                if body.get("items") is None:
                    refuse_missing("items")
                added = self._add(found, body["items"])
                # The answer lists what was added, in its order.
                return item_page(added, {"order": "asc"})
        return None

    def _one_item(
        self, method: str, found: StoredConversation, item_id: str
    ) -> dict[str, Any] | None:
        if method not in ("GET", "DELETE"):
            return None
        item = next((item for item in found.items if item["id"] == item_id), None)
        if item is None:
            refuse(f"Item with id '{item_id}' not found in conversation.", None, None, status=404)
        if method == "GET":
            return shown_item(item)
        found.items.remove(item)
        return _shown(found)

    def _add(self, conversation: StoredConversation, given: Any) -> list[Item]:
        expect(given, list, "items", inside=" of objects")
        if len(given) > _MOST_ITEMS:
            refuse(
                f"Invalid 'items': array too long. Expected an array with maximum length "
                f"{_MOST_ITEMS}, but got an array with length {len(given)} instead.",
                "items",
                "array_above_max_length",
            )
        for number, item in enumerate(given):
            check_item(item, f"items[{number}]")
        resolved = [self._resolved(item, conversation.scope) for item in given]
        added = identified_items(resolved, self._ids)
        self._kept.keep_items(added, conversation.scope)
        conversation.items += added
        return added

    def _resolved(self, item: Item, scope: str) -> Item:
        """What a reference stands for; any other item as it is."""
        if item_type(item) != "item_reference":
            return item
        found = self._kept.item(item["id"], scope)
        if found is None:
            refuse(f"Item with id '{item['id']}' not found.", "items", None, status=404)
        return found


def _shown(conversation: StoredConversation) -> dict[str, Any]:
    return {
        "id": conversation.id,
        "object": "conversation",
        "created_at": conversation.created_at,
        "metadata": conversation.metadata,
    }


def _check_fields(body: Any, known: tuple[str, ...]) -> None:
    if not isinstance(body, dict):
        refuse("We could not parse the JSON body of your request: expected an object.", None, None)
    for name in body:
        if name not in known:
            refuse_unknown(name)


def _metadata(given: Any) -> dict[str, Any]:
    if given is None:
        return {}
    expect(given, dict, "metadata")
    check_metadata(given)
    return dict(given)
