"""Tables and the document: every figure, named, and what it was measured with."""

import json

from stitcher.benchmark.cells import CELLS
from stitcher.benchmark.measure import Plan, measured
from stitcher.benchmark.report import Sheet, cells_sheet, document, markdown, sheets, turn_sheets
from tests.benchmark.made import Said, conversation, workload

CHAT = workload(conversation(*[Said(100, 100)] * 12, head=500), max_tokens=2_000)
SHORT = workload(conversation(Said(100, 100), Said(100, 100)), max_tokens=100_000)
PLAN = Plan([CHAT], ["half", "optimum"], [CELLS["anthropic-5m"], CELLS["openai"]])
ROWS = list(measured(PLAN))


def test_a_sheet_for_each_workload_and_a_summary() -> None:
    table, summary = sheets(PLAN, ROWS)
    assert table.title == "made: made for a test (budget 2,000, keep 0.5)"
    assert [row[:2] for row in table.rows] == [
        ["anthropic-5m", "half"],
        ["anthropic-5m", "optimum"],
        ["openai", "half"],
        ["openai", "optimum"],
    ]
    first = dict(zip(table.columns, table.rows[0], strict=True))
    assert first["tokens"] == f"{ROWS[0].tokens:,}"
    assert first["x optimum"] == f"{ROWS[0].over_optimum:.3f}"
    assert (first["kept, min"], first["cuts"]) == ("500", "3")
    assert [row[:2] for row in summary.rows] == [["anthropic-5m", "half"], ["openai", "half"]]
    assert summary.rows[0][-1] == "made"


def test_what_is_not_known_is_a_dash() -> None:
    plan = Plan([SHORT], ["half"], [CELLS["openai"]])
    table, _ = sheets(plan, list(measured(plan)))
    first = dict(zip(table.columns, table.rows[0], strict=True))
    assert first["kept, mean"] == first["kept, min"] == "-"


def test_each_request_on_demand() -> None:
    first, *_ = turn_sheets(ROWS)
    assert first.title == "made, anthropic-5m, half"
    assert len(first.rows) == 12
    assert [row[-1] for row in first.rows].count("full") == 3
    assert first.rows[1][:5] == ["2", "800", "600", "200", "0"]


def test_markdown() -> None:
    sheet = Sheet("T", ("name", "n"), 1, [["a", "1"]])
    assert markdown(sheet) == "### T\n\n| name | n |\n| :--- | ---: |\n| a | 1 |\n"


def test_the_document_says_all_and_is_json() -> None:
    found = json.loads(json.dumps(document(PLAN, ROWS, versions={"stitcher": "9"}, seed=3)))
    assert found["versions"] == {"stitcher": "9"}
    assert (found["seed"], found["keep"], found["max_tokens"]) == (3, 0.5, None)
    (chat,) = found["workloads"]
    assert (chat["name"], chat["max_tokens"], chat["requests"]) == ("made", 2_000, 12)
    assert [one["name"] for one in found["providers"]] == ["anthropic-5m", "openai"]
    for row, turns in zip(found["rows"], found["turns"], strict=True):
        for name in ("read", "written", "plain", "cost"):
            assert len(turns[name]) == row["requests"] == 12
            assert sum(turns[name]) == row[name]
        assert row["tokens"] == row["read"] + row["written"] + row["plain"]


def test_prices_are_said() -> None:
    sheet = cells_sheet([CELLS["anthropic-1h"]])
    assert sheet.rows == [
        ["anthropic-1h", "claude-opus-5", "0.1", "2", "3,600 s", "512", "5"],
    ]
