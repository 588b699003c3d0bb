from typing import Any

import pytest

from stitcher.simulator import rules_openai_chat, rules_openai_responses


def chat(part: dict[str, Any] | None = None, **fields: Any) -> str | None:
    content = [{"type": "text", "text": "x", **(part or {})}]
    body = {"model": "gpt-6", "messages": [{"role": "user", "content": content}], **fields}
    refusal = rules_openai_chat.check(body)
    return refusal.param if refusal else None


def responses(part: dict[str, Any] | None = None, **fields: Any) -> str | None:
    content = [{"type": "input_text", "text": "x", **(part or {})}]
    body = {"model": "gpt-6", "input": [{"role": "user", "content": content}], **fields}
    refusal = rules_openai_responses.check(body)
    return refusal.param if refusal else None


@pytest.mark.parametrize(
    ("name", "in_chat"),
    [({"mode": "implicit", "ttl": "30m"}, None), ({"mode": "explicit"}, None),
     ({"mode": "all"}, "mode"), ({"ttl": "12h"}, "ttl"), ({"prewarm": True}, "prewarm")],
)  # fmt: skip
def test_options(name: dict[str, Any], in_chat: str | None) -> None:
    """openai SDK 3.54.0: twelve hours and prewarming are of the Responses API only."""
    refused = chat(prompt_cache_options=name)
    assert refused == (f"prompt_cache_options.{in_chat}" if in_chat else None)
    refused = responses(prompt_cache_options=name)
    assert refused == ("prompt_cache_options.mode" if in_chat == "mode" else None)


def test_a_breakpoint_s_lifetime_and_mode() -> None:
    long = {"prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}}
    place = "[0].content[0].prompt_cache_breakpoint"
    assert (chat(long), responses(long)) == (f"messages{place}.ttl", None)
    odd = {"prompt_cache_breakpoint": {"mode": "implicit"}}
    assert (chat(odd), responses(odd)) == (f"messages{place}.mode", f"input{place}.mode")


def test_what_is_no_object_is_refused() -> None:
    assert chat(prompt_cache_options="explicit") == "prompt_cache_options"
    assert responses({"prompt_cache_breakpoint": True}) == (
        "input[0].content[0].prompt_cache_breakpoint"
    )
    prewarm: Any = {"prewarm": "yes"}
    assert responses(prompt_cache_options=prewarm) == "prompt_cache_options.prewarm"


def test_retention() -> None:
    assert chat(prompt_cache_retention="24h") is None
    assert chat(prompt_cache_retention="1h") == "prompt_cache_retention"
    assert responses(prompt_cache_retention="1h") == "prompt_cache_retention"
