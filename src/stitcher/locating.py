"""What a request says, by an id, of what it goes on from: the place in our log.

Knows nothing of messages: those say it where no id does.
"""

from dataclasses import dataclass, replace

from stitcher.core.threads import MAIN, Claim
from stitcher.responses_api.conversation_objects import ConversationObjects
from stitcher.responses_api.pointers import Pointers
from stitcher.responses_api.refusal import (
    Refusal,
    no_conversation,
    no_previous_response,
    two_histories,
)
from stitcher.settings import Settings
from stitcher.store.protocol import SessionKey
from stitcher.terms import After
from stitcher.wire.call import Call

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


def placed(claimed: Claim, located: Located) -> Claim:
    """A place that is named by an id goes before whatever else a request says of itself."""
    own = claimed.owns_history and claimed.session == located.session
    if located is NOWHERE or own:
        return claimed
    return replace(claimed, session=located.session, thread=located.thread)


class Locator:
    """Finds the places that ids stand for."""

    def __init__(
        self, settings: Settings, pointers: Pointers, objects: ConversationObjects
    ) -> None:
        self._settings = settings
        self._pointers = pointers
        self._objects = objects

    async def locate(self, tenant: str, call: Call, *, answers: bool = True) -> Located:
        """Where the ids of a request point to.

        `answers` is False where the provider alone answers for its state: nothing is refused then.
        Raises Elsewhere where not into our log, Refusal for one that must not be asked for there,
        and StoreError.
        """
        answers = answers and self._settings.responses_state == "local"
        if call.conversation is not None:
            if call.after is not None and answers:
                raise two_histories()
            return await self._conversation(tenant, call.conversation, answers=answers)
        if call.after is None:
            if not call.items and call.generates:
                raise Elsewhere("a request without messages")
            return NOWHERE
        pointer = await self._pointers.find(tenant, call.after)
        if pointer is None:
            raise self._unknown(_NO_RESPONSE, no_previous_response(call.after), answers=answers)
        if pointer.pending:
            raise Elsewhere(_NO_RESPONSE)
        after = After(pointer.of, pointer.head)
        thread = pointer.thread
        if thread == MAIN and await self._is_conversation(tenant, pointer.session):
            # It goes on from an answer of the conversation, and is not added to that.
            thread = f"branch-{after.chain[:12]}"
        return Located(pointer.session, thread, after)

    async def _is_conversation(self, tenant: str, session: str) -> bool:
        try:
            return await self._objects.exists(tenant, session)
        except Refusal:
            return True  # deleted: its items stay

    async def _conversation(self, tenant: str, name: str, *, answers: bool) -> Located:
        if SessionKey(tenant, name).is_reserved:
            raise Elsewhere(_NO_CONVERSATION)
        try:
            known = await self._objects.exists(tenant, name)
        except Refusal:
            if answers:
                raise
            raise Elsewhere(_NO_CONVERSATION) from None
        if self._settings.responses_state == "local" and not known:
            raise self._unknown(_NO_CONVERSATION, no_conversation(name), answers=answers)
        return Located(session=name, conversation=True)

    def _unknown(self, found: str, refusal: Refusal, *, answers: bool) -> Exception:
        """What becomes of an id that is not in the log.

        It may be of the time before: then the provider knows it. Where there are several tenants
        it may be another's, and the provider may not tell them apart.
        """
        return refusal if answers and self._settings.tenancy == "key" else Elsewhere(found)
