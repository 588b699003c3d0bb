"""The endpoints that other processes steer the simulator with."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import openai
import pytest

from stitcher.simulator.serve import SimulatorThread
from stitcher.simulator.virtual_clock import still


@pytest.fixture
def waiting() -> Iterator[SimulatorThread]:
    with SimulatorThread(clock=still) as simulator:
        yield simulator


def clock(sim: SimulatorThread, body: Any = None) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    try:
        with urlopen(Request(f"{sim.url}/simulator/clock", data)) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, json.load(error)


def test_an_hour_passes_in_no_time(waiting: SimulatorThread) -> None:
    """Half an hour after the last use OpenAI's cache has forgotten (prompt caching guide)."""
    messages: Any = [{"role": "user", "content": "hour " * 400}]
    with openai.OpenAI(base_url=f"{waiting.url}/v1", api_key="key") as client:

        def read() -> int | None:
            usage = client.chat.completions.create(model="sim-m", messages=messages).usage
            assert usage is not None
            assert usage.prompt_tokens_details is not None
            return usage.prompt_tokens_details.cached_tokens

        assert [read(), read()] == [0, 506]
        assert clock(waiting, {"advance": 1799}) == (200, {"now": 1799.0})
        assert read() == 506
        clock(waiting, {"advance": 3600})
        assert read() == 0
    assert clock(waiting) == (200, {"now": 5399.0})
    assert [request.at for request in waiting.requests] == [0, 0, 1799, 5399]


@pytest.mark.parametrize("body", [{"advance": -1}, {"advance": "1"}, {"advance": True}, {}, [1]])
def test_a_time_that_cannot_pass_is_refused(waiting: SimulatorThread, body: Any) -> None:
    status, answer = clock(waiting, body)
    assert status == 400
    assert "expected a number of at least 0" in answer["error"]
    assert clock(waiting) == (200, {"now": 0.0})
