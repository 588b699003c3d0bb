"""Estimates, and how they come true."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.core.tokens import Calibration, estimate


@pytest.mark.parametrize(
    ("size", "dialect", "tokens"),
    [
        (0, "openai_chat", 0),
        (1, "openai_chat", 1),
        (36, "openai_chat", 10),
        (37, "openai_chat", 11),
        (28, "anthropic", 10),
        (30, "one we do not know", 10),
    ],
)
def test_bytes_per_token_rounded_up(size: int, dialect: str, tokens: int) -> None:
    assert estimate(size, dialect) == tokens
    assert isinstance(estimate(size, dialect), int)


def test_without_an_answer_the_estimate_stands() -> None:
    assert Calibration().apply(1000) == 1000


def test_the_first_answer_is_believed() -> None:
    assert Calibration().observe(estimated=1000, reported=1300).apply(1000) == 1300


@given(ratio=st.floats(0.2, 5), sizes=st.lists(st.integers(500, 100_000), min_size=4, max_size=4))
def test_after_a_few_answers_the_error_is_below_two_percent(ratio: float, sizes: list[int]) -> None:
    calibration = Calibration()
    for size in sizes:
        calibration = calibration.observe(estimated=size, reported=round(size * ratio))
    assert calibration.apply(10_000) == pytest.approx(10_000 * ratio, rel=0.02)


def test_a_first_answer_that_misled_is_outgrown() -> None:
    calibration = Calibration().observe(estimated=1000, reported=5000)
    for _ in range(8):
        calibration = calibration.observe(estimated=1000, reported=1250)
    assert calibration.apply(1000) == pytest.approx(1250, rel=0.02)


@pytest.mark.parametrize(
    ("estimated", "reported"),
    [(0, 100), (-5, 100), (100, 0), (100, -1), (100, 10), (100, 1000), (10, 1_000_000)],
)
def test_a_usage_that_speaks_of_something_else_is_ignored(estimated: int, reported: int) -> None:
    known = Calibration(1.25, seen=3)
    assert known.observe(estimated=estimated, reported=reported) is known


@given(st.lists(st.tuples(st.integers(-10, 10_000), st.integers(-10, 100_000))))
def test_whatever_is_reported_the_ratio_stays_sensible(seen: list[tuple[int, int]]) -> None:
    calibration = Calibration()
    for estimated, reported in seen:
        calibration = calibration.observe(estimated=estimated, reported=reported)
    assert 0.1 < calibration.ratio < 10
