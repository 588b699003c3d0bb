"""A conversation of sizes put into words of our own, so that it can be sent.

Four characters stand for a token, as in llmbuffer's sizes. The words depend on the seed and on the
block alone; what is new in each run is the name that the static prompt begins with, so that no run
and no arm reads what another one had cached. Knows nothing of providers.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from stitcher.benchmark.conversation import Block, Conversation
from stitcher.messages.reading import Message, Tool

CHARACTERS: Final = 4
"""Of a token."""

# Short and common ones, each a token of most vocabularies: with a space, about four characters.
_WORDS: Final = (
    "air", "arm", "art", "ash", "axe", "bag", "bar", "bay", "bed", "bee", "bell", "big", "bird",
    "boat", "bow", "box", "bus", "can", "cap", "car", "cat", "cold", "cow", "cup", "cut",
    "dark", "day", "deep", "dew", "dim", "dip", "dock", "dog", "door", "dry", "east", "egg",
    "end", "eye", "fan", "far", "fire", "fit", "flag", "fog", "fox", "fuel", "gap", "gate",
    "gold", "hay", "hen", "hill", "hot", "hut", "ice", "ink", "iron", "jar", "key", "kit",
    "lake", "land", "leg", "light", "lip", "log", "lot", "low", "map", "mat", "men", "mill",
    "mix", "mud", "net", "new", "nut", "oak", "oil", "old", "ore", "pan", "path", "pen", "pie",
    "pig", "pin", "pit", "pot", "rain", "ram", "rat", "raw", "red", "ring", "road", "rod",
    "roof", "rope", "row", "rug", "run", "sail", "salt", "sand", "sea", "sit", "sky", "snow",
    "sun", "tap", "tar", "tea", "tie", "tin", "tip", "toe", "top", "toy", "tree", "van", "wall",
    "war", "wet", "wind", "wood", "yard",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What was said: request n asks with messages 0 to 2n, in the form of Chat Completions."""

    head: str
    messages: Sequence[Message]
    contexts: Sequence[str | None]  # one for each request
    turns: Sequence[bool]  # whether message n begins a turn
    tools: Sequence[Tool] = ()

    @property
    def requests(self) -> int:
        return len(self.contexts)


def dialogue(conversation: Conversation, *, seed: int, name: str) -> Dialogue:
    """The conversation in words. `name` is what nobody else's prompt begins with.

    Tools stand before the system prompt, so they have it too. Replies are those of the workload.
    """
    tool = f"read_{name}"
    requests = range(len(conversation.requests))
    said = [message for n in requests for message in _exchange(conversation, n, seed, tool)]
    contexts = [each.context for each in conversation.requests]
    return Dialogue(
        head=f"{name} {words(conversation.head, seed)[len(name) + 1 :]}".rstrip(),
        messages=said,
        contexts=[None if one is None else words(one, seed) for one in contexts],
        turns=[at % 2 == 0 and conversation.begins_turn(at // 2) for at in range(len(said))],
        tools=[_tool(tool)] if any(not conversation.begins_turn(n) for n in requests) else [],
    )


def _exchange(conversation: Conversation, n: int, seed: int, tool: str) -> list[Message]:
    """What request n adds to the history, and its reply, which calls where results follow."""
    request = conversation.requests[n]
    said, replied = words(request.said, seed), words(request.reply, seed)
    asked: Message = {"role": "user", "content": said}
    if not conversation.begins_turn(n):
        asked = {"role": "tool", "tool_call_id": _call(n - 1), "content": said}
    answer: Message = {"role": "assistant", "content": replied}
    if n + 1 < len(conversation.requests) and not conversation.begins_turn(n + 1):
        function = {"name": tool, "arguments": "{}"}
        answer["tool_calls"] = [{"id": _call(n), "type": "function", "function": function}]
    return [asked, answer]


def _call(n: int) -> str:
    return f"call_{n:06}"


def _tool(name: str) -> dict[str, Any]:
    about = {"name": name, "description": "Reads the next page.", "parameters": _NOTHING}
    return {"type": "function", "function": about}


_NOTHING: Final = {"type": "object", "properties": {}}


def words(block: Block, seed: int) -> str:
    """A text of the block's size. The same block says the same."""
    size = block.tokens * CHARACTERS
    rng = random.Random(f"{seed} {block.key.hex()}")
    chosen: list[str] = []
    length = 0
    while length < size:
        chosen.append(rng.choice(_WORDS))
        length += len(chosen[-1]) + 1
    # No text ends in a space: Messages refuses a last reply that does.
    return " ".join(chosen)[:size].rstrip().ljust(size, ".")
