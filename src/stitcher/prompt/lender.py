"""Messages handed out so that a caller may do with them as it likes.

A history is long and built into every prompt, so its messages are copied once, not in every turn.
What was handed out is compared with what is kept (by the interpreter, without a step of ours for
each message): a message that a caller has changed is copied anew.
"""

from stitcher.messages.anthropic.marking import markers
from stitcher.messages.reading import Message
from stitcher.prompt.accepting import duplicate
from stitcher.prompt.assembly import sent


class Lender:
    """Lends copies of one list of messages, which grows at its end or is made anew."""

    def __init__(self) -> None:
        self.markers = 0
        """Cache breakpoints of the application's own in what is lent."""
        self._last: Message | None = None  # of the messages as they are kept
        self._sent: list[Message] = []  # as they are sent; mostly the kept objects themselves
        self._lent: list[Message] = []  # copies of these

    def lend(self, messages: list[Message]) -> list[Message]:
        """The messages as they are sent, in a list that stays the lender's own: to be read."""
        if not self._goes_on(messages):
            self.markers, self._sent, self._lent = 0, [], []
        new = sent(messages[len(self._sent) :])
        self._last = messages[-1] if messages else None
        self.markers += markers(new)
        self._sent += new
        self._lent += map(duplicate, new)
        if self._lent != self._sent:
            for n, (lent, own) in enumerate(zip(self._lent, self._sent, strict=True)):
                if lent != own:
                    self._lent[n] = duplicate(own)
        return self._lent

    def _goes_on(self, messages: list[Message]) -> bool:
        """True for a list that begins with what was lent before: its messages never change."""
        known = len(self._sent)
        return known <= len(messages) and (known == 0 or messages[known - 1] is self._last)
