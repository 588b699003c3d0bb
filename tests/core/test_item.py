"""Items: names of messages and of their places."""

import pytest

from stitcher.core.item import DIGEST_BYTES, ROOT, chain, chains, digest
from tests.core.shorthand import item


def test_a_digest_is_the_same_on_every_machine() -> None:
    assert digest(b"hello") == "46fb7408d4f285228f4af516ea25851b"
    assert len(digest(b"")) == 2 * DIGEST_BYTES


def test_a_chain_names_a_message_by_all_that_came_before() -> None:
    here = list(chains(["one", "two", "two"]))
    assert here == [
        chain(ROOT, "one"),
        chain(chain(ROOT, "one"), "two"),
        chain(chain(chain(ROOT, "one"), "two"), "two"),
    ]
    assert len(set(here)) == 3, "said twice in a row is two places"


def test_a_shared_beginning_is_a_shared_name() -> None:
    one, other = list(chains("abc")), list(chains("abd"))
    assert one[:2] == other[:2]
    assert one[2] != other[2]


def test_a_different_beginning_changes_every_name_after_it() -> None:
    assert not set(chains("abc")) & set(chains("xbc"))


def test_chains_go_on_from_any_place() -> None:
    whole = list(chains("abcd"))
    assert list(chains("cd", parent=whole[1])) == whole[2:]


def test_no_messages_no_names() -> None:
    assert list(chains([])) == []


@pytest.mark.parametrize(
    ("line", "starts"),
    [
        ("u hi", True),
        ("a hi", False),
        ("s rules", False),
        ("t found x", False),
        ("u found x", False),  # Anthropic: results come in a user message
    ],
)
def test_a_turn_starts_where_a_person_speaks(line: str, starts: bool) -> None:
    assert item(line).starts_turn is starts
