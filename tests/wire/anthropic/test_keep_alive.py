"""The request that keeps a prompt in Anthropic's cache."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.simulator import rules_anthropic
from stitcher.wire.anthropic.keep_alive import ping
from stitcher.wire.dialects import DIALECTS
from tests.wire.json_text import VALUE, spelled

TOOLS = [{"name": "look", "input_schema": {"type": "object"}}]
BODY: dict[str, Any] = {
    "model": "claude-opus-5-5",
    "max_tokens": 4096,
    "messages": [{"role": "user", "content": "hi"}],
}


def test_only_the_limit_and_the_stream_change() -> None:
    body = (
        b'{ "model":"m", "stream" : true,\n "max_tokens": 4096 ,"novel":1.0,'
        b'"messages":[{"role":"user","content":"max_tokens"}] }'
    )
    assert ping(body) == (
        b'{ "model":"m", "max_tokens": 0 ,"novel":1.0,'
        b'"messages":[{"role":"user","content":"max_tokens"}] }'
    )


@given(st.dictionaries(st.sampled_from(["system", "metadata", "novel", "temperature"]), VALUE),
       st.booleans(), st.data())  # fmt: skip
def test_whatever_else_it_says_is_said_again(
    extra: dict[str, Any], stream: bool, data: st.DataObject
) -> None:
    body = {**extra, **BODY, **({"stream": True} if stream else {})}
    text = data.draw(spelled(body))
    made = ping(text.encode())
    assert made is not None
    assert json.loads(made) == {**extra, **BODY, "max_tokens": 0}


REFUSED: dict[str, dict[str, Any]] = {
    "manual thinking": {"thinking": {"type": "enabled", "budget_tokens": 1024}},
    "a format": {"output_config": {"format": {"type": "json_schema", "schema": {}}}},
    "any tool": {"tools": TOOLS, "tool_choice": {"type": "any"}},
    "one tool": {"tools": TOOLS, "tool_choice": {"type": "tool", "name": "look"}},
}


@pytest.mark.parametrize("extra", REFUSED.values(), ids=REFUSED)
def test_what_would_be_refused_is_not_made(extra: dict[str, Any]) -> None:
    body = {**BODY, **extra}
    assert rules_anthropic.check(body) is None
    assert rules_anthropic.check({**body, "max_tokens": 0}) is not None
    assert ping(json.dumps(body).encode()) is None


TAKEN: dict[str, dict[str, Any]] = {
    "a stream": {"stream": True},
    "adaptive thinking": {"thinking": {"type": "adaptive"}},
    "an effort": {"output_config": {"effort": "low"}},
    "no format": {"output_config": {"format": None}},
    "a free choice": {"tools": TOOLS, "tool_choice": {"type": "auto"}},
    "standard speed": {"speed": "standard"},
}


@pytest.mark.parametrize("extra", TAKEN.values(), ids=TAKEN)
def test_what_is_made_is_taken(extra: dict[str, Any]) -> None:
    made = ping(json.dumps({**BODY, **extra}).encode())
    assert made is not None
    assert rules_anthropic.check(json.loads(made)) is None


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({**BODY, "speed": "fast"}).encode(),  # it has prices of its own
        json.dumps({**BODY, "output_format": {"type": "json_schema"}}).encode(),
        b'{"model":"m","messages":[]}',
        b'{"max_tokens":1,"max_tokens":2}',
        b"[]",
        b"",
    ],
)
def test_nor_what_cannot_be_told(body: bytes) -> None:
    assert ping(body) is None


@pytest.mark.parametrize("name", ["openai_chat", "openai_responses"])
def test_openai_has_no_request_that_only_reads(name: str) -> None:
    assert DIALECTS[name].ping(json.dumps(BODY).encode()) is None
