"""Files of conversations: their kind is seen, and what is wrong with one is said."""

from pathlib import Path

import pytest

from stitcher.benchmark.traces import traced
from stitcher.errors import SettingsError
from tests.benchmark.sessions import CLAUDE_CODE, CODEX, Line, written
from tests.benchmark.test_mooncake import LINES


@pytest.mark.parametrize(
    ("lines", "about", "max_tokens"),
    [
        (CLAUDE_CODE, "claude-code: 3 requests in 1 conversations", 128_000),
        (CODEX, "codex: 3 requests in 1 conversations", 128_000),
        (LINES, "mooncake: 3 requests in 1 conversations", 32_000),
    ],
    ids=["claude-code", "codex", "mooncake"],
)
def test_the_kind_is_seen(tmp_path: Path, lines: list[Line], about: str, max_tokens: int) -> None:
    workload = traced(written(tmp_path / "mine.jsonl", lines))
    assert (workload.name, workload.about, workload.note) == ("mine", about, "")
    assert workload.max_tokens == max_tokens


def test_a_large_trace_is_sampled_and_that_is_said(tmp_path: Path) -> None:
    lines = [
        {**line, "hash_ids": [0, *(one + 100 * n for one in line["hash_ids"][1:])]}
        for n in range(201)
        for line in LINES
    ]
    first, again, other = (
        traced(written(tmp_path / "large.jsonl", lines), seed) for seed in (0, 0, 1)
    )
    assert first.note == "200 of 201 conversations, drawn with seed 0"
    assert len(first.conversations) == len(again.conversations) == 200
    assert other.note.endswith("seed 1")


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    path = written(tmp_path / "torn.jsonl", CLAUDE_CODE)
    path.write_text(path.read_text() + '{"type":"assis')
    assert traced(path).requests == 3


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "found no line of a known kind"),
        ('{"a": 1}\n', "found no line of a known kind"),
        ("[1]\n\n", "found no line of a known kind"),
        ("hello\n", "line 1 is no JSON"),
        ('{"a": 1}\nhello\n{"a": 1}\n', "line 2 is no JSON"),
        ('{"type":"user","message":{"role":"user","content":"hi"}}\n', "no request with an answer"),
    ],
)
def test_what_is_no_trace_is_said_to_be_none(tmp_path: Path, text: str, found: str) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text(text)
    with pytest.raises(SettingsError, match=found) as error:
        traced(path)
    assert str(path) in str(error.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        traced(tmp_path / "nothing.jsonl")
    with pytest.raises(SettingsError, match="cannot be read"):
        traced(tmp_path)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="it is not UTF-8"):
        traced(tmp_path / "bytes")
