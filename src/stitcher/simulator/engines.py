"""Which provider or engine a model's name means behind Chat Completions, and how it caches.

`deepseek-*`, `gemini-*`; `vllm-sim*`, `sglang-sim*`, `llama-sim*` and `ollama-sim*` for engines on
one's own machine, with models of any name; everything else is OpenAI. Knows nothing of bodies
beyond the names of their fields.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from stitcher.simulator.assumptions import Assumptions
from stitcher.simulator.block_cache import BlockCache
from stitcher.simulator.prefix_cache import PrefixCache, SlotCache
from stitcher.simulator.reading import Cache
from stitcher.simulator.unit_cache import UnitCache

EngineName = Literal["openai", "deepseek", "gemini", "vllm", "sglang", "llama", "ollama"]
_SIM_MINIMUM = 16
# Gemini API, caching page (2026-11); Vertex lists 6,144 for some of 3.x and Gemini 4 Argon.
_GEMINI_MINIMUMS = (
    (_SIM_MINIMUM, re.compile(r"gemini-sim")),
    (2048, re.compile(r"gemini-2")),
    (4096, re.compile(r"gemini-3\.([5-8]-flash|1-pro)")),
)
_LLAMA_SLOTS = 4  # the server's own choice, `--parallel -1` (server README, 2026-10)
_OLLAMA_SLOTS = 1  # OLLAMA_NUM_PARALLEL


@dataclass(frozen=True, slots=True)
class Engine:
    """`fields` are what its requests have beside OpenAI's; `partition` the one of them that parts
    the cache; `private` when callers with different keys share nothing."""

    name: EngineName
    models: re.Pattern[str]
    fields: frozenset[str] = frozenset()
    partition: str | None = None
    private: bool = False


OPENAI = Engine("openai", re.compile(""), partition="prompt_cache_key", private=True)
_ENGINES = (
    # "user_id": the KV cache is apart for each (API reference, 2026-10).
    Engine(
        "deepseek", re.compile(r"(deepseek/)?deepseek-"), frozenset({"user_id", "thinking"}),
        "user_id", private=True,
    ),
    Engine("gemini", re.compile(r"(google/|models/)?gemini-"), private=True),
    # `cache_salt` goes into the hash of the first block (design/prefix_caching.md).
    Engine("vllm", re.compile(r"vllm-sim"), frozenset({"cache_salt"}), "cache_salt"),
    Engine("sglang", re.compile(r"sglang-sim"), frozenset({"rid"})),
    Engine("llama", re.compile(r"llama-sim"), frozenset({"cache_prompt", "id_slot"})),
    Engine("ollama", re.compile(r"ollama-sim")),
)  # fmt: skip


def engine_of(model: object) -> Engine:
    if not isinstance(model, str):
        return OPENAI
    return next((engine for engine in _ENGINES if engine.models.match(model)), OPENAI)


def minimum_tokens(engine: Engine, model: str, assumptions: Assumptions) -> int:
    """The shortest prefix that an engine other than OpenAI reads from its cache."""
    if engine.name != "gemini":
        return 0
    name = model.rpartition("/")[2]
    found = (least for least, names in _GEMINI_MINIMUMS if names.match(name))
    return next(found, assumptions.gemini_minimum)


def new_cache(engine: Engine, assumptions: Assumptions) -> Cache:
    """An empty cache of an engine other than OpenAI; one for each model."""
    makers: dict[str, Callable[[], Cache]] = {
        "deepseek": UnitCache,
        "gemini": lambda: PrefixCache(lifetime=assumptions.gemini_seconds),
        "vllm": BlockCache,
        "sglang": PrefixCache,
        "llama": lambda: SlotCache(_LLAMA_SLOTS),
        "ollama": lambda: SlotCache(_OLLAMA_SLOTS),
    }
    return makers[engine.name]()
