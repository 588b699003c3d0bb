"""What the simulated provider remembers of responses: the history behind an id, item by item.

`KeptResponses` is a provider that stores, as OpenAI does; `NoResponses` one that does not, as
llama.cpp and vLLM. Everything belongs to a scope (a credential): what another one stored does not
exist. Knows nothing of HTTP, of prompts or of how an answer is made.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from stitcher.simulator.refusal import Refusal

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A response and the conversation that led to it.

    `items_before` is what came before this request, oldest first; `input_items` what the request
    itself brought, every item with an id; `output` what was answered.
    """

    document: dict[str, Any]
    scope: str
    items_before: tuple[Item, ...]
    input_items: tuple[Item, ...]
    output: tuple[Item, ...]

    @property
    def items(self) -> list[Item]:
        """All that a request which names this response goes on from."""
        return [*self.items_before, *self.input_items, *self.output]


@dataclass(slots=True)
class StoredConversation:
    """A conversation object; its items grow with every response that names it."""

    id: str
    scope: str
    created_at: int
    metadata: dict[str, Any] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)


class ResponseState(Protocol):
    """The memory behind `previous_response_id`, `conversation` and item ids."""

    def history(self, body: dict[str, Any], scope: str) -> list[Item] | Refusal:
        """The items before the body's own input; empty when the body names no earlier ones."""

    def item(self, item_id: str, scope: str) -> Item | None:
        """A stored item, whichever response or conversation it stands in."""

    def remember(self, document: dict[str, Any], input_items: Sequence[Item], scope: str) -> None:
        """Keeps a finished response and what its request brought; `store: false` is respected."""


class KeptResponses:
    """Keeps everything in memory until it is deleted."""

    def __init__(self) -> None:
        self.responses: dict[str, StoredResponse] = {}
        self.conversations: dict[str, StoredConversation] = {}
        self._items: dict[tuple[str, str], Item] = {}

    def response(self, response_id: str, scope: str) -> StoredResponse | None:
        found = self.responses.get(response_id)
        return found if found is not None and found.scope == scope else None

    def conversation(self, conversation_id: str, scope: str) -> StoredConversation | None:
        found = self.conversations.get(conversation_id)
        return found if found is not None and found.scope == scope else None

    def history(self, body: dict[str, Any], scope: str) -> list[Item] | Refusal:
        previous = body.get("previous_response_id")
        if previous is not None:
            response = self.response(previous, scope)
            return _no_response(previous) if response is None else response.items
        named = conversation_id(body)
        if named is not None:
            conversation = self.conversation(named, scope)
            return no_conversation(named) if conversation is None else list(conversation.items)
        return []

    def item(self, item_id: str, scope: str) -> Item | None:
        return self._items.get((scope, item_id))

    def remember(self, document: dict[str, Any], input_items: Sequence[Item], scope: str) -> None:
        if document.get("store") is False:
            return
        before = self.history(document, scope)
        self.responses[document["id"]] = StoredResponse(
            document=document,
            scope=scope,
            # What led here may have been deleted while the answer was on its way.
            items_before=() if isinstance(before, Refusal) else tuple(before),
            input_items=tuple(input_items),
            output=tuple(document["output"]),
        )
        added = [*input_items, *document["output"]]
        self.keep_items(added, scope)
        conversation = self.conversation(conversation_id(document) or "", scope)
        if conversation is not None:
            conversation.items += added

    def keep_items(self, items: Sequence[Item], scope: str) -> None:
        """Makes items findable by their ids."""
        for item in items:
            if item.get("id"):
                self._items[scope, item["id"]] = item


class NoResponses:
    """Keeps nothing: what a server without a store does with requests that lean on one."""

    def history(self, body: dict[str, Any], scope: str) -> list[Item] | Refusal:
        for name in ("previous_response_id", "conversation"):
            if body.get(name) is not None:
                return Refusal(
                    400,
                    "invalid_request_error",
                    f"'{name}' is not supported: this server does not store responses.",
                    name,
                    "unsupported_parameter",
                )
        return []

    def item(self, item_id: str, scope: str) -> Item | None:
        return None

    def remember(self, document: dict[str, Any], input_items: Sequence[Item], scope: str) -> None:
        pass


def conversation_id(body: dict[str, Any]) -> str | None:
    """The conversation a body names, as an id or as `{"id": ...}`."""
    named = body.get("conversation")
    return named.get("id") if isinstance(named, dict) else named


def _no_response(response_id: str) -> Refusal:
    return Refusal(
        400,
        "invalid_request_error",
        f"Previous response with id '{response_id}' not found.",
        "previous_response_id",
        "previous_response_not_found",
    )


def no_conversation(named: str) -> Refusal:
    return Refusal(404, "invalid_request_error", f"Conversation with id '{named}' not found.")
