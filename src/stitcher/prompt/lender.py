"""History handed out so that a caller may do with it as it likes.

A history is long and built into every prompt, so its messages are copied once, not in every turn.
What was handed out is compared with what is kept (by the interpreter, without a step of ours for
each message): a message that a caller has changed is copied anew.
"""

from stitcher.messages.reading import Message
from stitcher.prompt.accepting import duplicate
from stitcher.prompt.assembly import sent


class Lender:
    """Lends copies of one growing list of messages."""

    def __init__(self) -> None:
        self._kept: list[Message] = []  # the messages as they are kept
        self._sent: list[Message] = []  # as they are sent; mostly the same objects
        self._lent: list[Message] = []  # copies of these

    def lend(self, messages: list[Message]) -> list[Message]:
        """The messages as they are sent: a new list, of copies that stay ours to check."""
        known = self._known(messages)
        for own in (self._kept, self._sent, self._lent):
            del own[known:]
        new = sent(messages[known:])
        self._kept += messages[known:]
        self._sent += new
        self._lent += map(duplicate, new)
        if self._lent != self._sent:
            for n, (lent, own_message) in enumerate(zip(self._lent, self._sent, strict=True)):
                if lent != own_message:
                    self._lent[n] = duplicate(own_message)
        return list(self._lent)

    def _known(self, messages: list[Message]) -> int:
        """How many of the messages are those lent before, from the first on."""
        if self._kept == messages[: len(self._kept)]:  # nearly always; the same objects are equal
            return len(self._kept)
        pairs = enumerate(zip(self._kept, messages, strict=False))
        return next((n for n, (kept, now) in pairs if kept is not now), len(messages))
