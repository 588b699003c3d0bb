"""What invalidates the cache: each row of the table of the prompt caching page (2026-11)."""

import copy
from typing import Any

import pytest

from stitcher.simulator.anthropic_prompt import read_prompt
from stitcher.simulator.assumptions import CAREFUL, Assumptions
from stitcher.simulator.breakpoint_cache import BreakpointCache

Body = dict[str, Any]
MARK = {"type": "ephemeral"}
TOOLS = [
    {"name": "f", "input_schema": {"type": "object", "properties": {"a": {}, "b": {}}}},
    {"name": "g", "input_schema": {"type": "object"}, "cache_control": MARK},
]
IMAGE = {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}}
DOCUMENT = {"type": "document", "source": {"type": "text", "data": "x"}}
WEB = {"type": "web_search_20250305", "name": "web_search"}
FETCH = {"type": "web_fetch_20250910", "name": "web_fetch"}


def text(words: str, **fields: Any) -> Body:
    return {"type": "text", "text": words, **fields}


BASE: Body = {
    "model": "claude-sim",
    "max_tokens": 9,
    "tools": TOOLS,
    "system": [text("be brief " * 10, cache_control=MARK)],
    "messages": [
        {"role": "user", "content": [text("question " * 10, cache_control=MARK)]},
        {"role": "assistant", "content": [text("answer " * 10)]},
        {"role": "user", "content": [text("further question", cache_control=MARK)]},
    ],
}
FORM = {"type": "json_schema", "schema": {"type": "object"}}


def last(*more: Body, **fields: Any) -> list[Body]:
    """The messages with more blocks in the last one."""
    messages = copy.deepcopy(BASE["messages"])
    messages[-1]["content"][0] |= fields
    messages[-1]["content"] += more
    return list(messages)


def still_read(change: Body, base: Body = BASE, assumptions: Assumptions = CAREFUL) -> str:
    """What a changed request reads of the one before."""
    cache = BreakpointCache()
    before = read_prompt(base, assumptions)
    cache.settle(cache.begin("me", before.links, 16, 0), 1)
    after = read_prompt({**base, **change}, assumptions)
    read = cache.begin("me", after.links, 16, 2).read
    marks = [link.tokens for link in before.links if link.ttl]
    names = ["tools", "tools and system", "tools, system and a question", "all"]
    return dict(zip([0, *marks], ["nothing", *names], strict=True))[read]


@pytest.mark.parametrize(
    ("row", "change", "kept"),
    [
        ("nothing changed", {}, "all"),
        ("another model", {"model": "claude-sim-2"}, "nothing"),
        ("a tool changed", {"tools": [{**TOOLS[0], "description": "d"}, TOOLS[1]]}, "nothing"),
        ("the order of tools", {"tools": [TOOLS[1], TOOLS[0]]}, "nothing"),
        ("the order of a schema's keys", {"tools": [
            {**TOOLS[0], "input_schema": {"properties": {"b": {}, "a": {}}, "type": "object"}},
            TOOLS[1]]}, "nothing"),
        ("one more tool before", {"tools": [{**TOOLS[0], "name": "h"}, *TOOLS]}, "nothing"),
        ("web search on", {"tools": [*TOOLS, WEB]}, "tools"),
        ("web fetch on", {"tools": [*TOOLS, FETCH]}, "tools"),
        ("citations on", {"messages": last({**DOCUMENT, "citations": {"enabled": True}})}, "tools"),
        ("speed", {"speed": "fast"}, "tools"),
        ("the system text", {"system": [text("be long", cache_control=MARK)]}, "tools"),
        ("tool choice", {"tool_choice": {"type": "any"}}, "tools and system"),
        ("no parallel calls", {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
         "tools and system"),
        ("the first image", {"messages": last(IMAGE)}, "tools and system"),
        ("thinking on", {"thinking": {"type": "adaptive"}}, "tools and system"),
        ("effort", {"output_config": {"effort": "low"}}, "tools and system"),
        ("context management", {"context_management": {"edits": []}}, "tools and system"),
        ("a form of output", {"output_config": {"format": FORM}}, "tools and system"),
        ("the form's older name", {"output_format": FORM}, "tools and system"),
        ("beta headers", {"anthropic_beta": ["one"]}, "tools and system"),
        ("the last message", {"messages": last(text="another")}, "tools, system and a question"),
        # What changes nothing.
        ("tool choice as it is by default", {"tool_choice": {"type": "auto"}}, "all"),
        ("effort as it is by default", {"output_config": {"effort": "high"}}, "all"),
        ("sampling", {"temperature": 0.5, "max_tokens": 99, "stop_sequences": ["x"]}, "all"),
        ("a document without citations", {"messages": last(DOCUMENT)}, "all"),
    ],
)  # fmt: skip
def test_what_is_still_read_after(row: str, change: Body, kept: str) -> None:
    assert still_read(change) == kept


def test_a_budget_is_part_of_the_thinking_mode() -> None:
    def thinking(budget: int) -> Body:
        return {"thinking": {"type": "enabled", "budget_tokens": budget}}

    assert still_read(thinking(2048), {**BASE, **thinking(1024)}) == "tools and system"
    assert still_read(thinking(1024), {**BASE, **thinking(1024)}) == "all"


def test_whether_thinking_stands_before_tools_is_a_switch() -> None:
    """The table says "model-specific" for tools and system."""
    low = {"output_config": {"effort": "low"}}
    assert still_read(low, assumptions=Assumptions(thinking_tier="all")) == "nothing"


def test_a_second_image_loses_what_is_behind_it_or_by_a_switch_all_messages() -> None:
    pictured = {**BASE, "messages": last(IMAGE, {**IMAGE, "cache_control": MARK})}
    second = {**IMAGE, "source": {"type": "url", "url": "https://x/z.png"}, "cache_control": MARK}
    changed = {"messages": last(IMAGE, second)}

    def read(assumptions: Assumptions) -> int:
        cache = BreakpointCache()
        cache.settle(cache.begin("me", read_prompt(pictured, assumptions).links, 16, 0), 1)
        found = read_prompt({**pictured, **changed}, assumptions)
        return cache.begin("me", found.links, 16, 2).read

    behind = read(CAREFUL)
    assert behind == read_prompt(BASE).links[-1].tokens
    assert read(Assumptions(image_changes="set")) == read_prompt(BASE).links[2].tokens
