"""How an answer can go wrong on its way, asked for by a script or by a directive.

A description only: carrying it out belongs to the server.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from stitcher.simulator.directives import Directives


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; several fields may be set, the earliest in a request's life wins.

    `refuse` closes the connection without an answer, `stall` never answers until the client goes or
    the simulator is released, `status` answers an error in the provider's shape. The rest happen to
    a good answer: `cut_after` and `stall_after` count stream events (on a plain answer they end or
    hold it half way through the body), `garbage` is a 200 nobody can parse, `error_event` is the
    provider's error event in mid-stream (a 500 on a plain answer), `bad_utf8` an invalid byte.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str | None = None
    refuse: bool = False
    stall: bool = False
    cut_after: int | None = None
    stall_after: int | None = None
    garbage: bool = False
    error_event: bool = False
    bad_utf8: bool = False


NO_FAULT = Fault()


def faults_from_json(given: Any) -> list[Fault]:
    """Faults as `POST /simulator/script` spells them: `{"steps": [...]}` or the list alone."""
    steps = given.get("steps") if isinstance(given, dict) else given
    if not isinstance(steps, list):
        raise ValueError('expected {"steps": [...]}')  # noqa: TRY004 (bad JSON is a ValueError too)
    return [_fault(step) for step in steps]


def _fault(step: Any) -> Fault:
    known = {item.name for item in fields(Fault)}
    if not isinstance(step, dict) or not set(step) <= known:
        raise ValueError(f"a step is an object with keys among {', '.join(sorted(known))}")
    return Fault(**step)


def fault_from_directives(directives: Directives) -> Fault:
    status = directives.number("status", 500)
    return Fault(
        status=status,
        headers={"retry-after": "0"} if status == 429 else {},
        stall="stall" in directives,
        cut_after=directives.number("cut"),
        stall_after=directives.number("stall-after"),
        garbage="garbage" in directives,
        error_event="error-event" in directives,
        bad_utf8="bad-utf8" in directives,
    )
