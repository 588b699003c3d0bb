"""A history's tokens: each message is counted once, and nothing is forgotten."""

from hypothesis import given
from hypothesis import strategies as st

from stitcher.prompt.adapters.provider_adapter import ProviderAdapter
from stitcher.prompt.tally import Tally
from tests.prompt.speech import Message, user


class Letters(ProviderAdapter):
    def __init__(self) -> None:
        self.counted = 0

    def message_tokens(self, message: Message) -> int:
        self.counted += 1
        return len(message["content"])


def test_each_message_is_counted_once() -> None:
    tally, adapter = Tally(), Letters()
    history: list[Message] = []
    for n in range(10):
        history = [*history, user("x" * n)]
        assert tally.tokens(history, adapter) == sum(range(n + 1))
    assert adapter.counted == 10


def test_another_history_or_adapter_is_counted_anew() -> None:
    tally, adapter, history = Tally(), Letters(), [user("one"), user("three")]
    assert tally.tokens(history, adapter) == 8
    assert tally.tokens([user("four"), user("x")], adapter) == 5
    assert tally.tokens(history[:1], adapter) == 3
    assert tally.tokens(history, Letters()) == 8


def test_what_was_observed_counts_at_once() -> None:
    tally, adapter, history = Tally(), Letters(), [user("x" * 100)]
    assert tally.tokens(history, adapter) == 100
    adapter.observe(history, {"prompt_tokens": 150})
    assert tally.tokens(history, adapter) == 150


@given(st.lists(st.tuples(st.integers(0, 5), st.text("ab", max_size=5)), max_size=20))
def test_it_is_the_sum_whatever_becomes_of_the_history(steps: list[tuple[int, str]]) -> None:
    """Histories grow at their end, or are made anew of new messages, as compaction does."""
    tally, adapter = Tally(), Letters()
    history: list[Message] = []
    for cut, text in steps:
        if cut:
            history = [dict(one) for one in history[cut:]]
        history = [*history, user(text)]
        assert tally.tokens(history, adapter) == sum(len(one["content"]) for one in history)
