"""Reads the prices of single models from two published lists, out of their wheels.

Nothing of the wheels is run: litellm's list is JSON, that of genai-prices is Python source, which
is read as data. Knows neither which models are wanted nor what is done with their prices.
"""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from stitcher.providers.listed_price import ALWAYS

Hours = tuple[tuple[int, int], ...]
_LITELLM = "litellm/model_prices_and_context_window_backup.json"
_GENAI = "genai_prices/data.py"
_ABOVE = re.compile(r"input_cost_per_token_above_(\d+)k_tokens")


@dataclass(frozen=True, slots=True)
class Rates:
    """USD per million tokens; None where the list has no price."""

    input: float
    output: float
    read: float | None = None
    write: float | None = None
    write_long: float | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list says of a model from a date on."""

    since: str
    rates: Rates
    above: int | None = None
    beyond: Rates | None = None
    peak: Rates | None = None  # on weekdays, in `hours`
    hours: Hours = ()
    minimum: int | None = None  # tokens of the shortest prefix that is cached


class Litellm:
    """litellm's list: one price a model, today's."""

    def __init__(self, wheel: Path) -> None:
        with ZipFile(wheel) as opened:
            self._models = json.loads(opened.read(_LITELLM))

    def listed(self, key: str) -> Listed | None:
        """What it says of a model by its key; None for one it does not have."""
        model = self._models.get(key)
        if model is None:
            return None
        found = [int(one.group(1)) for name in model if (one := _ABOVE.fullmatch(name))]
        assert len(found) <= 1, f"{key}: found {len(found)} steps by length, expected at most one"
        rates = _litellm_rates(model, "")
        minimum = model.get("prompt_cache_min_tokens")
        listed = Listed(ALWAYS, rates, minimum=None if minimum is None else int(minimum))
        if found:
            beyond = _litellm_rates(model, f"_above_{found[0]}k_tokens")
            listed = replace(listed, above=found[0] * 1_000, beyond=beyond)
        cheap = model.get("off_peak_pricing")
        if cheap:
            hours = _peak_hours(key, cheap["windows"])
            listed = replace(listed, rates=_litellm_rates(cheap, ""), peak=rates, hours=hours)
        return listed


def _litellm_rates(model: Mapping[str, Any], suffix: str) -> Rates:
    def rate(name: str) -> float | None:
        each = model.get(f"{name}{suffix}")
        return round(each * 1e6, 6) if each else None

    long = ("above_1hr", "above_12hr")
    longs = [rate(f"cache_creation_input_token_cost_{kind}") for kind in long]
    return _rates(
        rate("input_cost_per_token"),
        rate("output_cost_per_token"),
        rate("cache_read_input_token_cost"),
        rate("cache_creation_input_token_cost"),
        next((each for each in longs if each is not None), None),
    )


def _rates(plain: float | None, output: float | None, *cached: float | None) -> Rates:
    if plain is None or output is None:
        raise ValueError("found a model without a price for its input or output")
    return Rates(plain, output, *cached)


def _peak_hours(key: str, cheap: list[Any]) -> Hours:
    """The hours from Monday to Friday that are in no cheap window; weekends must be cheap."""
    assert [window["weekdays"] for window in cheap] == [[1, 2, 3, 4, 5], [6, 7]], key
    assert cheap[1]["hours_utc"] == "00:00-00:00", key
    edges = [[int(hour[:2]) for hour in each.split("-")] for each in cheap[0]["hours_utc"]]
    return tuple((end, start) for (_, end), (start, _) in pairwise(edges))


class GenaiPrices:
    """The list of genai-prices: prices with the date from which on they hold."""

    def __init__(self, wheel: Path) -> None:
        with ZipFile(wheel) as opened:
            source = ast.parse(opened.read(_GENAI))
        found = [node.value for node in source.body if isinstance(node, ast.AnnAssign)]
        assert len(found) == 1, f"{_GENAI}: found {len(found)} tables, expected one"
        assert found[0] is not None
        self._models = {
            (provider["id"], model["id"]): model["prices"]
            for provider in _value(found[0])
            for model in provider["models"]
        }

    def listed(self, provider: str, model: str) -> list[Listed]:
        """What it says of a model, oldest first; nothing for one it does not have."""
        prices = self._models.get((provider, model), [])
        if isinstance(prices, dict):
            return [_genai_listed(ALWAYS, prices)]
        dated = [
            _genai_listed(_since(each.get("constraint")), each["prices"])
            for each in prices
            if "start_time" not in (each.get("constraint") or {})
        ]
        peaks = [each for each in prices if "start_time" in (each.get("constraint") or {})]
        if peaks:
            # From when on there are such hours it does not say: as long as the last price holds.
            rates = [_genai_listed(ALWAYS, each["prices"]).rates for each in peaks]
            assert all(each == rates[0] for each in rates), f"{model}: peaks of different prices"
            dated[-1] = replace(
                dated[-1], peak=rates[0], hours=tuple(_hours(each) for each in peaks)
            )
        return dated


def _genai_listed(since: str, prices: Mapping[str, Any]) -> Listed:
    kinds = ("input", "output", "cache_read", "cache_write", "cache_write_1h")
    found = [prices.get(f"{kind}_mtok") for kind in kinds]
    steps = {tier["start"] for each in found if isinstance(each, dict) for tier in each["tiers"]}
    assert len(steps) <= 1, f"found steps at {sorted(steps)}, expected at most one"
    base = [each["base"] if isinstance(each, dict) else each for each in found]
    if not steps:
        return Listed(since, _rates(*base))
    beyond = [each["tiers"][0]["price"] if isinstance(each, dict) else each for each in found]
    return Listed(since, _rates(*base), steps.pop(), _rates(*beyond))


def _since(constraint: Mapping[str, Any] | None) -> str:
    return ALWAYS if constraint is None else "{:04}-{:02}-{:02}".format(*constraint["start_date"])


def _hours(peak: Mapping[str, Any]) -> tuple[int, int]:
    constraint = peak["constraint"]
    (start, *rest), (end, *more) = constraint["start_time"], constraint["end_time"]
    assert not any((*rest, *more)), f"{constraint}: expected whole hours"
    return start, end


def _value(node: ast.expr) -> Any:
    """A literal; `Kind(name=...)` as a mapping, `Decimal("1")` as a number, others as a list."""
    match node:
        case ast.List() | ast.Tuple():
            return [_value(each) for each in node.elts]
        case ast.Dict():
            return {_value(key): _value(value) for key, value in _items(node)}
        case ast.Call(args=[ast.Constant(value=str(digits))]):
            return float(digits)
        case ast.Call(args=[], keywords=keywords):
            return {each.arg: _value(each.value) for each in keywords}
        case ast.Call(args=args):
            return [_value(each) for each in args]
        case ast.Attribute() | ast.Name():
            return ast.unparse(node)
        case _:
            return ast.literal_eval(node)


def _items(node: ast.Dict) -> Iterator[tuple[ast.expr, ast.expr]]:
    for key, value in zip(node.keys, node.values, strict=True):
        assert key is not None, "found ** in a table"
        yield key, value
