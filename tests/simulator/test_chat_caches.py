"""What each engine reads of requests' bodies, with the time passed in, and how it tells."""

from collections.abc import Iterable
from typing import Any

import pytest

from stitcher.simulator.assumptions import CAREFUL, Assumptions
from stitcher.simulator.chat_caches import ChatCaches, input_usage, stated_usage
from stitcher.simulator.reading import Reading

Body = dict[str, Any]
ANSWER: Body = {"role": "assistant", "content": "answer " * 20, "refusal": None, "annotations": []}


def said(role: str, content: Any) -> Body:
    return {"role": role, "content": content}


class Caller:
    """One account, a minute between its requests."""

    def __init__(self, model: str, assumptions: Assumptions = CAREFUL) -> None:
        self.model = model
        self.log: list[str] = []
        self.now = 0.0
        self._caches = ChatCaches(assumptions, self._write)

    def _write(self, lines: Iterable[str]) -> None:
        self.log.extend(lines)

    def ask(self, *messages: Body, scope: str = "key", **fields: Any) -> Reading:
        body = {"model": self.model, "messages": list(messages), **fields}
        reading = self._caches.begin(body, scope, self.now)
        document = {"choices": [{"message": ANSWER}], "usage": {"completion_tokens": 35}}
        self._caches.settle(reading, self.now, body, document)
        self.now += 60
        return reading


SYSTEM, QUESTION = said("system", "rules " * 2000), said("user", "question " * 30)
OTHER = said("user", "else " * 30)


@pytest.mark.parametrize(
    ("model", "shared"),
    [("gpt-4o", 2944), ("gpt-5.5", 2048), ("gpt-6", 0), ("deepseek-chat", 0), ("gemini-sim", 3009),
     ("vllm-sim", 3008), ("sglang-sim", 3009), ("llama-sim", 3009), ("ollama-sim", 3009)],
)  # fmt: skip
def test_the_same_instructions_and_another_question(model: str, shared: int) -> None:
    """3 tokens of priming, 3,003 of the system message and the 3 that open the user's."""
    caller = Caller(model)
    assert caller.ask(SYSTEM, QUESTION).read == 0
    assert caller.ask(SYSTEM, OTHER).read == shared


@pytest.mark.parametrize(
    "model", ["deepseek-chat", "gemini-sim", "sglang-sim", "llama-sim", "ollama-sim"]
)
def test_the_next_turn_reads_the_answer_too_where_answers_are_kept(model: str) -> None:
    """Its 35 tokens and the 3 that open its message."""
    caller = Caller(model)
    first = caller.ask(SYSTEM, QUESTION)
    assert caller.ask(SYSTEM, QUESTION, ANSWER, OTHER).read == first.total + 38


def test_the_next_turn_reads_the_prompt_only_with_openai() -> None:
    for model, step in (("gpt-6", 1), ("gpt-4o", 128), ("gpt-5.5", 2048)):
        caller = Caller(model)
        first = caller.ask(SYSTEM, QUESTION)
        assert caller.ask(SYSTEM, QUESTION, ANSWER, OTHER).read == first.total // step * step


@pytest.mark.parametrize("interval", [128, 2048])
def test_the_older_models_share_inside_a_message(interval: int) -> None:
    """What two texts have in common up to the last boundary, wherever the texts end."""
    caller = Caller("gpt-5.5" if interval == 2048 else "gpt-5.2")
    caller.ask(said("user", "a" * 4 * 3000 + "x" * 4000))
    reading = caller.ask(said("user", "a" * 4 * 3000 + "y" * 8000))
    assert reading.read == (3000 + 6) // interval * interval


def test_a_changed_tool_keeps_the_older_models_prefix_up_to_it() -> None:
    def tool(name: str) -> Body:
        return {"type": "function", "function": {"name": name, "description": "d" * 6000}}

    caller = Caller("gpt-5.2")
    caller.ask(QUESTION, tools=[tool("one"), tool("two")])
    assert caller.ask(QUESTION, tools=[tool("one"), tool("six")]).read == 1536
    assert caller.ask(QUESTION, tools=[tool("six"), tool("one")]).read == 0


def test_in_memory_lasts_five_minutes_and_extended_half_an_hour() -> None:
    for retention, kept in (("in_memory", 0), ("24h", 2944)):
        caller = Caller("gpt-4o")
        caller.ask(SYSTEM, prompt_cache_retention=retention)
        caller.now += 290
        assert caller.ask(SYSTEM, prompt_cache_retention=retention).read == kept


def test_deepseek_s_examples() -> None:
    """A + B, A + C miss; A + D reads A: the system message and what opens the user's."""
    caller = Caller("deepseek-chat")
    reads = [caller.ask(SYSTEM, said("user", word * 40)).read for word in ("b", "c", "d")]
    assert reads == [0, 0, 3009]


@pytest.mark.parametrize(
    ("model", "field"),
    [("gpt-6", "prompt_cache_key"), ("deepseek-chat", "user_id"), ("vllm-sim", "cache_salt")],
)
def test_the_field_that_parts_a_cache(model: str, field: str) -> None:
    caller = Caller(model)
    caller.ask(SYSTEM, QUESTION, **{field: "one"})
    assert caller.ask(SYSTEM, QUESTION, **{field: "two"}).read == 0
    assert caller.ask(SYSTEM, QUESTION, **{field: "one"}).read > 3000


@pytest.mark.parametrize(
    ("model", "shared"),
    [("gpt-6", False), ("deepseek-chat", False), ("gemini-sim", False), ("vllm-sim", True),
     ("llama-sim", True)],
)  # fmt: skip
def test_accounts_are_apart_and_engines_are_not(model: str, shared: bool) -> None:
    caller = Caller(model)
    caller.ask(SYSTEM, QUESTION, scope="one")
    assert (caller.ask(SYSTEM, QUESTION, scope="two").read > 0) is shared


def test_sampling_settings_move_nothing_on_an_engine() -> None:
    caller = Caller("vllm-sim")
    caller.ask(SYSTEM, QUESTION)
    assert caller.ask(SYSTEM, QUESTION, response_format={"type": "json_object"}).read > 3000


def test_ollama_tells_its_log_what_it_does_not_tell_its_clients() -> None:
    caller = Caller("ollama-sim")
    first = caller.ask(SYSTEM, QUESTION)
    assert input_usage("ollama-sim", first) == {"prompt_tokens": first.total}
    second = caller.ask(SYSTEM, QUESTION, ANSWER, OTHER)
    opening = "slot   operator(): id  0 | task 1 | "
    assert caller.log[5:7] == [
        f"{opening}new prompt, n_ctx_slot = 131072, n_keep = 0, task.n_tokens = {second.total}",
        f"{opening}cached n_tokens = {second.read}, memory_seq_rm [{second.read}, end)",
    ]


READING = Reading("key", 0, 100, 60, written_5m=30)


@pytest.mark.parametrize(
    ("model", "usage"),
    [
        ("gpt-6", {"prompt_tokens_details": {
            "cached_tokens": 60, "audio_tokens": 0, "cache_write_tokens": 30}}),
        ("gpt-4o", {"prompt_tokens_details": {"cached_tokens": 60, "audio_tokens": 0}}),
        ("deepseek-chat", {"prompt_cache_hit_tokens": 60, "prompt_cache_miss_tokens": 10,
                           "prompt_tokens_details": {"cached_tokens": 60}}),
        ("gemini-sim", {"prompt_tokens_details": {"cached_tokens": 60}}),
        ("vllm-sim", {"prompt_tokens_details": {"cached_tokens": 60}}),
        ("llama-sim", {"prompt_tokens_details": {"cached_tokens": 60}}),
        ("ollama-sim", {}),
    ],
)  # fmt: skip
def test_what_is_read_is_told_in_each_one_s_fields(model: str, usage: Body) -> None:
    counted = input_usage(model, READING)
    assert counted == {"prompt_tokens": 100, **usage}
    stated = stated_usage(counted, 7)
    assert stated.keys() == counted.keys()
    assert stated["prompt_tokens"] == 7
    assert stated.get("prompt_cache_miss_tokens", 7) == 7
    assert not any((stated.get("prompt_tokens_details") or {}).values())


def test_vllm_leaves_the_details_out_when_nothing_was_cached() -> None:
    assert input_usage("vllm-sim", Reading("", 0, 100, 0))["prompt_tokens_details"] is None


def test_what_is_assumed_of_older_models_and_of_gemini() -> None:
    wide = Caller("gpt-4o", Assumptions(older_interval=512))
    wide.ask(SYSTEM, QUESTION)
    assert wide.ask(SYSTEM, OTHER).read == 2560
    for seconds, read in ((300, 0), (3600, 3009)):
        caller = Caller("gemini-sim", Assumptions(gemini_seconds=seconds))
        caller.ask(SYSTEM, QUESTION)
        caller.now += 300
        assert caller.ask(SYSTEM, OTHER).read == read
