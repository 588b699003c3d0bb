"""The refusals that OpenAI's dialects share: its wordings, parameter names and codes.

Every function raises `RefusedError` or lets the value pass. Knows nothing of a dialect's shape.
"""

from collections.abc import Sequence
from typing import Any, NoReturn

from stitcher.simulator.refusal import Refusal, RefusedError

TYPE_NAMES = {
    str: "a string", list: "an array", dict: "an object", bool: "a boolean", int: "an integer",
    float: "a decimal", type(None): "null",
}  # fmt: skip


def refuse(message: str, param: str | None, code: str | None, *, status: int = 400) -> NoReturn:
    raise RefusedError(Refusal(status, "invalid_request_error", message, param, code))


def type_name(value: Any) -> str:
    return TYPE_NAMES.get(type(value), "an unsupported type")


def expect(value: Any, kind: type, param: str, *, inside: str = "") -> None:
    if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return
    refuse_type(value, f"{TYPE_NAMES[kind]}{inside}", param)


def refuse_type(value: Any, expected: str, param: str) -> NoReturn:
    refuse(
        f"Invalid type for '{param}': expected {expected}, but got {type_name(value)} instead.",
        param,
        "invalid_type",
    )


def refuse_missing(param: str) -> NoReturn:
    refuse(f"Missing required parameter: '{param}'.", param, "missing_required_parameter")


def refuse_unknown(param: str) -> NoReturn:
    refuse(f"Unknown parameter: '{param}'.", param, "unknown_parameter")


def check_not_empty(value: list[Any], param: str) -> None:
    if not value:
        refuse(
            f"Invalid '{param}': empty array. Expected an array with minimum length 1, but got an "
            "empty array instead.",
            param,
            "empty_array",
        )


def refuse_value(value: Any, supported: Sequence[str], param: str) -> NoReturn:
    quoted = [f"'{name}'" for name in supported]
    comma = "," if len(quoted) > 2 else ""
    listed = quoted[0] if len(quoted) == 1 else (
        f"{', '.join(quoted[:-1])}{comma} and {quoted[-1]}")  # fmt: skip
    refuse(f"Invalid value: '{value}'. Supported values are: {listed}.", param, "invalid_value")


def check_length(value: str, longest: int, param: str) -> None:
    if len(value) > longest:
        refuse(
            f"Invalid '{param}': string too long. Expected a string with maximum length "
            f"{longest}, but got a string with length {len(value)} instead.",
            param,
            "string_above_max_length",
        )


def check_least(value: int, least: int, param: str) -> None:
    if value < least:
        refuse(
            f"Invalid '{param}': integer below minimum value. Expected a value >= {least}, but "
            f"got {value} instead.",
            param,
            "integer_below_min_value",
        )


def check_decimals(body: dict[str, Any]) -> None:
    """`temperature` and `top_p`, which every dialect bounds alike."""
    for name, least, most in (("temperature", 0, 2), ("top_p", 0, 1)):
        value = body.get(name)
        if value is None:
            continue
        if not isinstance(value, int):
            expect(value, float, name)
        if not least <= value <= most:
            side, word, sign = ("above", "maximum", "<=") if value > most else (
                "below", "minimum", ">=")  # fmt: skip
            bound = most if value > most else least
            refuse(
                f"Invalid '{name}': decimal {side} {word} value. Expected a value {sign} {bound}, "
                f"but got {value} instead.",
                name,
                f"decimal_{side}_{'max' if side == 'above' else 'min'}_value",
            )
