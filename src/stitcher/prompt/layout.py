"""Where the zones of an assembled prompt end, for the adapter that makes a request of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from stitcher.core.pairing import alone
from stitcher.messages.reading import Spoken


@dataclass(frozen=True, slots=True)
class Layout:
    """What an adapter cannot read off a list of messages. The indices are into that list."""

    history_end: int | None = None  # the last message of the long-lived history
    dynamic: int | None = None  # the dynamic context of this request alone
    held: int | None = None  # the newest context that stays where it is, until it is taken out
    passing: bool = False  # the prompt ends with context that will hardly be read again
    common: int | None = None  # the last message before context that was taken out just now
    thinking_from: int = 0  # before it, thinking was bound to a prompt that has changed since
    markers: int | None = None  # breakpoints of the application's own; None: not counted


def leading(said: Sequence[Spoken], layout: Layout) -> int:
    """How many messages the system prompt is: those of the system that the list begins with."""
    end = len(said) if layout.dynamic is None else layout.dynamic
    return next((n for n in range(end) if said[n].role != "system"), end)


def read_before(said: Sequence[Spoken], layout: Layout) -> int | None:
    """The last message that the request before this one had in common with it, as far as it shows.

    An application asks again after each answer: the request before ended where the last answer
    begins. Dynamic context that moves takes what is behind it along: where the turn is new, all
    that is left in common is what stood before the last turn that became history.
    """
    if layout.common is not None:
        return layout.common if layout.common >= 0 else None
    dynamic = -1 if layout.dynamic is None else layout.dynamic
    answer = len(said) - 1
    while answer > dynamic and said[answer].role != "assistant":
        answer -= 1
    while answer - 1 > dynamic and said[answer - 1].role == "assistant":
        answer -= 1
    if answer > dynamic:
        return answer - 1 if answer > 0 else None
    if layout.dynamic is None:
        return None
    turns = [n for n in range(layout.dynamic) if said[n].starts_turn]
    return turns[-1] - 1 if turns and turns[-1] > 0 else None


def expect_paired(said: Sequence[Spoken]) -> None:
    """Raises ValueError where a provider would refuse the prompt for a call without its result."""
    lonely = alone(said)
    if lonely:
        one = lonely[0]
        other = "result" if one.kind == "call" else "call before it"
        raise ValueError(
            f"messages[{one.index}]: found the tool {one.kind} {one.id!r} without its {other}; "
            "providers refuse that, and stitcher.repair(messages) heals it"
        )
