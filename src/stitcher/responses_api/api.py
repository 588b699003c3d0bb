"""The two kinds of state that clients of the Responses API ask for, over one log."""

from stitcher.responses_api.conversation_objects import ConversationObjects
from stitcher.responses_api.pointers import Pointers
from stitcher.responses_api.responses import StoredResponses
from stitcher.sessions import Sessions
from stitcher.store.protocol import Store


class ResponsesApi:
    """What is answered from the log. `sessions` and `pointers` are the ones the exchange writes."""

    def __init__(self, *, sessions: Sessions, pointers: Pointers, store: Store) -> None:
        self._pointers = pointers
        self.responses = StoredResponses(sessions, pointers, store)
        self.conversations = ConversationObjects(sessions, store)

    async def knows(self, tenant: str, kind: str, name: str) -> bool:
        """True for what was made here; what was not, the provider may have.

        `kind` is `responses` or `conversations`. Raises Refusal for a conversation that was
        deleted, and StoreError.
        """
        if kind == "responses":
            return await self._pointers.knows(tenant, name)
        return await self.conversations.exists(tenant, name)
