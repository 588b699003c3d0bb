"""The stack that every end-to-end test runs on, and what holds after each of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.stack import Stack, checked


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    # A provider that keeps nothing: an id it gave away is worth what the proxy remembers of it.
    with checked(Stack(tmp_path, stateless_responses=True)) as stack:
        yield stack


@pytest.fixture
def storing(tmp_path: Path) -> Iterator[Stack]:
    """With a provider that keeps responses itself, and says so of those it does not know."""
    with checked(Stack(tmp_path)) as stack:
        yield stack
