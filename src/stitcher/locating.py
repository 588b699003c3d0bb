"""What a request says, by an id, of what it goes on from: the place in our log.

Knows nothing of messages: those say it where no id does.
"""

from dataclasses import dataclass

from stitcher.core.threads import MAIN
from stitcher.planning import After
from stitcher.responses_api.conversation_objects import ConversationObjects
from stitcher.responses_api.pointers import Pointers
from stitcher.responses_api.refusal import (
    Refusal,
    no_conversation,
    no_previous_response,
    two_histories,
)
from stitcher.sessions import Sessions
from stitcher.settings import Settings
from stitcher.store.protocol import SessionKey
from stitcher.wire.call import Call

PURGED = "the response it follows was purged"
_NO_RESPONSE = "the response it follows is not in the log"
_NO_CONVERSATION = "the conversation it names is not in the log"


class Elsewhere(Exception):
    """What a request goes on from is not in our log: the provider may have it."""


@dataclass(frozen=True, slots=True)
class Located:
    """What a request goes on from."""

    session: str = ""
    thread: str = MAIN
    after: After | None = None
    conversation: bool = False


NOWHERE = Located()
"""For a request that gives no id."""


class Locator:
    """Finds the places that ids stand for."""

    def __init__(
        self,
        settings: Settings,
        sessions: Sessions,
        pointers: Pointers,
        objects: ConversationObjects,
    ) -> None:
        self._settings = settings
        self._sessions = sessions
        self._pointers = pointers
        self._objects = objects

    async def locate(self, tenant: str, call: Call) -> Located:
        """Where the ids of a request point to.

        Raises Elsewhere where not into our log, Refusal for one that must not be asked for there,
        and StoreError.
        """
        local = self._settings.responses_state == "local"
        if call.conversation is not None and call.after is not None and local:
            raise two_histories()
        if call.conversation is not None:
            known = await self._objects.exists(tenant, call.conversation)
            if local and not known:
                raise self._unknown(_NO_CONVERSATION, no_conversation(call.conversation))
            return Located(session=call.conversation, conversation=True)
        if call.after is None:
            if not call.items and call.generates:
                raise Elsewhere("a request without messages")
            return NOWHERE
        pointer = await self._pointers.find(tenant, call.after)
        if pointer is None:
            raise self._unknown(_NO_RESPONSE, no_previous_response(call.after))
        if pointer.pending:
            raise Elsewhere(_NO_RESPONSE)
        if not self._sessions.exists(SessionKey(tenant, pointer.session)):
            raise Elsewhere(PURGED)
        return Located(pointer.session, pointer.thread, After(pointer.of, pointer.head))

    def _unknown(self, found: str, refusal: Refusal) -> Exception:
        """What becomes of an id that is not in the log.

        It may be of the time before: then the provider knows it. Where there are several tenants
        it may be another's, and the provider may not tell them apart.
        """
        if self._settings.tenancy == "key" and self._settings.responses_state == "local":
            return refusal
        return Elsewhere(found)
