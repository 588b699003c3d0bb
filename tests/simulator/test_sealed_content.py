"""What a seal opens to, and what opens no seal."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.simulator.sealed_content import seal, unseal


@given(st.text(), st.lists(st.text()))
def test_a_seal_opens_to_what_was_sealed(item_id: str, content: list[str]) -> None:
    assert unseal(seal(item_id, content)) == (item_id, content)


@pytest.mark.parametrize("text", [None, 7, "", "gAAAA", "gAAAA!", "gAAAAAAAA", "hello"])
def test_nothing_else_opens(text: Any) -> None:
    assert unseal(text) is None


@given(st.data())
def test_no_letter_can_be_changed_added_or_left_out(data: st.DataObject) -> None:
    whole = seal("rs_1", ["hm"])
    at = data.draw(st.integers(0, len(whole) - 1))
    letter = data.draw(st.sampled_from("ABCabc019_-="))
    for altered in (
        whole[:at] + letter + whole[at + 1 :],
        whole[:at] + letter + whole[at:],
        whole[:at] + whole[at + 1 :],
    ):
        assert altered == whole or unseal(altered) is None
