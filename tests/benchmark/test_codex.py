"""A session of Codex: its requests, with the tokens that it says."""

from stitcher.benchmark import codex
from stitcher.benchmark.asked import conversation
from tests.benchmark.sessions import CODEX

FOUND = conversation(codex.told(CODEX))


def test_a_request_for_each_response() -> None:
    assert [one.starts_turn for one in FOUND.requests] == [True, False, True]
    assert [one.at - FOUND.requests[0].at for one in FOUND.requests] == [0, 4, 900]


def test_prompts_are_as_long_as_its_usage_says() -> None:
    prompts = [FOUND.head.tokens + FOUND.history(0, n) for n in range(3)]
    assert prompts == [9_000, 9_250, 9_280]
    assert [one.reply.tokens for one in FOUND.requests] == [80, 20, 10]


def test_only_its_own_lines_are_its() -> None:
    assert all(map(codex.is_line, CODEX))
    assert not codex.is_line({"type": "user", "message": {}})
    assert not codex.is_line({"type": "session_meta"})
