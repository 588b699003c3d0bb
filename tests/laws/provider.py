"""The provider of a conversation: what it calls its answers, how it streams them, what it refuses.

For the Responses API it is the strictest there is: one that remembers every item it gave and the
reasoning that led to it, and looks both up where a request names them.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from stitcher.simulator import rules_anthropic, rules_openai_chat, rules_openai_responses
from stitcher.simulator.refusal import Refusal
from stitcher.simulator.sealed_content import seal
from stitcher.wire.dialect import Received
from stitcher.wire.dialects import DIALECTS

Said = Any
"""A message as JSON values: an object; in Responses also `[reasoning, item]`."""

RULES: dict[str, Callable[[Any], Refusal | None]] = {
    "anthropic": rules_anthropic.check,
    "openai_chat": rules_openai_chat.check,
    "openai_responses": rules_openai_responses.check,
}
LEANS = {"previous_response_id", "conversation"}
_PREFIXES = {"message": "msg", "function_call": "fc", "reasoning": "rs"}


@dataclass
class Provider:
    """One provider account."""

    stores: bool = True  # the last request let it keep the answer
    items: dict[str, Said] = field(default_factory=dict)  # that it keeps, by their ids
    thoughts: dict[str, str] = field(default_factory=dict)  # of an item → of its reasoning
    given: int = 0  # ids so far

    def refusal(self, dialect: str, body: Said) -> Refusal | None:
        """Why a request would be refused. Of the Responses API's, each brings its history."""
        refusal = RULES[dialect](body)
        if refusal is not None or dialect != "openai_responses":
            return refusal
        assert not LEANS.intersection(body), "what it leans on was put back"
        items = body["input"] if isinstance(body["input"], list) else []
        return rules_openai_responses.check_sequence(items, self.items.get, self.thoughts.get)

    def says(self, dialect: str, messages: Sequence[Said]) -> list[Said]:
        """An answer of these messages, with the ids that its items have."""
        if dialect != "openai_responses":
            return list(messages)
        return [self._named(message) for message in messages]

    def _named(self, message: Said) -> Said:
        elements = message if isinstance(message, list) else [message]
        named = [self._with_id(element) for element in elements]
        if self.stores:
            self.items |= {element["id"]: element for element in named}
            if len(named) > 1:
                self.thoughts[named[-1]["id"]] = named[-2]["id"]
        return named if isinstance(message, list) else named[0]

    def _with_id(self, element: Said) -> Said:
        if "id" in element:
            return element
        self.given += 1
        name = f"{_PREFIXES[element['type']]}_{self.given}"
        if element["type"] == "reasoning" and not self.stores:
            return {"id": name, **element, "encrypted_content": seal(name, element["summary"])}
        return {"id": name, **element}


def received(dialect: str, messages: Sequence[Said], *, cut: bool) -> Received:
    """What is read of an answer; of one that is cut off, of all that came before its last word."""
    if dialect != "openai_responses":
        first, *further = [json.dumps(message).encode() for message in messages]
        return Received(first, (), not cut, None, None, tuple(further))
    fold = DIALECTS[dialect].fold(stream=True, hide_usage=False)
    for event in _events(flat(messages), cut=cut):
        fold.feed(b"data: " + json.dumps(event).encode() + b"\n\n")
    fold.close()
    return fold.received()


def _events(items: list[Said], *, cut: bool) -> Iterator[Said]:
    response = {"id": "resp_1", "status": "in_progress", "output": []}
    yield {"type": "response.created", "response": response}
    for n, item in enumerate(items):
        if cut and n == len(items) - 1 and item["type"] == "message":
            text = item["content"][0]["text"]
            yield {"type": "response.output_text.delta", "output_index": n, "delta": text}
        else:
            yield {"type": "response.output_item.done", "output_index": n, "item": item}
    if not cut:
        ended = {**response, "status": "completed", "output": items}
        yield {"type": "response.completed", "response": ended}


def flat(messages: Sequence[Said]) -> list[Said]:
    """The elements of an `input` or `output` that holds these messages."""
    return [
        element
        for message in messages
        for element in (message if isinstance(message, list) else [message])
    ]
