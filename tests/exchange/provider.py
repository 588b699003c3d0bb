"""A provider without a network: `ports.Upstream` made of the simulator's pure parts.

Keeps every body it is sent, checks it by the provider's own strict rules, and answers as the real
one would, or as the next queued `Step` says. Knows nothing of the exchange under test.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from stitcher.errors import UpstreamError
from stitcher.ports import Headers, Incoming
from stitcher.simulator.answer import Composed, Ids, to_json
from stitcher.simulator.anthropic import AnthropicMessages
from stitcher.simulator.dialect import Dialect, Exchange
from stitcher.simulator.openai_chat import OpenAIChat
from stitcher.simulator.openai_responses import OpenAIResponses
from stitcher.simulator.refusal import Refusal
from stitcher.simulator.reply import plan_reply
from stitcher.simulator.response_state import KeptResponses, NoResponses

JSON = [("Content-Type", "application/json")]
SSE = [("Content-Type", "text/event-stream; charset=utf-8")]


@dataclass
class Step:
    """What happens to one request instead of a good answer."""

    error: Exception | None = None  # instead of an answer
    status: int | None = None  # the provider's error of that status
    message: str | None = None  # its words
    body: bytes | None = None  # a 200 with these bytes
    headers: Headers = ()
    cut_after: int | None = None  # chunks; then the connection breaks
    close_after: int | None = None  # chunks; then the body ends as if it were complete
    insert: dict[int, bytes] = field(default_factory=dict)  # before the chunk of that number
    chunk_size: int | None = None  # instead of one chunk an event
    hold: asyncio.Event | None = None  # answers nothing until it is set
    hold_at: int | None = None  # holds before this chunk instead of before the headers


@dataclass
class Seen:
    """One request as it reached the provider."""

    body: bytes
    incoming: Incoming
    refusal: Refusal | None = None

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def messages(self) -> list[Any]:
        messages = self.json.get("messages", self.json.get("input"))
        if isinstance(messages, str):
            return [{"role": "user", "content": messages}]
        assert isinstance(messages, list)
        return messages

    @property
    def said(self) -> list[str]:
        """What it says, one line a message: `user: hi`."""
        return [line_of(message) for message in self.messages]

    @property
    def untouched(self) -> bool:
        return self.body == self.incoming.body


@dataclass
class _Answer:
    status: int
    headers: Headers
    parts: list[bytes]
    step: Step
    keep: Callable[[], None] = lambda: None  # remembers the answer, once all of it was said

    async def chunks(self) -> AsyncIterator[bytes]:
        for n, part in enumerate(self.parts):
            if self.step.cut_after == n:
                raise UpstreamError("the provider closed the connection early")
            if self.step.close_after == n:
                return
            if self.step.hold is not None and self.step.hold_at == n:
                await self.step.hold.wait()
            if n in self.step.insert:
                yield self.step.insert[n]
            yield part
        self.keep()


class Provider:
    """All dialects on one object; a request is refused where the real provider would.

    `keeps` says that it remembers responses, as OpenAI does; most others do not.
    """

    def __init__(self, *, keeps: bool = False) -> None:
        self.seen: list[Seen] = []
        self.left_early = 0  # requests cancelled by us before their answer's end
        self.arrived = asyncio.Event()  # set at every request
        self.clock: Callable[[], float] = lambda: 0.0  # of its prompt cache
        self._steps: deque[Step] = deque()
        self._dialects: dict[str, Dialect] = {
            "openai_chat": OpenAIChat(),
            "openai_responses": OpenAIResponses(KeptResponses() if keeps else NoResponses()),
            "anthropic": AnthropicMessages(),
        }
        self._ids = Ids()

    @property
    def last(self) -> Seen:
        return self.seen[-1]

    def then(self, *steps: Step) -> None:
        """Queues what happens to the next requests."""
        self._steps.extend(steps)

    def send(self, incoming: Incoming, body: bytes) -> AbstractAsyncContextManager[_Answer]:
        return self.hears(Seen(body, incoming), body, self._dialects[incoming.dialect])

    @asynccontextmanager
    async def hears(self, seen: Seen, body: bytes, dialect: Dialect) -> AsyncGenerator[_Answer]:
        """Answers `body`, which is what `seen` asks of that dialect."""
        self.seen.append(seen)
        self.arrived.set()
        step = self._steps.popleft() if self._steps else Step()
        await asyncio.sleep(0)  # nothing comes over a network at once
        if step.hold is not None and step.hold_at is None:
            await step.hold.wait()
        if step.error is not None:
            raise step.error
        answer = self._answer(seen, body, dialect, step)
        try:
            yield answer
        except BaseException:
            self.left_early += 1
            raise

    def _answer(self, seen: Seen, sent: bytes, dialect: Dialect, step: Step) -> _Answer:
        if step.status is not None:
            return self._error(dialect, dialect.error_of_status(step.status, step.message), step)
        if step.body is not None:
            return _Answer(200, step.headers or JSON, _pieces([step.body], step.chunk_size), step)
        try:
            asked = json.loads(sent)
        except (ValueError, RecursionError):
            body: dict[str, Any] | Refusal = Refusal(400, "invalid_request_error", "not JSON")
        else:
            body = dialect.check(asked) or dialect.recall(asked, "key")
        if isinstance(body, Refusal):
            seen.refusal = body
            return self._error(dialect, body, step)
        composed = self._composed(dialect, body, asked)
        if asked.get("stream"):
            events = list(composed.events())
            return _Answer(200, SSE, _pieces(events, step.chunk_size), step, composed.keep)
        document = [to_json(composed.document)]
        return _Answer(200, JSON, _pieces(document, step.chunk_size), step, composed.keep)

    def _error(self, dialect: Dialect, refusal: Refusal, step: Step) -> _Answer:
        document = to_json(dialect.error_body(refusal, "req_1"))
        return _Answer(refusal.status, [*JSON, *step.headers], [document], step)

    def _composed(self, dialect: Dialect, body: dict[str, Any], asked: dict[str, Any]) -> Composed:
        billed = dialect.begin(body, "key", self.clock())
        reply = plan_reply(dialect.hear(body))
        exchange = Exchange(body, reply, 1, self._ids, "req_1", asked, "key")
        composed = dialect.compose(exchange, billed)
        billed.settle(self.clock(), composed.document)
        return composed


def _pieces(events: list[bytes], size: int | None) -> list[bytes]:
    if size is None:
        return events
    whole = b"".join(events)
    return [whole[at : at + size] for at in range(0, len(whole), size)]


def line_of(message: dict[str, Any] | list[dict[str, Any]]) -> str:
    """One message in one line, the same for all dialects where they say the same.

    The log keeps an item of the Responses API in one with the reasoning before it: what it says is
    the last of them.
    """
    if isinstance(message, list):
        return line_of(message[-1])
    if "role" not in message:
        return _line_of_item(message)
    return f"{message['role']}: {_shown(message)}"


def _line_of_item(item: dict[str, Any]) -> str:
    if item["type"].endswith("_output"):
        return f"tool: [result {_shown({'role': '', 'content': item['output']})}]"
    called = f"call {item['name']}" if "name" in item else item["type"]
    return f"assistant: [{called}]"


def _shown(message: dict[str, Any]) -> str:
    content = message.get("content")
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
    shown = [_shown_part(part) for part in parts]
    for call in message.get("tool_calls") or []:
        shown.append(f"[call {call['function']['name']}]")
    if message["role"] == "tool":
        return f"[result {' '.join(shown)}]"
    return " ".join(piece for piece in shown if piece)


def _shown_part(part: dict[str, Any]) -> str:
    kind = part.get("type")
    if kind in ("text", "input_text", "output_text"):
        return str(part["text"])
    if kind == "tool_use":
        return f"[call {part['name']}]"
    if kind == "tool_result":
        inner = part.get("content") or ""
        text = inner if isinstance(inner, str) else " ".join(_shown_part(one) for one in inner)
        return f"[result {text}]"
    return f"[{kind}]"
