"""The arms as requests: how each lays out a dialogue for a provider.

`half` and `stitcher` are the library's `PromptManager` and its adapters, nothing else. What the
model says in a live run goes into no request: all arms ask the same.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from stitcher.benchmark.live.dialogue import Dialogue
from stitcher.benchmark.live.providers import Body, Provider
from stitcher.core.compaction import Budget, reserve_for
from stitcher.messages.reading import Message
from stitcher.messages.toolset import written_tools
from stitcher.messages.translation import MESSAGES, translated
from stitcher.prompt.adapters.anthropic_turns import system_blocks
from stitcher.prompt.config import DynamicPlacement
from stitcher.prompt.prompt_manager import PromptManager

_HALF: Final = 0.5


@dataclass(frozen=True, slots=True)
class Setting:
    """What an arm knows besides the dialogue."""

    provider: Provider
    model: str
    max_tokens: int
    keep: float

    def room(self, dialogue: Dialogue) -> int:
        """Tokens left for messages, as the library estimates them."""
        adapter = self.provider.adapter(self.model)
        beside = [_system(dialogue.head)]
        contexts = [_said(one) for one in {*dialogue.contexts} if one is not None]
        largest = max((adapter.count_tokens([one]) for one in contexts), default=0)
        reserve = reserve_for(None, self.max_tokens)
        head = adapter.count_tokens(beside) + largest + adapter.count_tools(dialogue.tools)
        return Budget(self.max_tokens, self.keep, head, reserve).room


Arm = Callable[[Dialogue, Setting], Iterator[Body]]
"""The bodies of a dialogue's requests, one after the other."""


def direct(dialogue: Dialogue, setting: Setting) -> Iterator[Body]:
    """The client resends all it has, without a budget and without breakpoints.

    Context stands at the very end of every request, for that request alone. Anthropic caches
    nothing that is not marked, so there it reads nothing.
    """
    for n, context in enumerate(dialogue.contexts):
        last = [] if context is None else [_said(context)]
        messages = [_system(dialogue.head), *dialogue.messages[: 2 * n + 1], *last]
        yield setting.provider.bounded(_plain(messages, dialogue, setting))


def naive(dialogue: Dialogue, setting: Setting) -> Iterator[Body]:
    """Static prompt and context in front; the oldest turns go until the rest fits.

    Whole turns, as providers refuse results without their call. With Anthropic it asks for
    automatic caching, the one breakpoint at the end that costs a client one line.
    """
    count = setting.provider.adapter(setting.model).count_tokens
    room, start = setting.room(dialogue), 0
    for n, context in enumerate(dialogue.contexts):
        start = _fitting(dialogue, start, n, lambda said: count(said) <= room)
        first = [] if context is None else [_system(context)]
        messages = [_system(dialogue.head), *first, *dialogue.messages[start : 2 * n + 1]]
        body = _plain(messages, dialogue, setting)
        if setting.provider.dialect == "messages":
            body["cache_control"] = {"type": "ephemeral"}
        yield setting.provider.bounded(body)


def half(dialogue: Dialogue, setting: Setting) -> Iterator[Body]:
    """The library in the order of llmbuffer: context between history and current turn."""
    yield from _managed(dialogue, setting, "fixed", _HALF)


def stitcher(dialogue: Dialogue, setting: Setting) -> Iterator[Body]:
    """The library with context where it costs least."""
    yield from _managed(dialogue, setting, "priced", setting.keep)


ARMS: Final[Mapping[str, Arm]] = {
    "direct": direct,
    "naive": naive,
    "half": half,
    "stitcher": stitcher,
}


def _managed(
    dialogue: Dialogue, setting: Setting, placement: DynamicPlacement, keep: float
) -> Iterator[Body]:
    room = setting.room(dialogue)
    manager = PromptManager(
        static_system_prompt=dialogue.head,
        transition_mode="agent_cycle",
        adapter=setting.provider.adapter(setting.model),
        max_tokens=room,
        post_compaction_token_threshold=int(room * keep),
        dynamic_system_role="user",
        dynamic_placement=placement,
    )
    for n, context in enumerate(dialogue.contexts):
        manager.append(dialogue.messages[2 * n])
        yield setting.provider.bounded(manager.build_request(context, tools=dialogue.tools))
        manager.append(dialogue.messages[2 * n + 1])


def _plain(messages: Sequence[Message], dialogue: Dialogue, setting: Setting) -> Body:
    """A request as a client writes it that knows nothing of caches."""
    body: Body = {"model": setting.model}
    if setting.provider.dialect == "chat":
        tools = list(dialogue.tools)
        return {**body, "messages": list(messages), **({"tools": tools} if tools else {})}
    first = next(n for n, message in enumerate(messages) if message["role"] != "system")
    if dialogue.tools:
        body["tools"] = written_tools(dialogue.tools, "anthropic")
    said = [one.message for one in translated(messages[first:], MESSAGES)]
    return {**body, "system": system_blocks(messages[:first]), "messages": said}


def _fitting(dialogue: Dialogue, start: int, n: int, fits: Callable[[list[Message]], bool]) -> int:
    """The first message that is left when the oldest turns go; the newest turn stays."""
    while not fits(list(dialogue.messages[start : 2 * n + 1])):
        turns = range(start + 1, 2 * n + 1)
        later = next((at for at in turns if dialogue.turns[at]), None)
        if later is None:
            break
        start = later
    return start


def _system(text: str) -> Message:
    return {"role": "system", "content": text}


def _said(text: str) -> Message:
    """Context as a message: of a user, as not every model takes a system message midway."""
    return {"role": "user", "content": text}
