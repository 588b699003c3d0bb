"""LangChain: a chat history kept by a `PromptManager`, and a trimmer that keeps the prefix.

Keeps LangChain's messages as a provider's, so that the manager's own prompts can be made of them,
and whatever of LangChain's has no place there beside them. Knows nothing of models or chains.
"""

import json
from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final, TypeAlias, Unpack

try:
    from langchain_core.chat_history import BaseChatMessageHistory
    from langchain_core.messages import (
        AIMessage,
        BaseMessage,
        MessageLikeRepresentation,
        convert_to_messages,
        convert_to_openai_messages,
        message_to_dict,
        messages_from_dict,
    )
    from langchain_core.prompt_values import PromptValue
    from langchain_core.runnables import Runnable, RunnableLambda
except ModuleNotFoundError as missing:
    raise ImportError(
        "stitcher.integrations.langchain needs langchain-core: "
        'pip install "stitcher-llm[langchain]"'
    ) from missing

from stitcher.messages.anthropic.message import thinks
from stitcher.messages.reading import Message
from stitcher.messages.translation import CHAT, translated
from stitcher.prompt.adapters.openai import OpenAIAdapter
from stitcher.prompt.adapters.provider_adapter import ProviderAdapter
from stitcher.prompt.config import Settings
from stitcher.prompt.prompt_manager import PromptManager
from stitcher.prompt.state import TAG, as_sent
from stitcher.prompt.trimming import TrimBudget, left_of

_OWN: Final = "langchain"  # inside the tag: the message as LangChain writes it down

# What only Anthropic says; a message with one of these is kept in Anthropic's form.
_ANTHROPIC_BLOCKS: Final = frozenset(
    {
        "thinking",
        "redacted_thinking",
        "tool_use",
        "tool_result",
        "server_tool_use",
        "mcp_tool_use",
        "search_result",
    }
)
# What a content of Chat Completions may hold: reasoning and calls of the Responses API may not.
_CHAT_PARTS: Final = frozenset({"text", "image_url", "input_audio", "file", "refusal"})
# Whose messages may be no more than that; what a model said has always metadata of LangChain's.
_PLAIN_ROLES: Final = frozenset({"system", "user", "tool"})
# What ChatAnthropic leaves in a block that was streamed; the API refuses both.
_OF_STREAMS: Final = frozenset({"index", "partial_json"})


class StitcherChatMessageHistory(BaseChatMessageHistory):
    """A chat history for `RunnableWithMessageHistory` and whatever else takes one.

    Takes the `PromptManager` that keeps it, or the manager's settings as keywords. A message comes
    back as it was added, also from `manager.to_json()`; one that a hook has changed comes back as
    the hook left it. Raises ValueError for both a manager and settings.
    """

    def __init__(self, manager: PromptManager | None = None, **settings: Unpack[Settings]) -> None:
        super().__init__()
        if manager is not None and settings:
            raise ValueError(
                "found a manager and the settings "
                f"{', '.join(sorted(settings))}, expected one or the other"
            )
        self.manager = PromptManager(**settings) if manager is None else manager

    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]  # as the base class's example
        """What goes into the prompt: long-lived history and current turn, compacted.

        New objects each time. The static system prompt is not among them.
        """
        state = self.manager.state
        return _restored([*state["long_lived"], *state["short_term"]])

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Adds messages; all of them, or none where one cannot be kept.

        Raises ValueError for a message that providers have no form for, TypeError for one that
        holds what JSON has none for (a tool's `artifact` may), HookError.
        """
        self.manager.append_many(map(_kept, messages))

    async def aadd_messages(self, messages: Sequence[BaseMessage]) -> None:
        """`add_messages` with async hooks."""
        await self.manager.aappend_many(map(_kept, messages))

    async def aget_messages(self) -> list[BaseMessage]:
        """`messages`; nothing is waited for."""
        return self.messages

    def clear(self) -> None:
        """Begins the conversation anew, `initial_context` included."""
        self.manager.restore()

    async def aclear(self) -> None:
        """`clear`; nothing is waited for."""
        self.clear()


Messages: TypeAlias = Sequence[MessageLikeRepresentation] | PromptValue


def stable_trimmer(
    max_tokens: int, *, keep: float = 0.5, adapter: ProviderAdapter | None = None
) -> Runnable[Messages, list[BaseMessage]]:
    """A runnable from a conversation to the newest whole turns of it that fit into `max_tokens`.

    Takes the whole conversation each time, system messages first, and gives back the messages that
    stay, the very objects. It cuts rarely and far: when a turn begins that would pass the budget,
    the oldest turns go until about `keep` of it is left, and until it is passed again each result
    begins like the one before, so that the provider's cache hits. No tool call is parted from its
    result; the newest turn stays whole. With an adapter for a model that binds thinking to its
    prompt, what was thought before a cut is left out. Raises ValueError for a budget that cannot be
    used.
    """

    budget = TrimBudget(max_tokens, keep, adapter or OpenAIAdapter())

    def trim(messages: Messages) -> list[BaseMessage]:
        own = convert_to_messages(messages)
        left = left_of([_said(message) for message in own], budget)
        unbound = map(_without_thinking, own[left.start : left.bound_from])
        return [*own[: left.system], *unbound, *own[left.bound_from :]]

    return RunnableLambda(trim, name="stable_trimmer")


def _without_thinking(message: BaseMessage) -> BaseMessage:
    """The message without what Claude thought; itself where there is nothing."""
    if not isinstance(message.content, list):
        return message
    content = [one for one in message.content if not (isinstance(one, dict) and thinks([one]))]
    same = len(content) == len(message.content)
    return message if same else message.model_copy(update={"content": content})


def _kept(message: BaseMessage) -> Message:
    """The message as the state keeps it."""
    said = _said(message)
    if said["role"] in _PLAIN_ROLES and _read_back([said]) == [message]:
        return said  # nothing of it is LangChain's own
    return {**said, TAG: {_OWN: message_to_dict(message)}}


def _restored(kept: Sequence[Message]) -> list[BaseMessage]:
    """The messages that `_kept` was given; others as LangChain would have had them."""
    found: list[BaseMessage] = []
    pairs = [(message, _original(message)) for message in kept]
    for is_own, group in groupby(pairs, key=lambda pair: pair[1] is not None):
        if is_own:
            found += [own for _, own in group if own is not None]
        else:
            found += _read_back([as_sent(message) for message, _ in group])
    return found


def _original(message: Message) -> BaseMessage | None:
    """What was added, unless something has changed the message since."""
    tag = message.get(TAG)
    written = tag.get(_OWN) if isinstance(tag, dict) else None
    if written is None:
        return None
    (own,) = messages_from_dict([written])
    return own if _said(own) == as_sent(message) else None


def _read_back(messages: Sequence[Message]) -> list[BaseMessage]:
    """A provider's messages as LangChain's. A message of another API may become several."""
    chat = [one.message for one in translated(messages, CHAT)]
    made: list[BaseMessage] = convert_to_messages(chat)
    return made


def _said(message: BaseMessage) -> Message:
    """The message as a provider takes it: always one. Raises ValueError."""
    blocks = message.content if isinstance(message.content, list) else []
    if any(_is_anthropic(block) for block in blocks):
        role = "assistant" if isinstance(message, AIMessage) else "user"
        return {"role": role, "content": _anthropic_content(message, blocks)}
    said: Message
    (said,) = convert_to_openai_messages([message])
    if isinstance(said["content"], list):
        said["content"] = [p for p in said["content"] if p.get("type") in _CHAT_PARTS] or ""
    if isinstance(message, AIMessage) and message.invalid_tool_calls:
        said["tool_calls"] = [*said.get("tool_calls", ()), *map(_call, message.invalid_tool_calls)]
    return said


def _is_anthropic(block: object) -> bool:
    kind = block.get("type") if isinstance(block, dict) else None
    return isinstance(kind, str) and (kind in _ANTHROPIC_BLOCKS or kind.endswith("_tool_result"))


def _anthropic_content(message: BaseMessage, blocks: Sequence[Any]) -> list[Message]:
    """The blocks as the API takes them: calls are what LangChain parsed, as ChatAnthropic does."""
    calls = {call["id"]: call for call in getattr(message, "tool_calls", ())}
    content: list[Message] = []
    for block in blocks:
        if isinstance(block, str):
            content.append({"type": "text", "text": block})
            continue
        said = {k: v for k, v in block.items() if k not in _OF_STREAMS and v is not None}
        call = calls.pop(block.get("id"), None) if block.get("type") == "tool_use" else None
        content.append(said if call is None else {**said, "input": call["args"]})
    content += [
        {"type": "tool_use", "id": id, "name": call["name"], "input": call["args"]}
        for id, call in calls.items()
    ]
    return content


def _call(call: Any) -> Message:
    """A call whose arguments are no JSON: ChatOpenAI sends it too, and a result may answer it."""
    arguments = call["args"] if isinstance(call["args"], str) else json.dumps(call["args"])
    function = {"name": call["name"], "arguments": arguments}
    return {"type": "function", "id": call["id"], "function": function}
