"""What every adapter does: counting tokens, and being told by providers how wrong it was.

Subclass it for another provider: override `message_tokens` (one message; totals are kept as a
conversation grows) or `count_tokens` (a whole list; asked anew each time), and
`apply_cache_markers`. Nothing here needs `__init__` to have run, and what only some applications
need is imported when they do: the import of the library is to be cheap.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from stitcher.core.tokens import Calibration
from stitcher.messages.counting import Counter
from stitcher.messages.json_text import json_text
from stitcher.messages.reading import Message, Tool, tokens_of
from stitcher.providers.usage import input_tokens

if TYPE_CHECKING:
    from stitcher.providers.caching import CacheRules


class ProviderAdapter:
    """Counts tokens as an estimate, or exactly where a package with the vocabulary is installed."""

    name: str = "base"
    family: str = "openai_chat"
    """Whose vocabulary and images an estimate goes by."""
    model: str | None = None
    any_model: str = ""
    """What all names of the family's models begin with."""
    calibration: Calibration = Calibration()
    """Reported tokens per counted one, as `observe` has learnt it."""

    def message_tokens(self, message: Message) -> int:
        """Tokens of one message, before calibration. Raises ValueError for one of no form."""
        return tokens_of(message, self._counter)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of some messages, corrected by what was observed."""
        return self.calibration.apply(sum(map(self.message_tokens, messages)))

    def count_tools(self, tools: Sequence[Tool]) -> int:
        """Tokens of a request's tools, before calibration."""
        return sum(self._counter.text(json_text(tool)) for tool in tools)

    def observe(
        self, messages: Sequence[Message], usage: object, *, tools: Sequence[Tool] = ()
    ) -> None:
        """Takes in what a provider counted for a request of these messages and tools.

        `usage` is what it reported: `response.usage`, `response.usage_metadata`, or the same as a
        dict. Raises TypeError or ValueError for one that says nothing of input tokens.
        """
        told = _mapping(usage)
        reported = input_tokens(told)
        if reported is None:
            found = ", ".join(sorted(told)) or "nothing"
            raise ValueError(f"usage: found {found}, expected a count of input or prompt tokens")
        counted = sum(map(self.message_tokens, messages)) + self.count_tools(tools)
        self.calibration = self.calibration.observe(estimated=counted, reported=reported)

    def apply_cache_markers(
        self, messages: list[Message], boundaries: Sequence[int]
    ) -> list[Message]:
        """The messages with the provider's cache breakpoints, none of the given ones changed.

        `boundaries` are indices of the last message of each stable stretch. Here there is nothing
        to mark: most providers cache prompt prefixes by themselves.
        """
        return messages

    def mark(
        self, messages: list[Message], boundaries: Sequence[int], *, taken: int | None = None
    ) -> list[Message]:
        """`apply_cache_markers`, for messages of which it is known how many `taken` they have."""
        return self.apply_cache_markers(messages, boundaries)

    @property
    def counts_by_message(self) -> bool:
        """True where a list has as many tokens as its messages: totals need no recount."""
        return type(self).count_tokens is ProviderAdapter.count_tokens

    @property
    def rules(self) -> "CacheRules":
        """How the model's prompt cache works; the family's most careful values without a model."""
        from stitcher.providers.caching import cache_rules

        return cache_rules(self.model or self.any_model)

    @cached_property
    def _counter(self) -> Counter:
        if not self.model:
            return Counter(self.family)
        from stitcher.prompt.vocabularies import exact_counter

        return Counter(self.family, exact_counter(self.model))


def _mapping(usage: object) -> Mapping[str, Any]:
    if isinstance(usage, Mapping):
        return usage
    dump = getattr(usage, "model_dump", None)
    told = dump(mode="json") if callable(dump) else None
    if isinstance(told, Mapping):
        return told
    raise TypeError(f"usage: found a {type(usage).__name__}, expected what a response reports")
