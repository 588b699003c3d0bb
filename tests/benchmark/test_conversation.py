"""Sizes of a conversation: what a request carries, where turns begin."""

from tests.benchmark.made import Said, conversation, workload

CHAT = conversation(
    Said(100, 10, context="a"),
    Said(200, 20, results=True, context="a"),
    Said(300, 30, context="b"),
    head=500,
)


def test_the_history_of_a_request_ends_with_its_question() -> None:
    assert [CHAT.history(0, n) for n in range(3)] == [100, 310, 630]
    assert CHAT.history(4, 2) == 300


def test_turns_and_changes_of_context() -> None:
    assert CHAT.turns_until(2) == [4, 0]
    assert CHAT.turns_until(1) == [0]
    assert [CHAT.next_change(n) for n in range(3)] == [2, 2, 3]
    assert [CHAT.calls_tools(n) for n in range(3)] == [False, True, True]


def test_the_first_request_begins_a_turn_whatever_it_brings() -> None:
    assert conversation(Said(10, results=True)).turns_until(0) == [0]


def test_a_workload_counts_all_its_conversations() -> None:
    both = workload(CHAT, conversation(Said(1)))
    assert both.requests == 4
    assert both.has_context
    assert not workload(conversation(Said(1))).has_context
