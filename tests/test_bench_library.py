import sys
from collections.abc import Mapping
from typing import Any

import pytest

from tests.bench_output import printed


@pytest.fixture(scope="module")
def placement() -> Mapping[str, Any]:
    """What it prints: the same in every run."""
    found: Mapping[str, Any] = printed("placement")
    return found


@pytest.fixture(scope="module")
def library() -> Mapping[str, Any]:
    """What it prints; its figures mean nothing here."""
    if not sys.platform.startswith("linux"):
        pytest.skip("the benchmark pins its process and reads the CPU of its children")
    found: Mapping[str, Any] = printed("library", "--quick")
    return found


def _arms(placement: Mapping[str, Any], workload: str, model: str) -> dict[str, Mapping[str, Any]]:
    """The rows of one workload at one model's prices, by arm."""
    rows = placement["placed"]
    return {
        row["arm"]: row
        for row in rows
        if row["workload"].startswith(workload) and row["model"] == model
    }


def test_library_puts_every_way_to_keep_a_history_beside_the_same_of_its_peer(
    library: Mapping[str, Any],
) -> None:
    rows = library["turns"]
    ways = {"manager", "manager, budget", "functions", "functions, budget"}
    assert ways <= {row["arm"] for row in rows}
    assert len({row["workload"] for row in rows}) == 3
    assert len({row["messages"] for row in rows}) == 2
    assert all(row["ours"] > 0 and row["theirs"] > 0 and row["ratio"] > 0 for row in rows)
    assert library["imports"]["empty"] > 0


def test_library_measures_whole_requests_over_every_history(library: Mapping[str, Any]) -> None:
    rows = library["requests"]
    assert {row["model"] for row in rows} == {"claude-sonnet-5-5", "gpt-5.5"}
    assert len(rows) == 6
    assert all(ms > 0 for row in rows for ms in row["took"].values())


def test_placement_counts_as_llmbuffers_own_benchmark_does(placement: Mapping[str, Any]) -> None:
    arms = _arms(placement, "15 turns", "gpt-4o")
    fixed, naive = arms["fixed"], arms["naive"]
    assert (fixed["tokens"], fixed["cached"]) == (22_820, 19_457)  # what it prints itself
    assert (naive["tokens"], naive["cached"]) == (22_824, 15_082)
    assert fixed["ratio"] == pytest.approx(0.853, abs=0.0005)
    assert naive["ratio"] == pytest.approx(0.661, abs=0.0005)


def test_placement_holds_context_before_or_behind_its_question(
    placement: Mapping[str, Any],
) -> None:
    arms = _arms(placement, "15 turns", "gpt-4o")
    assert arms["held"]["ratio"] == pytest.approx(0.895, abs=0.0005)
    assert arms["held, behind"]["ratio"] == pytest.approx(0.899, abs=0.0005)


def test_placement_finds_nothing_cheaper_than_the_best_in_hindsight_in_its_places(
    placement: Mapping[str, Any],
) -> None:
    for row in placement["placed"]:
        arms = _arms(placement, row["workload"], row["model"])
        best = arms["best in hindsight"]["cost"]
        # Whole tokens are counted, and the search weighs characters.
        assert all(arms[arm]["cost"] >= best - 10 for arm in ("fixed", "held", "priced"))


def test_placement_makes_requests_that_every_provider_takes(placement: Mapping[str, Any]) -> None:
    billed = placement["billed"]
    assert {row["model"] for row in billed} == {"claude-sonnet-5-5", "gpt-5.5", "gpt-6"}
    assert {row["arm"] for row in billed} == {"fixed", "priced", "very tail"}
    assert [row["refused"] for row in billed] == [[]] * len(billed)
    assert all(row["read"] + row["written"] + row["plain"] == row["tokens"] for row in billed)
