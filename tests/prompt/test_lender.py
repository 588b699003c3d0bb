"""What is handed out is the caller's, what is kept is not, and hardly anything is copied."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.prompt import lender as module
from stitcher.prompt.accepting import duplicate
from stitcher.prompt.lender import Lender
from tests.prompt.speech import Message, answer, user


def blocks(text: str) -> Message:
    return {"role": "user", "content": [{"type": "text", "text": text}]}


def test_each_message_is_copied_once(monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[Message] = []

    def counting(message: Message) -> Message:
        copied.append(message)
        return duplicate(message)

    monkeypatch.setattr(module, "duplicate", counting)
    lender, history = Lender(), [user("1"), answer("2")]
    for n in range(5):
        history = [*history, user(f"{n}")]
        assert lender.lend(history) == history
    assert len(copied) == len(history)


def test_what_a_caller_changes_is_not_changed_here() -> None:
    lender, history = Lender(), [user("1"), blocks("2")]
    lent = lender.lend(history)
    lent[0]["content"] = "changed"
    lent[1]["content"][0]["cache_control"] = {"type": "ephemeral"}
    assert history == lender.lend(history) == [user("1"), blocks("2")]


def test_breakpoints_of_the_applications_own_are_counted_once() -> None:
    lender, marked = Lender(), blocks("1")
    marked["content"][0]["cache_control"] = {"type": "ephemeral"}
    for _ in range(3):
        lender.lend([marked, user("2")])
        assert lender.markers == 1
    lender.lend([marked, user("2"), dict(marked)])
    assert lender.markers == 2
    lender.lend([user("2")])
    assert lender.markers == 0


def test_tags_are_not_lent() -> None:
    tagged = {**user("1"), "_stitcher": {"context_key": "x"}}
    assert Lender().lend([tagged]) == [user("1")]


CHANGE = st.tuples(st.sampled_from(["say", "spoil", "cut", "replace"]), st.integers(0, 9))


@given(st.lists(CHANGE, max_size=20))
def test_whatever_happens_it_is_what_is_kept(changes: list[tuple[str, int]]) -> None:
    lender = Lender()
    kept: list[Message] = []
    lent: list[Message] = []
    for what, n in changes:
        match what:
            case "say":
                kept = [*kept, blocks(f"{n}")]
            case "spoil" if lent:
                spoiled: Any = lent[n % len(lent)]["content"]
                spoiled[0]["text"] = "spoiled"
            case "cut" if n:
                kept = [dict(message) for message in kept[n:]]  # as compaction makes it
            case "replace" if kept:
                kept = [*kept[:-1], blocks(f"new {n}")]
        lent = lender.lend(kept)
        assert lent == kept
        assert all(mine is not own for mine, own in zip(lent, kept, strict=True))
