"""What the vendors' documents leave open about their caches (2026-11): one switch each.

Every default is the careful one: it lets a client read less, or keeps it for less time. What
concerns one cache only and no vendor's dialect is a switch of that cache's class.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Assumptions:
    """The switches of the dialects.

    Anthropic:

    * `refreshes_earlier`, `upgrades_lifetime`, `minimum_of_prompt`: see `BreakpointCache`;
    * `head_positions`: each tool and system block is a position of the look-back, or each of the
      two lists is one;
    * `thinking_tier`: a changed thinking mode, budget or effort loses the messages only, or all
      ("model-specific" for tools and system, no model named);
    * `image_changes`: the messages are lost when the first image comes or the last one goes, or
      whenever the set of images changes;
    * `minimums`: (beginning of a model's name, tokens) that go before the table: the documents
      disagree on Mythos Preview and on Opus 4.7 at Bedrock and are silent on Fable and Mythos 5.2;
    * `server_tool_breakpoints`: the results of server tools since the user last spoke carry the
      automatic 5-minute breakpoint of a request that uses caching.

    OpenAI:

    * `lookup`: the boundaries that the guide names (first 2 and latest 50 explicit ones, 20 earlier
      message ends), or the API reference's "latest 80 breakpoints";
    * `tier_partitions`: another service tier reads nothing of this one (a reason in the cache
      diagnostics, absent from the guide);
    * `older_interval`: tokens between boundaries before gpt-5.5 (128 in 2024; by model);
    * `hidden_tokens`: see `IntervalCache`;
    * `in_memory_seconds`: `prompt_cache_retention: "in_memory"` lasts 5 to 10 idle minutes;
    * `extended_seconds`: "24h" lasts typically half an hour and at most a day.

    Others:

    * `gemini_minimum`: for models whose minimum is not published;
    * `gemini_seconds`: the implicit cache's lifetime is not published.
    """

    refreshes_earlier: bool = False
    upgrades_lifetime: bool = False
    minimum_of_prompt: bool = False
    head_positions: Literal["each", "one"] = "each"
    thinking_tier: Literal["messages", "all"] = "messages"
    image_changes: Literal["presence", "set"] = "presence"
    minimums: tuple[tuple[str, int], ...] = ()
    server_tool_breakpoints: bool = True
    lookup: Literal["guide", "reference"] = "guide"
    tier_partitions: bool = True
    older_interval: int = 128
    hidden_tokens: int = 0
    in_memory_seconds: int = 300
    extended_seconds: int = 1800
    gemini_minimum: int = 4096
    gemini_seconds: int = 300


CAREFUL = Assumptions()
