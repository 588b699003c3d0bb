"""Tokens of a history that grows: each message counted once."""

from stitcher.messages.reading import Message
from stitcher.prompt.adapters.provider_adapter import ProviderAdapter


class Tally:
    """Counts one conversation's long-lived history."""

    def __init__(self) -> None:
        self._adapter: ProviderAdapter | None = None
        self._last: Message | None = None  # the last message counted
        self._messages = 0
        self._tokens = 0  # before calibration

    def tokens(self, history: list[Message], adapter: ProviderAdapter) -> int:
        """Tokens of the history, which begins with what was counted before or is another."""
        if not adapter.counts_by_message:
            return adapter.count_tokens(history)
        if adapter is not self._adapter or not self._begins(history):
            self._adapter, self._messages, self._tokens = adapter, 0, 0
        new = history[self._messages :]
        self._tokens += sum(map(adapter.message_tokens, new))
        self._messages = len(history)
        self._last = history[-1] if history else None
        return adapter.calibration.apply(self._tokens)

    def _begins(self, history: list[Message]) -> bool:
        """True where a history goes on: it only ever grows at its end, or is made anew."""
        counted = self._messages
        return counted <= len(history) and (counted == 0 or history[counted - 1] is self._last)
