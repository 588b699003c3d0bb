import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stitcher.store.names import LONGEST, component, is_hashed, name_of

anything = st.text(alphabet=st.characters(exclude_categories=()), max_size=300)
nasty = st.sampled_from(
    [
        *("", ".", "..", "../", "../../etc/passwd", "a/b", "a\\b", "C:\\x", "\0", "a\0b", "-rf"),
        *("con", "CON", "nul.txt", "com1", "lpt9.log", "aux.", "A", "a", " a ", "a.", ".a"),
        *("%41", "%", "~", "@local", "name", "x" * 10_000, "X" * 180),
        *("é", "e\u0301", "😀", "\ud83d\ude00", "\udc80"),
    ]
)


@given(anything | nasty)
@example("😀" * 3000)
def test_every_name_is_one_safe_component(name: str) -> None:
    encoded = component(name)
    assert 1 <= len(encoded) <= LONGEST
    assert set(encoded) <= set("abcdefghijklmnopqrstuvwxyzABCDEF0123456789-_.%~")
    assert not encoded.startswith((".", "@", "~"))
    assert not encoded.endswith(".")
    device = encoded.split(".")[0]
    assert device not in {"con", "prn", "aux", "nul"}
    assert not (len(device) == 4 and device[:3] in {"com", "lpt"} and device[3].isdigit())


@given(anything | nasty)
def test_a_component_decodes_to_its_name_or_says_that_it_is_a_hash(name: str) -> None:
    encoded = component(name)
    if is_hashed(encoded):
        assert name_of(encoded) is None
        assert len(name) * 12 > LONGEST  # a character is four bytes at most, each three digits long
    else:
        assert name_of(encoded) == name


@given(anything | nasty, anything | nasty)
def test_no_two_names_meet_even_where_case_is_folded(one: str, other: str) -> None:
    assert (component(one).casefold() == component(other).casefold()) == (one == other)


@pytest.mark.parametrize("name", ["a" * 179 + "b", "é" * 200, "A" * 61, "." * 200, "/" * 10_000])
def test_long_names_with_the_same_beginning_differ(name: str) -> None:
    assert len({component(name), component(name + "x"), component(name + "X")}) == 3


def test_readable_names_stay_as_they_are() -> None:
    assert component("chat-2024_05.notes") == "chat-2024_05.notes"
    assert component("../x") == "%2E.%2Fx"
    assert component("Chat") == "%43hat"
    assert component("con") == "%63on"
    assert component("") == "%"


@pytest.mark.parametrize(
    "text", ["A", "%61", "%4a", "%C3", "a%", "%%", ".a", "con", "a~b", "é", "x" * 181]
)
def test_what_no_name_is_encoded_as_decodes_to_nothing(text: str) -> None:
    assert name_of(text) is None


def test_names_beyond_the_recursion_limit_are_no_problem() -> None:
    assert len(component("\ud800" * sys.getrecursionlimit() * 2)) <= LONGEST
