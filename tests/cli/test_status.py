"""`stitcher status`: running or not, and what it says to people and programs."""

import json
import os

from stitcher.store.lock import DataDirLock
from tests.cli.conftest import Command
from tests.cli.proxy_stand_in import StandIn

NOT_RUNNING = 3


def test_not_running(stitcher: Command) -> None:
    stitcher.write_session("a", {"type": "message", "message": {}})
    stitcher.write_config(max_tokens=5000)
    result = stitcher("status")
    assert result.exit_code == NOT_RUNNING
    lines = result.stdout.splitlines()
    assert lines[0] == "Not running. Start it: stitcher start"
    assert "  sessions       1" in lines
    assert "  budget         5,000 tokens, keeping 50% at a cut" in lines
    found = json.loads(stitcher("status", "--json").stdout)
    assert (found["running"], found["sessions"]) == (False, 1)
    assert found["data_dir"] == str(stitcher.sessions)
    assert found["settings"]["max_tokens"] == "5000"


def test_running(stitcher: Command) -> None:
    with StandIn(stitcher.sessions) as proxy:
        result = stitcher("status")
        found = json.loads(stitcher("status", "--json").stdout)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == f"Running: {proxy.url}"
    assert f"process        {os.getpid()} on " in result.stdout
    assert (found["running"], found["answers"], found["pid"]) == (True, True, os.getpid())
    assert found["url"] == proxy.url
    assert found["stats"] == {"sessions": 1, "requests": 5}


def test_what_keeping_alive_has_cost(stitcher: Command) -> None:
    with StandIn(stitcher.sessions) as proxy:
        assert "keep-alive" not in stitcher("status").stdout
        kept = {"pings": 3, "usd": 0.024999, "limit": 1.0}
        stats = {"mode": "stitch", "requests": 5, "keep_alive": kept}
        proxy.answers["GET", "/v1/stitcher/stats"] = (200, stats)
        lines = stitcher("status").stdout.splitlines()
        found = json.loads(stitcher("status", "--json").stdout)
    assert "  keep-alive     3 requests, $0.02 of $1.00 today (UTC)" in lines
    assert found["stats"]["keep_alive"] == kept


def test_running_but_not_counting_for_us(stitcher: Command) -> None:
    """A proxy that keeps keys apart counts for whoever shows one."""
    with StandIn(stitcher.sessions) as proxy:
        proxy.answers["GET", "/v1/stitcher/stats"] = (401, {"error": {"message": "no"}})
        result = stitcher("status")
    assert result.exit_code == 0
    assert "problem" not in result.stdout


def test_running_but_not_answering(stitcher: Command) -> None:
    with StandIn(stitcher.sessions) as proxy:
        proxy.answers["GET", "/healthz"] = (500, {})
        result = stitcher("status")
    assert result.exit_code == 0
    assert f"problem        {proxy.url}/healthz answered 500, expected 200" in result.stdout


def test_starting(stitcher: Command) -> None:
    lock = DataDirLock(stitcher.sessions)
    lock.acquire()
    try:
        result = stitcher("status")
    finally:
        lock.release()
    assert result.exit_code == 0
    assert result.stdout.startswith("Running: address not known yet")
