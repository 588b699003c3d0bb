"""Dialogues of the official Anthropic SDK with the simulator."""

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import anthropic
import pytest
from anthropic.types import Message, MessageParam, ToolParam

from stitcher.simulator.serve import SimulatorThread

MODEL = "claude-sim"
TOOLS: list[ToolParam] = [{"name": "f", "input_schema": {"type": "object"}}]


def talk(*texts: Any) -> list[MessageParam]:
    """Messages whose roles alternate, beginning with the user."""
    roles = ("user", "assistant")
    return [
        cast(MessageParam, {"role": roles[number % 2], "content": content})
        for number, content in enumerate(texts)
    ]


def create(client: anthropic.Anthropic, *texts: Any, **fields: Any) -> Message:
    given = {"model": MODEL, "max_tokens": 4096, "messages": talk(*texts), **fields}
    return cast(Message, client.messages.create(**given))


def streamed(client: anthropic.Anthropic, *texts: Any, **fields: Any) -> tuple[Message, list[Any]]:
    given = {"model": MODEL, "max_tokens": 4096, "messages": talk(*texts), **fields}
    with client.messages.stream(**given) as stream:
        raw = [event for event in stream if event.type.startswith(("message_", "content_block_"))]
        return stream.get_final_message(), raw


def said(message: Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def test_a_plain_and_a_streamed_answer_are_the_same(claude: anthropic.Anthropic) -> None:
    words = '[[think]][[say Well,  then\n]][[tool f {"a": [1]}]]'
    plain = create(claude, words, tools=TOOLS)
    final, _ = streamed(claude, words, tools=TOOLS)
    assert plain.stop_reason == final.stop_reason == "tool_use"
    assert [block.type for block in final.content] == ["thinking", "text", "tool_use"]
    hidden = {"id", "parsed_output"}

    def comparable(message: Message) -> list[Any]:
        return [block.model_dump(exclude=hidden, exclude_none=True) for block in message.content]

    assert comparable(plain) == comparable(final)
    assert plain.usage.output_tokens == final.usage.output_tokens


def test_events_come_in_the_provider_s_order(
    sim: SimulatorThread, claude: anthropic.Anthropic
) -> None:
    given: dict[str, Any] = {"model": MODEL, "max_tokens": 9, "messages": talk("[[say a b]]")}
    with claude.messages.with_streaming_response.create(**given, stream=True) as response:
        lines = [line for line in response.iter_lines() if line]
    names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    data = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    assert names == [event["type"] for event in data]
    assert names == [
        "message_start", "content_block_start", "ping", "content_block_delta",
        "content_block_delta", "content_block_stop", "message_delta", "message_stop",
    ]  # fmt: skip
    start = data[0]["message"]
    assert (start["content"], start["stop_reason"], start["usage"]["output_tokens"]) == (
        [],
        None,
        1,
    )
    assert set(start["usage"]["cache_creation"]) == {
        "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens",
    }  # fmt: skip
    assert data[-2]["delta"] == {"stop_reason": "end_turn", "stop_sequence": None}
    assert set(data[-2]["usage"]) == {
        "input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens",
    }  # fmt: skip


def test_parallel_calls_are_answered_and_read_back(claude: anthropic.Anthropic) -> None:
    asked = '[[tool f {"a": 1}]][[tool f]]'
    final, raw = streamed(claude, asked, tools=TOOLS)
    pieces = [e.delta.partial_json for e in raw if e.type == "content_block_delta"]
    assert len([piece for piece in pieces if piece]) > 2
    calls = [block for block in final.content if block.type == "tool_use"]
    assert [call.input for call in calls] == [{"a": 1}, {}]
    assert len({call.id for call in calls}) == 2
    results = [
        {"type": "tool_result", "tool_use_id": call.id, "content": text}
        for call, text in zip(calls, ("one", "two"), strict=True)
    ]
    answer = create(claude, asked, final.to_param()["content"], results, tools=TOOLS)
    assert said(answer) == "Tool said: one | two"


def test_call_ids_are_never_those_of_the_conversation(claude: anthropic.Anthropic) -> None:
    with SimulatorThread() as fresh:
        again = claude.with_options(base_url=fresh.url)
        call = {"type": "tool_use", "id": "toolu_000001", "name": "f", "input": {}}
        result = {"type": "tool_result", "tool_use_id": "toolu_000001", "content": "x"}
        words = {"type": "text", "text": "[[tool f]]"}
        answer = create(again, "a", [call], [result, words], tools=TOOLS)
    assert [block.id for block in answer.content if block.type == "tool_use"] == ["toolu_000002"]


@pytest.mark.parametrize("model", ["claude-sim", "claude-sim-bind", "claude-opus-5-5"])
def test_thinking_is_signed_and_taken_back(claude: anthropic.Anthropic, model: str) -> None:
    thinks = {"type": "adaptive"}
    first = create(claude, "[[think]][[redacted]] a", model=model, thinking=thinks)
    assert [block.type for block in first.content] == ["thinking", "redacted_thinking", "text"]
    content = [block.model_dump(exclude_none=True) for block in first.content]
    second = create(claude, "[[think]][[redacted]] a", content, "[[first]]", model=model)
    assert said(second) == 'The first thing you said was: "[[think]][[redacted]] a"'
    content[0]["thinking"] += "!"
    with pytest.raises(anthropic.BadRequestError, match="Invalid `signature` in `thinking` block"):
        create(claude, "[[think]][[redacted]] a", content, "b", model=model)


def test_an_edit_before_bound_thinking_is_refused_or_drops_it(claude: anthropic.Anthropic) -> None:
    model = "claude-opus-5-5"
    first = create(claude, "[[think]] a", model=model)
    content = [block.model_dump(exclude_none=True) for block in first.content]
    with pytest.raises(anthropic.BadRequestError, match="created in a different conversation"):
        create(claude, "edited", content, "b", model=model)
    binding = {"prefix_mismatch_behavior": "drop_block"}
    dropping = {"type": "adaptive", "block_binding": binding}
    answer = create(claude, "edited", content, "b", model=model, thinking=dropping)
    assert answer.model_dump()["input_transformations"] == [
        {
            "type": "thinking_dropped",
            "path": "messages.1.content.0",
            "reason": "prefix_binding_mismatch",
        }
    ]


def test_manual_thinking_always_thinks_and_omitted_thinking_is_signed(
    claude: anthropic.Anthropic,
) -> None:
    thinks = {"type": "enabled", "budget_tokens": 1024, "display": "omitted"}
    final, raw = streamed(claude, "a", thinking=thinks)
    block = final.content[0]
    assert block.type == "thinking"
    assert (block.thinking, bool(block.signature)) == ("", True)
    kinds = [e.delta.type for e in raw if e.type == "content_block_delta" and e.index == 0]
    assert kinds == ["signature_delta"]
    assert final.usage.output_tokens_details is not None


def test_the_cache_is_reported_in_the_provider_s_fields(claude: anthropic.Anthropic) -> None:
    marker = {"type": "ephemeral"}
    hour = {"type": "ephemeral", "ttl": "1h"}
    system = [{"type": "text", "text": "s" * 400, "cache_control": hour}]
    long_text = [{"type": "text", "text": "u" * 400, "cache_control": marker}]
    usage = create(claude, long_text, system=system).usage
    assert usage.cache_creation is not None
    assert (usage.input_tokens, usage.cache_read_input_tokens) == (0, 0)
    assert usage.cache_creation.ephemeral_1h_input_tokens == 100
    assert usage.cache_creation.ephemeral_5m_input_tokens == 103
    final, _ = streamed(claude, "u" * 400, "a", long_text, system=system)
    assert final.usage.cache_read_input_tokens == 203
    final, _ = streamed(claude, "other", "a", long_text, system=system)
    assert final.usage.cache_read_input_tokens == 100


def test_structured_output_and_usage_on_demand(claude: anthropic.Anthropic) -> None:
    schema = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
    form = {"type": "json_schema", "schema": schema}
    answer = create(
        claude, "<session>[[stall]]</session>", output_config={"format": form}, tools=[]
    )
    assert json.loads(said(answer)) == {"title": "simulated"}
    assert create(claude, "[[usage 990000]]").usage.input_tokens == 990000


def test_a_refusal_has_its_own_stop_reason(claude: anthropic.Anthropic) -> None:
    final, _ = streamed(claude, "[[refusal]]")
    assert final.stop_reason == "refusal"
    assert final.stop_details is not None


def test_tokens_are_counted_as_they_are_billed(claude: anthropic.Anthropic) -> None:
    counted = claude.messages.count_tokens(model=MODEL, messages=talk("hello"), system="be brief")
    assert counted.input_tokens == create(claude, "hello", system="be brief").usage.input_tokens


def test_a_context_window_declared_by_the_model_s_name_holds(claude: anthropic.Anthropic) -> None:
    create(claude, "x" * 388, model="claude-sim-ctx-100")
    with pytest.raises(anthropic.BadRequestError) as refused:
        create(claude, "x" * 389, model="claude-sim-ctx-100")
    assert "prompt is too long: 101 tokens > 100 maximum" in str(refused.value)


def test_a_refused_request_has_the_provider_s_error_shape(claude: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError) as refused:
        create(claude, "a", "b", "")
    body = cast(dict[str, Any], refused.value.body)
    assert set(body) == {"type", "error", "request_id"}
    assert body["error"]["type"] == "invalid_request_error"
    assert refused.value.response.headers["request-id"] == body["request_id"]


def test_what_claude_code_sends_is_taken(claude: anthropic.Anthropic) -> None:
    messages: Iterable[Any] = [
        {"role": "user", "content": [{"type": "text", "text": "<system-reminder>x"},
                                     {"type": "text", "text": "alpha"}]},
        {"role": "system", "content": "env", "output_config": {"effort": "medium"}},
        {"role": "assistant", "content": [{"type": "text", "text": "r"}]},
        {"role": "user", "content": "CRITICAL: Respond with TEXT ONLY. Do NOT call any tools."},
        {"role": "system", "output_config": {"effort": "medium"}, "content": []},
    ]  # fmt: skip
    answer = claude.beta.messages.create(
        model="claude-opus-5-5",
        max_tokens=128000,
        messages=messages,
        thinking={"type": "adaptive", "display": "omitted"},
        context_management={"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        output_config={"effort": "medium"},
        metadata={"user_id": "{}"},
        betas=["context-management-2025-06-27"],
        extra_body={"diagnostics": {"previous_message_id": None}},
        timeout=5,
    )
    assert answer.content[0].type == "text"
    assert answer.content[0].text == "<summary>The user began with: alpha</summary>"
    assert answer.context_management is not None


def test_max_tokens_of_zero_fills_the_cache_and_says_nothing(claude: anthropic.Anthropic) -> None:
    """No content, `stop_reason: "max_tokens"`, no output billed (prompt caching page, 2026-11)."""
    marked = [{"type": "text", "text": "warm " * 80, "cache_control": {"type": "ephemeral"}}]
    warm = create(claude, "[[think]][[say never]]", system=marked, max_tokens=0)
    assert (warm.content, warm.stop_reason, warm.usage.output_tokens) == ([], "max_tokens", 0)
    assert (warm.usage.cache_creation_input_tokens, warm.usage.cache_read_input_tokens) == (100, 0)
    assert create(claude, "b", system=marked).usage.cache_read_input_tokens == 100
    again = create(claude, "c", system=marked, max_tokens=0)
    assert again.usage.cache_read_input_tokens == 100


def test_a_request_of_max_tokens_zero_keeps_an_entry_alive() -> None:
    marked = [{"type": "text", "text": "warm " * 80, "cache_control": {"type": "ephemeral"}}]
    with (
        SimulatorThread(clock=lambda: 0.0) as sim,
        anthropic.Anthropic(base_url=sim.url, api_key="key", max_retries=0) as client,
    ):
        reads = []
        for pinging in (True, True, True, False):
            answer = create(client, "x", system=marked, max_tokens=0 if pinging else 9)
            reads.append(answer.usage.cache_read_input_tokens)
            sim.advance(299)
        sim.advance(2)
        reads.append(create(client, "x", system=marked).usage.cache_read_input_tokens)
    assert reads == [0, 100, 100, 100, 0]


def test_an_entry_is_there_from_the_first_byte_of_the_answer_that_wrote_it() -> None:
    """Not before: a request that starts while the first one waits for its answer misses."""
    marked = [{"type": "text", "text": "slow " * 80, "cache_control": {"type": "ephemeral"}}]
    with (
        SimulatorThread() as sim,
        anthropic.Anthropic(base_url=sim.url, api_key="key", max_retries=0) as client,
        ThreadPoolExecutor() as threads,
    ):
        slow = threads.submit(create, client, "[[stall]]", system=marked)
        sim.wait_for(1)
        early = create(client, "x", system=marked).usage
        assert (early.cache_read_input_tokens, early.cache_creation_input_tokens) == (0, 100)
        sim.release()
        assert slow.result().usage.cache_creation_input_tokens == 100
        assert create(client, "y", system=marked).usage.cache_read_input_tokens == 100


def test_a_stream_s_entry_can_be_read_while_it_goes_on() -> None:
    marked = [{"type": "text", "text": "slow " * 80, "cache_control": {"type": "ephemeral"}}]
    with (
        SimulatorThread() as sim,
        anthropic.Anthropic(base_url=sim.url, api_key="key", max_retries=0) as client,
    ):
        given: dict[str, Any] = {"model": MODEL, "max_tokens": 9, "system": marked}
        words = talk("[[stall-after 2]] a b c")
        with client.messages.create(**given, messages=words, stream=True) as events:
            assert next(iter(events)).type == "message_start"
            assert create(client, "y", system=marked).usage.cache_read_input_tokens == 100
            sim.release()


def test_another_set_of_beta_headers_loses_the_messages(claude: anthropic.Anthropic) -> None:
    """Cache diagnostics page (2026-11): they are among what affects the prompt."""
    marked = [{"type": "text", "text": "beta " * 80, "cache_control": {"type": "ephemeral"}}]

    def read(*betas: str) -> int | None:
        headers = {"anthropic-beta": ",".join(betas)} if betas else {}
        answer = create(claude, marked, system=marked, extra_headers=headers)
        return answer.usage.cache_read_input_tokens

    assert [read(), read("one", "two"), read("two", "one"), read("one")] == [0, 100, 203, 100]
