"""Each refusal of the Messages API by name, and bodies that must pass."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.simulator.rules_anthropic import check, check_count
from stitcher.simulator.thinking_signature import digest_of_all, sign

Body = dict[str, Any]
TOOLS = [{"name": "f", "input_schema": {"type": "object"}}]
MARK = {"type": "ephemeral"}
HOUR = {"type": "ephemeral", "ttl": "1h"}


def use(call_id: str = "t1") -> Body:
    return {"type": "tool_use", "id": call_id, "name": "f", "input": {}}


def result(call_id: str = "t1", **fields: Any) -> Body:
    return {"type": "tool_result", "tool_use_id": call_id, "content": "ok", **fields}


def text(words: str = "hi", **fields: Any) -> Body:
    return {"type": "text", "text": words, **fields}


def user(*blocks: Any) -> Body:
    return {"role": "user", "content": list(blocks) or "hi"}


def assistant(*blocks: Any) -> Body:
    return {"role": "assistant", "content": list(blocks) or "yes"}


def body(*messages: Body, **fields: Any) -> Body:
    return {
        "model": "claude-opus-5", "max_tokens": 4096, "messages": list(messages) or [user()],
        **fields,
    }  # fmt: skip


def thinking(earlier: Body, words: str = "hmm") -> Body:
    return {"type": "thinking", "thinking": words, "signature": sign(words, digest_of_all(earlier))}


def without(name: str) -> Body:
    return {key: value for key, value in body().items() if key != name}


def enabled(**fields: Any) -> Body:
    return {"thinking": {"type": "enabled", "budget_tokens": 1024, **fields}}


ACCEPTED = {
    "plain": body(),
    "string system": body(system="be brief"),
    "two users in a row": body(user(), user()),
    "nothing to say": body(max_tokens=0, thinking={"type": "adaptive"}, stream=False),
    "prefill": body(user(), assistant(text("The answer is"))),
    "empty prefill": body(user(), {"role": "assistant", "content": []}),
    "tool loop": body(user(), assistant(use()), user(result()), tools=TOOLS),
    "parallel results in another order": body(
        user(), assistant(use("a"), use("b")), user(result("b"), result("a"), text()), tools=TOOLS
    ),
    "empty tool result": body(user(), assistant(use()), user(result(content=[])), tools=TOOLS),
    "tool reference": body(
        user(),
        assistant(use()),
        user(result(content=[{"type": "tool_reference", "tool_name": "f"}])),
        tools=TOOLS,
    ),
    "system entries": body(
        user(),
        {"role": "system", "content": "env", "output_config": {"effort": "high"}},
        assistant(),
        user(),
        {"role": "system", "content": [text("date")]},
        {"role": "system", "content": [], "output_config": {"effort": "low"}},
    ),
    "four markers": body(
        user(text(cache_control=MARK)),
        tools=[{**TOOLS[0], "cache_control": HOUR}],
        system=[text(cache_control=HOUR), text(cache_control=MARK)],
    ),
    "automatic marker on a marked block": body(
        user(*[text(cache_control=MARK) for _ in range(4)]), cache_control=MARK
    ),
    "keep-alive": body(max_tokens=0),
    "server tool": body(tools=[{"type": "web_search_20250305", "name": "web_search"}]),
    "effort and betas": body(
        output_config={"effort": "medium"},
        context_management={"edits": []},
        diagnostics={"previous_message_id": None},
        safeguards={},
        metadata={"user_id": "u"},
        thinking={"type": "adaptive", "display": "omitted"},
    ),
    "open tool loop without thinking, adaptive": body(
        user(), assistant(use()), user(result()), tools=TOOLS, thinking={"type": "adaptive"}
    ),
    "thinking": body(
        user(),
        assistant(thinking(body()), use()),
        user(result()),
        tools=TOOLS,
        **enabled(),
    ),
}  # fmt: skip

REFUSED: dict[str, tuple[Any, str]] = {
    "not an object": ([], "expected an object"),
    "no model": (without("model"), "model: Field required"),
    "no messages": (without("messages"), "messages: Field required"),
    "no max_tokens": (without("max_tokens"), "max_tokens: Field required"),
    "max_tokens is text": (body(max_tokens="9"), "max_tokens: Input should be a valid integer"),
    "max_tokens below zero": (body(max_tokens=-1), "greater than or equal to 0"),
    "messages is text": (body(messages="hi"), "messages: Input should be a valid list"),
    "no message": (body(messages=[]), "messages: at least one message is required"),
    "unknown parameter": (body(presence_penalty=1), "presence_penalty: Extra inputs are not"),
    "temperature out of range": (body(temperature=1.5), "temperature: range: 0..1"),
    "stream is text": (body(stream="yes"), "stream: Input should be a valid boolean"),
    "message is text": (body(messages=["hi"]), "messages.0: Input should be a valid dictionary"),
    "assistant first": (body(assistant()), "first message must use the user role"),
    "system first": (body({"role": "system", "content": "x"}), "first message must use the user"),
    "tool role": (body(user(), {"role": "tool", "content": "x"}), "Unexpected role 'tool'"),
    "no role": (body({"content": "x"}), "messages.0.role: Field required"),
    "system after assistant": (
        body(user(), assistant(), {"role": "system", "content": "x"}),
        "must follow a `user` message",
    ),
    "unknown message field": (body({**user(), "name": "bo"}), "messages.0.name: Extra inputs"),
    "no content": (body({"role": "user"}), "messages.0.content: Field required"),
    "content is a number": (body({"role": "user", "content": 1}), "valid string or a valid list"),
    "empty content": (body({"role": "user", "content": ""}), "must have non-empty content"),
    "empty list": (body({"role": "user", "content": []}), "must have non-empty content"),
    "empty assistant inside": (
        body(user(), {"role": "assistant", "content": []}, user()),
        "messages.1: all messages must have non-empty content",
    ),
    "empty system entry": (
        body(user(), {"role": "system", "content": []}),
        "must have non-empty content",
    ),
    "blank text": (body({"role": "user", "content": " \n"}), "must contain non-whitespace text"),
    "blank block": (body(user(text("  "))), "must contain non-whitespace text"),
    "empty block": (body(user(text(""))), "text content blocks must be non-empty"),
    "empty system block": (body(system=[text("")]), "system: text content blocks must be non-e"),
    "system image": (body(system=[{"type": "image"}]), "system.0.type: Input should be 'text'"),
    "unknown block": (body(user({"type": "video"})), "Input tag 'video' found using 'type'"),
    "block without type": (body(user({"text": "x"})), "messages.0.content.0.type: Field required"),
    "unknown block field": (body(user(text(x=1))), "messages.0.content.0.text.x: Extra inputs"),
    "call by the user": (body(user(use())), "`tool_use` blocks can only be in `assistant`"),
    "result by the assistant": (
        body(user(), assistant(result())),
        "`tool_result` blocks can only be in `user`",
    ),
    "image in a system entry": (
        body(user(), {"role": "system", "content": [{"type": "image", "source": {}}]}),
        "not allowed in `system` messages",
    ),
    "trailing white space": (
        body(user(), assistant(text("The answer is "))),
        "final assistant content cannot end with trailing whitespace",
    ),
    "call id with a dot": (
        body(user(), assistant(use("a.b")), user(result("a.b")), tools=TOOLS),
        "tool_use.id: String should match pattern",
    ),
    "call id twice": (
        body(*[m for _ in "ab" for m in (user(), assistant(use()), user(result()))], tools=TOOLS),
        "`tool_use` ids must be unique",
    ),
    "call unanswered": (
        body(user(), assistant(use()), user(), tools=TOOLS),
        "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: t1",
    ),
    "call unanswered at the end": (
        body(user(), assistant(use()), tools=TOOLS),
        "messages.1: `tool_use` ids were found without",
    ),
    "one of two calls unanswered": (
        body(user(), assistant(use("a"), use("b")), user(result("a")), tools=TOOLS),
        "immediately after: b.",
    ),
    "result after words": (
        body(user(), assistant(use()), user(text(), result()), tools=TOOLS),
        "`tool_use` ids were found without `tool_result` blocks immediately after",
    ),
    "result one message late": (
        body(user(), assistant(use()), user(), user(result()), tools=TOOLS),
        "`tool_use` ids were found without",
    ),
    "orphan result": (body(user(result()), tools=TOOLS), "unexpected `tool_use_id` found in"),
    "result twice": (
        body(user(), assistant(use()), user(result(), result()), tools=TOOLS),
        "each tool_use must have a single result",
    ),
    "tool history without tools": (
        body(user(), assistant(use()), user(result())),
        "must define tools",
    ),
    "tool name": (
        body(tools=[{"name": "a b", "input_schema": {"type": "object"}}]),
        "tools.0.custom.name: String should match pattern",
    ),
    "tool twice": (body(tools=TOOLS * 2), "Tool names must be unique"),
    "tool without schema": (body(tools=[{"name": "f"}]), "tools.0.custom.input_schema: Field"),
    "five markers": (
        body(user(*[text(cache_control=MARK) for _ in range(5)])),
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    "four markers and an automatic one": (
        body(user(*[text(cache_control=MARK) for _ in range(4)], text()), cache_control=MARK),
        "Found 5.",
    ),
    "automatic marker of another ttl": (
        body(user(text(cache_control=HOUR)), cache_control=MARK),
        "cache_control with a different ttl",
    ),
    "marker on an empty text": (
        body(user(text("", cache_control=MARK))),
        "cache_control cannot be set for empty text blocks",
    ),
    "marker on thinking": (
        body(user(), assistant({**thinking(body()), "cache_control": MARK}, text())),
        "thinking.cache_control: Extra inputs are not permitted",
    ),
    "empty marker": (body(user(text(cache_control={}))), "type: Input should be 'ephemeral'"),
    "image from a list": (
        body(user({"type": "image", "source": {"type": []}})),
        "image.source.type: Field required",
    ),
    "result of a strange type": (
        body(user(), assistant(use()), user(result(content=[{"type": {}}])), tools=TOOLS),
        "Input tag {} found using 'type'",
    ),
    "marker of another type": (
        body(user(text(cache_control={"type": "forever"}))),
        "cache_control.type: Input should be 'ephemeral'",
    ),
    "marker of another ttl": (
        body(user(text(cache_control={"type": "ephemeral", "ttl": "2h"}))),
        "Input should be '5m' or '1h'",
    ),
    "hour after five minutes": (
        body(user(text(cache_control=HOUR)), system=[text(cache_control=MARK)]),
        "a ttl='1h' cache_control block must not come after a ttl='5m'",
    ),
    "marker in a cleared message": (
        body(
            user(),
            {"role": "system", "clear_at": "next_user_message",
             "content": [text(cache_control=MARK)]},
        ),
        "cannot carry cache_control",
    ),
    "marker on a deferred tool": (
        body(tools=[{**TOOLS[0], "defer_loading": True, "cache_control": MARK}]),
        "cannot have both defer_loading=true and cache_control",
    ),
    "unknown thinking": (body(thinking={"type": "deep"}), "Input tag 'deep' found using 'type'"),
    "small budget": (body(**enabled(budget_tokens=5)), "greater than or equal to 1024"),
    "budget beyond max_tokens": (
        body(**enabled(budget_tokens=4096)),
        "`max_tokens` must be greater than `thinking.budget_tokens`",
    ),
    "nothing to say, streamed": (
        body(max_tokens=0, stream=True), "0 is not supported with this value of `stream`",
    ),
    "nothing to say, with thinking": (
        body(max_tokens=0, thinking={"type": "enabled", "budget_tokens": 1024}),
        "with this value of `thinking.type`",
    ),
    "nothing to say, in a form": (
        body(max_tokens=0, output_config={"format": {"type": "json_schema", "schema": {}}}),
        "with this value of `output_config.format`",
    ),
    "nothing to say, with any tool": (
        body(max_tokens=0, tools=TOOLS, tool_choice={"type": "any"}),
        "with this value of `tool_choice.type`",
    ),
    "nothing to say, with a certain tool": (
        body(max_tokens=0, tools=TOOLS, tool_choice={"type": "tool", "name": "f"}),
        "with this value of `tool_choice.type`",
    ),
    "automatic beside another lifetime, behind a cleared message": (
        body(
            user(text(cache_control=HOUR)),
            {"role": "system", "content": "note", "clear_at": "next_user_message"},
            cache_control=MARK,
        ),
        "the last block already has cache_control with a different ttl",
    ),
    "thinking and a forced tool": (
        body(tools=TOOLS, tool_choice={"type": "any"}, **enabled()),
        "Thinking may not be enabled when tool_choice forces tool use",
    ),
    "broken signature": (
        body(user(), assistant({**thinking(body()), "thinking": "else"}, text()), user()),
        "messages.1.content.0: Invalid `signature` in `thinking` block",
    ),
    "made-up redacted thinking": (
        body(user(), assistant({"type": "redacted_thinking", "data": "AAAA"}, text()), user()),
        "messages.1.content.0: Invalid `data` in `redacted_thinking` block",
    ),
    "thinking at the end": (
        body(user(), assistant(thinking(body()))),
        "The final block in an assistant message cannot be `thinking`",
    ),
    "open tool loop without thinking": (
        body(user(), assistant(use()), user(result()), tools=TOOLS, **enabled()),
        "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name: str) -> None:
    assert check(ACCEPTED[name]) is None


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    given_body, wording = REFUSED[name]
    before = copy.deepcopy(given_body)
    refusal = check(given_body)
    assert refusal is not None
    assert (refusal.status, refusal.type) == (400, "invalid_request_error")
    assert wording in refusal.message
    assert given_body == before


def bound(first: str = "hi", model: str = "claude-opus-5-5-20261001", **fields: Any) -> Body:
    """A second turn whose thinking was made after a user who said `hi`."""
    made_for = body(user(text("hi", cache_control=MARK)), system="be brief", tools=TOOLS)
    return body(
        user(text(first)),
        assistant(thinking(made_for), text()),
        user(),
        **{"model": model, "system": [text("be brief")], "tools": TOOLS, **fields},
    )


def test_thinking_bound_to_its_prefix_survives_what_the_model_does_not_see() -> None:
    assert check(bound()) is None
    deferred = [*TOOLS, {**TOOLS[0], "name": "g", "defer_loading": True}]
    assert check(bound(tools=deferred, cache_control=MARK, temperature=1)) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"first": "hi!"},
        {"system": "be long"},
        {"tools": []},
        {"tools": [{**TOOLS[0], "name": "g"}]},
    ],
)
def test_thinking_bound_to_its_prefix_refuses_an_edit_before_it(changed: Body) -> None:
    refusal = check(bound(**changed))
    assert refusal is not None
    assert refusal.message.startswith("messages.1.content.0: This `thinking` block was created in")


@pytest.mark.parametrize("model", ["claude-opus-5", "claude-opus-5-50", "claude-mythos-5-1"])
def test_other_models_do_not_bind_thinking(model: str) -> None:
    assert check(bound("edited", model)) is None


def test_dropping_instead_of_refusing_can_be_asked_for() -> None:
    binding = {"prefix_mismatch_behavior": "drop_block"}
    thinks = {"type": "adaptive", "block_binding": binding}
    assert check(bound("edited", thinking=thinks)) is None


def test_counting_needs_no_max_tokens_and_takes_fewer_parameters() -> None:
    assert check_count(without("max_tokens")) is None
    refusal = check_count(body())
    assert refusal is not None
    assert refusal.message == "max_tokens: Extra inputs are not permitted"


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.just("tool_use")
KEYS = st.sampled_from(
    ["role", "content", "type", "text", "id", "tool_use_id", "input", "source", "cache_control"]
)
JSON = st.recursive(
    SCALARS | st.sampled_from(["user", "assistant", "text", "tool_result", "thinking", "image"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)


@given(
    st.sampled_from(["messages", "tools", "system", "thinking", "tool_choice", "cache_control"]),
    JSON,
    st.lists(
        st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": JSON}),
        max_size=3,
    ),
)
def test_no_body_is_too_strange_to_be_judged(name: str, value: Any, messages: list[Body]) -> None:
    check({**body(*messages), name: value})
