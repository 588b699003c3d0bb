"""Which of a conversation's thinking was thought under a prompt that has changed since.

Some models bind thinking to all that stood before it ("Preserved thinking", 2026-10) and refuse it
where that has changed. Dynamic context changes it: with its text, and by moving on with the turns.
"""

from stitcher.prompt.assembly import Assembled


class BoundThinking:
    """Follows the prompts of one conversation."""

    def __init__(self) -> None:
        self.stale_before = 0
        """Messages of the history, from the first on, whose thinking is refused by now."""
        self._under: tuple[str | None, int | None] | None = None  # context, messages before it

    def built(self, prompt: Assembled, dynamic: str | None, *, messages: int) -> None:
        """Takes in a prompt that is to be sent, of so many messages of history."""
        at = None if prompt.dynamic is None else prompt.dynamic - prompt.static
        under = (dynamic if at is not None else None, at)
        if self._under is not None and under != self._under:
            self.stale_before = messages
        self._under = under
