"""A running simulator and the official SDKs pointed at it."""

from collections.abc import Iterator

import anthropic
import openai
import pytest

from stitcher.simulator.serve import SimulatorThread


@pytest.fixture(scope="module")
def shared() -> Iterator[SimulatorThread]:
    with SimulatorThread() as simulator:
        yield simulator


@pytest.fixture
def sim(shared: SimulatorThread) -> SimulatorThread:
    """The module's simulator with an empty record; its cache and counters go on."""
    shared.clear()
    return shared


@pytest.fixture
def chat(sim: SimulatorThread) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{sim.url}/v1", api_key="key", max_retries=0) as client:
        yield client


@pytest.fixture
def claude(sim: SimulatorThread) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=sim.url, api_key="key", max_retries=0) as client:
        yield client
