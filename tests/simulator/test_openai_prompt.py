from typing import Any

import pytest

from stitcher.simulator.assumptions import Assumptions
from stitcher.simulator.openai_prompt import Prompt, is_exact, read_prompt
from stitcher.simulator.token_stream import spans_of

Body = dict[str, Any]


def said(role: str, content: Any = "x", **fields: Any) -> Body:
    return {"role": role, "content": content, **fields}


def prompt(*messages: Body, model: str = "sim-m", **fields: Any) -> Prompt:
    return read_prompt({"model": model, "messages": list(messages), **fields})


CALLS = said("assistant", None, tool_calls=[{"id": "c", "function": {"name": "f"}}])
TALK = (said("system"), said("developer"), said("user"), CALLS, said("tool"), said("tool"))


def marked(content: str) -> Body:
    return {"type": "text", "text": content, "prompt_cache_breakpoint": {"mode": "explicit"}}


@pytest.mark.parametrize(
    ("model", "rounding"),
    [
        ("gpt-4o", 128),
        ("gpt-5.2", 128),
        ("gpt-5.5", 2048),
        ("gpt-5.5-pro", 2048),
        ("gpt-5.6", 1),
        ("gpt-6", 1),
        ("gpt-6.2", 1),
        ("sim-ctx-10", 1),
        ("o3", 128),
    ],
)
def test_which_models_have_exact_boundaries(model: str, rounding: int) -> None:
    assert is_exact(model) is (rounding == 1)
    assert prompt(said("user"), model=model).rounding == rounding


def test_the_new_regime_writes_the_end_of_the_latest_eligible_message() -> None:
    links = prompt(*TALK).links
    assert [link.ttl is not None for link in links] == [False, False, False, False, False, True]
    assert [link.readable for link in links] == [False, True, True, False, False, True]


def test_an_answer_at_the_end_is_not_eligible() -> None:
    links = prompt(said("user"), said("assistant")).links
    assert [link.ttl is not None for link in links] == [True, False]


@pytest.mark.parametrize(
    ("retention", "seconds"), [(None, 1800), ("24h", 1800), ("in_memory", 300)]
)
def test_the_old_regime_keeps_a_prompt_as_long_as_is_asked(
    retention: str | None, seconds: int
) -> None:
    found = prompt(*TALK, model="gpt-4o", prompt_cache_retention=retention)
    assert {link.ttl for link in found.links} == {seconds}
    assumed = Assumptions(in_memory_seconds=600, extended_seconds=86_400)
    body = {"model": "gpt-4o", "messages": [*TALK], "prompt_cache_retention": retention}
    longer = read_prompt(body, assumed).links[-1].ttl
    assert longer == (600 if retention == "in_memory" else 86_400)


def test_explicit_breakpoints_stand_inside_messages() -> None:
    talk = (said("user", [marked("a"), {"type": "text", "text": "b"}]), said("user"))
    assert [link.ttl is not None for link in prompt(*talk).links] == [True, False, True]
    only = prompt(*talk, prompt_cache_options={"mode": "explicit"})
    assert [link.ttl is not None for link in only.links] == [True, False, False]
    assert [link.readable for link in only.links] == [True, False, False]


def test_a_string_is_its_one_text_part_and_markers_do_not_count() -> None:
    part = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}
    assert prompt(said("user")).links == prompt(said("user", [part])).links


def test_unknown_fields_of_messages_are_not_rendered() -> None:
    answer = said("assistant", "a", reasoning_content="r", annotations=[])
    assert prompt(said("user"), answer).links == prompt(said("user"), said("assistant", "a")).links


def ends(found: Prompt) -> set[bytes]:
    return {link.hash for link in found.links}


TOOL = {"type": "function", "function": {"name": "f"}}
TWO = [TOOL, {"type": "function", "function": {"name": "g"}}]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", "sim-n"),
        ("tools", [TOOL]),
        ("tools", TWO[::-1]),
        ("parallel_tool_calls", False),
        ("response_format", {"type": "json_object"}),
        ("reasoning_effort", "high"),
        ("verbosity", "low"),
        ("context_management", [{"type": "compaction"}]),
        ("service_tier", "flex"),
    ],
)
def test_settings_move_the_whole_prefix(name: str, value: Any) -> None:
    """What the prompt caching guide and its diagnostics name as moving it (2026-10)."""
    talk = (said("system"), said("user"))
    changed = prompt(*talk, **{"tools": TWO, name: value})
    assert not ends(changed) & ends(prompt(*talk, tools=TWO))


@pytest.mark.parametrize(
    ("name", "value"),
    [("tool_choice", "required"), ("temperature", 1), ("service_tier", "auto"), ("store", True)],
)
def test_other_parameters_do_not(name: str, value: Any) -> None:
    """`tool_choice` leaves the tools as they are; it is the way to restrict them (same guide)."""
    talk = (said("system"), said("user"))
    assert prompt(*talk, tools=TWO, **{name: value}).links == prompt(*talk, tools=TWO).links


def test_whether_tiers_share_is_a_switch() -> None:
    flex = {"model": "sim-m", "messages": [said("user")], "service_tier": "flex"}
    shared = read_prompt(flex, Assumptions(tier_partitions=False))
    assert shared.links == prompt(said("user")).links


def explicit_ends(count: int, **options: Any) -> tuple[list[int], list[int]]:
    """Of `count` messages with a breakpoint each: those written, and those a look-up may find."""
    talk = [said("assistant", [marked(str(n))]) for n in range(count)]
    body: Body = {"model": "sim-m", "messages": talk, "prompt_cache_options": options}
    links = read_prompt(body).links
    return (
        [at for at, link in enumerate(links) if link.ttl],
        [at for at, link in enumerate(links) if link.readable],
    )


def test_explicit_breakpoints_the_latest_are_written_the_first_and_latest_are_looked_up() -> None:
    """Written: the latest 3, or 4 in explicit mode; looked up: first 2, latest 50 (same guide)."""
    looked_up = [0, 1, *range(10, 60)]
    assert explicit_ends(60) == ([57, 58, 59], looked_up)
    assert explicit_ends(60, mode="explicit") == ([56, 57, 58, 59], looked_up)
    assert explicit_ends(0, mode="explicit") == ([], [])


def test_the_implicit_look_up_ends_twenty_messages_before_the_latest() -> None:
    """The implicit breakpoint, up to 20 earlier ends of eligible messages, and the end of the
    initial developer messages (same guide)."""
    links = prompt(said("developer"), *(said("user", str(n)) for n in range(30))).links
    assert [at for at, link in enumerate(links) if link.readable] == [0, *range(10, 31)]
    body = {"model": "sim-m", "messages": [said("user", str(n)) for n in range(100)]}
    latest = read_prompt(body, Assumptions(lookup="reference")).links
    assert [at for at, link in enumerate(latest) if link.readable] == list(range(20, 100))


def test_explicit_mode_caches_nothing_without_a_breakpoint() -> None:
    """And charges nothing for writing (same guide)."""
    found = prompt(said("developer"), said("user"), prompt_cache_options={"mode": "explicit"})
    assert not [link for link in found.links if link.ttl or link.readable]


def test_a_breakpoint_s_lifetime_goes_before_the_request_s() -> None:
    long = {"type": "text", "text": "a", "prompt_cache_breakpoint": {"ttl": "12h"}}
    links = prompt(said("developer", [long]), said("user")).links
    assert [link.ttl for link in links] == [12 * 3600, 1800]
    whole = prompt(said("user"), prompt_cache_options={"ttl": "12h"}).links
    assert [link.ttl for link in whole] == [12 * 3600]


@pytest.mark.parametrize("model", ["sim-m", "gpt-4o", "vllm-sim"])
def test_the_spans_of_the_pieces_are_the_prompt_s_tokens(model: str) -> None:
    image = {"type": "image_url", "image_url": {"url": "https://x/y.png"}}
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    talk = (
        said("user", [marked("word"), image, {"type": "text", "text": "\u00e9\u00e8"}], name="bo"),
        said("assistant", None, tool_calls=[call]),
        said("tool", "result", tool_call_id="c"),
    )
    found = prompt(*talk, model=model, tools=TWO)
    assert sum(span.tokens for span in spans_of(found.links)) == found.tokens


def test_messages_have_a_fixed_overhead() -> None:
    # 3 a message, 3 for priming, and 1 for the text of one byte.
    assert prompt(said("user")).tokens == 7
    assert prompt(said("user", name="bo")).tokens == 8
