"""The endpoints over what a provider keeps: which of its objects a request is about.

A provider without a store has none of them. Knows nothing of HTTP.
"""

from collections.abc import Mapping
from typing import Any

from stitcher.simulator.answer import Ids
from stitcher.simulator.conversation_objects import CONVERSATIONS, ConversationObjects
from stitcher.simulator.refusal import Refusal, RefusedError
from stitcher.simulator.response_objects import RESPONSES, ResponseObjects
from stitcher.simulator.response_state import KeptResponses, ResponseState


class StoredObjects:
    """`/v1/responses/{id}` and `/v1/conversations`, with what lies below them."""

    def __init__(self, state: ResponseState, ids: Ids) -> None:
        kept = state if isinstance(state, KeptResponses) else None
        self._responses = None if kept is None else ResponseObjects(kept)
        self._conversations = None if kept is None else ConversationObjects(kept, ids)

    def answer(
        self, method: str, path: str, query: Mapping[str, str], body: Any, scope: str
    ) -> dict[str, Any] | Refusal | None:
        """The document or why there is none; None when there is no such endpoint."""
        try:
            if self._responses is not None and path.startswith(f"{RESPONSES}/"):
                return self._responses.answer(method, path, query, scope)
            if self._conversations is not None and f"{path}/".startswith(f"{CONVERSATIONS}/"):
                return self._conversations.answer(method, path, query, body, scope)
        except RefusedError as error:
            return error.refusal
        return None
