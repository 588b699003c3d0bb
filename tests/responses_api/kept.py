"""Sessions in which responses were given, as a proxy writes them, and what asks for them."""

import asyncio
import json
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from stitcher.core.item import ROOT
from stitcher.core.log import Entry, Head, Message, Node, Response
from stitcher.responses_api.api import ResponsesApi
from stitcher.responses_api.bodies import items as read_items
from stitcher.responses_api.pages import PageQuery
from stitcher.responses_api.pointers import Pointer, Pointers
from stitcher.sessions import Sessions
from stitcher.store.memory import MemoryStore
from stitcher.store.protocol import SessionKey, Store
from stitcher.wire.dialects import read_item
from stitcher.wire.entries import placed

T = TypeVar("T")
Json = dict[str, Any]

ALL = PageQuery(order="asc", limit=100)


def said(text: str, **more: Any) -> Json:
    """What a person says."""
    return {"role": "user", "content": text, **more}


def answered(text: str, item_id: str) -> Json:
    """A message of a provider."""
    part = {"type": "output_text", "text": text, "annotations": []}
    return {
        "type": "message",
        "id": item_id,
        "status": "completed",
        "role": "assistant",
        "content": [part],
    }


def unit(*elements: Json) -> bytes:
    """One message of a log: an item, or reasoning and the item it belongs to."""
    return json.dumps(elements[0] if len(elements) == 1 else elements).encode()


@dataclass
class Kept:
    """A log, and the state that is answered from it."""

    store: Store = field(default_factory=MemoryStore)
    now: float = 1_795_000_000.0

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """What was in memory is gone."""
        self.sessions = Sessions(self.store)
        self.pointers = Pointers(self.store)
        self.api = ResponsesApi(sessions=self.sessions, pointers=self.pointers, store=self.store)
        self.responses = self.api.responses
        self.conversations = self.api.conversations

    def run(self, asked: Coroutine[Any, Any, T]) -> T:
        """Waits for an answer."""
        return asyncio.run(asked)

    def respond(
        self,
        response_id: str,
        asked: list[bytes],
        answer: list[bytes],
        *,
        session: str = "talk",
        tenant: str = "local",
        dialect: str = "openai_responses",
        head: Head | None = None,
        **response: Any,
    ) -> bytes:
        """A response that goes on where the session ends; returns its body."""
        stored, pending = response.pop("stored", True), response.pop("pending", False)
        output = [json.loads(raw) for raw in answer]
        document = {"id": response_id, "object": "response", "status": "completed", **response}
        body = json.dumps({**document, "output": output}).encode()

        async def story() -> None:
            async with self.sessions.use(SessionKey(tenant, session)) as used, used.changing:
                tip = await used.answer(lambda tree, whole: _tip(tree.tips.get("main"), whole))
                node = used.tree.nodes.get(tip)
                added: list[Entry] = [] if head is None else [head]
                for raw in asked:
                    node = self._take(added, node, read_item(dialect, raw), answer=False)
                last_asked = node.chain if node else ROOT
                for raw in answer:
                    node = self._take(added, node, read_item(dialect, raw), answer=True)
                given = Response(
                    thread="main",
                    time=self.now,
                    id=response_id,
                    asked=last_asked,
                    of=node.chain if node else ROOT,
                    head=head.digest if head else "",
                    stored=stored,
                    body=body if stored else None,
                )
                place = Pointer(
                    session, "main", given.asked, given.of, given.head, stored, pending=pending
                )
                await asyncio.gather(
                    used.append([*added, given]), self.pointers.add(tenant, response_id, place)
                )

        self.run(story())
        return body

    def _take(self, added: list[Entry], parent: Node | None, item: Any, *, answer: bool) -> Node:
        entry = placed(item, parent, thread="main", time=self.now, answer=answer)
        added.append(entry)
        return _node(entry)

    def input_items(self, response_id: str, query: PageQuery = ALL, tenant: str = "local") -> Json:
        asked = self.responses.input_items(tenant, response_id, query)
        return dict(json.loads(self.run(asked)))

    def create(self, *given: Json, tenant: str = "local", **metadata: str) -> str:
        """A new conversation's id."""
        items = read_items(json.dumps(given).encode())
        made = self.conversations.create(tenant, items, json.dumps(metadata).encode())
        return str(json.loads(self.run(made))["id"])

    def add(self, conversation: str, *given: Json) -> list[Json]:
        """The items as they are shown after they were added."""
        items = read_items(json.dumps(given).encode())
        shown = json.loads(self.run(self.conversations.add_items("local", conversation, items)))
        return list(shown["data"])

    def items(self, conversation: str) -> list[Json]:
        """All items, oldest first."""
        listed: list[Json] = []
        more = True
        while more:
            query = PageQuery("asc", listed[-1]["id"] if listed else None, 100)
            asked = self.conversations.list_items("local", conversation, query)
            shown = json.loads(self.run(asked))
            listed += shown["data"]
            more = shown["has_more"]
        return listed


def _tip(tip: str | None, whole: bool) -> str | None:
    return tip if tip is not None else (ROOT if whole else None)


def _node(entry: Message) -> Node:
    assert entry.item is not None
    return Node(
        chain=entry.chain,
        parent=entry.parent,
        depth=entry.depth,
        upto=entry.upto,
        laid=entry.laid,
        item=entry.item,
        thread=entry.thread,
        answer=entry.answer,
    )


def texts(items: list[Json]) -> list[str]:
    """What was said, message by message."""
    return ["".join(part["text"] for part in item["content"]) for item in items]
