"""What a client says with one request only and leaves out of the next: none of the history."""

from collections.abc import Callable, Sequence

from stitcher.core.item import Item
from stitcher.wire.call import Aside

# How such a message begins. One line per client, with the version it was seen in.
_EPHEMERAL = (
    "<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>",  # OpenClaw 2026.9.6: the last message of each request
)
_BYTES = tuple(mark.encode() for mark in _EPHEMERAL)


def parted(
    items: Sequence[Item], text: Callable[[bytes], str | None]
) -> tuple[tuple[Item, ...], tuple[Aside, ...]]:
    """The history, and what is said beside it. `text` reads a message that is nothing but text."""
    history: list[Item] = []
    asides: list[Aside] = []
    for item in items:
        if _is_ephemeral(item, text):
            asides.append(Aside(len(history), item.raw))
        else:
            history.append(item)
    if not history:  # a conversation of nothing else is one
        return tuple(items), ()
    return tuple(history), tuple(asides)


def _is_ephemeral(item: Item, text: Callable[[bytes], str | None]) -> bool:
    if item.role != "user" or not any(mark in item.raw for mark in _BYTES):
        return False
    return (text(item.raw) or "").startswith(_EPHEMERAL)
