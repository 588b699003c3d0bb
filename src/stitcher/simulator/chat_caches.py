"""The caches behind Chat Completions, one for each provider or engine a model's name can mean.

What is read is told in each one's own fields. Knows nothing of messages or streams.
"""

from collections.abc import Callable, Iterable
from typing import Any

from stitcher.simulator.assumptions import Assumptions
from stitcher.simulator.engine_log import log_lines, timings
from stitcher.simulator.engines import Engine, engine_of, minimum_tokens, new_cache
from stitcher.simulator.openai_cache import AutomaticCache
from stitcher.simulator.openai_prompt import is_exact, read_prompt
from stitcher.simulator.reading import Cache, Reading

Log = Callable[[Iterable[str]], None]
# Their usage is three numbers and what is cached, if they say even that.
_LOCAL = ("vllm", "sglang", "llama", "ollama")


class ChatCaches:
    """`log` takes the lines that llama.cpp's server would write."""

    def __init__(self, assumptions: Assumptions, log: Log) -> None:
        self._assumptions = assumptions
        self._log = log
        self._openai = AutomaticCache(hidden_tokens=assumptions.hidden_tokens)
        self._others: dict[str, Cache] = {}
        self._tasks = 0

    def begin(self, body: dict[str, Any], scope: str, now: float) -> Reading:
        engine = engine_of(body["model"])
        part = body.get(engine.partition) if engine.partition else None
        partition = f"{scope if engine.private else ''}\0{part or ''}"
        prompt = read_prompt(body, self._assumptions)
        if engine.name == "openai":
            return self._openai.begin(
                partition, prompt.links, prompt.minimum, now, rounding=prompt.rounding
            )
        minimum = minimum_tokens(engine, body["model"], self._assumptions)
        return self._other(engine, body["model"]).begin(partition, prompt.links, minimum, now)

    def settle(
        self, reading: Reading, now: float, body: dict[str, Any], document: dict[str, Any]
    ) -> None:
        """Writes what the request leaves; all but OpenAI keep the answer as well."""
        engine = engine_of(body["model"])
        if engine.name == "openai":
            self._openai.settle(reading, now)
            return
        answer = document["choices"][0]["message"]
        grown = read_prompt({**body, "messages": [*body["messages"], answer]}, self._assumptions)
        self._other(engine, body["model"]).settle(reading, now, grown.links)
        if engine.name in ("llama", "ollama"):
            self._log(log_lines(reading, self._tasks, document["usage"]["completion_tokens"]))
            self._tasks += 1

    def _other(self, engine: Engine, model: str) -> Cache:
        if model not in self._others:
            self._others[model] = new_cache(engine, self._assumptions)
        return self._others[model]


def input_usage(model: str, reading: Reading) -> dict[str, Any]:
    """The prompt's part of the usage."""
    usage: dict[str, Any] = {"prompt_tokens": reading.total}
    cached = {"cached_tokens": reading.read}
    match engine_of(model).name:
        case "openai":
            details = {**cached, "audio_tokens": 0}
            if is_exact(model):
                # Reported, and charged, from gpt-5.6 on only.
                details["cache_write_tokens"] = reading.written
            return {**usage, "prompt_tokens_details": details}
        case "deepseek":
            usage["prompt_cache_hit_tokens"] = reading.read
            usage["prompt_cache_miss_tokens"] = reading.plain
        case "vllm" | "sglang":
            # Left out when nothing was cached (vLLM, `--enable-prompt-tokens-details`; SGLang,
            # `--enable-cache-report`).
            return {**usage, "prompt_tokens_details": cached if reading.read else None}
        case "ollama":
            return usage
    return {**usage, "prompt_tokens_details": cached}


def stated_usage(counted: dict[str, Any], tokens: int) -> dict[str, Any]:
    """The same fields for a prompt that is said to have so many tokens, none of them cached."""
    stated: dict[str, Any] = {**counted, "prompt_tokens": tokens}
    details = counted.get("prompt_tokens_details")
    if details:
        stated["prompt_tokens_details"] = dict.fromkeys(details, 0)
    if "prompt_cache_hit_tokens" in counted:
        stated |= {"prompt_cache_hit_tokens": 0, "prompt_cache_miss_tokens": tokens}
    return stated


def has_output_details(model: str) -> bool:
    return engine_of(model).name not in _LOCAL


def answer_fields(model: str, reading: Reading, completion: int) -> dict[str, Any]:
    """What stands beside the choices; llama.cpp's server puts it into the last chunk too."""
    return {"timings": timings(reading, completion)} if engine_of(model).name == "llama" else {}
