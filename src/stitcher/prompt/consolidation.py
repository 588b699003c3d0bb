"""Durable context: its messages, one text for each key.

Context never goes through the hook that shortens history: what an application keeps up to date by
key is not to be lost where older messages are.
"""

from stitcher.errors import HookError
from stitcher.messages.reading import Message
from stitcher.prompt.accepting import duplicate
from stitcher.prompt.config import ContextConsolidationHook
from stitcher.prompt.hook_calls import HookCall, Steps
from stitcher.prompt.state import context_key, keyed


def concat_context_consolidation_hook(key: str, messages: list[Message]) -> str:
    """The context and all its updates, one after the other: nothing is lost. The default."""
    texts = (message.get("content") for message in messages)
    return "\n\n".join(text for text in texts if isinstance(text, str) and text)


def consolidated(
    messages: list[Message], hook: ContextConsolidationHook | None
) -> Steps[tuple[list[Message], list[Message]]]:
    """One message for each key, in the order the keys first appeared; and the unkeyed messages."""
    rest = [message for message in messages if context_key(message) is None]
    blocks: list[Message] = []
    for key, said in _by_key(messages).items():
        call = HookCall(
            "context_consolidation_hook",
            hook or concat_context_consolidation_hook,
            (key, [duplicate(message) for message in said]),
        )
        text = yield call
        if not isinstance(text, str):
            raise HookError(f"{call.name} returned a {type(text).__name__}, expected a string")
        blocks.append(keyed(text, key))
    return blocks, rest


def _by_key(messages: list[Message]) -> dict[str, list[Message]]:
    found: dict[str, list[Message]] = {}
    for message in messages:
        key = context_key(message)
        if key is not None:
            found.setdefault(key, []).append(message)
    return found
