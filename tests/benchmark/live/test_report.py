"""Tables, notes and the document of a live run."""

import json
from dataclasses import replace

from stitcher.benchmark.live.answer import Answer
from stitcher.benchmark.live.measure import Bound, Measured, Plan, Row
from stitcher.benchmark.live.providers import PROVIDERS
from stitcher.benchmark.live.report import document, notes, sheets, turn_sheets
from stitcher.providers.listed_price import Price
from stitcher.providers.usage import CacheUsage
from tests.benchmark.made import Said, conversation, workload

PRICE = Price(1.0, 5.0, 0.1, 1.25, 2.0)
SHORT = workload(conversation(Said(20), Said(20)), max_tokens=2_000)
PLAN = Plan(PROVIDERS["anthropic"], "claude-haiku-5-5", [SHORT], ["half"], "run", PRICE)
ANSWERS = [Answer(CacheUsage(0, 900, 100), 4, 0.5), Answer(CacheUsage(900, 50, 50), 6, 1.5)]
FOUND = Measured([Row("made", "half", PRICE, ANSWERS)])
LONG = Bound(0.01, 9_999)


def test_a_row_for_each_arm() -> None:
    (sheet,) = sheets(PLAN, FOUND)
    assert sheet.title == "made: made for a test (anthropic, claude-haiku-5-5, budget 2,000)"
    assert dict(zip(sheet.columns, sheet.rows[0], strict=True)) == {
        "arm": "half",
        "requests": "2",
        "tokens": "2,000",
        "read": "900",
        "written": "950",
        "plain": "150",
        "hit": "45.0%",
        "USD input": "0.00143",
        "answers": "10",
        "USD all": "0.00148",
        "median s": "1.00",
    }


def test_what_is_not_known_is_a_dash() -> None:
    (sheet,) = sheets(PLAN, Measured([Row("made", "half", None, ANSWERS)]))
    assert [sheet.rows[0][sheet.columns.index(name)] for name in ("USD input", "USD all")] == [
        *("-", "-")
    ]


def test_each_request_on_demand() -> None:
    (sheet,) = turn_sheets(FOUND)
    assert sheet.title == "made, half"
    assert sheet.rows[1] == ["2", "900", "50", "50", "6", "1.50"]


def test_the_notes_say_whose_words_and_that_nothing_was_waited_for() -> None:
    (note,) = notes(PLAN, FOUND, LONG)
    assert "not what the model said" in note
    assert "No gap of the workload was waited for." in note
    (other,) = notes(replace(PLAN, longest_gap=30.0), FOUND, LONG)
    assert "at most 30 s each" in other


def test_the_notes_say_what_must_disappoint() -> None:
    short = notes(PLAN, FOUND, Bound(0.01, 400))
    assert short[1].startswith("No prompt is long enough: claude-haiku-5-5 caches none of fewer")
    slow = replace(PLAN, provider=PROVIDERS["deepseek"], model="deepseek-flash")
    assert "takes seconds to cache" in notes(slow, FOUND, LONG)[1]
    assert len(notes(replace(slow, longest_gap=5.0), FOUND, LONG)) == 1
    silent = Measured([Row("made", "half", PRICE, [replace(ANSWERS[0], told=False)])])
    assert "counted as nothing read" in notes(PLAN, silent, LONG)[1]
    assert (
        "price of claude-haiku-5-5 is not known" in notes(replace(PLAN, price=None), FOUND, LONG)[1]
    )


def test_the_document_says_all_and_is_json() -> None:
    noted = notes(PLAN, FOUND, LONG)
    made = document(PLAN, FOUND, versions={"stitcher": "9"}, noted=noted)
    found = json.loads(json.dumps(made))
    assert (found["live"], found["provider"], found["model"]) == (
        *(True, "anthropic", "claude-haiku-5-5"),
    )
    assert found["notes"] == noted
    assert found["failure"] is None
    (row,), (turns,) = found["rows"], found["turns"]
    for name in ("read", "written", "plain", "answered"):
        assert sum(turns[name]) == row[name]
    assert row["requests"] == len(turns["seconds"]) == 2
    assert (row["hit_ratio"], row["median_seconds"]) == (0.45, 1.0)
