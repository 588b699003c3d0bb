"""A provider's "no": status, error type and wording, before any dialect gives it a JSON shape.

Knows nothing of HTTP, of why a request is refused, or of how an error body looks.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not answered; `param` and `code` exist in OpenAI's shape only."""

    status: int
    type: str
    message: str
    param: str | None = None
    code: str | None = None


class RefusedError(Exception):
    """Carries a refusal out of the depth of a validator."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
