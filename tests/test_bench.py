import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from typing import Any

import pytest

from tests.bench_output import printed

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the benchmarks read /proc and pin processes"
)


def _quick(bench: str) -> Any:
    return printed(bench, "--quick")


@pytest.fixture(scope="module")
def found() -> Mapping[str, Any]:
    """What each printed; run side by side, for their figures mean nothing here."""
    benches = ("history_length", "overhead", "planning")
    with ThreadPoolExecutor() as pool:
        return dict(zip(benches, pool.map(_quick, benches), strict=True))


def test_history_length_compares_the_same_work_on_a_short_and_a_long_log(
    found: Mapping[str, Any],
) -> None:
    history = found["history_length"]
    what = [row["what"] for row in history["compared"]]
    assert "cold session, thin" in what
    assert "warm session, resends 20" in what
    assert all(row["ratio"] > 0 for row in history["compared"])
    assert history["kilobytes_per_idle_session"]


def test_history_length_follows_chains_and_finds_their_places_in_the_index(
    found: Mapping[str, Any],
) -> None:
    what = {row["what"] for row in found["history_length"]["compared"]}
    assert "first request of a new process, chained" in what
    assert "warm session, chained" in what
    assert "finding the oldest response in the index" in what


def test_history_length_goes_on_over_every_other_api(found: Mapping[str, Any]) -> None:
    changed = found["history_length"]["changed"]
    apis = {"openai_chat", "openai_responses", "anthropic"}
    assert {(row["began"], row["now"]) for row in changed} == set(permutations(apis, 2))
    assert all(row["own"] > 0 and row["other"] > 0 for row in changed)


def test_overhead_puts_every_arm_beside_a_bare_pass_through(found: Mapping[str, Any]) -> None:
    rows = found["overhead"]
    arms = {row["arm"] for row in rows}
    assert {"direct", "bare", "off", "stitch, fsync", "stitch, os", "stitch, resends"} <= arms
    bare = [row for row in rows if row["arm"] == "bare"]
    assert bare
    assert all(row["total_ratio"] == row["cpu_ratio"] == 1 for row in bare)
    direct = [row for row in rows if row["arm"] == "direct"]
    assert all(row["added"] == 0 for row in direct)


def test_overhead_puts_a_turn_over_websocket_beside_one_over_http(
    found: Mapping[str, Any],
) -> None:
    turns = {row["arm"]: row for row in found["overhead"] if "chain" in row["cell"]}
    assert {"stitch, WebSocket to HTTP", "stitch, WebSocket to WebSocket"} <= turns.keys()
    reference = turns["stitch over HTTP"]
    assert reference["cpu_ratio"] == reference["first_ratio"] == 1


def test_planning_takes_every_step_apart_for_every_kind_of_cache(
    found: Mapping[str, Any],
) -> None:
    rows = found["planning"]["planned"]
    assert [row["model"] for row in rows] == ["claude-opus-5", "gpt-6", "gpt-5.4"]
    for row in rows:
        assert row["steps"].keys() == {"cut", "breakpoints", "forecast", "state"}
        assert row["total"] > 0
        assert row["ratio"] == row["total"] / row["reference"]
    assert len(found["planning"]["load"]) == 3
