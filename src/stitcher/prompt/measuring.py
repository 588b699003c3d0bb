"""Messages as a cut sees them: who speaks, what is called and answered, how many tokens."""

from collections.abc import Sequence
from dataclasses import dataclass

from stitcher.core.role import Role
from stitcher.messages.reading import Message, read
from stitcher.prompt.adapters.provider_adapter import ProviderAdapter


@dataclass(frozen=True, slots=True)
class Measured:
    """What must be known of a message to keep it or leave it out."""

    role: Role
    calls: tuple[str, ...]
    answers: tuple[str, ...]
    starts_turn: bool
    is_item: bool
    tokens: int  # calibrated


def measured(messages: Sequence[Message], adapter: ProviderAdapter) -> list[Measured]:
    """The messages, each counted by itself. Raises ValueError for one of no form."""
    found = []
    for message in messages:
        said = read(message)
        tokens = adapter.count_tokens([message])
        found.append(
            Measured(
                said.role,
                said.calls,
                said.answers,
                starts_turn=said.starts_turn,
                is_item=said.is_item,
                tokens=tokens,
            )
        )
    return found
