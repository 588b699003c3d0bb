"""What an application hands over: dicts and SDK objects become messages, all else says why not."""

import math
from typing import Any

import pytest
from anthropic.types import Message as AnthropicMessage
from openai.types.chat import ChatCompletionMessage
from openai.types.responses import ResponseFunctionToolCall

from stitcher.prompt.accepting import accepted, copied, duplicate


def test_a_message_is_copied_whole() -> None:
    brought = {"role": "user", "content": [{"type": "text", "text": "hi"}]}
    mine = accepted(brought)
    brought["content"][0]["text"] = "changed"  # type: ignore[index]
    assert mine == {"role": "user", "content": [{"type": "text", "text": "hi"}]}


def test_what_nobody_knows_stays_as_it_is() -> None:
    odd = {"role": "ipython", "content": "1+1", "weight": 0.5, "more": [None, {"a": (1, 2)}]}
    assert accepted(odd) == {**odd, "more": [None, {"a": [1, 2]}]}


def test_the_objects_that_sdks_give_are_messages() -> None:
    chat = ChatCompletionMessage(role="assistant", content="Hello.")
    assert accepted(chat) == {"role": "assistant", "content": "Hello."}
    call = ResponseFunctionToolCall(
        type="function_call", call_id="c", name="look", arguments="{}", id="fc_1"
    )
    assert accepted(call)["call_id"] == "c"


def anthropic_answer() -> AnthropicMessage:
    return AnthropicMessage.model_validate(
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-sonnet-5-5",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
                {"type": "text", "text": "Hello."},
            ],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }
    )


def test_anthropics_answer_is_a_message_without_what_is_refused_as_input() -> None:
    answer = anthropic_answer()
    blocks = [
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        {"type": "text", "text": "Hello."},
    ]
    assert accepted(answer) == {"role": "assistant", "content": blocks}
    assert accepted({"role": "assistant", "content": answer.content})["content"] == blocks


@pytest.mark.parametrize(
    ("brought", "error", "says"),
    [
        ("hello", TypeError, "found a message of type str, expected a dict"),
        (None, TypeError, "type NoneType"),
        ([{"role": "user"}], TypeError, "type list"),
        ({"content": "hi", "who": "me"}, ValueError, r"without a 'role' \(members: content, who\)"),
        ({"role": "", "content": "hi"}, ValueError, "without a 'role'"),
        ({"role": 7, "content": "hi"}, ValueError, "without a 'role'"),
        ({}, ValueError, r"members: none"),
        ({"role": "user", "content": 7}, ValueError, "neither text nor a list of parts"),
        ({"role": "user", "content": ["hi"]}, ValueError, "neither text nor a list"),
        ({"role": "user", "content": b"hi"}, TypeError, "message.content: found a value of type"),
        ({"role": "user", "content": {1, 2}}, TypeError, "of type set"),
        ({"role": "user", 5: "hi"}, TypeError, "found a key of type int"),
        ({"role": "user", "content": "", "x": math.nan}, ValueError, "message.x: found nan"),
        (
            {"role": "user", "content": [{"type": "text", "text": object()}]},
            TypeError,
            r"\[0\].tex",
        ),
    ],
)
def test_what_is_no_message_says_what_was_found(
    brought: object, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        accepted(brought)


def test_errors_do_not_repeat_what_was_said() -> None:
    with pytest.raises(ValueError, match="without a 'role'") as raised:
        accepted({"content": "my secret"})
    assert "secret" not in str(raised.value)


def test_a_message_without_end_is_refused() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ValueError, match="nested too deeply"):
        copied(deep, "message")


def test_a_duplicate_shares_nothing_that_can_change() -> None:
    own = {"role": "user", "content": [{"type": "text", "text": "hi"}], "n": {"a": [1]}}
    other = duplicate(own)
    assert other == own
    other["content"][0]["text"] = "changed"
    other["n"]["a"].append(2)
    assert own == {"role": "user", "content": [{"type": "text", "text": "hi"}], "n": {"a": [1]}}
