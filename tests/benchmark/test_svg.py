"""Elements, scales and places of the pictures."""

from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.benchmark.svg import (
    COLOURS,
    Scale,
    apart,
    document,
    element,
    group,
    label,
    polyline,
    short,
    stairs,
)

SVG = "{http://www.w3.org/2000/svg}"


def test_an_element_is_escaped() -> None:
    assert element("text", "a < b & c", x=1.0, y=2.55, class_='"x"') == (
        '<text x="1" y="2.5" class=\'"x"\'>a &lt; b &amp; c</text>'
    )
    assert group([element("g")], stroke_width=2) == '<g stroke-width="2"><g/></g>'


def test_a_document_is_well_formed_and_says_what_it_shows() -> None:
    body = [label(1, 2, "<hi>", "blue", size="title")]
    root = ElementTree.fromstring(document((10, 20), title="T & T", about="what", body=body))
    assert root.findtext(f"{SVG}title") == "T & T"
    assert root.findtext(f"{SVG}desc") == "what"
    assert root.findtext(f"{SVG}text") == "<hi>"
    style = root.findtext(f"{SVG}style") or ""
    light, dark = style.split("@media(prefers-color-scheme:dark)")
    for name, (day, night) in COLOURS.items():
        assert f".fill-{name}{{fill:{day}}}" in light
        assert f".stroke-{name}{{stroke:{night};" in dark


def test_paths() -> None:
    assert polyline([(0.0, 1.0), (2.26, 3.0)]) == "M0 1L2.3 3"
    assert stairs([(0.0, 4.0), (1.0, 2.0)], (3.0, 9.0)) == "M0 9H0V4H1V2H3V9Z"


@pytest.mark.parametrize("by_magnitude", [False, True])
def test_a_scale_maps_its_ends(by_magnitude: bool) -> None:
    scale = Scale(10, 1_000, 50, 150, by_magnitude=by_magnitude)
    assert (scale(10), scale(1_000)) == (50, 150)
    assert scale(100) == pytest.approx(100 if by_magnitude else 50 + 100 * 90 / 990)
    assert Scale(3, 3, 0, 10)(3) == 0


def test_marks_are_round() -> None:
    assert Scale(0, 32_500, 0, 1).marks() == [0, 10_000, 20_000, 30_000]
    assert Scale(0, 0.03, 0, 1).marks() == pytest.approx([0, 0.01, 0.02, 0.03])
    assert Scale(0.95, 9, 0, 1, by_magnitude=True).marks() == [1, 2, 5]
    assert Scale(1, 1.2, 0, 1, by_magnitude=True).marks(2) == pytest.approx([1, 1.1, 1.2])


@given(st.floats(0, 1e6), st.floats(1e-3, 1e6), st.booleans(), st.integers(2, 8))
def test_marks_stay_inside_and_are_few(low: float, more: float, log: bool, most: int) -> None:
    scale = Scale(max(low, 0.01), max(low, 0.01) + more, 0, 100, by_magnitude=log)
    marks = scale.marks(most)
    slack = 1e-6 * scale.high
    assert all(scale.low - slack <= mark <= scale.high + slack for mark in marks)
    assert len(marks) <= most + 1


@given(st.lists(st.floats(0, 100), max_size=6))
def test_labels_are_put_apart_in_their_order(wanted: list[float]) -> None:
    placed = apart(wanted, 10, low=0, high=100)
    pairs = sorted(zip(wanted, placed, strict=True))
    assert all(b[1] - a[1] >= 10 - 1e-9 for a, b in pairwise(pairs))
    assert all(place <= 100 for place in placed)
    if len(wanted) <= 1:
        assert placed == wanted


def test_numbers_of_an_axis_are_short() -> None:
    assert [short(n) for n in (0, 0.5, 500, 1_500, 20_000, 2_500_000)] == [
        *("0", "0.5", "500", "1.5k", "20k", "2.5M")
    ]
