"""The prefix caches of engines that one runs oneself, whatever the model.

They keep what fits and drop what was used longest ago: no time says when. Five minutes is counted
on, as with providers that name none. They have no prices either: 0.1 and 1.0 stand for a token read
being nearly free and a token computed costing what it costs.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Literal

from stitcher.providers.rules import CAREFUL, Assumptions, CacheRules, Lifetime, losing

Engine = Literal["vllm", "sglang", "llama.cpp", "ollama"]

_PREFIX: Final = CacheRules(
    "other",
    minimum=0,
    read=0.1,
    write=1.0,
    explicit=0,
    implicit=True,
    lookback=0,
    scheme="prefix",
    lifetimes=(Lifetime("implicit", 300, 1.0),),
    losses=losing("tools", "model", "tools", "system"),
    scope="engine",
    visible="once computed",
    writes_answers=True,
)

# How each works, 2026-11: vLLM docs/design/prefix_caching.md, SGLang's server arguments, llama.cpp
# tools/server/README.md, Ollama llm/llama_server.go of 2026-08-21.
_ENGINES: Final[Mapping[str, CacheRules]] = {
    # Only full blocks, 16 tokens by default (--block-size); `cache_salt` parts them. Needs
    # --enable-prompt-tokens-details to report them.
    "vllm": replace(
        _PREFIX,
        minimum=16,
        scheme="blocks",
        block=16,
        rounding=16,
        losses=losing("tools", "model", "tools", "system", "cache_salt"),
    ),
    # A radix tree with pages of one token by default. Needs --enable-cache-report to report them.
    "sglang": _PREFIX,
    # The longest prefix in common with the most similar slot, not with everything it ever saw.
    "llama.cpp": _PREFIX,
    # llama.cpp's server underneath; it does not report what was read.
    "ollama": _PREFIX,
}


def engine_rules(name: Engine, assumed: Assumptions = CAREFUL) -> CacheRules:
    """The rules of an engine."""
    return replace(_ENGINES[name], assumptions=assumed)
