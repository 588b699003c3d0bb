"""Stored responses as objects: fetched, listed by their input, deleted, cancelled.

Answers with documents and refusals; knows nothing of HTTP or of how a response was made.
"""

from collections.abc import Mapping
from typing import Any

from stitcher.simulator.item_pages import item_page
from stitcher.simulator.openai_refusals import refuse
from stitcher.simulator.response_state import KeptResponses, StoredResponse

RESPONSES = "/v1/responses"


class ResponseObjects:
    """`/v1/responses/{id}` and what lies below it, over what the provider keeps."""

    def __init__(self, kept: KeptResponses) -> None:
        self._kept = kept

    def answer(
        self, method: str, path: str, query: Mapping[str, str], scope: str
    ) -> dict[str, Any] | None:
        """The document; None when there is no such endpoint. Raises RefusedError."""
        response_id, _, below = path.removeprefix(f"{RESPONSES}/").partition("/")
        match method, below:
            case "GET", "":
                return self._fetched(self._found(response_id, scope), query)
            case "DELETE", "":
                return self._deleted(self._found(response_id, scope))
            case "GET", "input_items":
                found = self._found(response_id, scope)
                return item_page([*found.items_before, *found.input_items], query)
            case "POST", "cancel":
                return self._cancelled(self._found(response_id, scope))
        return None

    def _found(self, response_id: str, scope: str) -> StoredResponse:
        found = self._kept.response(response_id, scope)
        if found is None:
            refuse(f"Response with id '{response_id}' not found.", None, None, status=404)
        return found

    def _fetched(self, found: StoredResponse, query: Mapping[str, str]) -> dict[str, Any]:
        if query.get("stream") == "true":
            refuse(
                "This response cannot be streamed because it was not created with `stream=true` "
                "in background mode.",
                "stream",
                None,
            )
        return found.document

    def _deleted(self, found: StoredResponse) -> dict[str, Any]:
        response_id = found.document["id"]
        del self._kept.responses[response_id]
        return {"id": response_id, "object": "response", "deleted": True}

    def _cancelled(self, found: StoredResponse) -> dict[str, Any]:
        if not found.document.get("background"):
            refuse("Cannot cancel a synchronous response.", None, None)
        # "Cancelling twice is idempotent - subsequent calls simply return the final Response
        # object" (background mode guide); here a background response is final at once.
        return found.document
