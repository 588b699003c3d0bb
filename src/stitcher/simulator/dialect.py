"""What the server needs to know of a dialect; one module implements it for each.

Knows nothing of any dialect in particular.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from stitcher.simulator.answer import Composed, Ids
from stitcher.simulator.reading import Reading
from stitcher.simulator.refusal import Refusal
from stitcher.simulator.reply import Heard, Reply


@dataclass(frozen=True, slots=True)
class Exchange:
    """One accepted request: its body, what it costs, when its answer was begun, its ids.

    `body` has what the provider itself remembered put in, `asked` is as it came, `scope` who asks.
    """

    body: dict[str, Any]
    reply: Reply
    created: int
    ids: Ids
    request_id: str
    asked: dict[str, Any] = field(default_factory=dict)
    scope: str = ""


class Dialect(Protocol):
    """A dialect with the provider's prefix cache behind it."""

    def check(self, body: Any) -> Refusal | None:
        """Why the provider refuses this body; includes the model's context window."""

    def recall(self, body: dict[str, Any], scope: str) -> dict[str, Any] | Refusal:
        """The body with what the provider remembers of earlier requests put in."""

    def hear(self, body: dict[str, Any]) -> Heard:
        """The request as `plan_reply` takes it."""

    def begin(self, body: dict[str, Any], scope: str, now: float) -> "Billed":
        """Reads the cache for a request that starts now."""

    def compose(self, exchange: Exchange, billed: "Billed") -> Composed:
        """The answer in the dialect's words."""

    def error_body(self, refusal: Refusal, request_id: str) -> dict[str, Any]:
        """The provider's error document."""

    def error_of_status(self, status: int, message: str | None) -> Refusal:
        """The provider's error for a status that was asked for."""

    def error_event(self, refusal: Refusal, request_id: str) -> bytes:
        """The provider's error in the middle of a stream."""

    def headers(self, request_id: str) -> Mapping[str, str]:
        """The headers that stand on every answer."""


@dataclass(frozen=True, slots=True)
class Billed:
    """A request's input usage in the provider's fields, and the call that writes the cache.

    `settle` takes the time at which the answer begins, and the answer's document.
    """

    usage: dict[str, Any]
    settle: Callable[[float, dict[str, Any]], None]
    reading: Reading
    dropped: tuple[str, ...] = ()
