"""A session of Claude Code: its requests, with the tokens that it says."""

from stitcher.benchmark import claude_code
from stitcher.benchmark.asked import conversation
from tests.benchmark.sessions import CLAUDE_CODE, claude_line

FOUND = conversation(claude_code.told(CLAUDE_CODE))


def test_a_request_for_each_answer_whatever_lines_it_takes() -> None:
    assert [one.starts_turn for one in FOUND.requests] == [True, False, True]
    waits = [one.at - FOUND.requests[0].at for one in FOUND.requests]
    assert waits == [0, 5, 400]
    assert [one.seconds for one in FOUND.requests] == [4, 3, 3]


def test_prompts_are_as_long_as_its_usage_says() -> None:
    prompts = [FOUND.head.tokens + FOUND.history(0, n) for n in range(3)]
    assert prompts == [16_000, 16_200, 16_300]
    assert [one.reply.tokens for one in FOUND.requests] == [60, 12, 9]


def test_without_usage_its_texts_are_estimated() -> None:
    lines = [
        claude_line("user", 0, content="a" * 280),
        claude_line("assistant", 2, id="m", content=[{"type": "text", "text": "b" * 140}]),
    ]
    found = conversation(claude_code.told(lines))
    (one,) = found.requests
    assert 100 <= one.said.tokens < 110
    assert 50 <= one.reply.tokens < 60


def test_sub_agents_are_other_conversations() -> None:
    lines = [{**line, "isSidechain": True} for line in CLAUDE_CODE]
    assert list(claude_code.told(lines)) == []


def test_a_message_it_cannot_read_is_a_question() -> None:
    line = claude_line("user", 0, content=7)
    (said,) = claude_code.told([line])
    assert not getattr(said, "is_result", True)
