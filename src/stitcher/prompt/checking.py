"""What a hook gave back: messages, and no tool call parted from its result."""

from collections.abc import Sequence

from stitcher.core.pairing import Alone, alone
from stitcher.errors import HookError
from stitcher.messages.reading import Message, read
from stitcher.prompt.accepting import accepted
from stitcher.prompt.hook_calls import HookCall


def checked(call: HookCall, given: object, before: Sequence[Message]) -> list[Message]:
    """What a hook made of the messages before, as messages of ours. Raises HookError."""
    if isinstance(given, str | bytes | dict) or not isinstance(given, Sequence):
        raise HookError(
            f"{call.name} returned a {type(given).__name__}, expected a list of messages"
        )
    try:
        after = [accepted(message) for message in given]
    except (TypeError, ValueError) as error:
        raise HookError(f"{call.name} returned what is no message: {error}") from error
    lonely = _parted(before, after)
    if lonely is not None:
        other = "result" if lonely.kind == "call" else "call"
        raise HookError(
            f"{call.name} left the {lonely.kind} of a tool ({lonely.id!r}) without its {other}, "
            "expected both or neither; nothing was changed"
        )
    return after


def _parted(before: Sequence[Message], after: Sequence[Message]) -> Alone | None:
    """The first call or result that stands alone now and did not before; None where none does."""
    known = {(one.kind, one.id) for one in _alone(before)}
    return next((one for one in _alone(after) if (one.kind, one.id) not in known), None)


def _alone(messages: Sequence[Message]) -> list[Alone]:
    return alone([read(message) for message in messages])
