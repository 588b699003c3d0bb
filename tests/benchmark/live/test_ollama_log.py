"""Ollama's log: what it says of prompts, among everything else it says."""

import asyncio
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.benchmark.live.ollama_log import Logged, NothingLogged, OllamaLog, prompts
from stitcher.errors import SettingsError
from stitcher.simulator.engine_log import log_lines
from stitcher.simulator.reading import Reading

# Lines as Ollama 0.32 has them in the journal.
FRONT = "Oct 04 23:02:10 host ollama[785]: slot   operator(): id  0 | task {task} | "
NEW = FRONT + "new prompt, n_ctx_slot = 4096, n_keep = 4, task.n_tokens = {total}"
CACHED = FRONT + "cached n_tokens = {cached}, memory_seq_rm [{cached}, end)"
EVAL = (
    "slot print_timing: id  0 | task {task} | prompt eval time =      90.84 ms /    {computed} "
    "tokens (    1.08 ms per token,   924.74 tokens per second)"
)
OTHERS = [
    '[GIN] 2026/10/04 - 23:02:12 | 200 |  1.2s |  127.0.0.1 | POST "/v1/chat/completions"',
    'time=2026-10-04T23:02:10Z level=INFO source=server.go msg="llama runner started"',
    "slot print_timing: id  0 | task 5 |        eval time =     218.95 ms /     8 tokens (...)",
    "slot print_timing: id  0 | task 5 | prompt processing, n_tokens = 3584, progress = 0.96",
    "slot      release: id  0 | task 5 | stop processing: n_tokens = 127, truncated = 0",
    "",
]


def lines(task: int, total: int, *cached: int) -> list[str]:
    said = [CACHED.format(task=task, cached=one) for one in cached]
    return [NEW.format(task=task, total=total), *said]


def test_a_prompt_is_known_by_two_lines() -> None:
    assert prompts([*OTHERS, *lines(5, 120, 36), *OTHERS]) == [Logged(120, 36)]


def test_a_long_prompt_says_more_with_each_batch_and_the_first_counts() -> None:
    assert prompts(lines(5, 5_000, 36, 2_084, 4_132)) == [Logged(5_000, 36)]


def test_what_was_computed_says_it_too() -> None:
    said = [NEW.format(task=6, total=120), EVAL.format(task=6, computed=84)]
    assert prompts(said) == [Logged(120, 36)]


def test_half_a_story_is_none() -> None:
    assert prompts([NEW.format(task=5, total=120)]) == []
    assert prompts([CACHED.format(task=5, cached=36), EVAL.format(task=5, computed=84)]) == []


def test_tasks_are_counted_anew_after_a_restart() -> None:
    assert prompts([*lines(0, 120, 36), *lines(0, 90, 0)]) == [Logged(90, 0)]


@given(
    st.lists(st.tuples(st.integers(1, 9_999), st.integers(0, 9_999)), max_size=4),
    st.lists(st.sampled_from(OTHERS), max_size=6),
)
def test_it_reads_what_the_simulated_engine_writes(
    told: list[tuple[int, int]], others: list[str]
) -> None:
    readings = [Reading("", 0, total, min(read, total), slot=0) for total, read in told]
    said = [
        line
        for task, reading in enumerate(readings)
        for line in [*others, *log_lines(reading, task, 8)]
    ]
    assert prompts(said) == [Logged(one.total, one.read) for one in readings]


class Log:
    """A log that is written while somebody waits for it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.later: list[str] = []  # one for each pause
        self.pauses = 0
        path.touch()
        self.read = OllamaLog(path, pause=self._pause)

    def write(self, *said: str) -> None:
        with self.path.open("a") as log:
            log.write("".join(f"{line}\n" for line in said))

    def latest(self, reported: int | None = None) -> Logged:
        return asyncio.run(self.read.latest(reported))

    async def _pause(self, seconds: float) -> None:
        self.pauses += 1
        if self.later:
            with self.path.open("a") as log:
                log.write(self.later.pop(0))


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "server.log")


def test_only_what_is_new_counts(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    path.write_text("\n".join([*lines(1, 500, 400), ""]))
    log = Log(path)
    log.write(*lines(2, 120, 36))
    assert log.latest(120) == Logged(120, 36)
    log.write(*lines(3, 150, 120))
    assert log.latest(150) == Logged(150, 120)
    assert log.pauses == 0


def test_what_was_logged_before_is_nobodys_answer(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    path.write_text("\n".join([*lines(1, 120, 36), ""]))
    with pytest.raises(NothingLogged):
        Log(path).latest(120)


def test_somebody_elses_prompt_is_told_by_its_size(log: Log) -> None:
    log.write(*lines(1, 120, 36), *lines(2, 8, 0))
    assert log.latest(120) == Logged(120, 36)


def test_where_sizes_disagree_the_last_one_is_taken_after_a_while(log: Log) -> None:
    log.write(*lines(1, 120, 36))
    assert log.latest(84) == Logged(120, 36)
    assert log.pauses > 0


def test_what_comes_late_and_in_pieces_is_waited_for(log: Log) -> None:
    text = "".join(f"{line}\n" for line in lines(1, 120, 36))
    log.later = [text[:30], text[30:100], "", text[100:-5], text[-5:]]
    assert log.latest(120) == Logged(120, 36)
    assert log.pauses == 5


def test_a_log_that_begins_anew_is_read_from_its_beginning(log: Log) -> None:
    log.write(*lines(1, 120, 36), *OTHERS * 3)
    log.latest(120)
    log.path.write_text("\n".join([*lines(0, 150, 120), ""]))
    assert log.latest(150) == Logged(150, 120)


def test_nothing_logged_says_where_logs_are_and_what_to_set(log: Log) -> None:
    log.write(*OTHERS)
    with pytest.raises(NothingLogged, match=r"OLLAMA_DEBUG=1.*~/\.ollama/logs/server\.log"):
        log.latest(120)


def test_no_log_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    missing = tmp_path / "none.log"
    with pytest.raises(SettingsError, match=re.escape(f"{missing}: cannot be read (No such file")):
        OllamaLog(missing)
