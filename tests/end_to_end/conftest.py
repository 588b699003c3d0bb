"""The stack that every end-to-end test runs on, and what holds after each of them."""

from collections.abc import Callable, Iterator

import pytest

from tests.end_to_end.stack import Stack


@pytest.fixture(scope="session")
def take_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Stack]]:
    """Hands out stacks; one more is always starting while a test runs."""
    spares: list[Stack] = []

    def launch() -> None:
        spares.append(Stack(tmp_path_factory.mktemp("stack")))

    def take() -> Stack:
        if not spares:
            launch()
        stack = spares.pop()
        stack.wait_until_ready()
        launch()
        return stack

    yield take
    for spare in spares:
        spare.discard()


@pytest.fixture
def stack(take_stack: Callable[[], Stack]) -> Iterator[Stack]:
    stack = take_stack()
    try:
        yield stack
        stack.check()
    finally:
        stack.close()
