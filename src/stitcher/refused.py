"""What of ours a model's server has refused, so that it goes without, and is not asked again.

Servers that speak a provider's API know some of its members only. What is remembered is lost with
the process: then it costs one more refusal.
"""

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from stitcher.terms import Terms
from stitcher.wire.openai_caching import BREAKPOINT, CACHE_KEY

USAGE_OPTIONS: Final = "stream_options"

# An error that names Anthropic's `cache_control` may be about where this one request has it.
_LASTING: Final = (USAGE_OPTIONS, BREAKPOINT, CACHE_KEY)
_MOST: Final = 1_024  # a client may name any model


class Refused:
    """The members of ours that each model's server has refused."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], None] = {}

    def learn(self, model: str, added: Collection[str], *, status: int, refusal: bytes) -> str:
        """The member of those `added` that a refusal names; "" where it is about something else."""
        named = (member for member in sorted(added) if member.encode() in refusal)
        member = next(named, "") if status in (400, 422) else ""
        if member in _LASTING:
            self._known[model, member] = None
            if len(self._known) > _MOST:
                del self._known[next(iter(self._known))]
        return member

    def takes(self, model: str, member: str) -> bool:
        """False where the model's server is known to refuse it."""
        return (model, member) not in self._known

    def allowed(self, terms: Terms, model: str) -> Terms:
        """The terms without what is known to be refused."""
        for member in (BREAKPOINT, CACHE_KEY):
            terms = terms if self.takes(model, member) else without(terms, member)
        return terms


def without(terms: Terms, member: str) -> Terms:
    """The terms for a request that goes without a member of ours."""
    if member == CACHE_KEY:
        return replace(terms, cache_key="")
    return replace(terms, breakpoints=False)
