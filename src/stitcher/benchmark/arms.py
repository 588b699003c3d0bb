"""How others lay out a conversation's requests: without memory, by recency, by halves.

Each is one function over a conversation; none looks at a request before it is asked.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from stitcher.benchmark.conversation import Conversation
from stitcher.benchmark.prompt import Prompt, Setting, plain
from stitcher.benchmark.windows import Due, Window, moved_on
from stitcher.core.compaction import Why

_HALF: Final = 0.5


def direct(conversation: Conversation, setting: Setting) -> Iterator[Prompt]:
    """The client resends all it has, and nobody stops it: no budget, no cut.

    Context stands at the very end of every request, for that request alone. What a provider would
    refuse as too long, or ask more for, is counted as any other.
    """
    for n in range(len(conversation.requests)):
        yield plain(conversation, 0, n)


def naive(conversation: Conversation, setting: Setting) -> Iterator[Prompt]:
    """Static prompt and context in front; the oldest messages are dropped until the rest fits.

    It drops in each request as much as it has to: once over the budget no two prompts begin alike,
    and where context changes none does anyway.
    """
    start = 0
    for n, request in enumerate(conversation.requests):
        start = _fitting(conversation, start, n, setting.budget(conversation, n).room)
        context = [request.context] if request.context else []
        said = conversation.messages[start : 2 * n + 1]
        yield Prompt([conversation.head, *context, *said], conversation.history(start, n))


def sliding(conversation: Conversation, setting: Setting) -> Iterator[Prompt]:
    """The rule of stitcher-proxy 0.1.0: from the newest message back until the budget is full.

    "It accumulates tokens until it hits your configured limit" (its README). What it also does,
    replacing older replies by a stub and leaving out tool results, depends on texts and is not
    played; nor that it counts the system prompt among the messages that may fall out. Context, of
    which it knows nothing, is the client's last message.
    """
    start = 0
    for n in range(len(conversation.requests)):
        start = _fitting(conversation, start, n, setting.budget(conversation, n).room)
        yield plain(conversation, start, n)


def half(conversation: Conversation, setting: Setting) -> Iterator[Prompt]:
    """llmbuffer's: at the budget the oldest turns go until half of it is left.

    Context stands between the history and the current turn, and moves on with each turn. It pops
    single messages to just below a half; here whole turns go, and what is left is at least a half.
    """
    window = Window()
    for n in range(len(conversation.requests)):
        budget = replace(setting.budget(conversation, n), keep=_HALF)
        due = Due(n, budget, setting.cell.prices)
        window = moved_on(window, conversation, due, "half")
        yield fixed_order(conversation, window.start, n, window.why)


def fixed_order(conversation: Conversation, start: int, n: int, why: Why | None = None) -> Prompt:
    """Head, history, context, current turn: the order of llmbuffer."""
    context = conversation.requests[n].context
    if context is None:
        return plain(conversation, start, n, why)
    opened = next(one for one in range(n, -1, -1) if conversation.begins_turn(one))
    turn = max(start, 2 * opened)
    history = [conversation.head, *conversation.messages[start:turn]]
    blocks = [*history, context, *conversation.messages[turn : 2 * n + 1]]
    # Where tools are called, the next request may begin with all of this one.
    lasting = conversation.calls_tools(n)
    tokens = conversation.history(start, n)
    return Prompt(blocks, tokens, (len(history) - 1,), lasting=lasting, why=why)


def _fitting(conversation: Conversation, start: int, n: int, room: int) -> int:
    """The first message that is left when the oldest go one by one; the last stays."""
    while start < 2 * n and conversation.history(start, n) > room:
        start += 1
    return start
