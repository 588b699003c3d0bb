"""The Mooncake trace: conversations found by what their prompts begin with."""

from typing import Any

from stitcher.benchmark import mooncake


def line(at: int, asked: int, replied: int, *ids: int) -> dict[str, Any]:
    return {"timestamp": at, "input_length": asked, "output_length": replied, "hash_ids": [0, *ids]}


LINES = [
    line(0, 1_500, 100, 1, 2),
    line(1_000, 2_000, 50, 3, 4, 5),
    line(60_000, 1_650, 30, 1, 6, 7),  # goes on with the first: block 2 has become block 6
    line(90_000, 1_300, 10, 8),  # alone
    line(120_000, 2_100, 20, 1, 6, 9, 10),
]


def test_a_request_goes_on_with_the_conversation_it_begins_like() -> None:
    (found,) = mooncake.conversations(LINES)
    assert [one.at for one in found.requests] == [0, 60, 120]
    assert found.head.tokens == 512
    assert [one.said.tokens for one in found.requests] == [1_500 - 512, 50, 2_100 - 1_650 - 30]
    assert [found.head.tokens + found.history(0, n) for n in range(3)] == [1_500, 1_650, 2_100]
    assert [one.reply.tokens for one in found.requests] == [100, 30, 20]
    assert all(one.starts_turn for one in found.requests)


def test_an_edit_is_another_conversation() -> None:
    lines = [*LINES, line(180_000, 1_700, 10, 1, 6, 11), line(190_000, 1_900, 10, 1, 6, 11, 12)]
    first, edited = mooncake.conversations(lines)
    assert len(first.requests) == 3
    assert [one.at for one in edited.requests] == [180, 190]


def test_only_its_own_lines_are_its() -> None:
    assert mooncake.is_line(LINES[0])
    assert not mooncake.is_line({"timestamp": 0, "hash_ids": [1]})
    assert not mooncake.is_line({"type": "user"})


def test_a_sample_is_drawn_with_a_seed() -> None:
    (one,) = mooncake.conversations(LINES)
    many = [one] * (mooncake.SAMPLE + 1)
    assert mooncake.sampled([one], 0) == [one]
    assert len(mooncake.sampled(many, 0)) == mooncake.SAMPLE
