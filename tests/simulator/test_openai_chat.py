"""Dialogues of the official OpenAI SDK with the simulator."""

import json
from pathlib import Path
from typing import Any, cast

import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from stitcher.simulator.serve import SimulatorThread
from stitcher.simulator.virtual_clock import still

MODEL = "sim-m"
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]


def talk(*texts: str) -> list[dict[str, Any]]:
    """Messages whose roles alternate, beginning with the user."""
    roles = ("user", "assistant")
    return [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]


def create(client: openai.OpenAI, messages: list[dict[str, Any]], **fields: Any) -> ChatCompletion:
    given = {"model": MODEL, "messages": messages, **fields}
    return cast(ChatCompletion, client.chat.completions.create(**given))


def chunks(
    client: openai.OpenAI, messages: list[dict[str, Any]], **fields: Any
) -> list[ChatCompletionChunk]:
    given = {"model": MODEL, "messages": messages, "stream": True, **fields}
    return list(client.chat.completions.create(**given))


def said(answer: ChatCompletion) -> str | None:
    return answer.choices[0].message.content


def cached(answer: ChatCompletion) -> int | None:
    assert answer.usage is not None
    assert answer.usage.prompt_tokens_details is not None
    return answer.usage.prompt_tokens_details.cached_tokens


def test_a_plain_and_a_streamed_answer_are_the_same(chat: openai.OpenAI) -> None:
    words = talk('[[say Well,  then\n]][[tool f {"a": [1]}]]')
    plain = create(chat, words, tools=TOOLS)
    given: dict[str, Any] = {"model": MODEL, "messages": words, "tools": TOOLS}
    with chat.chat.completions.stream(**given) as stream:
        for _ in stream:
            pass
        final = stream.get_final_completion()
    assert said(plain) == said(cast(ChatCompletion, final)) == "Well,  then\n"
    assert plain.choices[0].finish_reason == final.choices[0].finish_reason == "tool_calls"
    for answer in (plain, final):
        assert answer.choices[0].message.tool_calls is not None
        call = answer.choices[0].message.tool_calls[0]
        assert call.type == "function"
        assert call.function.arguments == '{"a": [1]}'


def test_a_stream_has_no_usage_unless_asked(chat: openai.OpenAI) -> None:
    quiet = chunks(chat, talk("hi"))
    assert all("usage" not in chunk.model_fields_set for chunk in quiet)
    assert quiet[0].choices[0].delta.role == "assistant"
    assert quiet[-1].choices[0].finish_reason == "stop"
    asked = chunks(chat, talk("hi"), stream_options={"include_usage": True})
    assert all(chunk.usage is None for chunk in asked[:-1])
    assert asked[-1].choices == []
    assert asked[-1].usage is not None
    assert len({chunk.id for chunk in asked}) == 1


def test_parallel_calls_are_answered_and_read_back(chat: openai.OpenAI) -> None:
    first = create(chat, talk("[[tool f]][[tool f]]"), tools=TOOLS)
    calls = first.choices[0].message.tool_calls
    assert calls is not None
    assert len({call.id for call in calls}) == 2
    messages = [
        *talk("[[tool f]][[tool f]]"),
        first.choices[0].message.model_dump(),
        {"role": "tool", "tool_call_id": calls[1].id, "content": "two"},
        {"role": "tool", "tool_call_id": calls[0].id, "content": "one"},
    ]
    assert said(create(chat, messages, tools=TOOLS)) == "Tool said: two | one"


def test_call_arguments_arrive_in_pieces(chat: openai.OpenAI) -> None:
    deltas = [
        call
        for chunk in chunks(chat, talk('[[tool f {"alpha": "beta"}]]'), tools=TOOLS)
        for call in chunk.choices[0].delta.tool_calls or ()
    ]
    assert [bool(call.id) for call in deltas] == [True] + [False] * (len(deltas) - 1)
    pieces = [call.function.arguments for call in deltas if call.function]
    assert len(pieces) > 2
    assert "".join(piece or "" for piece in pieces) == '{"alpha": "beta"}'


def test_thinking_is_sent_as_compatible_servers_do(chat: openai.OpenAI) -> None:
    answer = create(chat, talk("[[think]]"))
    thought = answer.choices[0].message.model_dump()["reasoning_content"]
    deltas = [c.choices[0].delta.model_dump() for c in chunks(chat, talk("[[think]]"))]
    assert "".join(delta.get("reasoning_content") or "" for delta in deltas) == thought
    messages = [*talk("[[think]]"), answer.choices[0].message.model_dump(), *talk("[[count]]")]
    assert said(create(chat, messages)) == "I received 3 messages."


def test_several_choices(chat: openai.OpenAI) -> None:
    answer = create(chat, talk("[[say x]]"), n=3)
    assert [(choice.index, choice.message.content) for choice in answer.choices] == [
        (0, "x"), (1, "x"), (2, "x"),
    ]  # fmt: skip
    assert {chunk.choices[0].index for chunk in chunks(chat, talk("x"), n=2)} == {0, 1}


def test_the_system_prompt_and_the_first_message_can_be_asked_for(chat: openai.OpenAI) -> None:
    system = {"role": "developer", "content": "be brief"}
    assert said(create(chat, [system, *talk("[[system]]")])) == 'The system prompt is: "be brief"'
    assert said(create(chat, [system, *talk("alpha", "r", "what did I say first?")])) == (
        'The first thing you said was: "alpha"'
    )


def test_the_cache_is_exact_for_new_models(chat: openai.OpenAI) -> None:
    opening = talk("exact " * 50, "r", "b")
    first = create(chat, opening)
    assert first.usage is not None
    assert first.usage.prompt_tokens_details is not None
    assert cached(first) == 0
    assert first.usage.prompt_tokens_details.cache_write_tokens == first.usage.prompt_tokens
    more = create(chat, [*opening, *talk("c", "d")[1:], *talk("e")])
    assert cached(more) == first.usage.prompt_tokens
    # "A shared prefix is not a cached prefix" in the new regime.
    assert cached(create(chat, talk("exact " * 50, "r", "other"))) == 0
    assert cached(create(chat, opening, prompt_cache_key="other")) == 0


def test_the_cache_is_in_steps_of_128_for_older_models(chat: openai.OpenAI) -> None:
    opening = talk("steps " * 1000, "r", "b")
    create(chat, opening, model="gpt-4o")
    answer = create(chat, talk("steps " * 1000, "r", "other"), model="gpt-4o")
    assert cached(answer) == 1408
    assert answer.usage is not None
    assert answer.usage.prompt_tokens_details is not None
    assert answer.usage.prompt_tokens_details.cache_write_tokens is None
    assert cached(create(chat, talk("short"), model="gpt-4o")) == 0


def test_structured_output_usage_and_refusal_on_demand(chat: openai.OpenAI) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    assert json.loads(said(create(chat, talk("x"), response_format=form)) or "") == {"n": 0}
    usage = create(chat, talk("[[usage 77]]")).usage
    assert usage is not None
    assert usage.prompt_tokens == 77
    refused = create(chat, talk("[[refusal]]")).choices[0].message
    assert (refused.content, refused.refusal) == (None, "I cannot help with that.")


def test_a_context_window_declared_by_the_model_s_name_holds(chat: openai.OpenAI) -> None:
    create(chat, talk("x" * 376), model="sim-ctx-100")
    with pytest.raises(openai.BadRequestError) as refused:
        create(chat, talk("x" * 377), model="sim-ctx-100")
    assert refused.value.code == "context_length_exceeded"
    assert "maximum context length is 100 tokens" in refused.value.message
    assert "your messages resulted in 101 tokens" in refused.value.message


def test_a_refused_request_has_the_provider_s_error_shape(chat: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        create(chat, [])
    body = cast(dict[str, Any], refused.value.response.json())
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert refused.value.response.headers["x-request-id"].startswith("req_sim_")


LONG = [{"role": "system", "content": "rules " * 200}, *talk("question")]


def usages(client: openai.OpenAI, model: str) -> list[dict[str, Any]]:
    """The usage of a conversation's two turns, the second one streamed."""
    first = create(client, LONG, model=model)
    messages = [*LONG, {"role": "assistant", "content": said(first)}, *talk("and?")]
    given = chunks(client, messages, model=model, stream_options={"include_usage": True})
    assert first.usage is not None
    assert given[-1].usage is not None
    return [first.usage.model_dump(), given[-1].usage.model_dump()]


def test_deepseek_s_fields(chat: openai.OpenAI) -> None:
    """`prompt_cache_hit_tokens` and `..._miss_tokens` are the whole prompt (API reference)."""
    with SimulatorThread(clock=still) as sim:
        client = chat.with_options(base_url=f"{sim.url}/v1")
        create(client, LONG, model="deepseek-chat")
        assert cached(create(client, [*LONG, *talk("x")], model="deepseek-chat")) == 0
        sim.advance(1)  # units take seconds to build
        answer = create(
            client, [*LONG, *talk("y")], model="deepseek-chat", extra_body={"user_id": "a"}
        )
        assert cached(answer) == 0
        answer = create(client, [*LONG, *talk("y")], model="deepseek-chat")
    assert answer.usage is not None
    told = answer.usage.model_dump()
    assert told["prompt_cache_hit_tokens"] == cached(answer) == 311
    assert (
        told["prompt_cache_hit_tokens"] + told["prompt_cache_miss_tokens"] == told["prompt_tokens"]
    )


def test_llama_cpp_s_timings_are_in_the_answer_and_in_the_last_chunk(chat: openai.OpenAI) -> None:
    """`cache_n + prompt_n` is the prompt (server README, 2026-10)."""
    plain = create(chat, LONG, model="llama-sim").model_dump()
    messages = [*LONG, {"role": "assistant", "content": "Reply 1 to: question"}, *talk("and?")]
    given = chunks(chat, messages, model="llama-sim")
    told = given[-1].model_dump()["timings"]
    assert plain["timings"]["cache_n"] == 0
    assert plain["timings"]["prompt_n"] == plain["usage"]["prompt_tokens"]
    assert told["cache_n"] == plain["usage"]["total_tokens"] + 3
    assert told["prompt_n"] == 4
    assert "timings" not in given[0].model_dump()


def test_ollama_tells_nothing_of_its_cache_but_to_its_log(
    chat: openai.OpenAI, tmp_path: Path
) -> None:
    log = tmp_path / "ollama.log"
    with SimulatorThread(engine_log=log) as sim:
        client = chat.with_options(base_url=f"{sim.url}/v1")
        first, second = usages(client, "ollama-sim")
    assert first["prompt_tokens_details"] is second["prompt_tokens_details"] is None
    cached_lines = [line for line in log.read_text().splitlines() if "cached n_tokens" in line]
    assert [line.partition("cached n_tokens = ")[2] for line in cached_lines] == [
        "0, memory_seq_rm [0, end)",
        f"{first['total_tokens'] + 3}, memory_seq_rm [{first['total_tokens'] + 3}, end)",
    ]


def test_vllm_tells_of_a_hit_only(chat: openai.OpenAI) -> None:
    first, second = usages(chat, "vllm-sim")
    assert first["prompt_tokens_details"] is None
    whole = first["total_tokens"] + 3
    assert second["prompt_tokens_details"]["cached_tokens"] == whole // 16 * 16
    with pytest.raises(openai.BadRequestError, match="cache_salt"):
        create(chat, LONG, model="gpt-6", extra_body={"cache_salt": "x"})
