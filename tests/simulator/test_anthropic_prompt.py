from typing import Any

import pytest

from stitcher.simulator.anthropic_prompt import Prompt, minimum_tokens, read_prompt
from stitcher.simulator.assumptions import Assumptions
from stitcher.simulator.breakpoint_cache import BreakpointCache
from stitcher.simulator.thinking_signature import sign

Body = dict[str, Any]
MARK = {"type": "ephemeral"}
TOOL = {"name": "f", "input_schema": {"type": "object", "properties": {"a": {}, "b": {}}}}


def text(words: str, **fields: Any) -> Body:
    return {"type": "text", "text": words, **fields}


def user(*blocks: Any) -> Body:
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks: Any) -> Body:
    return {"role": "assistant", "content": list(blocks)}


def prompt(*messages: Body, **fields: Any) -> Prompt:
    return read_prompt({"model": "claude-opus-5", "messages": list(messages), **fields})


BASE: Body = {"tools": [TOOL], "system": "be brief"}
ALPHA = user(text("alpha"))


def shared(other: Prompt) -> int:
    """How many pieces of `other` begin as the plain prompt does: tool, system, message."""
    plain = prompt(ALPHA, **BASE)
    return sum(a.hash == b.hash for a, b in zip(plain.links, other.links, strict=False))


REORDERED = {**TOOL, "input_schema": {"properties": {"b": {}, "a": {}}, "type": "object"}}


@pytest.mark.parametrize(
    ("other", "kept"),
    [
        (prompt({"role": "user", "content": "alpha"}, **BASE), 3),
        (prompt(user(text("alpha", cache_control=MARK)), **BASE), 3),
        (prompt(ALPHA, **{**BASE, "system": [text("be brief", cache_control=MARK)]}), 3),
        (prompt(ALPHA, **BASE, max_tokens=5, temperature=1), 3),
        (prompt(ALPHA, **BASE, output_config={"effort": "high"}), 3),
        (prompt(user(text("beta")), **BASE), 2),
        (prompt(ALPHA, **BASE, tool_choice={"type": "any"}), 2),
        (prompt(ALPHA, **BASE, thinking={"type": "adaptive"}), 2),
        (prompt(ALPHA, **BASE, output_config={"effort": "low"}), 2),
        (prompt(user(text("alpha"), {"type": "image", "source": {}}), **BASE), 2),
        (prompt(ALPHA, **{**BASE, "system": "be long"}), 1),
        (prompt(ALPHA, **BASE, speed="fast"), 1),
        (prompt(ALPHA, **{**BASE, "tools": [REORDERED]}), 0),
        (prompt(ALPHA, **BASE, model="claude-opus-5-5"), 0),
    ],
)
def test_what_a_change_invalidates(other: Prompt, kept: int) -> None:
    assert shared(other) == kept


def test_deferred_tools_and_the_attribution_text_are_outside_the_prefix() -> None:
    deferred = {"name": "g", "input_schema": {}, "defer_loading": True}
    attribution = text("x-anthropic-billing-header: cch=12345;")
    other = prompt(ALPHA, tools=[deferred, TOOL], system=[attribution, text("be brief")])
    assert shared(other) == 3
    assert other.tokens == prompt(ALPHA, **BASE).tokens


def test_runs_of_calls_and_results_take_one_position() -> None:
    calls = [{"type": "tool_use", "id": f"t{n}", "name": "f", "input": {}} for n in range(3)]
    results = [{"type": "tool_result", "tool_use_id": f"t{n}", "content": "x"} for n in range(3)]
    links = prompt(ALPHA, assistant(text("a"), *calls), user(*results, text("b"))).links
    assert [link.position for link in links] == [0, 1, 2, 2, 2, 3, 3, 3, 4]


def test_breakpoints_keep_their_lifetimes_and_the_automatic_one_takes_the_last_block() -> None:
    hour = {"type": "ephemeral", "ttl": "1h"}
    links = prompt(user(text("a", cache_control=hour), text("b")), ALPHA, cache_control=MARK).links
    assert [link.ttl for link in links] == [3600, None, 300]


def test_a_marker_inside_a_tool_result_marks_the_result() -> None:
    result = {
        "type": "tool_result", "tool_use_id": "t", "content": [text("x", cache_control=MARK)],
    }  # fmt: skip
    assert prompt(user(result)).links[-1].ttl == 300


def test_a_cleared_message_costs_nothing_after_the_next_user_message() -> None:
    note = {"role": "system", "content": "note", "clear_at": "next_user_message"}
    assert prompt(ALPHA, note).tokens > prompt(ALPHA).tokens
    assert prompt(ALPHA, note, assistant(text("a")), ALPHA).tokens == (
        prompt(ALPHA, assistant(text("a")), ALPHA).tokens
    )


def test_older_models_drop_earlier_thinking_once_the_user_speaks_again() -> None:
    thinking = {"type": "thinking", "thinking": "x" * 400, "signature": ""}
    talk = (ALPHA, assistant(thinking, text("a")), ALPHA)

    def tokens(model: str) -> int:
        return read_prompt({"model": model, "messages": list(talk)}).tokens

    assert tokens("claude-opus-4-8") - tokens("claude-haiku-4-5") == 100
    assert tokens("claude-opus-4-8") - tokens("claude-sonnet-4-20250514") == 100
    assert tokens("claude-sonnet-4-6") == tokens("claude-opus-4-8")


def test_thinking_that_fails_its_prefix_is_dropped_from_the_prompt() -> None:
    stale = {"type": "thinking", "thinking": "x" * 400, "signature": sign("x" * 400, b"0" * 16)}
    found = prompt(ALPHA, assistant(stale, text("a")), ALPHA, model="claude-opus-5-5")
    assert [block.path for block in found.dropped] == ["messages.1.content.0"]
    assert found.tokens == prompt(ALPHA, assistant(text("a")), ALPHA).tokens


@pytest.mark.parametrize(
    ("model", "least"),
    [
        ("claude-opus-5-5", 512),
        ("claude-fable-5-1", 512),
        ("claude-sonnet-5", 1024),
        ("claude-opus-4-8", 1024),
        ("claude-opus-4-7", 2048),
        ("claude-haiku-4-5-20251001", 4096),
        ("claude-sim-small", 16),
        ("other", 1024),
    ],
)
def test_the_shortest_prefix_by_model(model: str, least: int) -> None:
    assert minimum_tokens(model) == least


def test_an_image_counts_its_pixels_not_its_base64() -> None:
    image = {"type": "image", "source": {"type": "base64", "data": "A" * 400_000}}
    assert prompt(user(image)).tokens < 1600


def test_the_automatic_breakpoint_passes_over_what_cannot_carry_one() -> None:
    thought = {"type": "thinking", "thinking": "x", "signature": ""}
    note = {"role": "system", "content": "note", "clear_at": "next_user_message"}
    talk = (ALPHA, assistant(text("a"), thought), ALPHA, note)
    ttls = [link.ttl for link in prompt(*talk, cache_control=MARK).links]
    assert ttls == [None, None, None, 300, None]
    less = (ALPHA, assistant(text("a"), thought))
    assert [link.ttl for link in prompt(*less, cache_control=MARK).links] == [None, 300, None]
    hour = {"type": "ephemeral", "ttl": "1h"}
    assert prompt(ALPHA, cache_control=hour).links[-1].ttl == 3600


def test_results_of_server_tools_carry_a_breakpoint_if_the_request_uses_caching() -> None:
    """Tool use with prompt caching (2026-11): an automatic 5-minute breakpoint after each."""
    used = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    found = {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}
    marked = user(text("alpha", cache_control=MARK))
    talk = (marked, assistant(used, found, text("a")))
    assert [link.ttl for link in prompt(*talk).links] == [300, None, 300, None]
    assert not any(link.ttl for link in prompt(ALPHA, *talk[1:]).links)
    earlier = prompt(*talk, ALPHA).links
    assert [link.ttl for link in earlier] == [300, None, None, None, None]
    body = {"model": "claude-opus-5", "messages": list(talk)}
    without = read_prompt(body, Assumptions(server_tool_breakpoints=False)).links
    assert [link.ttl for link in without] == [300, None, None, None]


def test_tools_and_system_blocks_are_positions_of_their_own_but_for_a_switch() -> None:
    body = {
        "model": "claude-opus-5",
        "tools": [TOOL, {**TOOL, "name": "g"}],
        "system": [text("a"), text("b")],
        "messages": [ALPHA],
    }
    assert [link.position for link in read_prompt(body).links] == [0, 1, 2, 3, 4]
    one = read_prompt(body, Assumptions(head_positions="one")).links
    assert [link.position for link in one] == [0, 0, 1, 1, 2]


def test_an_older_model_reads_no_further_than_the_thinking_it_drops() -> None:
    """Once a user message that is more than tool results comes, earlier thinking is dropped and
    what stood behind it is written again; in a tool loop it stays (prompt caching page)."""
    thought = {"type": "thinking", "thinking": "x" * 400, "signature": ""}
    use = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": "r", "cache_control": MARK}
    first = [user(text("alpha " * 50, cache_control=MARK)), assistant(thought, use)]
    looped = [*first, user(result)]
    spoken = [*looped, assistant(text("a")), user(text("and?", cache_control=MARK))]

    def reads(model: str) -> list[int]:
        cache, found = BreakpointCache(), []
        for at, talk in enumerate((first[:1], looped, spoken)):
            links = read_prompt({"model": model, "tools": [TOOL], "messages": talk}).links
            reading = cache.begin("me", links, 16, at)
            cache.settle(reading, at)
            found.append(reading.read - links[0].tokens)
        return found

    question = 75 + 3
    whole = question + 100 + 3 + 9 + 1 + 9 + 3
    assert reads("claude-opus-4-8")[1:] == [question, whole]
    assert reads("claude-haiku-4-5")[1:] == [question, question]


def test_a_minimum_can_be_assumed_before_the_table_s() -> None:
    assumed = Assumptions(minimums=(("claude-opus-4-7", 4096),))
    assert minimum_tokens("claude-opus-4-7", assumed) == 4096
    assert minimum_tokens("claude-opus-4-8", assumed) == 1024
