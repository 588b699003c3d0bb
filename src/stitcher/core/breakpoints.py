"""Where a request marks the prompt for the provider's cache, where it may mark it itself.

A provider writes an entry only at a breakpoint, and reads by walking back a number of positions
from each: an end worth reading next time is marked, and so is one that no other mark looks back to.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MOST_BREAKPOINTS: Final = 4
"""Anthropic, "Prompt caching", 2026-08-21: "up to 4 cache breakpoints", the client's included."""


@dataclass(frozen=True, slots=True)
class Place:
    """The end of a stretch of the prompt."""

    index: int  # what the caller knows it by
    position: int  # as the provider's look-back counts them
    tokens: int  # from the prompt's beginning to here


def chosen(
    wanted: Sequence[Place],
    *,
    written: Place | None = None,
    free: int,
    lookback: int,
    minimum: int = 0,
) -> tuple[int, ...]:
    """The indices to mark, in the prompt's order.

    `wanted` are the ends worth marking, most wanted first; of two at one position the first counts.
    `written` is where an earlier request's entry ends that this one can read: where no mark looks
    back to it (`lookback` positions, the mark's own the first), it is marked itself, at the cost of
    the least wanted. At most `free` are marked, none of fewer tokens than `minimum`.
    """
    places: dict[int, Place] = {}
    for place in wanted:
        if place.tokens >= minimum:
            places.setdefault(place.position, place)
    taken = list(places.values())[: max(0, free)]
    if free > 1 and written is not None and written.tokens >= minimum:
        reached = (0 <= place.position - written.position < lookback for place in taken)
        if not any(reached):
            taken = [*taken[:1], written, *taken[1 : free - 1]]
    return tuple(place.index for place in sorted(taken, key=lambda place: place.position))
