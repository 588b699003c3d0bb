"""The dialects there are, by name."""

from stitcher.core.item import Item
from stitcher.messages.unreadable import Unreadable
from stitcher.wire import anthropic, openai_chat, openai_responses
from stitcher.wire.dialect import Dialect

DIALECTS: dict[str, Dialect] = {
    openai_chat.NAME: openai_chat,
    anthropic.NAME: anthropic,
    openai_responses.NAME: openai_responses,
}


def read_item(dialect: str, raw: bytes) -> Item:
    """Reads a message in the dialect it came in. Raises Unreadable."""
    known = DIALECTS.get(dialect)
    if known is None:
        raise Unreadable(f"a message in an unknown dialect, expected {' or '.join(DIALECTS)}")
    return known.read_item(raw)
