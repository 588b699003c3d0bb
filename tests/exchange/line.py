"""One client's connection to the provider, as a WebSocket is: `ports.Channel` without a network.

A line that `keeps` is the provider's own WebSocket: while it lasts the provider knows every answer
given on it, stored or not. One that does not is a proxy's way to a provider without WebSockets.
Knows nothing of the exchange under test.
"""

import json
from contextlib import AbstractAsyncContextManager
from typing import Any

from stitcher.ports import Answer, Incoming
from stitcher.simulator.connection_responses import ConnectionResponses
from stitcher.simulator.openai_responses import OpenAIResponses
from stitcher.simulator.refusal import Refusal
from stitcher.simulator.response_state import NoResponses, ResponseState
from tests.exchange.provider import Provider, Seen

_ENVELOPE = ("type", "generate")


class _OverSocket(OpenAIResponses):
    """A warm-up may say nothing yet: Codex 0.169.0 sends `[]` where its tools are an item."""

    def check(self, body: Any) -> Refusal | None:
        warms = "prompt_cache_options" in body and not body["input"]
        return super().check({**body, "input": ""} if warms else body)


class Line:
    """A connection of a client's."""

    def __init__(self, provider: Provider, *, keeps: bool) -> None:
        self._provider = provider
        self._keeps = keeps
        self._own: ResponseState = ConnectionResponses(NoResponses()) if keeps else NoResponses()
        self._dialect = _OverSocket(self._own)

    def holds(self, response_id: str) -> bool:
        named = {"previous_response_id": response_id}
        return self._keeps and not isinstance(self._own.history(named, "key"), Refusal)

    def send(self, incoming: Incoming, body: bytes) -> AbstractAsyncContextManager[Answer]:
        return self._provider.hears(Seen(body, incoming), self._request(body), self._dialect)

    def _request(self, frame: bytes) -> bytes:
        """What the frame asks, as a request over HTTP asks it."""
        asked: dict[str, Any] = json.loads(frame)
        if asked.get("generate") is False:
            asked["prompt_cache_options"] = {"prewarm": True}
        made = {key: value for key, value in asked.items() if key not in _ENVELOPE}
        return json.dumps({**made, "stream": True}, ensure_ascii=False).encode()
