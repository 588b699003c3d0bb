"""`stitcher sessions cache`: what the provider's cache did, request by request."""

import json
from typing import Any

import pytest

from tests.cli.conftest import Command

CLAUDE = {"input_tokens": 0, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}


def turn(time: float, *, cause: str = "", predicted: int = 0, **usage: int) -> dict[str, Any]:
    return {
        "type": "turn",
        "time": time,
        "status": "answered",
        "model": "claude-sonnet-5-5",
        "http": 200,
        "usage": {**CLAUDE, **usage},
        "cache": {"predicted": predicted, "cause": cause},
    }


@pytest.fixture
def trip(stitcher: Command) -> Command:
    stitcher.write_session(
        "trip",
        {"type": "message", "message": {"role": "user", "content": "hi"}},
        turn(1_795_000_000.0, cause="first", cache_creation_input_tokens=10_000),
        turn(
            1_795_000_060.0,
            predicted=10_000,
            cache_read_input_tokens=10_000,
            cache_creation_input_tokens=500,
        ),
        {"type": "turn", "status": "failed", "model": "claude-sonnet-5-5", "http": 500},
        turn(1_795_009_000.0, cause="expired", cache_creation_input_tokens=11_000),
    )
    return stitcher


def test_every_request_and_why_it_did_not_read_more(trip: Command) -> None:
    header, first, second, third, *closing = trip("sessions", "cache", "trip").stdout.splitlines()
    assert header.split() == (
        ["time", "model", "tokens", "read", "written", "plain", "foreseen", "why", "not", "more"]
    )
    assert first.split()[2:] == ["claude-sonnet-5-5", "10,000", "0", "10,000", "0", "0", "first"]
    assert second.split()[2:] == ["claude-sonnet-5-5", "10,500", "10,000", "500", "0", "10,000"]
    assert third.split()[-1] == "expired"
    assert closing[0] == "3 requests: 31.7% of 31,500 input tokens read from the cache."
    assert closing[2] == "Not all was read that could have been: expired (1), first (1)."


def test_what_it_cost_and_would_have_cost(trip: Command) -> None:
    """Sonnet 5.5: 2 USD a million, written at 2.50, read at 0.10."""
    found = json.loads(trip("sessions", "cache", "trip", "--json").stdout)
    assert found["usd"] == pytest.approx(21_500 * 2.5e-6 + 10_000 * 0.1e-6)
    assert found["usd_without"] == pytest.approx(31_500 * 2e-6)
    assert found["causes"] == {"expired": 1, "first": 1}
    assert [each["read"] for each in found["each"]] == [0, 10_000, 0]
    assert "13% saved" in trip("sessions", "cache", "trip").stdout


def test_a_model_without_a_known_price(stitcher: Command) -> None:
    line = turn(1.0, input_tokens=10)
    stitcher.write_session("s", {**line, "model": "my-own"})
    result = stitcher("sessions", "cache", "s")
    assert "USD" not in result.stdout
    assert json.loads(stitcher("sessions", "cache", "s", "--json").stdout)["usd"] is None


def test_a_session_without_reports(stitcher: Command) -> None:
    stitcher.write_session(
        "s",
        {"type": "message", "message": {"role": "user", "content": "hi"}},
        {"type": "turn", "status": "answered", "usage": "odd"},
    )
    result = stitcher("sessions", "cache", "s")
    assert (result.exit_code, result.stdout) == (
        0,
        "No provider has reported the use of its cache in 's' yet.\n",
    )


def test_no_such_session(trip: Command) -> None:
    result = trip("sessions", "cache", "tripp")
    assert result.exit_code == 1
    assert "did you mean 'trip'?" in result.stderr
