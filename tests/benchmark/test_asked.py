"""Requests out of messages: where one ends, and whose tokens count."""

from stitcher.benchmark.asked import Said, Usage, conversation, message_tokens, seconds_of
from stitcher.benchmark.conversation import Conversation


def sizes(found: Conversation) -> list[tuple[int, int]]:
    return [(one.said.tokens, one.reply.tokens) for one in found.requests]


def asks(at: float, tokens: int) -> Said:
    return Said(at, tokens, is_reply=False)


def says(at: float, tokens: int, reply: str = "") -> Said:
    return Said(at, tokens, is_reply=True, reply=reply)


def test_what_is_said_until_a_reply_is_one_request() -> None:
    found = conversation([asks(1, 10), asks(2, 20), says(5, 7), asks(60, 30), says(61, 3)])
    assert sizes(found) == [(30, 7), (30, 3)]
    assert [one.at for one in found.requests] == [2, 60]
    assert [one.seconds for one in found.requests] == [3, 1]


def test_results_begin_no_turn() -> None:
    results = Said(2, 5, is_reply=False, is_result=True)
    found = conversation([asks(1, 10), says(1, 5), results, says(3, 5)])
    assert [one.starts_turn for one in found.requests] == [True, False]


def test_parts_of_one_reply_stay_together_with_results_in_between() -> None:
    results = Said(2, 5, is_reply=False, is_result=True)
    found = conversation(
        [asks(1, 10), says(1, 5, "a"), results, says(2, 6, "a"), results, says(3, 7, "b")]
    )
    assert sizes(found) == [(10, 11), (10, 7)]


def test_the_providers_count_wins_over_the_estimate() -> None:
    found = conversation(
        [
            *(asks(1, 10), says(2, 5), Usage(1_000, 40)),
            *(asks(3, 10), says(4, 5), Usage(1_100, 50)),
        ]
    )
    assert found.head.tokens == 990
    assert [found.head.tokens + found.history(0, n) for n in range(2)] == [1_000, 1_100]
    assert sizes(found) == [(10, 40), (60, 50)]


def test_thinking_that_did_not_come_back_is_no_part_of_the_history() -> None:
    found = conversation(
        [asks(1, 10), says(2, 5), Usage(1_000, 400), asks(3, 10), says(4, 5), Usage(1_100, 5)]
    )
    assert [found.head.tokens + found.history(0, n) for n in range(2)] == [1_000, 1_100]
    assert sizes(found) == [(10, 99), (1, 5)]


def test_a_history_that_the_client_cut_is_estimated() -> None:
    found = conversation(
        [asks(1, 10), says(2, 5), Usage(1_000, 40), asks(3, 10), says(4, 5), Usage(300, 5)]
    )
    assert sizes(found) == [(10, 40), (10, 5)]


def test_what_was_never_answered_is_no_request() -> None:
    assert sizes(conversation([asks(1, 10)])) == []
    assert sizes(conversation([says(1, 10)])) == []


def test_messages_and_times_of_any_form() -> None:
    assert message_tokens({"role": "user", "content": "x" * 28}, "anthropic") == 10 + 4
    assert message_tokens({"role": "user", "content": 7}, "anthropic") > 0
    assert seconds_of("1970-01-01T00:01:00.500Z") == 60.5
    assert seconds_of(None) == 0
