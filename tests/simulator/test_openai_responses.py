"""Dialogues of the official OpenAI SDK with the simulator's Responses API."""

import json
from typing import Any, cast

import openai
import pytest
from openai.types.responses import Response, ResponseFunctionToolCall

from stitcher.simulator.serve import SimulatorThread
from stitcher.simulator.virtual_clock import still

MODEL = "sim-m"
FUNCTION = {"type": "function", "name": "f", "parameters": {"type": "object"}}
CUSTOM = {"type": "custom", "name": "c"}
ENCRYPTED = ["reasoning.encrypted_content"]

Items = list[dict[str, Any]]


def create(client: openai.OpenAI, given: str | Items, **fields: Any) -> Response:
    asked = {"model": MODEL, "input": given, **fields}
    return cast(Response, client.responses.create(**asked))


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def back(answer: Response) -> Items:
    """The output as a client that keeps the history itself sends it back."""
    return [item.model_dump(exclude_none=True) for item in answer.output]


def types(answer: Response) -> list[str]:
    return [item.type for item in answer.output]


def cached(answer: Response) -> int:
    assert answer.usage is not None
    return answer.usage.input_tokens_details.cached_tokens


def test_a_conversation_that_the_client_keeps(chat: openai.OpenAI) -> None:
    history: Items = [user("alpha")]
    first = create(chat, history)
    assert first.output_text == "Reply 1 to: alpha"
    history += [*back(first), user("what did I say first?")]
    assert create(chat, history).output_text == 'The first thing you said was: "alpha"'


def test_a_conversation_that_the_provider_keeps(chat: openai.OpenAI) -> None:
    first = create(chat, "alpha", instructions="be brief")
    second = create(chat, "[[recall 1]]", previous_response_id=first.id)
    assert second.output_text == 'User message 1 was: "alpha"'
    assert second.previous_response_id == first.id
    # "The instructions from a previous response will not be carried over" (API reference).
    third = create(chat, "[[system]]", previous_response_id=second.id)
    assert third.output_text == 'The system prompt is: ""'


def test_what_is_not_stored_is_not_found(chat: openai.OpenAI) -> None:
    unstored = create(chat, "alpha", store=False)
    with pytest.raises(openai.BadRequestError) as refused:
        create(chat, "and?", previous_response_id=unstored.id)
    assert refused.value.code == "previous_response_not_found"
    assert f"'{unstored.id}' not found" in refused.value.message


def test_a_server_without_a_store_takes_whole_conversations_only() -> None:
    with SimulatorThread(stateless_responses=True) as sim:
        client = openai.OpenAI(base_url=f"{sim.url}/v1", api_key="key", max_retries=0)
        first = create(client, "alpha [[think]]")
        for name in ("previous_response_id", "conversation"):
            with pytest.raises(openai.BadRequestError, match="is not supported") as refused:
                create(client, "and?", **{name: first.id})
            assert refused.value.param == name
        # Its reasoning carries no encrypted content, and no store has to know it.
        more: Items = [user("alpha"), *back(first), user("[[first]]")]
        for store in (True, False):
            answer = create(client, more, store=store)
            assert answer.output_text == 'The first thing you said was: "alpha"'
        reference = {"type": "item_reference", "id": first.output[1].id}
        with pytest.raises(openai.NotFoundError):
            create(client, [user("alpha"), reference])


def test_a_tool_call_and_its_output(chat: openai.OpenAI) -> None:
    asked = create(chat, '[[say One moment]][[tool f {"a": [1]}]]', tools=[FUNCTION])
    assert types(asked) == ["message", "function_call"]
    assert asked.output_text == "One moment"
    call = cast(ResponseFunctionToolCall, asked.output[1])
    assert (call.name, call.arguments, call.namespace) == ("f", '{"a": [1]}', None)
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "42"}
    told = create(chat, [result], previous_response_id=asked.id, tools=[FUNCTION])
    assert told.output_text == "Tool said: 42"


def test_a_custom_tool_is_given_text(chat: openai.OpenAI) -> None:
    answer = create(chat, '[[tool c {"input": "a b"}]][[tool c {"x": 1}]]', tools=[CUSTOM])
    assert types(answer) == ["custom_tool_call", "custom_tool_call"]
    assert [item["input"] for item in back(answer)] == ["a b", '{"x": 1}']


@pytest.mark.parametrize("name", ["g", "space.g"])
def test_a_tool_is_found_wherever_it_is_offered(chat: openai.OpenAI, name: str) -> None:
    inner = {"type": "function", "name": "g", "parameters": {"type": "object"}}
    space = {"type": "namespace", "name": "space", "description": "d", "tools": [inner, CUSTOM]}
    asked = user(f"[[tool {name}]][[tool c]]")
    offered = {"type": "additional_tools", "role": "developer", "tools": [space]}
    for answer in (create(chat, [asked], tools=[space]), create(chat, [offered, asked])):
        shown = [(i["type"], i["name"], i["namespace"]) for i in back(answer)]
        assert shown == [("function_call", "g", "space"), ("custom_tool_call", "c", "space")]


def test_reasoning_is_summed_up_and_travels_encrypted(chat: openai.OpenAI) -> None:
    quiet = create(chat, "[[think]]")
    assert "encrypted_content" not in back(quiet)[0]
    told = create(chat, "[[think]]", include=ENCRYPTED, store=False)
    thought, message = back(told)
    assert thought["type"] == "reasoning"
    assert thought["summary"] == [{"type": "summary_text", "text": "Thinking about: [[think]]"}]
    assert told.usage is not None
    assert told.usage.output_tokens_details.reasoning_tokens > 0
    history = [user("[[think]]"), thought, message, user("[[count]]")]
    assert create(chat, history, store=False).output_text == "I received 4 messages."


def test_reasoning_is_remembered_by_its_id_only_where_it_is_stored(chat: openai.OpenAI) -> None:
    first = create(chat, "[[think]]")
    history: Items = [user("[[think]]"), *back(first), user("[[count]]")]
    assert create(chat, history).output_text == "I received 4 messages."
    reference = {"type": "item_reference", "id": first.output[1].id}
    history[2] = reference
    assert create(chat, history).output_text == "I received 4 messages."
    with pytest.raises(openai.NotFoundError, match="`store` is set to false"):
        create(chat, history, store=False)
    history[1] = {**history[1], "id": "rs_unheard_of"}
    with pytest.raises(openai.NotFoundError, match="Item with id 'rs_unheard_of' not found"):
        create(chat, history)


def test_commentary_comes_before_the_answer(chat: openai.OpenAI) -> None:
    answer = create(chat, "[[commentary Looking]][[say Found]][[tool f]]", tools=[FUNCTION])
    said = [(item.get("phase"), item["type"]) for item in back(answer)]
    assert said == [
        ("commentary", "message"), ("final_answer", "message"), (None, "function_call"),
    ]  # fmt: skip


def test_an_answer_that_runs_out_of_tokens_is_incomplete(chat: openai.OpenAI) -> None:
    short = create(chat, "[[long 100]]", max_output_tokens=16)
    assert short.status == "incomplete"
    assert short.incomplete_details is not None
    assert short.incomplete_details.reason == "max_output_tokens"
    assert short.output_text.startswith("word1 word2")
    assert short.usage is not None
    assert short.usage.output_tokens == 16
    half = create(chat, "[[long 100]][[incomplete]]")
    assert half.status == "incomplete"
    assert 0 < len(half.output_text) < 100 * len("word100 ")


def test_a_model_that_fails_says_so_in_the_response(chat: openai.OpenAI) -> None:
    answer = create(chat, "[[failed]]")
    assert answer.status == "failed"
    assert answer.error is not None
    assert answer.error.code == "server_error"


def test_structured_output_usage_and_refusal_on_demand(chat: openai.OpenAI) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    form = {"type": "json_schema", "name": "x", "schema": schema}
    assert json.loads(create(chat, "x", text={"format": form}).output_text) == {"n": 0}
    usage = create(chat, "[[usage 77]]").usage
    assert usage is not None
    assert usage.input_tokens == 77
    assert usage.total_tokens == 77 + usage.output_tokens
    refused = back(create(chat, "[[refusal]]"))[0]["content"]
    assert refused == [{"type": "refusal", "refusal": "I cannot help with that."}]


def test_the_response_shows_how_it_was_asked_for(chat: openai.OpenAI) -> None:
    answer = create(
        chat, "hi", instructions="be brief", metadata={"a": "b"}, tools=[FUNCTION],
        reasoning={"effort": "low"}, parallel_tool_calls=False, truncation="auto", store=False,
        text={"verbosity": "low"}, max_output_tokens=100, prompt_cache_key="k",
    ).model_dump()  # fmt: skip
    assert answer["object"] == "response"
    assert answer["instructions"] == "be brief"
    assert answer["metadata"] == {"a": "b"}
    assert answer["tools"][0]["name"] == "f"
    assert answer["reasoning"]["effort"] == "low"
    assert answer["text"]["verbosity"] == "low"
    assert answer["text"]["format"] == {"type": "text"}
    assert (answer["parallel_tool_calls"], answer["truncation"]) == (False, "auto")
    assert answer["max_output_tokens"] == 100
    raw = chat.responses.with_raw_response.create(model=MODEL, input="hi").http_response.json()
    assert (raw["store"], raw["tool_choice"], raw["tools"]) == (True, "auto", [])
    assert raw["previous_response_id"] is None


def test_the_cache_reads_what_the_last_request_ended_with(chat: openai.OpenAI) -> None:
    opening: Items = [user("exact " * 50)]
    first = create(chat, opening, instructions="be brief")
    assert first.usage is not None
    assert cached(first) == 0
    assert first.usage.input_tokens_details.cache_write_tokens == first.usage.input_tokens
    more = create(chat, [*opening, *back(first), user("c")], instructions="be brief")
    assert more.usage is not None
    assert cached(more) == first.usage.input_tokens
    chained = create(chat, "c", previous_response_id=first.id, instructions="be brief")
    assert cached(chained) == more.usage.input_tokens
    assert cached(create(chat, opening, instructions="be verbose")) == 0
    assert cached(create(chat, opening, prompt_cache_key="other")) == 0


def test_ids_statuses_and_the_form_of_content_are_no_part_of_the_prompt(
    chat: openai.OpenAI,
) -> None:
    opening: Items = [user("forms " * 50)]
    first = create(chat, opening)
    create(chat, [*opening, *back(first), user("c")])
    plain: Items = [
        {"role": "user", "content": [{"type": "input_text", "text": "forms " * 50}]},
        {"role": "assistant", "content": first.output_text},
        {"type": "message", "role": "user", "content": "c", "id": "msg_own"},
    ]
    whole = create(chat, plain)
    assert whole.usage is not None
    assert cached(whole) == whole.usage.input_tokens


def test_a_changed_tool_list_or_thought_is_a_changed_prompt(chat: openai.OpenAI) -> None:
    opening: Items = [user("changes " * 50 + "[[think]]")]
    first = create(chat, opening)
    history = [*opening, *back(first), user("c")]
    assert cached(create(chat, history)) > 0
    assert cached(create(chat, history, tools=[FUNCTION])) == 0
    whole = create(chat, history)
    assert whole.usage is not None
    assert cached(whole) == whole.usage.input_tokens
    without_thought = [*opening, {"role": "assistant", "content": first.output_text}, user("c")]
    assert 0 < cached(create(chat, without_thought)) < whole.usage.input_tokens
    with pytest.raises(openai.BadRequestError, match="without its required 'reasoning' item"):
        create(chat, [*opening, *back(first)[1:], user("c")])


def test_a_context_window_declared_by_the_model_s_name_holds(chat: openai.OpenAI) -> None:
    create(chat, "x" * 376, model="sim-ctx-100")
    with pytest.raises(openai.BadRequestError) as refused:
        create(chat, "x" * 377, model="sim-ctx-100")
    assert refused.value.code == "context_length_exceeded"
    assert refused.value.param == "input"
    long = [user("alpha " * 100), user("[[count]]")]
    assert create(chat, long, model="sim-ctx-100", truncation="auto").output_text == (
        "I received 1 messages."
    )


def test_input_tokens_are_counted_as_they_are_billed(chat: openai.OpenAI) -> None:
    first = create(chat, "alpha", instructions="be brief", tools=[FUNCTION])
    asked: dict[str, Any] = {"model": MODEL, "instructions": "be brief", "tools": [FUNCTION]}
    counted = chat.responses.input_tokens.count(input="alpha", **asked)
    assert counted.object == "response.input_tokens"
    assert first.usage is not None
    assert counted.input_tokens == first.usage.input_tokens
    chained = chat.responses.input_tokens.count(
        input="more", previous_response_id=first.id, **asked
    )
    assert chained.input_tokens > counted.input_tokens


def test_a_compaction_stands_for_the_conversation(chat: openai.OpenAI) -> None:
    history: Items = [user("alpha"), {"role": "assistant", "content": "beta"}, user("gamma")]
    given: dict[str, Any] = {"model": MODEL, "input": history}
    compacted = chat.responses.with_raw_response.compact(**given).http_response.json()
    assert compacted["object"] == "response.compaction"
    kept = compacted["output"]
    assert [(item["type"], item.get("role")) for item in kept] == [
        ("message", "user"), ("message", "user"), ("compaction", None),
    ]  # fmt: skip
    assert compacted["usage"]["input_tokens"] > 0
    assert create(chat, [*kept, user("[[first]]")]).output_text == (
        'The first thing you said was: "alpha"'
    )
    kept[2]["encrypted_content"] = kept[2]["encrypted_content"][:-4] + "AAAA"
    with pytest.raises(openai.BadRequestError, match="could not be verified") as refused:
        create(chat, [*kept, user("more")])
    assert refused.value.code == "invalid_encrypted_content"


def test_a_compaction_can_be_asked_for_at_the_end_of_the_input(chat: openai.OpenAI) -> None:
    answer = create(chat, [user("alpha"), {"type": "compaction_trigger"}])
    assert types(answer) == ["compaction"]


def test_a_prewarmed_prompt_is_written_and_nothing_is_said(chat: openai.OpenAI) -> None:
    warm = create(chat, "warm " * 50, prompt_cache_options={"prewarm": True})
    assert warm.output == []
    assert warm.usage is not None
    assert warm.usage.output_tokens == 0
    assert cached(create(chat, "warm " * 50)) == warm.usage.input_tokens


def test_no_id_is_given_twice_in_a_conversation(chat: openai.OpenAI) -> None:
    history: Items = [user("[[tool f]]")]
    taken = {"type": "message", "role": "user", "content": "hi", "id": "msg_sim_000001"}
    with SimulatorThread() as restarted:
        client = openai.OpenAI(base_url=f"{restarted.url}/v1", api_key="key", max_retries=0)
        assert create(client, [taken]).output[0].id == "msg_sim_000002"
    first = create(chat, history, tools=[FUNCTION])
    history += [*back(first), {"type": "function_call_output", "call_id": back(first)[0]["call_id"],
                               "output": "1"}, user("[[tool f]]")]  # fmt: skip
    second = create(chat, history, tools=[FUNCTION])
    assert back(second)[0]["call_id"] != back(first)[0]["call_id"]
    assert back(second)[0]["id"] != back(first)[0]["id"]


def test_a_refused_request_has_the_provider_s_error_shape(chat: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        create(chat, [])
    body = cast(dict[str, Any], refused.value.response.json())
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert refused.value.response.headers["x-request-id"].startswith("req_sim_")
    with pytest.raises(openai.RateLimitError):
        create(chat, "[[status 429]]")


def test_twelve_hours_are_told_apart_and_last(chat: openai.OpenAI) -> None:
    """`cache_write_tokens_details` and `ttl: "12h"` (openai SDK 3.54.0)."""
    part = {"type": "input_text", "text": "rules " * 200}
    marked = {**part, "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}}
    opening = {"role": "developer", "content": [marked]}
    with SimulatorThread(clock=still) as sim:
        client = chat.with_options(base_url=f"{sim.url}/v1")
        first = create(client, [opening, user("question")])
        sim.advance(11 * 3600)
        second = create(client, [opening, user("another question")])
    assert first.usage is not None
    assert first.usage.input_tokens_details.model_dump() == {
        "cached_tokens": 0,
        "cache_write_tokens": 311,
        "cache_write_tokens_details": {"ttl_30m_tokens": 5, "ttl_12h_tokens": 306},
    }
    assert cached(second) == 306
