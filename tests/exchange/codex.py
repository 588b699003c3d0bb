"""Codex 0.169.0 as it was seen to speak (November 2026): one process of it, on a dialogue."""

import json
import random
from dataclasses import dataclass, field
from typing import Any

from stitcher.core.log import Rebased, Rewound
from tests.exchange.dialogue import Client, Dialogue, FakeReply
from tests.exchange.messages import Message, tools

ROOT = "019a0000-0000-7000-8000-000000000001"
AGENT = "019a0000-0000-7000-8000-000000000002"
NAME = f"codex-{ROOT}"
PROMPT: Message = {
    "type": "message",
    "id": "msg_prompt",
    "role": "developer",
    "content": [{"type": "input_text", "text": "You are Codex."}],
}
TOOLS: Message = {
    "type": "additional_tools",
    "id": "at_1",
    "role": "developer",
    "tools": [{"type": "custom", "name": "exec"}],
}
CHECKPOINT = "You are performing a CONTEXT CHECKPOINT COMPACTION. Create a handoff summary."
SUMMARY = "Another language model started to solve this problem and produced a summary."


@dataclass
class Codex:
    """One process of it: it keeps its history as items, each of its own with an id."""

    talk: Dialogue
    thread: str = ROOT
    parent: str | None = None
    kind: str = "turn"
    line: Any = None
    name: str | None = None
    items: list[Message] = field(default_factory=lambda: [PROMPT])
    order: random.Random = field(default_factory=lambda: random.Random(1))

    def asks(self, text: str, **extra: Any) -> FakeReply:
        """A turn over HTTP, or with its whole history over a connection."""
        self.items.append(self.message(text))
        reply = self.sends(self.items, **extra)
        if reply.finished:
            self.items += self.client.answer_in(reply)["items"]
        return reply

    def message(self, text: str) -> Message:
        part = {"type": "input_text", "text": text}
        number = f"msg_{self.kind}_{self.thread[-1]}{len(self.items):03}"
        return {"type": "message", "id": number, "role": "user", "content": [part]}

    def sends(self, items: list[Message], **extra: Any) -> FakeReply:
        return self.client.sends(items, **{**self.members(), **extra})

    def members(self) -> dict[str, Any]:
        """What is beside the input; the metadata is in another order each time."""
        told = [("thread_id", self.thread), ("session_id", ROOT), ("turn_id", "t")]
        self.order.shuffle(told)
        return {
            "tools": tools("openai_responses", "shell"),
            "store": False,
            "include": ["reasoning.encrypted_content"],
            "prompt_cache_key": ROOT,
            "client_metadata": dict(told),
        }

    @property
    def client(self) -> Client:
        headers = [
            ("session-id", ROOT),
            ("thread-id", self.thread),
            ("x-codex-turn-metadata", json.dumps({"request_kind": self.kind})),
        ]
        if self.parent:
            headers.append(("x-codex-parent-thread-id", self.parent))
        return self.talk.client(
            "openai_responses", stream=True, headers=headers, line=self.line, session=self.name
        )


def moved(talk: Dialogue, thread: str) -> set[str]:
    """What moved the path of a thread other than being gone on from."""
    turns = (e for e in talk.log(NAME).written if isinstance(e, Rewound | Rebased))
    return {type(entry).__name__ for entry in turns if entry.thread == thread}


def all_untouched(talk: Dialogue) -> bool:
    return all(seen.untouched for seen in talk.provider.seen)
