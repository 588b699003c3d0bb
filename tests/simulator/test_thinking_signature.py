from typing import Any

import pytest

from stitcher.simulator.thinking_signature import (
    binds,
    digest_of_all,
    sign,
    signed_digest,
    thinking_blocks,
)

Body = dict[str, Any]
MARK = {"type": "ephemeral"}


def request(*messages: Body, **fields: Any) -> Body:
    return {"model": "claude-opus-5-5", "messages": list(messages), **fields}


def user(content: Any) -> Body:
    return {"role": "user", "content": content}


def test_a_signature_gives_its_digest_back_to_its_own_text_only() -> None:
    digest = digest_of_all(request(user("a")))
    assert signed_digest("hmm", sign("hmm", digest)) == digest
    assert signed_digest("hm", sign("hmm", digest)) is None
    assert signed_digest("hmm", "not base64") is None
    assert signed_digest("hmm", "") is None


@pytest.mark.parametrize(
    ("model", "bound"),
    [
        ("claude-opus-5-5", True),
        ("claude-haiku-5-5-20261101", True),
        ("claude-fable-5-1", True),
        ("claude-sim-bind", True),
        ("claude-opus-5", False),
        ("claude-opus-5-51", False),
        (None, False),
    ],
)
def test_which_models_bind(model: Any, bound: bool) -> None:
    assert binds(model) is bound


EQUAL = {
    "string or block": request(
        user([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}])
    ),
    "two messages of one role": request(user("a"), user("b")),
    "markers": request(user([{"type": "text", "text": "a", "cache_control": MARK}]), user("b")),
    "key order": request(user([{"text": "a", "type": "text"}]), user("b")),
    "null fields": request(user([{"type": "text", "text": "a", "citations": None}]), user("b")),
    "attribution": request(
        user("a"),
        user("b"),
        system=[{"type": "text", "text": "x-anthropic-billing-header: cch=1;"}],
    ),
}
DIFFERENT = {
    "text": request(user("a"), user("c")),
    "order": request(user("b"), user("a")),
    "one less": request(user("a")),
    "role": request(user("a"), {"role": "system", "content": "b"}),
    "system": request(user("a"), user("b"), system="s"),
    "tools": request(user("a"), user("b"), tools=[{"name": "f"}]),
}


@pytest.mark.parametrize("name", EQUAL)
def test_the_digest_does_not_see(name: str) -> None:
    assert digest_of_all(EQUAL[name]) == digest_of_all(request(user("a"), user("b")))


@pytest.mark.parametrize("name", DIFFERENT)
def test_the_digest_sees(name: str) -> None:
    assert digest_of_all(DIFFERENT[name]) != digest_of_all(request(user("a"), user("b")))


def test_earlier_thinking_is_not_part_of_the_digest() -> None:
    thinking = {"type": "thinking", "thinking": "x", "signature": "y"}
    said = {"type": "text", "text": "r"}
    whole = request(user("a"), {"role": "assistant", "content": [thinking, said]}, user("b"))
    stripped = request(user("a"), {"role": "assistant", "content": [said]}, user("b"))
    assert digest_of_all(whole) == digest_of_all(stripped)


def test_blocks_are_found_with_the_prefix_of_their_turn() -> None:
    digest = digest_of_all(request(user("a")))
    block = {"type": "thinking", "thinking": "x", "signature": sign("x", digest)}
    broken = {"type": "redacted_thinking", "data": "??"}
    answer = {"role": "assistant", "content": [block, broken, {"type": "text", "text": "r"}]}
    found = list(thinking_blocks(request(user("a"), answer)))
    assert [item.path for item in found] == ["messages.1.content.0", "messages.1.content.1"]
    assert [item.signed for item in found] == [digest, None]
    assert {item.prefix for item in found} == {digest}
