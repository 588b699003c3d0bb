"""Whose a message is, who speaks in it, and what it calls and answers."""

from typing import Any

import pytest
from hypothesis import given

from stitcher.messages.counting import Counter
from stitcher.messages.reading import Spoken, form_of, read, tokens_of
from stitcher.messages.unreadable import Unreadable
from tests.prompt.speech import FORMS, FormName, Message, answer, calls, results, user
from tests.wire.json_text import ODD

THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "s"}
PICTURE = {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}}


@pytest.mark.parametrize(
    ("message", "form"),
    [
        ({"role": "user", "content": "hi"}, "plain"),
        ({"role": "user", "content": [{"type": "text", "text": "hi"}]}, "plain"),
        ({"role": "assistant", "content": None}, "plain"),
        ({"role": "system", "content": "Be brief."}, "plain"),
        ({"role": "assistant", "content": "", "tool_calls": None}, "plain"),
        ({"role": "tool", "tool_call_id": "a", "content": "x"}, "openai_chat"),
        ({"role": "user", "content": [{"type": "image_url", "image_url": {}}]}, "openai_chat"),
        ({"role": "user", "content": [{"type": "text", "text": ""}, PICTURE]}, "anthropic"),
        ({"role": "assistant", "content": [THOUGHT]}, "anthropic"),
        ({"role": "user", "content": [{"type": "input_text", "text": "x"}]}, "openai_responses"),
        ({"type": "reasoning", "summary": []}, "openai_responses"),
        ({"type": "message", "role": "user", "content": "x"}, "openai_responses"),
        ({"type": "message", "role": "assistant", "content": [], "stop_reason": "x"}, "plain"),
        ({"role": "model", "parts": []}, "gemini"),
        ({"parts": [{"text": "x"}]}, "gemini"),
    ],
)
def test_whose_it_is(message: Message, form: str) -> None:
    assert form_of(message) == form


@pytest.mark.parametrize("form", FORMS)
def test_every_api_says_the_same(form: FormName) -> None:
    question = read(user("hi", form))
    assert (question.role, question.starts_turn, question.ends_cycle) == ("user", True, False)
    last = read(answer("hi", form))
    assert (last.role, last.starts_turn, last.ends_cycle) == ("assistant", False, True)
    called = [read(one) for one in calls(["a", "b"], form)]
    assert [id for one in called for id in one.calls] == ["a", "b"]
    assert all(one.role == "assistant" and not one.ends_cycle for one in called)
    found = [read(one) for one in results(["a", "b"], form)]
    assert [id for one in found for id in one.answers] == ["a", "b"]
    assert not any(one.starts_turn or one.ends_cycle for one in found)


@pytest.mark.parametrize(
    ("message", "spoken"),
    [
        ({"role": "developer", "content": "x"}, Spoken("plain", "system")),
        ({"role": "ipython", "content": "x"}, Spoken("plain", "system")),
        (
            {"role": "assistant", "content": None, "function_call": {"name": "f"}},
            Spoken("openai_chat", "assistant", ("f",)),
        ),
        (
            {"role": "function", "name": "f", "content": ""},
            Spoken("openai_chat", "tool", (), ("f",)),
        ),
        ({"type": "reasoning", "summary": []}, Spoken("openai_responses", "assistant")),
        (
            {"type": "web_search_call", "id": "ws", "status": "completed"},
            Spoken("openai_responses", "assistant"),
        ),
        (
            {"role": "model", "parts": [{"functionCall": {"name": "f"}}] * 2},
            Spoken("gemini", "assistant", ("f", "f/1")),
        ),
    ],
)
def test_what_is_odd_is_read_with_care(message: Message, spoken: Spoken) -> None:
    assert read(message) == spoken


@given(ODD, ODD, ODD)
def test_whatever_it_holds_it_is_read_or_refused(content: Any, calls: Any, kind: Any) -> None:
    for message in (
        {"role": "user", "content": content, "tool_calls": calls, "type": kind},
        {"role": "assistant", "content": [{"type": kind, "text": content}]},
        {"role": "model", "parts": content},
        {"type": "function_call", "call_id": content, "arguments": calls},
    ):
        try:
            read(message)
            tokens = tokens_of(message, Counter("openai_chat"))
        except Unreadable:
            continue
        assert tokens >= 0


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("exact", [None, len])
def test_more_words_are_more_tokens(form: FormName, exact: Any) -> None:
    counter = Counter("anthropic", exact)
    few, many = ("word " * 3, "word " * 300)
    for said in (user, answer):
        assert tokens_of(said(many, form), counter) > tokens_of(said(few, form), counter) + 100
    short, long = (results(["a"], form, text)[0] for text in (few, many))
    assert tokens_of(long, counter) > tokens_of(short, counter) + 100
    assert tokens_of(calls(["a" * 900], form)[0], counter) > tokens_of(
        calls(["a"], form)[0], counter
    )


def test_a_picture_is_as_large_as_it_looks() -> None:
    counter = Counter("openai_chat")
    data = "data:image/png;base64," + "A" * 200_000
    for shown in (
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": data}}]},
        {"role": "user", "content": [{"type": "input_image", "image_url": data}]},
        {
            "role": "user",
            "parts": [{"inline_data": {"mime_type": "image/png", "data": "A" * 200_000}}],
        },
    ):
        assert tokens_of(shown, counter) < 2_000
