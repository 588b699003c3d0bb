"""JSON as text, and text as JSON, by the standard library alone."""

import json
from typing import Any, NoReturn


def json_text(value: object) -> str:
    """The value as compact JSON, its members in their order."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def from_json(text: str) -> Any:
    """The value that some JSON says. Raises ValueError, also where it is nested too deeply."""
    try:
        return json.loads(text, parse_constant=_no_json)
    except RecursionError:
        raise ValueError("found JSON nested too deeply") from None


def _no_json(name: str) -> NoReturn:
    raise ValueError(f"found {name}, which JSON has no form for")
