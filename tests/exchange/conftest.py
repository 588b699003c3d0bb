from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.exchange.dialogue import Client, Dialogue

OpenDialogue = Callable[..., Dialogue]


@pytest.fixture
def opened() -> Iterator[OpenDialogue]:
    """Opens dialogues; each is checked when the test ends."""
    made: list[Dialogue] = []

    def open_one(**about: Any) -> Dialogue:
        made.append(Dialogue(**about))
        return made[-1]

    yield open_one
    for one in made:
        one.end()


@pytest.fixture
def talk(opened: OpenDialogue) -> Dialogue:
    """A dialogue with the default settings."""
    return opened()


@pytest.fixture(params=["openai_chat", "openai_responses", "anthropic"])
def dialect(request: pytest.FixtureRequest) -> str:
    """Runs a test once for each dialect."""
    assert isinstance(request.param, str)
    return request.param


@pytest.fixture
def client(talk: Dialogue, dialect: str) -> Client:
    """A client on a session named `s`."""
    return talk.client(dialect, session="s")
