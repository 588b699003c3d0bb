import pytest

from stitcher.messages.unreadable import Unreadable
from stitcher.wire.dialects import DIALECTS, read_item

RAW = b'{"role":"user","content":"hi"}'


@pytest.mark.parametrize("name", DIALECTS)
def test_a_message_is_read_in_the_dialect_it_came_in(name: str) -> None:
    assert read_item(name, RAW) == DIALECTS[name].read_item(RAW)
    assert read_item(name, RAW).dialect == name == DIALECTS[name].NAME


def test_a_dialect_that_is_not_known_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="expected openai_chat or anthropic or openai_responses"):
        read_item("novel", RAW)
