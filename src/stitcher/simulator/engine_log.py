"""What llama.cpp's server, and Ollama, which runs it, writes to its log about a prompt.

Ollama tells its clients nothing of its cache, so the log is where it can be read. The lines are
those of llama.cpp as Ollama 0.3x prints them (2026-10); the times are made up, one rate for all.
"""

from collections.abc import Iterator

from stitcher.simulator.reading import Reading

_CONTEXT = 131_072
_MS_PER_TOKEN = 0.15
_MS_PER_ANSWERED = 10.0


def log_lines(reading: Reading, task: int, answered: int) -> Iterator[str]:
    """The lines of one request; `answered` are the tokens of its answer."""
    slot = f"id {reading.slot:2} | task {task} | "
    evaluated = reading.total - reading.read
    opening = f"slot   operator(): {slot}"
    yield (
        f"{opening}new prompt, n_ctx_slot = {_CONTEXT}, n_keep = 0, task.n_tokens = {reading.total}"
    )
    yield f"{opening}cached n_tokens = {reading.read}, memory_seq_rm [{reading.read}, end)"
    timing = f"slot print_timing: {slot}"
    yield f"{timing}prompt eval time = {_rate(evaluated, _MS_PER_TOKEN)}"
    yield f"{timing}       eval time = {_rate(answered, _MS_PER_ANSWERED)}"
    total = evaluated * _MS_PER_TOKEN + answered * _MS_PER_ANSWERED
    yield f"{timing}      total time = {total:10.2f} ms / {evaluated + answered:5} tokens"


def timings(reading: Reading, answered: int) -> dict[str, float]:
    """What llama.cpp's server puts into its answers."""
    evaluated = reading.total - reading.read
    return {
        "cache_n": reading.read,
        "prompt_n": evaluated,
        "prompt_ms": evaluated * _MS_PER_TOKEN,
        "predicted_n": answered,
        "predicted_ms": answered * _MS_PER_ANSWERED,
    }


def _rate(tokens: int, each: float) -> str:
    return (
        f"{tokens * each:10.2f} ms / {tokens:5} tokens "
        f"({each:8.2f} ms per token, {1000 / each:8.2f} tokens per second)"
    )
