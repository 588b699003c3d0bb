"""How Stitcher lays out a conversation's requests: by the library's own functions, over sizes.

Where the window is cut is `core.compaction.why_cut` and `cut`; where dynamic context stands is
`prompt.placement.with_dynamic`, as with `dynamic_placement="priced"`. The messages are stand-ins
whose texts name blocks. Nothing is decided here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from stitcher.benchmark.conversation import Block, Conversation
from stitcher.benchmark.prompt import Prompt, Setting
from stitcher.benchmark.windows import Due, Window, moved_on
from stitcher.core.compaction import Policy
from stitcher.messages.reading import Message
from stitcher.prompt.adapters.provider_adapter import ProviderAdapter
from stitcher.prompt.config import PromptConfig
from stitcher.prompt.placement import with_dynamic
from stitcher.prompt.state import State, new_state, with_messages
from stitcher.providers.caching import CacheRules, cache_rules

_POLICY: Policy = "auto"


def stitched(conversation: Conversation, setting: Setting) -> Iterator[Prompt]:
    """Cut when it pays, context where it costs least; both without knowing what comes."""
    window, places = Window(), _Places(conversation, setting)
    for n in range(len(conversation.requests)):
        places.filled(window.start, n)
        due = Due(
            n,
            setting.budget(conversation, n),
            setting.cell.prices,
            setting.cold(conversation, n),
            places.outdated(n),
        )
        window = moved_on(window, conversation, due, _POLICY)
        if window.why is not None:
            places.cleared()
            places.filled(window.start, n)
        blocks, held = places.prompt(window.start, n)
        tokens = conversation.history(window.start, n)
        yield Prompt(blocks, tokens, held, lasting=not places.passing(n), why=window.why)


class _Places:
    """The context of a conversation, each where it was placed."""

    def __init__(self, conversation: Conversation, setting: Setting) -> None:
        self._conversation = conversation
        self._blocks: dict[str, Block] = {}
        room = setting.budget(conversation, 0).room
        adapter = _Sizes(self._blocks, setting)
        self._config = PromptConfig(
            static_system_prompt=self._named(conversation.head),
            adapter=adapter,
            max_tokens=room,
            dynamic_placement="priced",
            dynamic_system_role="user",
        )
        self._state: State = new_state()
        self._start = 0  # the message of the conversation that the state begins with

    def outdated(self, n: int) -> int:
        """Tokens of context that holds no more and stands in the prompt of request n."""
        now = self._conversation.requests[n].context
        standing = sum(block.tokens for block, _ in self._standing())
        return standing - (now.tokens if now else 0)

    def passing(self, n: int) -> bool:
        """True where request n ends with context that will hardly be read again."""
        newest = self._state.get("dynamic", [])[-1:]
        said = 2 * n + 1 - self._start
        return any(one["after"] == said and one.get("passing") for one in newest)

    def cleared(self) -> None:
        """After a cut: what is to stand there is placed anew."""
        self._state.pop("dynamic", None)

    def filled(self, start: int, n: int) -> None:
        """Places the context of request n."""
        context = self._conversation.requests[n].context
        if context is None and "dynamic" not in self._state:
            return
        self._follow(start, n)
        text = None if context is None else self._named(context)
        self._state = with_dynamic(self._state, text, self._config)

    def prompt(self, start: int, n: int) -> tuple[Sequence[Block], tuple[int, ...]]:
        """The prompt of request n, and where the newest context is held: the end before it."""
        said = self._conversation.messages[start : 2 * n + 1]
        blocks, done = [self._conversation.head], 0
        held: tuple[int, ...] = ()
        for block, after in self._standing():
            blocks += said[done:after]
            done, held = after, (len(blocks) - 1,)
            blocks.append(block)
        return [*blocks, *said[done:]], held

    def _standing(self) -> list[tuple[Block, int]]:
        """The context that stands, each behind so many messages."""
        placed = self._state.get("dynamic", [])
        return [(self._blocks[one["content"]], one["after"]) for one in placed]

    def _follow(self, start: int, n: int) -> None:
        """Brings the state's messages up to request n."""
        messages: list[Message] = self._state["long_lived"][start - self._start :]
        self._start = start
        for at in range(start + len(messages), 2 * n + 1):
            messages.append(self._message(at))
        self._state = with_messages(self._state, long_lived=messages)

    def _message(self, at: int) -> Message:
        said = {"content": self._named(self._conversation.messages[at])}
        if at % 2:
            return {"role": "assistant", **said}
        if self._conversation.begins_turn(at // 2):
            return {"role": "user", **said}
        return {"role": "tool", "tool_call_id": str(at), **said}

    def _named(self, block: Block) -> str:
        name = block.key.hex()
        self._blocks[name] = block
        return name


class _Sizes(ProviderAdapter):
    """Counts by what a block is said to have, and asks the prices of a cell."""

    def __init__(self, blocks: dict[str, Block], setting: Setting) -> None:
        self._blocks = blocks
        prices = setting.cell.prices
        rules = cache_rules(setting.cell.model)
        self._rules = replace(rules, read=prices.read, write=prices.write)

    def message_tokens(self, message: dict[str, Any]) -> int:
        return self._blocks[message["content"]].tokens

    @property
    def rules(self) -> CacheRules:
        return self._rules
