"""The command that writes the table of prices: it reads two lists and stops where they differ."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from scripts import refresh_prices
from scripts.price_lists import GenaiPrices, Listed, Litellm, Rates
from scripts.refresh_prices import TABLE, collected, differing, made, rendered

from stitcher.providers.listed_price import ALWAYS, Dated, Price
from stitcher.providers.price_table import PRICES, READ, SOURCES

MODEL = {
    "input_cost_per_token": 2e-06,
    "output_cost_per_token": 1e-05,
    "cache_read_input_token_cost": 2e-07,
    "cache_creation_input_token_cost": 2.5e-06,
    "cache_creation_input_token_cost_above_12hr": 5e-06,
    "cache_creation_input_token_cost_batches": 1e-06,
}
STEP = {
    "input_cost_per_token_above_272k_tokens": 4e-06,
    "output_cost_per_token_above_272k_tokens": 1.5e-05,
    "cache_creation_input_token_cost_above_12hr_above_272k_tokens": 1e-05,
}
PEAK = {
    "input_cost_per_token": 3e-07,
    "output_cost_per_token": 1.2e-06,
    "off_peak_pricing": {
        "input_cost_per_token": 1.5e-07,
        "output_cost_per_token": 6e-07,
        "windows": [
            {
                "hours_utc": ["00:00-01:00", "04:00-06:00", "10:00-00:00"],
                "weekdays": [1, 2, 3, 4, 5],
            },
            {"hours_utc": "00:00-00:00", "weekdays": [6, 7]},
        ],
    },
}
GENAI = """
import datetime
from decimal import Decimal

from .types import *

__all__ = ('providers',)
providers: list[Provider] = [
    Provider(
        id='one',
        model_match=ClauseContains(contains='m'),
        models=[
            ModelInfo(
                id='plain',
                match=ClauseOr(or_=[ClauseEquals(equals='plain')]),
                prices=ModelPrice(input_mtok=Decimal('2'), output_mtok=Decimal('10')),
            ),
            ModelInfo(
                id='steps',
                prices=[
                    ConditionalPrice(prices=ModelPrice(
                        input_mtok=TieredPrices(
                            base=Decimal('2'), tiers=[Tier(start=272000, price=Decimal('4'))]
                        ),
                        cache_read_mtok=Decimal('0.2'),
                        output_mtok=Decimal('10'),
                    )),
                    ConditionalPrice(
                        constraint=StartDateConstraint(start_date=datetime.date(2026, 8, 1)),
                        prices=ModelPrice(input_mtok=Decimal('3'), output_mtok=Decimal('11')),
                    ),
                    ConditionalPrice(
                        constraint=TimeOfDateConstraint(
                            start_time=datetime.time(1, 0), end_time=datetime.time(4, 0)
                        ),
                        prices=ModelPrice(input_mtok=Decimal('6'), output_mtok=Decimal('22')),
                    ),
                ],
            ),
        ],
    )
]
"""


def litellm(folder: Path, models: dict[str, Any]) -> Litellm:
    wheel = folder / "litellm.whl"
    with ZipFile(wheel, "w") as made:
        made.writestr("litellm/model_prices_and_context_window_backup.json", json.dumps(models))
    return Litellm(wheel)


def genai(folder: Path, source: str = GENAI) -> GenaiPrices:
    wheel = folder / "genai.whl"
    with ZipFile(wheel, "w") as made:
        made.writestr("genai_prices/data.py", source)
    return GenaiPrices(wheel)


def test_litellm_prices_tokens(tmp_path: Path) -> None:
    listed = litellm(tmp_path, {"m": {**MODEL, "prompt_cache_min_tokens": 512.0}}).listed("m")
    assert listed == Listed(ALWAYS, Rates(2.0, 10.0, 0.2, 2.5, 5.0), minimum=512)


def test_litellm_with_a_step(tmp_path: Path) -> None:
    listed = litellm(tmp_path, {"m": {**MODEL, **STEP}}).listed("m")
    assert listed is not None
    assert (listed.above, listed.beyond) == (272_000, Rates(4.0, 15.0, write_long=10.0))


def test_litellm_calls_the_hours_that_are_not_cheap_by_the_cheap_ones(tmp_path: Path) -> None:
    listed = litellm(tmp_path, {"m": PEAK}).listed("m")
    assert listed is not None
    assert (listed.rates, listed.peak) == (Rates(0.15, 0.6), Rates(0.3, 1.2))
    assert listed.hours == ((1, 4), (6, 10))


def test_genai_prices_have_dates_steps_and_hours(tmp_path: Path) -> None:
    lists = genai(tmp_path)
    assert lists.listed("one", "plain") == [Listed(ALWAYS, Rates(2.0, 10.0))]
    assert lists.listed("one", "steps") == [
        Listed(ALWAYS, Rates(2.0, 10.0, 0.2), 272_000, Rates(4.0, 10.0, 0.2)),
        Listed("2026-08-01", Rates(3.0, 11.0), peak=Rates(6.0, 22.0), hours=((1, 4),)),
    ]


def test_a_model_that_no_list_has(tmp_path: Path) -> None:
    assert litellm(tmp_path, {}).listed("m") is None
    assert genai(tmp_path).listed("one", "m") == []


LISTED = Listed(ALWAYS, Rates(2.0, 10.0, 0.2, 2.5, 5.0), 272_000, Rates(4.0, 15.0))


@pytest.mark.parametrize(
    ("other", "kinds"),
    [
        (LISTED, []),
        (replace(LISTED, rates=Rates(2.009, 10.0)), []),  # rounded, and not all prices
        (replace(LISTED, rates=Rates(2.02, 10.0)), ["rates.input"]),
        (replace(LISTED, above=272_001), []),
        (replace(LISTED, above=200_000), ["above"]),
        (replace(LISTED, above=None, beyond=None), ["beyond"]),
        (replace(LISTED, peak=Rates(4.0, 20.0), hours=((1, 4),)), ["peak"]),
    ],
)
def test_differences(other: Listed, kinds: list[str]) -> None:
    assert [kind for kind, _ in differing(LISTED, other)] == kinds


def test_other_hours_are_a_difference() -> None:
    ours = replace(LISTED, peak=Rates(4.0, 20.0), hours=((1, 4),))
    assert [kind for kind, _ in differing(ours, replace(ours, hours=((2, 4),)))] == ["hours"]


def test_what_a_list_lacks_is_in_proportion_to_the_other() -> None:
    genai = Listed("2026-01-01", Rates(4.0, 20.0, 0.4, 5.0))
    assert made(genai, LISTED) == Dated("2026-01-01", Price(4, 20, 0.4, 5, 10))
    assert made(Listed(ALWAYS, Rates(4.0, 20.0)), Listed(ALWAYS, Rates(2.0, 9.0))) == Dated(
        ALWAYS, Price(4, 20, 4, 4, 4)
    )


@pytest.fixture
def one_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refresh_prices, "PROVIDERS", {"one": ("", ("plain",))})
    for known in ("KNOWN", "NOT_IN_GENAI", "NOT_IN_LITELLM"):
        monkeypatch.setattr(refresh_prices, known, {})


@pytest.mark.usefixtures("one_model")
def test_where_the_lists_agree(tmp_path: Path) -> None:
    prices, said = collected(litellm(tmp_path, {"plain": MODEL}), genai(tmp_path), "2026-11-29")
    assert said == []
    assert prices == {"plain": (Dated(ALWAYS, Price(2, 10, 0.2, 2.5, 5)),)}


@pytest.mark.usefixtures("one_model")
def test_a_difference_is_said_unless_it_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists = litellm(tmp_path, {"plain": {**MODEL, "input_cost_per_token": 3e-06}}), genai(tmp_path)
    assert collected(*lists, "2026-11-29")[1] == [
        "plain, rates.input: genai-prices 2.0, litellm 3.0"
    ]
    monkeypatch.setattr(refresh_prices, "KNOWN", {("plain", "rates.input"): "a reason"})
    assert collected(*lists, "2026-11-29")[1] == []


@pytest.mark.usefixtures("one_model")
def test_what_is_said_to_be_known_must_still_be_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refresh_prices, "KNOWN", {("plain", "above"): "a reason"})
    monkeypatch.setattr(refresh_prices, "NOT_IN_GENAI", {"plain"})
    lists = litellm(tmp_path, {"plain": MODEL}), genai(tmp_path)
    assert collected(*lists, "2026-11-29")[1] == [
        "plain, genai-prices: is listed now",
        "plain, above: no difference any more",
    ]


@pytest.mark.usefixtures("one_model")
def test_a_model_that_has_gone_and_a_minimum_that_is_another(tmp_path: Path) -> None:
    assert collected(litellm(tmp_path, {}), genai(tmp_path), "2026-11-29")[1] == [
        "plain, litellm: not listed"
    ]
    model = {**MODEL, "prompt_cache_min_tokens": 512}
    assert collected(litellm(tmp_path, {"plain": model}), genai(tmp_path), "2026-11-29")[1] == [
        "plain, minimum: our rules 0, litellm 512"
    ]


def test_the_table_is_what_the_command_writes() -> None:
    assert TABLE.read_text(encoding="utf-8") == rendered(PRICES, SOURCES, READ)


@pytest.mark.usefixtures("one_model")
@pytest.mark.parametrize(("rate", "status"), [(2e-06, 0), (3e-06, 1)])
def test_nothing_is_written_where_the_lists_disagree(
    rate: float,
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    litellm(tmp_path, {"plain": {**MODEL, "input_cost_per_token": rate}})
    genai(tmp_path)
    wheels = tmp_path / "litellm-1.2-py3.whl", tmp_path / "genai_prices-3.4-py3.whl"
    (tmp_path / "litellm.whl").rename(wheels[0])
    (tmp_path / "genai.whl").rename(wheels[1])
    monkeypatch.setattr(refresh_prices, "downloaded", lambda _folder: wheels)
    monkeypatch.setattr(refresh_prices, "TABLE", tmp_path / "table.py")
    assert refresh_prices.main() == status
    assert (tmp_path / "table.py").exists() == (status == 0)
    said = capsys.readouterr().out
    if status:
        assert "plain, rates.input: genai-prices 2.0, litellm 3.0" in said
    else:
        written = (tmp_path / "table.py").read_text(encoding="utf-8")
        assert 'SOURCES: Final = "litellm 1.2 and genai-prices 3.4"' in written
        assert '"plain": (Dated(ALWAYS, Price(2, 10, 0.2, 2.5, 5)),),' in written
