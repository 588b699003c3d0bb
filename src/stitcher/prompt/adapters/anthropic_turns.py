"""A prompt's messages as the Messages API takes them: legal roles, nothing empty, thinking whole.

What becomes of a message depends on what stands before it, so that a growing prompt begins with the
same messages. The dynamic context alone is placed with a view to what follows it: it moves anyway.
"""

from collections.abc import Iterator, Sequence

from stitcher.messages.anthropic.message import Block, blocks, is_empty, without_thinking
from stitcher.messages.openai_chat.message import parts
from stitcher.messages.reading import Message, Spoken, form_of
from stitcher.messages.translation import MESSAGES, Written, translated
from stitcher.prompt.layout import Layout
from stitcher.providers.models import binds_thinking, takes_system_midway


def system_blocks(messages: Sequence[Message]) -> list[Block]:
    """`system`: the texts of the messages that a prompt begins with."""
    return [block for message in messages for block in _texts(message)]


def turns(
    messages: Sequence[Message], said: Sequence[Spoken], first: int, layout: Layout, model: str
) -> list[Written]:
    """`messages`: those from `first` on, each with the index it came from. Raises Unreadable."""
    order = _order(said, first, layout, model)
    given = [messages[n] for n in order]
    midway = takes_system_midway(model)
    spoken: list[Message] = []
    for at, n in enumerate(order):
        if said[n].role == "system":
            follows = at > 0 and said[order[at - 1]].role in ("user", "tool")
            given[at] = _note(messages[n], "system" if midway and follows else "user")
        elif n < layout.thinking_from and binds_thinking(model):
            given[at] = without_thinking(messages[n])
        spoken.append(given[at])
    made = [Written(one.message, order[one.source]) for one in translated(spoken, MESSAGES)]
    return [
        Written(said_something, one.source)
        for one in made
        if (said_something := _without_nothings(one.message)) is not None
    ]


def _order(said: Sequence[Spoken], first: int, layout: Layout, model: str) -> list[int]:
    """The messages' indices, the dynamic context behind what a user says where it has to be.

    Anthropic, "Mid-conversation system messages", 2026-10: one "must follow a user message".
    """
    order = list(range(first, len(said)))
    at = layout.dynamic
    if at is None or said[at].role != "system" or not takes_system_midway(model):
        return order
    n = at - first
    if n + 1 < len(order) and said[order[n + 1]].starts_turn:
        order[n], order[n + 1] = order[n + 1], order[n]
    return order


def _note(message: Message, role: str) -> Message:
    """A message of the system in mid-conversation."""
    return {"role": role, "content": list(_texts(message))}


def _texts(message: Message) -> Iterator[Block]:
    if form_of(message) == "anthropic":
        found = blocks(message.get("content"))
    else:
        found = parts(message.get("content"))
    for part in found:
        text = part.get("text")
        if isinstance(text, str) and text.strip():
            marker = part.get("cache_control")
            yield {"type": "text", "text": text} | ({"cache_control": marker} if marker else {})


def _without_nothings(message: Message) -> Message | None:
    """The message without empty texts, which the API refuses; None where nothing is left."""
    content = message.get("content")
    if not isinstance(content, list):
        return message if isinstance(content, str) and content.strip() else None
    kept = [block for block in content if not is_empty(block)]
    if not kept:
        return None
    return message if len(kept) == len(content) else {**message, "content": kept}
