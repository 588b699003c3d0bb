"""The lines are those of a server's log of October 2026, numbers apart."""

from stitcher.simulator.engine_log import log_lines, timings
from stitcher.simulator.reading import Reading

READING = Reading("", 0, total=7397, read=7393, slot=0)


def test_the_lines_of_one_request() -> None:
    assert list(log_lines(READING, 10, 5)) == [
        "slot   operator(): id  0 | task 10 | new prompt, n_ctx_slot = 131072, n_keep = 0, "
        "task.n_tokens = 7397",
        "slot   operator(): id  0 | task 10 | cached n_tokens = 7393, memory_seq_rm [7393, end)",
        "slot print_timing: id  0 | task 10 | prompt eval time =       0.60 ms /     4 tokens "
        "(    0.15 ms per token,  6666.67 tokens per second)",
        "slot print_timing: id  0 | task 10 |        eval time =      50.00 ms /     5 tokens "
        "(   10.00 ms per token,   100.00 tokens per second)",
        "slot print_timing: id  0 | task 10 |       total time =      50.60 ms /     9 tokens",
    ]


def test_what_was_reused_and_what_was_evaluated_are_the_prompt() -> None:
    told = timings(READING, 5)
    assert (told["cache_n"], told["prompt_n"], told["predicted_n"]) == (7393, 4, 5)
