"""The pictures: three for each workload and cell, each arm in each of them."""

import re
from xml.etree import ElementTree

import pytest

from stitcher.benchmark.cells import CELLS
from stitcher.benchmark.measure import ARMS, Plan, Row, measured
from stitcher.benchmark.pictures import cost_by_kept, cost_over_time, pictures, tokens_by_request
from stitcher.benchmark.svg import COLOURS
from tests.benchmark.made import Said, conversation, workload

SVG = "{http://www.w3.org/2000/svg}"
CHAT = workload(conversation(*[Said(100, 100)] * 30, head=500), max_tokens=2_000)


def rows(*arms: str) -> list[Row]:
    return list(measured(Plan([CHAT], arms or tuple(ARMS), [CELLS["anthropic-5m"]])))


ALL = rows()
PICTURES = pictures(ALL)


def texts(picture: str) -> list[str]:
    return [one.text or "" for one in ElementTree.fromstring(picture).iter(f"{SVG}text")]


def test_there_are_three_named_after_workload_and_cell() -> None:
    assert list(PICTURES) == [
        *(f"made-anthropic-5m-{what}.svg" for what in ("cost", "tokens", "kept"))
    ]


@pytest.mark.parametrize("name", PICTURES)
def test_each_labels_every_arm_and_describes_itself(name: str) -> None:
    root = ElementTree.fromstring(PICTURES[name])
    assert root.findtext(f"{SVG}title") == "made, anthropic-5m"
    assert "Cost over optimum: direct" in (root.findtext(f"{SVG}desc") or "")
    said = " ".join(texts(PICTURES[name]))
    assert all(arm in said for arm in ARMS)


@pytest.mark.parametrize("name", PICTURES)
def test_each_uses_only_the_colours_there_are(name: str) -> None:
    used = set(re.findall(r'class="(?:fill|stroke)-(\w+)', PICTURES[name]))
    assert used <= set(COLOURS)


@pytest.mark.parametrize("name", PICTURES)
def test_nothing_stands_outside(name: str) -> None:
    root = ElementTree.fromstring(PICTURES[name])
    width, height = (float(root.get(side, "0")) for side in ("width", "height"))
    for one in root.iter(f"{SVG}text"):
        assert 0 <= float(one.get("x", "-1")) <= width
        assert 0 <= float(one.get("y", "-1")) <= height


def test_lines_far_above_the_others_leave_at_the_top_and_say_so() -> None:
    costs = {row.arm: row.cost for row in ALL}
    assert costs["naive"] > 2 * costs["half"]
    said = texts(cost_over_time(ALL))
    assert any(re.match(r"↑ naive  \d", text) for text in said)
    assert not any(text.startswith("↑ half") for text in said)
    assert "optimum" in said


def test_a_panel_that_is_cut_off_says_how_high_it_goes() -> None:
    highest = max(turn.tokens for row in ALL if row.arm == "direct" for turn in row.turns)
    assert f"up to {highest:,}" in texts(tokens_by_request(ALL))


def test_an_arm_alone_has_a_picture_too() -> None:
    (alone,) = rows("naive")
    assert len(pictures([alone])) == 3
    assert any("naive" in text for text in texts(cost_by_kept([alone])))


def test_a_conversation_that_never_has_the_guarantee_is_drawn_by_what_it_has() -> None:
    short = workload(conversation(Said(10), Said(10)), max_tokens=100_000)
    found = list(measured(Plan([short], ["half"], [CELLS["openai"]])))
    assert found[0].kept is None
    assert len(pictures(found)) == 3
